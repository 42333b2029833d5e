"""The rules in Python and give_up.sql decide alike, on the whole table of what they look at."""

import itertools
import json

from sqlalchemy import text

from jobs import store
from jobs.verdict import Standing, judge

MAX_WAIT_S = 100
TABLE = list(
    itertools.product(
        (False, True),  # cancel requested
        (False, True),  # retryable
        (False, True),  # counted
        ("handler_error", "worker_stopped"),
        ((0, 0), (0, 1), (0, 2), (1, 2), (1, 3), (5, 3)),  # retry_count, max_retries
        (0, 50),  # delay_s
        (None, -30, 20, 80),  # the deadline, in seconds from now
        (None, 10, 70, 130),  # how long the provider has been waited for, in seconds
    )
)
SEED = """
insert into ai_jobs (user_id, job_type, request_data, status, claim_seq, worker_id, started_at, lease_expires_at,
                     retry_count, max_retries, cancel_requested_at, deadline_at, provider_wait_since)
select 'ann', 't', '{}', 'processing', 1, 'w', now, now + interval '1 hour', retries, most,
       case when cancel then now end, now + make_interval(secs => due_s), now - make_interval(secs => waited_s)
  from jsonb_to_recordset(cast(:rows as jsonb)) as r(n int, retries int, most int, cancel bool,
                                                     due_s double precision, waited_s double precision),
       (select clock_timestamp() as now) clock
 order by n
returning id
"""


def judged(case):
    cancel, retryable, counted, code, (retries, most), delay_s, due_s, waited_s = case
    job = Standing(retries, most, due_s, None if waited_s is None else -waited_s, cancel)
    said = {"retryable": retryable, "counted": counted, "error_code": code, "delay_s": delay_s, "error": "x"}
    status, after = judge(job, said, now=0, max_wait_s=MAX_WAIT_S)
    return said, (str(status), after.retry_count, after.provider_wait_since)


def test_the_rules_in_python_are_those_of_give_up(conn):
    rows = [
        {"n": n, "retries": retries, "most": most, "cancel": cancel, "due_s": due_s, "waited_s": waited_s}
        for n, (cancel, _, _, _, (retries, most), _, due_s, waited_s) in enumerate(TABLE)
    ]
    ids = [str(one) for one in conn.execute(text(SEED), {"rows": json.dumps(rows)}).scalars()]
    cases = [judged(case) for case in TABLE]
    entries = [json.dumps({"id": one, "claim_seq": 1, **said}) for one, (said, _) in zip(ids, cases, strict=True)]
    assert len(store.give_up(conn, entries, max_wait_s=MAX_WAIT_S)) == len(TABLE)
    look = "select id, status, retry_count, extract(epoch from provider_wait_since - started_at) as since from ai_jobs"
    found = {str(row.id): (row.status, row.retry_count, row.since) for row in conn.execute(text(look))}
    differ = [case for one, case, (_, said) in zip(ids, TABLE, cases, strict=True) if not same(found[one], said)]
    assert differ == []
    assert {status for status, _, _ in found.values()} == {"queued", "failed", "cancelled"}


def same(found, said):
    """Times may differ by the seconds that the statements took."""
    if (found[:2], found[2] is None) != (said[:2], said[2] is None):
        return False
    return found[2] is None or abs(float(found[2]) - said[2]) < 9
