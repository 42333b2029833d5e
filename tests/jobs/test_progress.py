"""What a run reports is written once, by its own run alone, and what it has drawn goes with its end."""

import json
import threading

import pytest
from sqlalchemy import text

from jobs import progress, queries, store
from jobs.progress import MOST_BYTES, Progress
from tests.factory import make_job
from tests.jobs import kit


def circle(name, **more):
    return {"id": name, "object_type": "circle", **more}


def objects(report):
    return [obj["id"] for obj in json.loads(report.objects)]


def test_nothing_said_is_nothing_to_write():
    assert Progress().pending() is None


def test_a_report_stays_the_same_until_it_is_written():
    told = Progress()
    told.say(10, "a")
    told.draw([circle("x")])
    first = told.pending()
    told.say(20, "b")
    told.draw([circle("y")])
    assert told.pending() is first
    told.written()
    second = told.pending()
    assert (first.percent, first.n, first.anew, objects(first)) == (10, 1, True, ["x"])
    assert (second.percent, second.message, second.n, second.anew, objects(second)) == (20, "b", 2, False, ["y"])
    told.written()
    assert told.pending() is None


def test_what_was_said_already_is_no_news():
    told = Progress()
    told.say(10, "a")
    assert told.pending()
    told.written()
    told.say(10, "a")
    assert told.pending() is None


def test_what_is_on_its_way_was_drawn_or_nobody_would_drop_it():
    told = Progress()
    told.say(10, "a")
    assert not told.drew
    told.draw([circle("x")])
    assert told.drew
    told.pending()
    assert told.drew


def test_words_alone_make_no_part():
    told = Progress()
    told.say(10, "a")
    assert (told.pending().n, told.pending().objects) == (0, None)


def test_an_object_that_changes_before_it_is_written_is_written_once():
    told = Progress()
    told.draw([circle("x", r=1), circle("y")])
    told.draw([circle("x", r=2)])
    assert json.loads(told.pending().objects) == [circle("x", r=2), circle("y")]


def test_drawing_anew_forgets_what_is_not_yet_written():
    told = Progress()
    told.draw([circle("x")])
    told.draw([circle("y")], anew=True)
    assert (objects(told.pending()), told.pending().anew) == (["y"], True)
    told.written()
    told.draw([circle("z")], anew=True)
    assert told.pending().anew


@pytest.mark.parametrize(
    "unfit", [{}, {"id": 7}, {"id": ""}, {"id": "x" * 101}, {"id": "x", "a": float("nan")}, "x", {"id": "x", "a": {1}}]
)
def test_what_cannot_be_shown_is_left_out_and_harms_nothing(unfit):
    told = Progress()
    told.draw([unfit, circle("good", text="a\0b\ud800")])
    assert json.loads(told.pending().objects) == [circle("good", text="ab?")]


def test_an_id_is_what_it_is_whatever_else_an_object_holds():
    """Cleaned for PostgreSQL, another name may become "id", too."""
    told = Progress()
    told.draw([{"id": "x", "id\0": ["y"]}, {"id": "z\0"}])
    assert json.loads(told.pending().objects) == [{"id": "x"}]


@pytest.mark.parametrize("percent", [float("nan"), float("inf"), "x", None, [1]])
def test_a_percentage_that_is_none_is_left_out_and_harms_nothing(percent):
    told = Progress()
    told.say(percent, "a")
    told.say(5, None)
    told.draw(None)
    assert (told.pending().percent, told.pending().message) == (5, "None")


def test_a_drawing_that_begins_again_with_nothing_is_a_part():
    told = Progress()
    told.draw([circle("x")])
    told.pending()
    told.written()
    told.draw([], anew=True)
    report = told.pending()
    assert (report.n, report.anew, report.objects) == (2, True, "[]")


def test_what_is_too_much_is_said_once_and_still_begins_anew(caplog):
    told = Progress()
    told.draw([circle("x")])
    told.pending()
    told.written()
    for _ in range(3):
        told.draw([circle("y", text="y" * MOST_BYTES)], anew=True)
    assert (told.pending().anew, told.pending().objects) == (True, "[]")
    assert caplog.text.count("nothing more of it is shown") == 1


def test_a_run_shows_so_much_and_no_more():
    told = Progress()
    told.draw([circle("x", text="y" * (MOST_BYTES // 2))])
    told.written()
    told.draw([circle("y", text="y" * (MOST_BYTES // 2))])
    assert objects(told.pending()) == ["x"]


def test_whoever_writes_is_woken_after_there_is_something_to_write():
    told, seen = Progress(), []
    told.heard = lambda: seen.append(told.pending())
    told.say(10, "a")
    told.written()
    told.draw([circle("x")])
    assert [report.percent for report in seen] == [10, 10]
    assert objects(seen[1]) == ["x"]


def test_a_report_is_written_with_its_part_and_a_new_version(conn):
    job_id = make_job(conn, "processing")
    assert kit.report(conn, job_id, 1, 40, "half “way” 🎨", objects=[circle("x", text='"]}')]) == {job_id}
    row = kit.whole(conn, job_id)
    assert (row["progress"], row["progress_message"], row["version"]) == (40, "half “way” 🎨", 2)
    assert [tuple(part)[1:] for part in kit.parts(conn)] == [(1, 1, True, [circle("x", text='"]}')])]


def test_the_same_report_sent_twice_keeps_one_part(conn):
    job_id = make_job(conn, "processing")
    for _ in range(2):
        assert kit.report(conn, job_id, 1, objects=[circle("x")]) == {job_id}
    assert len(kit.parts(conn)) == 1


def test_a_run_that_is_no_longer_the_jobs_own_draws_nothing(conn):
    job_id, queued = make_job(conn, "processing", claim_seq=5), make_job(conn, "ready", claim_seq=5)
    for claim_seq in (4, 6):
        assert kit.report(conn, job_id, claim_seq, objects=[circle("x")]) == set()
    assert kit.report(conn, queued, 5, objects=[circle("x")]) == set()
    assert kit.parts(conn) == []


def test_a_row_that_somebody_else_holds_is_not_waited_for(conn, engine):
    locked, free = make_job(conn, "processing"), make_job(conn, "processing")
    reports = {(job_id, 1): progress.Report(9, "a", 1, anew=True, objects="[]") for job_id in (locked, free)}
    with engine.connect() as user, kit.impatient(conn):
        user.begin()
        store.cancel(user, job_id=locked, user_id="ann")
        assert progress.write(conn, reports) == {free}
        user.commit()
    assert progress.write(conn, reports) == {locked, free}
    assert len(kit.parts(conn)) == 2


ENDS = {
    "release": lambda conn, job_id: kit.release(conn, job_id, 1),
    "reap": lambda conn, _: store.reap(conn),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_was_drawn_goes_with_the_run_and_another_jobs_stays(conn, end):
    ends, stays = make_job(conn, "lost"), make_job(conn, "processing")
    for job_id in (ends, stays):
        kit.report(conn, job_id, 1, objects=[circle("x")])
    assert len(kit.parts(conn)) == 2
    ENDS[end](conn, ends)
    assert [str(part.job_id) for part in kit.parts(conn)] == [stays]


def test_what_a_deletion_by_hand_left_is_forgotten(conn):
    gone, stays = make_job(conn, "processing"), make_job(conn, "processing")
    for job_id in (gone, stays):
        kit.report(conn, job_id, 1, objects=[circle("x")])
    conn.execute(text("delete from ai_jobs where id = :id"), {"id": gone})
    progress.forget(conn)
    assert [str(part.job_id) for part in kit.parts(conn)] == [stays]


def test_parts_are_read_from_where_they_were_read_last_and_of_the_newest_run_alone(conn):
    job_id = make_job(conn, "processing", claim_seq=2)
    insert = "insert into ai_job_parts values (:id, :claim_seq, :n, false, '[]')"
    for claim_seq, n in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3)):
        conn.execute(text(insert), {"id": job_id, "claim_seq": claim_seq, "n": n})
    other = make_job(conn, "processing", claim_seq=2, user_id="bob")
    conn.execute(text(insert), {"id": other, "claim_seq": 2, "n": 9})

    def read(*told):
        [row] = queries.changed(conn, drawn={job_id: told}, users=["ann"])
        return [part[0] for part in row.parts or []]

    assert (read(0, 0), read(2, 1), read(2, 3), read(1, 2)) == ([1, 2, 3], [2, 3], [], [1, 2, 3])
    assert queries.changed(conn, drawn={job_id: (0, 0)}, users=["bob"]) == []
    [row] = queries.live(conn, users=["ann"], most=9)
    assert [part[0] for part in row.parts] == [1, 2, 3]
    [row] = queries.live(conn, users=["ann"], most=9, drawn={job_id: (2, 2)})
    assert ([part[0] for part in row.parts], row.after) == ([3], 2)


def test_what_was_drawn_is_its_users_alone(conn):
    job_id = make_job(conn, "processing", claim_seq=2)
    insert = "insert into ai_job_parts values (:id, :claim_seq, :n, :anew, cast(:objects as jsonb))"
    for claim_seq, n, anew, name in ((1, 9, False, "old"), (2, 1, True, "a"), (2, 2, True, "b"), (2, 3, False, "c")):
        part = {"id": job_id, "claim_seq": claim_seq, "n": n, "anew": anew, "objects": json.dumps([circle(name)])}
        conn.execute(text(insert), part)
    names = [obj["id"] for obj in queries.drawn(conn, job_id=job_id, user_id="ann")]
    assert names == ["b", "c"]
    assert queries.drawn(conn, job_id=job_id, user_id="bob") == []


def test_say_and_draw_from_many_threads_lose_nothing():
    told, kept = Progress(), []
    ends = threading.Event()

    def write():
        while not ends.is_set() or told.pending():
            if report := told.pending():
                kept.append(report)
                told.written()

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(2000):
        told.draw([circle(str(number))])
    ends.set()
    writer.join()
    assert [name for report in kept for name in objects(report)] == [str(number) for number in range(2000)]
    assert [report.n for report in kept] == list(range(1, len(kept) + 1))
    assert [report.anew for report in kept] == [True] + [False] * (len(kept) - 1)
