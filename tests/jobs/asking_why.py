"""Short words for the tests of why a job does not run."""

from jobs.why import Rules, why

RULES = Rules(fleet_cap=3, user_cap=None, silent_s=30, poll_s=5)


def asked(conn, job_id, *, user_id="ann", **rules):
    given = {name: rules.get(name, getattr(RULES, name)) for name in RULES.__slots__}
    return why(conn, job_id=job_id, user_id=user_id, rules=Rules(**given))


def causes(conn, job_id, **rules):
    return [cause.cause for cause in asked(conn, job_id, **rules).causes]
