"""The reads: what users may see of their own jobs, and what operators see of the fleet."""

import dataclasses
from typing import Any

import pytest
from sqlalchemy import text

from jobs import queries, workers
from jobs.states import State
from tests.factory import make_job
from tests.jobs import kit

STATES = ["ready", "waiting", "processing", "completed", "failed", "cancelled"]


def ids(jobs):
    return [job.id for job in jobs]


def page(conn, user_id="ann", limit=50, **options: Any):
    return queries.page(conn, user_id=user_id, limit=limit, **options)


@pytest.mark.parametrize("state", STATES)
def test_a_job_is_shown_to_its_user_in_every_state(conn, state):
    job_id = make_job(conn, state, priority=3, request_data={"a": [1]}, canvas_id="c")
    job, row = queries.job(conn, job_id=job_id, user_id="ann"), kit.whole(conn, job_id)
    assert job is not None
    assert (job.id, job.status, job.request_data, job.canvas_id) == (job_id, State(row["status"]), {"a": [1]}, "c")
    assert {name: getattr(job, name) for name in job.__slots__ if name != "id"} == {
        name: row[name] for name in job.__slots__ if name != "id"
    }
    assert job.key == (-3, row["turn"], row["seq"])


def test_absent_and_foreign_jobs_look_the_same(conn):
    job_id = make_job(conn)
    assert queries.job(conn, job_id=job_id, user_id="bob") is None
    assert queries.job(conn, job_id="00000000-0000-7000-8000-000000000000", user_id="ann") is None


def test_a_page_shows_ones_own_jobs_the_newest_first(conn):
    mine = [make_job(conn, state) for state in STATES]
    make_job(conn, user_id="bob")
    assert ids(page(conn)) == mine[::-1]


def test_pages_follow_one_another_by_the_cursor_though_new_jobs_come_in(conn):
    mine = [make_job(conn) for _ in range(7)]
    seen, cursor = [], None
    while found := page(conn, limit=3, cursor=cursor):
        seen += ids(found)
        cursor = found[-1].seq
        make_job(conn)
    assert seen == mine[::-1]


def test_a_page_can_be_asked_for_by_offset_and_status(conn):
    mine = {state: [make_job(conn, state) for _ in range(2)] for state in STATES}
    assert ids(page(conn, status=State.FAILED)) == mine["failed"][::-1]
    assert ids(page(conn, status=State.QUEUED)) == [*mine["waiting"][::-1], *mine["ready"][::-1]]
    assert ids(page(conn, limit=2, offset=1)) == [mine["cancelled"][0], mine["failed"][1]]


def test_stats_count_ones_own_jobs_and_name_every_state(conn):
    for state in STATES:
        make_job(conn, state)
    make_job(conn, "failed", user_id="bob")
    assert queries.stats(conn, user_id="ann") == {
        State.QUEUED: 2, State.PROCESSING: 1, State.COMPLETED: 1, State.FAILED: 1, State.CANCELLED: 1
    }  # fmt: skip
    assert queries.stats(conn, user_id="nobody") == dict.fromkeys(State, 0)


def position(conn, job_id, user_id="ann"):
    return queries.queue_position(conn, job_id=job_id, user_id=user_id)


def test_the_position_is_the_number_of_ready_jobs_before_this_one(conn):
    last, first, middle = (make_job(conn, priority=priority, turn=turn) for priority, turn in ((0, 5), (1, 9), (0, 2)))
    for state in STATES[1:]:
        make_job(conn, state, priority=9)
    make_job(conn, user_id="bob", turn=3)
    assert [position(conn, job_id) for job_id in (first, middle, last)] == [0, 1, 3]
    claimed = kit.ids(kit.claim(conn, seats=2).claims)
    assert claimed == [first, middle]
    assert position(conn, last) == 1


@pytest.mark.parametrize("state", STATES[1:])
def test_only_a_ready_job_has_a_position(conn, state):
    assert position(conn, make_job(conn, state)) is None


def test_another_users_job_has_no_position(conn):
    assert position(conn, make_job(conn), "bob") is None


def test_the_position_is_counted_no_further_than_a_thousand(conn):
    conn.execute(text("insert into ai_jobs (user_id, job_type, request_data, turn)"
                      " select 'bob', 't', '{}', n from generate_series(1, 1200) n"))  # fmt: skip
    assert position(conn, make_job(conn, turn=2000)) == 1001
    assert position(conn, make_job(conn, turn=900)) == 900


def test_who_follows_reads_the_own_jobs_alone(conn):
    mine, others = make_job(conn, "completed"), make_job(conn, "completed", user_id="bob")
    asked = {mine: (0, 0), others: (0, 0)}
    assert [str(row.id) for row in queries.changed(conn, drawn=asked, users=["ann", "eve"])] == [mine]
    live = [make_job(conn, state, user_id=user) for user in ("ann", "bob") for state in ("ready", "processing", "due")]
    assert {str(row.id) for row in queries.live(conn, users=["bob"], most=9)} == set(live[3:])


def test_of_jobs_that_wait_for_their_turn_only_so_many_are_live(conn):
    for state in ("ready", "waiting"):
        for _ in range(3):
            make_job(conn, state)
    assert len(queries.live(conn, users=["ann"], most=2)) == 4


def test_the_fleet_is_led_while_the_leaders_lease_goes_on(conn):
    found = queries.fleet(conn, silent_s=60)
    assert (found.term, found.led) == (0, False)
    workers.heartbeat(conn, [], kit.worker("leader"), stands=True)
    found = queries.fleet(conn, silent_s=60)
    assert (found.term, found.led) == (1, True)
    conn.execute(text("update ai_leader set expires_at = clock_timestamp() - interval '1 s'"))
    found = queries.fleet(conn, silent_s=60)
    assert (found.term, found.led) == (1, False)


def test_next_up_is_the_job_that_is_claimed_next(conn):
    assert queries.next_up(conn, silent_s=60) is None
    for state in STATES[1:]:
        make_job(conn, state, priority=9)
    make_job(conn, turn=1)
    late = make_job(conn, priority=9)
    kit.put(conn, late, deadline_at="clock_timestamp() - interval '1 s'")
    later = make_job(conn, priority=3, turn=9)
    first = make_job(conn, priority=3, turn=2, claim_seq=4)
    kit.put(conn, first, ready_at="clock_timestamp() - interval '100 s'")
    found = queries.next_up(conn, silent_s=60)
    assert (found.id, found.claim_seq) == (first, 4)
    assert 100 <= found.ready_s < 110
    assert kit.ids(kit.claim(conn, seats=2).claims) == [first, later]


def test_next_up_counts_who_could_take_it(conn):
    make_job(conn, job_type="t", user_id="ann")
    make_job(conn, "processing", user_id="ann")
    make_job(conn, "processing", user_id="bob")
    here = {"able": ["t", "u"], "also": ["t"], "unable": ["u"], "silent": ["t"]}
    for number, (name, job_types) in enumerate(here.items()):
        worker = dataclasses.replace(kit.worker(name), job_types=job_types, seats=number + 3, busy=1)
        workers.heartbeat(conn, [], worker, stands=False)
    conn.execute(text("update ai_workers set seats = 0 where id = 'also'"))  # fewer seats than runs: none is free
    conn.execute(text("update ai_workers set seen_at = seen_at - interval '61 s' where id = 'silent'"))
    found = queries.next_up(conn, silent_s=60)
    assert (found.workers, found.free_seats, found.running, found.of_user) == (2, 2, 2, 1)
