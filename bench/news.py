"""Jobs that are followed, and what a worker elsewhere does to them."""

import time

from sqlalchemy import Connection, text

from jobs.news import NEWS, Word, payloads, tag_of


def live_jobs(conn: Connection, users: int) -> dict[str, str]:
    """One live job for each user: {user: job id}."""
    insert = """
    insert into ai_jobs (user_id, job_type, request_data, next_processing_at)
    select 'user-' || n, 'nothing', '{}', now() + interval '1 day' from generate_series(0, :most - 1) n
    returning user_id, id
    """
    return {row.user_id: str(row.id) for row in conn.execute(text(insert), {"most": users})}


def change(conn: Connection, jobs: dict[str, str]) -> float:
    """As a worker elsewhere does it: change the rows, then tell; returns when it was committed."""
    update = "update ai_jobs set version = version + 1 where id = any(cast(:ids as uuid[]))"
    conn.execute(text(update), {"ids": list(jobs.values())})
    committed = time.monotonic()
    for payload in payloads([Word(job_id, tag_of(user), ended=False) for user, job_id in jobs.items()]):
        conn.execute(text("select pg_notify(:channel, :payload)"), {"channel": NEWS, "payload": payload})
    return committed
