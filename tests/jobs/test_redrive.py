"""Failed jobs are queued again by what they failed of and when, as many as asked for, the oldest first."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from jobs import operators, store
from jobs.operators import Failures
from tests.factory import make_job, row_of
from tests.jobs import kit
from tests.jobs.test_arrows import WORN

NOW = datetime.now(UTC)
FILTERS = {
    "type": {"job_type": "t"},
    "code": {"error_code": "x"},
    "since": {"since": NOW - timedelta(hours=1)},
    "limit": {"limit": 1},
}


def fail(conn, ago_s=60.0, **columns):
    return make_job(conn, "failed", completed_at=NOW - timedelta(seconds=ago_s), **columns)


def redriven(conn, **filters):
    operators.redrive(conn, Failures(**filters))
    return {str(row.id) for row in conn.execute(text("select id from ai_jobs where status = 'queued'"))}


@pytest.mark.parametrize("by", FILTERS)
def test_only_what_the_filter_names_is_queued_again(conn, by):
    wanted = fail(conn, ago_s=90)
    fail(conn, ago_s=7200 if by == "since" else 60, job_type="other", error_code="y", user_id="bob")
    filters = FILTERS[by]
    (seen,) = operators.redrive_preview(conn, Failures(**filters))
    assert (seen.error_code, seen.count, seen.sample) == ("x", 1, (wanted,))
    assert redriven(conn, **filters) == {wanted}


def test_without_a_filter_those_of_all_users_are_and_nothing_else(conn):
    failed = {fail(conn, user_id=user) for user in ("ann", "bob")}
    for state in ("ready", "waiting", "processing", "completed", "cancelled"):
        make_job(conn, state, user_id="eve")
    faults, keys, changes = operators.redrive(conn, Failures())
    assert [(one.error_code, one.count) for one in faults] == [("x", 2)]
    assert {(one.job_id, one.ended) for one in changes} == {(job_id, False) for job_id in failed}
    assert [one.user_id for one in changes] == [row_of(conn, one.job_id).user_id for one in changes]
    queued = conn.execute(text("select id, rank, turn, seq from ai_jobs where status = 'queued' and user_id <> 'eve'"))
    assert {(str(row.id), (row.rank, row.turn, row.seq)) for row in queued} == set(zip(sorted(failed), sorted(keys)))  # noqa: B905


def test_what_it_does_to_a_job_is_what_requeue_does(conn):
    for user_id in ("ann", "bob"):
        make_job(conn, "failed", **WORN, user_id=user_id)
    rows = {row.user_id: row for row in kit.all_rows(conn)}
    store.requeue(conn, job_id=str(rows["ann"].id), user_id="ann")
    operators.redrive(conn, Failures())
    ann, bob = sorted((dict(row._mapping) for row in kit.all_rows(conn)), key=lambda row: row["user_id"])
    own = {"id", "seq", "user_id", "created_at", "ready_at", "turn"}
    assert kit.changed(ann, bob) - own == set()
    assert bob["claim_seq"] == rows["bob"].claim_seq + 1


def test_a_user_with_many_failures_does_not_keep_the_others_waiting(conn):
    store.advance_clock(conn, {0: 7})
    for _ in range(3):
        fail(conn, turn=1)
    fail(conn, user_id="eve")
    queued = store.enqueue(conn, user_id="ann", job_type="t", request_data={})
    operators.redrive(conn, Failures())
    store.enqueue(conn, user_id="bob", job_type="t", request_data={})
    turns = conn.execute(text("select user_id, turn from ai_jobs order by rank, turn, seq")).all()
    assert queued.key.turn == 7
    assert [tuple(row) for row in turns] == [("eve", 7), ("ann", 7), ("bob", 7), ("ann", 8), ("ann", 9), ("ann", 10)]


def test_only_the_users_own_ready_jobs_put_a_turn_off(conn):
    for state in ("waiting", "processing", "completed"):
        make_job(conn, state, turn=50)
    make_job(conn, turn=50, priority=1)
    fail(conn)
    ((_, turn, _),) = operators.redrive(conn, Failures())[1]
    assert turn == 0


def test_a_job_that_somebody_else_works_on_is_left(conn, engine):
    locked, other = fail(conn, ago_s=90), fail(conn)
    with engine.connect() as another:
        another.begin()
        another.execute(text("select 1 from ai_jobs where id = :id for update"), {"id": locked})
        with kit.impatient(conn):
            assert redriven(conn) == {other}


def test_the_preview_changes_nothing_and_tells_each_fault(conn):
    for code, count in (("x", 5), ("y", 2)):
        for _ in range(count):
            fail(conn, error_code=code)
    before = kit.all_rows(conn)
    assert [(one.error_code, one.count, len(one.sample)) for one in operators.redrive_preview(conn, Failures())] == [
        ("x", 5, 3),
        ("y", 2, 2),
    ]
    assert kit.all_rows(conn) == before


def test_a_limit_is_kept_within_its_bounds():
    assert [Failures(limit=limit).params()["limit"] for limit in (-1, 5, 10**9)] == [0, 5, 10_000]


def test_a_page_shows_all_users_jobs_the_newest_first_and_can_be_narrowed(conn):
    jobs = [make_job(conn, "failed", user_id="ann"), make_job(conn, user_id="bob"), make_job(conn, job_type="other")]

    def ids(**filters):
        return [str(row.id) for row in operators.page(conn, limit=9, **filters)]

    assert ids() == jobs[::-1]
    assert (ids(user_id="bob"), ids(status="failed"), ids(job_type="other")) == ([jobs[1]], [jobs[0]], [jobs[2]])
    assert ids(before=jobs[1]) == [jobs[0]]
    assert len(operators.page(conn, limit=2)) == 2


def test_the_preview_of_a_purge_counts_what_the_purge_deletes(conn):
    for state in ("completed", "failed", "cancelled"):
        make_job(conn, state, completed_at=NOW - timedelta(days=3))
        make_job(conn, state)
    make_job(conn)
    assert operators.purge_preview(conn, retention_s=86400) == 3
    assert store.purge(conn, retention_s=86400) == 3
