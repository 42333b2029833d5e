"""The hub tells followers what is in the database: their own jobs, never less, whatever news was lost."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from api.live.follower import Follower
from api.live.hub import LARGE, LARGE_BYTES, SMALL, Full, Hub
from jobs import store
from jobs.news import Word, tag_of
from tests.api import kit
from tests.factory import EVERYWHERE, make_job
from tests.following import heard
from tests.jobs import kit as kit_of_jobs
from tests.jobs.kit import wait_until

NEVER = {"YARD_SCHEDULER__POLL_EVERY_S": "1000"}  # so that news alone can bring it


@pytest.fixture
def hub(engine: Engine, conn: Connection) -> Iterator[Hub]:
    made = opened(engine)
    yield made
    close(made)


def opened(engine: Engine, **settings: str) -> Hub:
    config = kit.settings(**NEVER | settings)
    return Hub(engine, lambda: config)


def close(hub: Hub) -> None:
    hub.close(0)
    if hub._thread:
        hub._thread.join(10)


def told(follower: Follower, within_s: float = 10) -> list[tuple[str, dict[str, Any]]]:
    return [(message.name, json.loads(message.json())) for message in heard(follower, within_s)]


def word(job_id: str, user: str | None = "ann") -> Word:
    return Word(job_id, None if user is None else tag_of(user), ended=False)


def finish(conn: Connection, job_id: str, **columns: str) -> None:
    more = "".join(f", {name} = {value}" for name, value in columns.items())
    sql = f"update ai_jobs set completed_at = now(), version = version + 1{more} where id = :id"
    conn.execute(text(sql), {"id": job_id})


END = {"lease_expires_at": "null"}
CASES = {
    "waiting": ({}, "ai_job_update", {"message": "Waiting for its turn", "progress": 0}),
    "processing": ({}, "ai_job_update", {"message": "Running", "progress": 0}),
    "completed": ({"result_data": {"a": 1}}, "ai_job_complete", {"result": {"a": 1}, "progress": 100}),
    "failed": ({"error_message": "no"}, "ai_job_error", {"error": "no", "error_code": "x"}),
    "cancelled": ({}, "ai_job_error", {"error": "The job was cancelled", "error_code": "cancelled"}),
}


@pytest.mark.parametrize("state", CASES)
def test_each_state_has_its_event(hub: Hub, conn: Connection, state: str):
    columns, name, data = CASES[state]
    job_id, follower = make_job(conn, state, **columns), hub.enter("ann")
    hub.changed([word(job_id)])
    status = "queued" if state == "waiting" else state
    assert told(follower) == [(name, {"job_id": job_id, "status": status, "version": 1, **data})]


def test_progress_is_told_with_its_message(hub: Hub, conn: Connection):
    job_id, follower = make_job(conn, "processing", progress=40, progress_message="12 objects"), hub.enter("ann")
    hub.changed([word(job_id)])
    [(_, data)] = told(follower)
    assert (data["progress"], data["message"]) == (40, "12 objects")


def draw(conn: Connection, job_id: str, n: int, name: str, *, anew: bool = False) -> None:
    kit_of_jobs.report(conn, job_id, 1, n=n, anew=anew, objects=[{"id": name}])


def ids(data: dict[str, Any]) -> list[str]:
    return [obj["id"] for obj in data.get("objects", ())]


def test_a_drawing_is_read_on_from_where_it_was_read_last(hub: Hub, conn: Connection, engine: Engine):
    job_id, follower, read = make_job(conn, "processing"), hub.enter("ann"), list[int]()
    queried = lambda *asked: read.extend(asked[3].get("ns", ())) if isinstance(asked[3], dict) else None  # noqa: E731
    event.listen(engine, "before_cursor_execute", queried)
    for n, name in enumerate("abc", start=1):
        draw(conn, job_id, n, name, anew=n == 1)
        hub.changed([word(job_id)])
        [(_, data)] = told(follower)
        assert ids(data) == [name]
    event.remove(engine, "before_cursor_execute", queried)
    assert read == [0, 1, 2]


def test_who_comes_late_is_told_the_whole_drawing_and_the_others_only_what_is_new(hub: Hub, conn: Connection):
    job_id, first = make_job(conn, "processing"), hub.enter("ann")
    draw(conn, job_id, 1, "a", anew=True)
    hub.changed([word(job_id)])
    assert [ids(data) for _, data in told(first)] == [["a"]]
    late = hub.enter("ann")  # and nobody shows it what there is
    draw(conn, job_id, 2, "b")
    hub.changed([word(job_id)])
    assert [ids(data) for _, data in told(first)] == [["b"]]
    [(_, data)] = told(late)
    assert (ids(data), data["anew"]) == (["a", "b"], True)


def test_where_a_drawing_was_read_last_is_forgotten_with_its_end(hub: Hub, conn: Connection):
    job_id, follower = make_job(conn, "processing"), hub.enter("ann")
    draw(conn, job_id, 1, "a", anew=True)
    hub.changed([word(job_id)])
    told(follower)
    finish(conn, job_id, status="'failed'", lease_expires_at="null")
    hub.changed([word(job_id)])
    assert [name for name, _ in told(follower)] == ["ai_job_error"]
    assert hub._drawn == {}


def test_what_is_shown_after_a_report_without_parts_is_not_lost(hub: Hub, conn: Connection):
    """A connection that comes in while a job draws: the hub's news of it may come before its snapshot."""
    job_id, first = make_job(conn, "processing"), hub.enter("ann")
    draw(conn, job_id, 1, "a", anew=True)
    hub.changed([word(job_id)])
    told(first)
    late = hub.enter("ann")
    kit_of_jobs.report(conn, job_id, 1, 70, "no part")
    hub.changed([word(job_id)])
    [(_, data)] = told(late)
    assert (ids(data), data["anew"], data["progress"]) == (["a"], True, 70)
    hub.show(late)
    hub.look()
    assert told(late, 0.1) == []


def test_one_row_that_cannot_be_told_keeps_nobody_else_from_hearing(hub: Hub, conn: Connection, caplog: Any):
    bad, good = make_job(conn, "processing"), make_job(conn, "processing", user_id="bob")
    draw(conn, bad, 1, "a", anew=True)
    conn.execute(text('update ai_job_parts set objects = \'[{"id": ["not a text"]}]\''))
    ann, bob = hub.enter("ann"), hub.enter("bob")
    hub.changed([word(bad), word(good, "bob")])
    assert [data["job_id"] for _, data in told(bob)] == [good]
    assert told(ann, 0.1) == []
    assert bad in caplog.text


def test_a_thread_that_the_system_refuses_is_tried_again(hub: Hub, conn: Connection, monkeypatch: Any):
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _refused)
        with pytest.raises(RuntimeError):
            hub.enter("ann")
    assert hub.count() == 0
    follower, job_id = hub.enter("ann"), make_job(conn, "processing")
    hub.changed([word(job_id)])
    assert [data["job_id"] for _, data in told(follower)] == [job_id]


def _refused(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_follower_hears_of_the_own_jobs_alone(hub: Hub, conn: Connection):
    mine, others = make_job(conn, "completed"), make_job(conn, "completed", user_id="bob")
    ann, bob = hub.enter("ann"), hub.enter("bob")
    hub.changed([word(mine, None), word(others, None)])  # as if the tags could not tell
    assert [data["job_id"] for _, data in told(ann)] == [mine]
    assert [data["job_id"] for _, data in told(bob)] == [others]


def test_all_connections_of_a_user_hear_it_and_one_that_left_does_not(hub: Hub, conn: Connection):
    job_id, gone, here, there = make_job(conn, "completed"), hub.enter("ann"), hub.enter("ann"), hub.enter("ann")
    hub.leave(gone)
    hub.changed([word(job_id)])
    assert len(told(here)) == len(told(there)) == 1
    assert told(gone, 0) == []


def test_news_of_users_who_do_not_follow_is_not_read(hub: Hub, conn: Connection):
    make_job(conn, "completed", user_id="bob")
    hub.enter("ann")
    hub.changed([word("x", "bob")])
    assert hub._changed == {}
    hub.leave(hub.enter("bob"))
    hub.changed([word("x", "bob")])
    assert hub._changed == {}


@pytest.mark.parametrize("news", [["first", "end"], ["end", "first"], ["end", "end"]])
def test_a_job_that_has_ended_once_is_read_with_those_that_may_be_large(hub: Hub, news: list[str]):
    hub._thread = threading.current_thread()  # none that would read it
    hub.enter("ann")
    for one in news:
        hub.changed([Word("x", None, ended=one == "end")])
    hub._thread = None
    assert hub._changed == {"x": True}


@pytest.mark.parametrize(("result_bytes", "large"), [(1_000_000, LARGE), (LARGE_BYTES // 2, 2), (LARGE_BYTES, 1)])
def test_of_what_may_be_large_little_is_read_at_once(conn: Connection, engine: Engine, result_bytes: int, large: int):
    live = [make_job(conn, "processing") for _ in range(SMALL + 1)]
    ended = [make_job(conn, "completed") for _ in range(2 * large + 1)]
    hub, read = opened(engine, YARD_JOBS__RESULT_BYTES=str(result_bytes)), list[int]()

    def note(_conn: object, _cursor: object, _sql: str, parameters: Any, *_rest: object) -> None:
        read.append(len(parameters["ids"]))

    hub.enter("ann")
    event.listen(engine, "before_cursor_execute", note)
    hub._tell({**dict.fromkeys(live, False), **dict.fromkeys(ended, True)})
    event.remove(engine, "before_cursor_execute", note)
    close(hub)
    assert read == [SMALL, 1, large, large, 1]


def test_who_enters_is_shown_the_own_live_jobs(hub: Hub, conn: Connection):
    mine = {make_job(conn, state) for state in ("ready", "waiting", "processing")}
    make_job(conn, "completed")
    make_job(conn, "ready", user_id="bob")
    make_job(conn, "processing", user_id="bob")
    follower = hub.enter("ann")
    hub.show(follower)
    assert {data["job_id"] for _, data in told(follower, 0)} == mine


def test_what_ended_while_news_was_lost_is_told_by_the_next_look(hub: Hub, conn: Connection):
    ends, begins = make_job(conn, "processing"), make_job(conn, "ready")
    follower = hub.enter("ann")
    hub.show(follower)
    assert len(told(follower, 0)) == 2
    finish(conn, ends, status="'failed'", lease_expires_at="null", error_message="'no'")
    store.claim(conn, worker_id="w", job_types=["t"], seats=1, lows=EVERYWHERE, lease_s=30, fleet_cap=None)
    hub.look()
    seen: dict[str, str] = {}
    while len(seen) < 2:
        seen |= {data["job_id"]: name for name, data in told(follower)}
    assert seen == {ends: "ai_job_error", begins: "ai_job_update"}


@pytest.mark.parametrize("how", ["news", "look"])
def test_a_job_that_is_deleted_before_its_end_is_read_has_ended_all_the_same(hub: Hub, conn: Connection, how: str):
    """As DELETE does with a job that waits: cancelled and gone at once."""
    gone, stays = make_job(conn, "ready"), make_job(conn, "ready")
    follower, other = hub.enter("ann"), hub.enter("bob")
    hub.show(follower)
    assert len(told(follower)) == 2
    conn.execute(text("delete from ai_jobs where id = :id"), {"id": gone})
    hub.changed([word(gone)]) if how == "news" else hub.look()
    [(name, data)] = told(follower)
    assert (name, data["job_id"], data["status"], data["version"]) == ("ai_job_error", gone, "cancelled", 2)
    assert follower.live_jobs() == [stays]
    assert told(other, 0) == []


def test_who_enters_while_the_database_is_away_is_shown_the_own_jobs_later(hub: Hub, conn: Connection):
    job_id, follower = make_job(conn, "ready"), hub.enter("ann")
    conn.execute(text("alter table ai_jobs rename to gone"))
    try:
        hub.show(follower)
    finally:
        conn.execute(text("alter table gone rename to ai_jobs"))
    assert [data["job_id"] for _, data in told(follower)] == [job_id]


def test_without_news_followers_are_looked_after_all_the_same(engine: Engine, conn: Connection):
    hub = opened(engine, YARD_SCHEDULER__POLL_EVERY_S="0.05")
    follower = hub.enter("ann")
    job_id = make_job(conn, "processing")
    assert [data["job_id"] for _, data in told(follower)] == [job_id]
    close(hub)


def test_nothing_is_asked_while_nobody_follows(hub: Hub, engine: Engine, conn: Connection):
    """Whoever was the last may leave while the database is away: then nobody wants to know."""
    hub.leave(hub.enter("ann"))
    connected = list[Any]()
    note = connected.append  # one object: it is looked up again to be removed
    event.listen(engine, "engine_connect", note)
    hub._look = True
    hub._tell_all()
    event.remove(engine, "engine_connect", note)
    assert connected == []


def test_other_news_puts_off_no_look(engine: Engine, conn: Connection):
    hub = opened(engine, YARD_SCHEDULER__POLL_EVERY_S="0.5")
    follower, other = hub.enter("ann"), make_job(conn, "processing")
    hub.changed([word(other)])
    assert [data["job_id"] for _, data in told(follower)] == [other]
    lost, heard = make_job(conn, "processing"), list[Any]()

    def news_goes_on() -> bool:
        hub.changed([word(other)])
        heard.extend(told(follower, 0.05))
        return bool(heard)

    wait_until(news_goes_on, "the look")
    assert [data["job_id"] for _, data in heard] == [lost]
    close(hub)


def test_news_that_could_not_be_read_is_not_lost(hub: Hub, conn: Connection, monkeypatch: pytest.MonkeyPatch):
    """The job was never live while the follower looked: nothing else would tell."""
    follower, job_id = hub.enter("ann"), make_job(conn, "completed")
    conn.execute(text("alter table ai_jobs rename to gone"))
    try:
        hub.changed([word(job_id)])
        wait_until(lambda: not hub._awake.is_set(), "the hub's turn")
    finally:
        conn.execute(text("alter table gone rename to ai_jobs"))
    assert [data["job_id"] for _, data in told(follower)] == [job_id]


def test_there_are_so_many_connections_and_no_more(engine: Engine, conn: Connection):
    hub = opened(engine, YARD_API__SOCKETS__MOST="3", YARD_API__SOCKETS__PER_USER="2")
    first, _second = hub.enter("ann"), hub.enter("ann")
    with pytest.raises(Full):
        hub.enter("ann")
    hub.enter("bob")
    with pytest.raises(Full):
        hub.enter("eve")
    hub.leave(first)
    hub.leave(first)  # twice is once
    hub.enter("eve")
    assert hub.count() == 3
    close(hub)


def test_when_it_closes_everybody_has_to_go_and_nobody_comes_in(hub: Hub):
    follower = hub.enter("ann")
    hub.close(0)
    assert follower.closed
    late = hub.enter("bob")
    assert late.closed
    hub.leave(late)
    assert hub.count() == 1


def test_closing_waits_until_everybody_has_gone(hub: Hub):
    follower, gone = hub.enter("ann"), threading.Event()
    closing = threading.Thread(target=lambda: (hub.close(30), gone.set()))
    closing.start()
    wait_until(lambda: follower.closed, "the word to go")
    assert not gone.is_set()
    hub.leave(follower)
    assert gone.wait(10)
    closing.join()
