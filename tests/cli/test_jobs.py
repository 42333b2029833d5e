"""The operators' commands, on a real queue: what they print, and what they change."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

import main
from cli.output import cell, table
from jobs import pauses, workers
from jobs.db.listener import Listener
from jobs.events import CHANNEL
from tests.factory import make_job, row_of
from tests.jobs import kit


def lines(printed):
    return [line.split() for line in printed.splitlines()]


def test_list_shows_the_jobs_of_all_users_in_a_table(conn, run):
    make_job(conn, "failed", user_id="ann", error_code="timed_out")
    newest = make_job(conn, user_id="bob", priority=2)
    code, printed = run("list")
    heading, first, second = printed.splitlines()
    assert (code, first.split()[:5]) == (0, [newest, "queued", "t", "bob", "2"])
    assert second.split()[6] == "timed_out"
    assert heading.index("user") == first.index("bob") == second.index("ann")


def test_list_is_narrowed_and_paged(conn, run):
    jobs = [make_job(conn, "failed"), make_job(conn, user_id="bob"), make_job(conn, job_type="other")]

    def ids(*words):
        return [row["id"] for row in run.json("list", *words)]

    assert ids() == jobs[::-1]
    assert (ids("--user", "bob"), ids("--status", "failed"), ids("--type", "other")) == (
        [jobs[1]],
        [jobs[0]],
        [jobs[2]],
    )
    assert (ids("--limit", "1"), ids("--before", jobs[1])) == ([jobs[2]], [jobs[0]])
    assert run("list", "--user", "eve")[1] == "no such jobs\n"


def test_show_tells_a_job_with_its_failed_runs(conn, run):
    errors = [{"claim_seq": 1, "worker": "w-1", "error_code": "timed_out", "error": "too slow"}]
    job = make_job(conn, "failed", attempt_errors=errors, request_data={"instructions": "x"})
    printed = run("show", job)[1]
    assert ["error", "code", "x"] in lines(printed)
    assert lines(printed)[-1] == ["1", "w-1", "-", "-", "timed_out", "too", "slow"]
    told = run.json("show", job)
    assert (told["attempt_errors"], told["request_data"]) == (errors, {"instructions": "x"})


def test_what_a_user_wrote_cannot_steer_the_terminal(conn, run):
    make_job(conn, user_id="a\x1b[2Jb\n\u202ec")
    printed = run("list")[1]
    assert "a\\x1b[2Jb\\n\\u202ec" in printed
    assert len(printed.splitlines()) == 2


def test_why_tells_operators_who_paused_and_for_what_reason(conn, run):
    workers.heartbeat(conn, [], kit.worker(busy=0), stands=True)
    job = make_job(conn)
    printed = run("why", job)[1]
    assert "next: Nothing holds it back" in printed
    assert "starts about" in printed
    run("pause", "t", "--for", "2h", "--reason", "the bill")
    printed = run("why", job)[1]
    assert "paused: Jobs of type t are paused by an operator, until" in printed
    assert "(command line): the bill" in printed
    assert "starts not before" in printed
    told = run.json("why", job)
    assert (told["causes"][0]["cause"], told["pauses"][0]["reason"]) == ("paused", "the bill")


def test_cancel_ends_any_users_queued_job_and_asks_one_that_runs(conn, run):
    queued, runs = make_job(conn, user_id="ann"), make_job(conn, "processing", user_id="bob")
    assert run("cancel", queued) == (0, "cancelled\n")
    assert "asked to end" in run("cancel", runs)[1]
    assert (row_of(conn, queued).status, row_of(conn, runs).cancel_requested_at is not None) == ("cancelled", True)
    assert {row_of(conn, one).error_message for one in (queued, runs)} == {"Cancelled by an operator"}
    assert run("cancel", queued) == (2, "Error: a cancelled job cannot be cancelled\n")


def test_retry_queues_any_users_job_again_and_tells_the_workers(conn, run, database_url):
    payloads: list[str] = []
    ears = Listener(database_url, {CHANNEL: payloads.append}, lambda: payloads.append("connected"))
    ears.start()
    kit.wait_until(lambda: payloads)
    job = make_job(conn, "failed", user_id="bob")
    assert run.json("retry", job) == {"id": job, "status": "queued"}
    kit.wait_until(lambda: len(payloads) == 2)
    assert json.loads(payloads[1])["ready"] == [list(kit.claim_one(conn).key)]
    assert run("retry", job) == (2, "Error: a processing job cannot be retried\n")
    make_job(conn, "failed")
    run("redrive", "--yes")
    kit.wait_until(lambda: len(payloads) == 3)
    ears.stop()


def test_pause_and_resume_hold_and_let_go(conn, run):
    make_job(conn)
    code, printed = run("pause", "t", "--until", "2099-01-31T12:00:00Z")
    assert (code, "2099" in printed, "no live worker has a handler for t" in printed) == (0, False, True)
    assert pauses.in_force(conn)[0].resume_at < datetime.now(UTC) + timedelta(days=3660)  # ten years at most
    assert kit.claim(conn).claims == []
    workers.heartbeat(conn, [], kit.worker(), stands=False)
    assert "note" not in run("pause", "t")[1]
    assert [row["job_type"] for row in run.json("pause", "--all")] == [None, "t"]
    assert "(all)" in run("pauses")[1]
    assert [row["job_type"] for row in run.json("resume", "--all")] == ["t"]
    code, printed = run("pause", "*")
    assert ("(all)" in printed, "note" in printed) == (True, False)
    assert [row["job_type"] for row in run.json("resume", "*")] == ["t"]
    assert run("resume", "t") == (0, "nothing is paused\n")
    assert run("resume", "t")[0] == 2
    assert len(kit.claim(conn).claims) == 1


def test_redrive_only_counts_without_yes(conn, run):
    old, new = (datetime.now(UTC) - timedelta(hours=hours) for hours in (3, 1))
    for at, code in ((old, "x"), (new, "x"), (new, "y")):
        make_job(conn, "failed", completed_at=at, error_code=code)
    printed = run("redrive")[1]
    assert [line[:2] for line in lines(printed)[1:3]] == [["x", "2"], ["y", "1"]]
    assert printed.endswith("3 jobs would be queued again; --yes does it\n")
    told = run.json("redrive", "--since", "2h", "--code", "x", "--type", "t", "--limit", "9", "--yes")
    assert (told["dry_run"], told["count"]) == (False, 1)
    queued = conn.execute(text("select count(*) from ai_jobs where status = 'queued'")).scalar_one()
    assert queued == 1


def test_purge_only_counts_without_yes(conn, run):
    for days in (1, 40, 50):
        make_job(conn, "completed", completed_at=datetime.now(UTC) - timedelta(days=days))
    assert run("purge") == (0, "2 jobs would be deleted; --yes does it\n")  # as jobs.retention_days says
    assert run("purge", "--older-than", "45d")[1].startswith("1 jobs would")
    assert run("purge", "--older-than", "45d", "--yes")[1] == "1 jobs deleted\n"
    assert run.json("purge", "--yes") == {"dry_run": False, "count": 1}
    assert len(kit.all_rows(conn)) == 1


@pytest.mark.parametrize("command", sorted(main.main.commands["jobs"].commands))
def test_every_command_shows_an_example(command):
    help_ = CliRunner().invoke(main.main, ["jobs", command, "--help"]).output
    assert f"Example: ./run jobs {command}" in help_
    assert "--json" in help_


def test_a_table_is_aligned_and_short():
    printed = table([{"a": "x" * 99, "bc": None}, {"a": 1, "bc": {"k": [1]}}], ["a", "bc"])
    heading, first, second = printed.splitlines()
    assert first == "x" * 43 + "…  -"
    assert heading.index("bc") == second.index('{"k": [1]}') == 46


def test_a_time_is_shown_in_utc():
    assert cell(datetime(2026, 1, 31, 12, tzinfo=UTC)) == "2026-01-31 12:00:00Z"
