"""Is the schema that of this release?"""

from collections.abc import Iterator

from cli.checkup.ground import Case, Finding, ask, fault, looking, note
from jobs.db.migrate import VERSION_TABLE, revision, revisions

MIGRATE = "run ./run migrate (serve and work do it at their start)"


def migrated(case: Case) -> Iterator[Finding]:
    with looking(case) as conn:
        here = revision(conn)
    known = revisions()
    if here is None:
        yield fault(
            "the schema is missing: no migration has run here",
            where=f"table {VERSION_TABLE} is not there",
            cure=MIGRATE,
        )
    elif here not in known:
        what = f"the schema (revision {here}) is ahead of this release ({known[0]}); this release works with it"
        cure = "roll the release forward again when you can"
        yield note(what, where=f"table {VERSION_TABLE}", cure=cure)
    elif here != known[0]:
        what = f"migrations are missing: the schema is at {here}, and this release needs {known[0]}"
        yield fault(what, where=f"table {VERSION_TABLE}", cure=MIGRATE)


def has_tables(case: Case) -> bool:
    return bool(ask(case, "has_tables")[0].there)
