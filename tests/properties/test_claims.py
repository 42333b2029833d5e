"""However many workers claim, every run is given once, and a job that its worker lost comes back once."""

import random
from collections import Counter

from sqlalchemy import text

from jobs import store
from tests.jobs import kit

JOBS, WORKERS = 2_000, 4
SEED = f"""
insert into ai_jobs (user_id, job_type, request_data, priority, turn)
select 'user-' || n % 7, 't', '{{}}', n % 3 - 1, n / 7 from generate_series(1, {JOBS}) n
"""


def test_each_of_2000_jobs_is_claimed_exactly_once(conn, engine):
    conn.execute(text(SEED))

    def drain(own, number):
        claimed = []
        while claims := kit.claim(own, seats=25, worker_id=f"w{number}").claims:
            claimed += [(claim.id, claim.claim_seq) for claim in claims]
        return claimed

    runs = [run for some in kit.at_once(engine, WORKERS, drain) for run in some]
    assert len(runs) == len(set(runs)) == JOBS
    assert {claim_seq for _, claim_seq in runs} == {1}


def test_with_runs_that_end_break_and_are_lost_no_run_is_given_twice_and_each_job_ends_once(conn, engine):
    conn.execute(text(f"{SEED} limit 300"))

    def work(own, number):
        chance, given, ends = random.Random(number), [], []
        while own.execute(
            text("select exists (select from ai_jobs where status in ('queued', 'processing'))")
        ).scalar():
            for claim in kit.claim(own, seats=5, worker_id=f"w{number}", fleet_cap=12).claims:
                given.append((claim.id, claim.claim_seq))
                if end := chance.choice([end_well, end_well, break_down, hand_back, vanish])(own, claim):
                    ends.append(end)
            store.reap(own)
        return given, ends

    answers = kit.at_once(engine, WORKERS, work)
    runs = Counter(run for given, _ in answers for run in given)
    ends = Counter(end for _, ends in answers for end in ends)
    assert set(runs.values()) == {1}
    assert set(ends.values()) == {1}
    assert {(str(row.id), row.status) for row in kit.all_rows(conn) if row.status == "completed"} == set(ends)


def end_well(own, claim):
    return (claim.id, "completed") if kit.complete(own, claim.id, claim.claim_seq) else None


def break_down(own, claim):
    kit.give_up(own, claim.id, claim.claim_seq)


def hand_back(own, claim):
    store.release(own, [claim])


def vanish(own, claim):
    """Its lease ends; its result may still come, before or after somebody else has the job."""
    mine = f"claim_seq = {claim.claim_seq} and status = 'processing'"
    over = f"case when {mine} then clock_timestamp() - interval '1 s' else lease_expires_at end"
    kit.put(own, claim.id, lease_expires_at=over)
    store.reap(own)
    return end_well(own, claim)
