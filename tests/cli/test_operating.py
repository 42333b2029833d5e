"""What the operators' commands refuse, and what they say of a database that does not do as they ask."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from jobs import pauses
from tests.factory import make_job
from tests.jobs import kit

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "words",
    [
        ["show", "x"],
        ["show", NOBODY],
        ["why", NOBODY],
        ["cancel", NOBODY],
        ["retry", "' or true --"],
        ["list", "--before", NOBODY],
        ["list", "--status", "odd"],
        ["list", "--limit", "0"],
        ["pause"],
        ["pause", "t", "--all"],
        ["pause", "t", "--for", "soon"],
        ["pause", "t", "--until", "2h"],
        ["pause", "t", "--until", "0001-01-01T00:00:00+14:00"],
        ["pause", "t", "--reason", "x" * 501],
        ["pause", "x" * 101],
        ["resume", "t"],
        ["redrive", "--limit", "10001", "--yes"],
        ["redrive", "--since", "yesterday", "--yes"],
        ["redrive", "--since", "999999d", "--yes"],
        ["redrive", "--code", "\udcff", "--yes"],
        ["pause", "\udcff"],
        ["purge", "--older-than", "7", "--yes"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(conn, run, words):
    make_job(conn, "failed")
    before = kit.all_rows(conn)
    code, printed = run(*words)
    assert code == 2
    assert "Error: " in printed
    assert "Traceback" not in printed
    assert (kit.all_rows(conn), pauses.in_force(conn)) == (before, [])


def test_a_time_far_from_greenwich_is_the_same_time(conn, run):
    make_job(conn, "failed", completed_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    assert run("redrive", "--since", "2026-02-01T10:00:00+22:00")[1].endswith(
        "1 jobs would be queued again; --yes does it\n"
    )
    assert run("redrive", "--since", "2026-02-01T10:00:00+21:59")[1].startswith("0 jobs")


def test_a_database_that_is_too_old_is_said_with_its_cure(run, empty_database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    code, printed = run("list")
    assert (code, "./run migrate" in printed) == (2, True)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:CANARY@127.0.0.1:1/none",
        "postgresql://ann:CAN%ARY@127.0.0.1/none",
        "postgres//ann:CANARY@127.0.0.1/none",
    ],
)
def test_a_database_that_cannot_be_reached_is_said_with_its_cure_and_without_the_password(run, monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)
    code, printed = run("list")
    assert (code, "correct host and port in DATABASE_URL" in printed or "write DATABASE_URL as" in printed) == (2, True)
    assert "CAN" not in printed


def test_what_takes_too_long_is_not_called_a_database_that_is_away(engine, run, monkeypatch):
    """It waits for a lock here; to PostgreSQL that is the same as reading for long."""
    monkeypatch.setenv("YARD_DATABASE__STATEMENT_TIMEOUT_S", "0.2")
    with engine.begin() as other:
        other.execute(text("lock table ai_jobs in access exclusive mode"))
        code, printed = run("list")
    assert (code, "database.statement_timeout_s" in printed, "DATABASE_URL" in printed) == (2, True, False)


def test_a_database_that_can_only_be_read_is_said_with_its_cure(conn, run, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_read_only=on")
    code, printed = run("pause", "--all")
    assert (code, "name the primary in DATABASE_URL" in printed) == (2, True)
