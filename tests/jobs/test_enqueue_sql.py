"""enqueue_ai_job: a job from plain SQL, in its caller's own transaction."""

import uuid

import psycopg2
import pytest
from alembic import command
from alembic.config import Config
from psycopg2 import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jobs import store
from jobs.db import listener
from jobs.db.engine import autocommit, open_engine
from jobs.db.migrate import FOLDER, migrate
from jobs.errors import Conflict
from jobs.events import encode
from tests.conftest import admin, create_database
from tests.factory import make_job
from tests.jobs import kit
from tests.jobs.test_enqueue import NOT_IN_LINE
from tests.jobs.test_events import Line

CALL = "select enqueue_ai_job('ann', 't', '{\"a\": 1}'"


@pytest.fixture
def line(database_url, monkeypatch):
    monkeypatch.setattr(listener, "QUIET_S", 0.05)
    line = Line(database_url)
    yield line
    line.ears.stop()


@pytest.fixture
def plain(conn, database_url):
    """A connection of plain psycopg2, in a transaction from its first statement on."""
    plain = psycopg2.connect(database_url)
    yield plain
    plain.close()


def ask(plain, more="", call=CALL):
    with plain.cursor() as cursor:
        cursor.execute(f"{call}{more})")
        return cursor.fetchone()[0]


def marked(conn, line):
    """Every hint that came before one that is sent now."""
    conn.execute(text("select pg_notify('ai_jobs', 'mark')"))
    kit.wait_until(lambda: "mark" in line.payloads, "the mark")
    return line.payloads[: line.payloads.index("mark")]


def refused(plain, *given, **options):
    with pytest.raises(psycopg2.Error) as raised:
        ask(plain, *given, **options)
    plain.rollback()
    return raised.value


def test_after_the_commit_the_job_is_there_and_the_hint_is_heard(conn, plain, line):
    job_id = ask(plain)
    assert kit.all_rows(conn) == []
    plain.commit()
    claim = kit.claim_one(conn)
    assert (claim.id, claim.user_id, claim.request_data) == (job_id, "ann", {"a": 1})
    assert marked(conn, line) == [encode([claim.key], None)]


def test_after_a_roll_back_there_is_neither(conn, plain, line):
    ask(plain)
    plain.rollback()
    assert kit.all_rows(conn) == []
    assert marked(conn, line) == []


@pytest.mark.parametrize("delay_s", [60, 0.25])
def test_a_delayed_job_waits_and_the_hint_says_how_long(conn, plain, line, delay_s):
    job_id = ask(plain, f", delay_s => {delay_s}")
    plain.commit()
    row = kit.whole(conn, job_id)
    assert abs((row["next_processing_at"] - row["created_at"]).total_seconds() - delay_s) < 0.2
    assert marked(conn, line) == [encode([], delay_s)]


def test_the_row_is_the_one_that_enqueue_makes(conn, plain):
    given = {"priority": 4, "max_retries": 5, "delay_s": 30, "deadline_s": 60, "canvas_id": "c", "idempotency_key": "k"}
    more = "".join(f", {name} => {value!r}" for name, value in given.items())
    job_id = ask(plain, more)
    plain.commit()
    own = kit.whole(conn, job_id)
    kit.put(
        conn, job_id, idempotency_key="'other'", status="'cancelled'", completed_at="now()", next_processing_at="null"
    )
    other = kit.whole(conn, store.enqueue(conn, user_id="ann", job_type="t", request_data={"a": 1}, **given).id)
    assert own["request_hash"].startswith("sql:")
    times = {"created_at", "ready_at", "next_processing_at", "deadline_at"}
    different = {"id", "seq", "request_hash"} | times
    assert {name: own[name] for name in own if name not in different} == {
        name: other[name] for name in other if name not in different
    }
    for name in times:
        ages = [(row[name] - row["created_at"]).total_seconds() for row in (own, other)]
        assert abs(ages[0] - ages[1]) < 1


def test_the_turns_are_those_of_enqueue(conn, plain):
    plain.autocommit = True
    by_sql = [str(ask(plain)) for _ in range(2)]
    by_store = store.enqueue(conn, user_id="ann", job_type="t", request_data={})
    by_sql.append(str(ask(plain)))
    assert [kit.whole(conn, job_id)["turn"] for job_id in by_sql] == [0, 1, 3]
    assert by_store.key.turn == 2


@pytest.mark.parametrize("own", NOT_IN_LINE.values(), ids=NOT_IN_LINE)
def test_only_ones_own_ready_jobs_of_the_rank_at_or_after_the_clock_put_off_a_turn(conn, plain, own):
    make_job(conn, **own)
    store.advance_clock(conn, {0: 40, -5: 9})
    plain.autocommit = True
    assert [kit.whole(conn, ask(plain))["turn"] for _ in range(2)] == [40, 41]
    assert kit.whole(conn, ask(plain, ", 5"))["turn"] == 9


def test_a_key_that_is_used_again_finds_its_job_and_tells_nobody(conn, plain, line):
    first = ask(plain, ", idempotency_key => 'k', delay_s => 0")
    plain.commit()
    again = ask(plain, ", idempotency_key => 'k'", call=CALL.replace('{"a": 1}', '{ "a":1 }'))
    plain.commit()
    assert again == first
    assert len(kit.all_rows(conn)) == len(marked(conn, line)) == 1


@pytest.mark.parametrize(
    ("more", "call"),
    [
        (", 1", CALL),
        (", delay_s => 60", CALL),
        (", deadline_s => 60", CALL),
        ("", CALL.replace("1}", "2}")),
        ("", CALL.replace("'t'", "'u'")),
    ],
)
def test_a_key_that_is_used_for_another_request_is_an_error_of_its_own(conn, plain, more, call):
    ask(plain, ", idempotency_key => 'k'")
    plain.commit()
    error = refused(plain, f"{more}, idempotency_key => 'k'", call=call)
    assert (error.pgcode, error.diag.constraint_name) == ("YM409", "ai_jobs_idempotency")
    assert "this idempotency key was used for another request" in error.diag.message_primary
    assert len(kit.all_rows(conn)) == 1


def test_a_key_that_two_users_have_finds_each_ones_own_job(plain):
    bobs = CALL.replace("'ann'", "'bob'")
    first = [ask(plain, ", idempotency_key => 'k'", call=call) for call in (CALL, bobs)]
    assert first == [ask(plain, ", idempotency_key => 'k'", call=call) for call in (CALL, bobs)]
    assert len(set(first)) == 2


def test_a_key_belongs_to_the_door_where_it_was_first_used(conn, plain):
    ask(plain, ", idempotency_key => 'of sql'")
    plain.commit()
    same = {"user_id": "ann", "job_type": "t", "request_data": {"a": 1}}
    with pytest.raises(Conflict):
        store.enqueue(conn, **same, idempotency_key="of sql")
    store.enqueue(conn, **same, idempotency_key="of python")
    assert refused(plain, ", idempotency_key => 'of python'").pgcode == "YM409"


def test_the_loser_of_two_parallel_transactions_finds_the_winners_job(conn, plain, database_url):
    first = ask(plain, ", idempotency_key => 'k'")

    def wait_for_it(own, number):
        if number:
            kit.wait_until_blocked(own)
            return plain.commit()
        return str(own.execute(text(f"{CALL}, idempotency_key => 'k')".replace(": ", "\\: "))).scalar_one())

    assert kit.at_once(conn.engine, 2, wait_for_it) == [str(first), None]
    assert len(kit.all_rows(conn)) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (", delay_s => -1", "22023"),
        (", delay_s => 'nan'", "22023"),
        (", delay_s => 'infinity'", "22023"),
        (", deadline_s => 0", "22023"),
        (", deadline_s => 'nan'", "22023"),
        (", priority => 10", "23514"),
        (", max_retries => null", "23502"),
        (", idempotency_key => ''", "23514"),
    ],
)
def test_what_no_job_can_have_is_refused(conn, plain, more, code):
    assert refused(plain, more).pgcode == code
    assert kit.all_rows(conn) == []


@pytest.mark.parametrize("request_data", ["'[1]'", "'null'", "null", "'\"text\"'"])
def test_a_request_must_be_an_object(plain, request_data):
    error = refused(plain, call=f"select enqueue_ai_job('ann', 't', {request_data}")
    assert (error.pgcode, error.diag.message_primary) == ("22023", "enqueue_ai_job: request must be a JSON object")


def test_it_finds_the_queue_from_any_search_path(conn, plain):
    with plain.cursor() as cursor:
        cursor.execute("set search_path to pg_catalog")
    job_id = ask(plain, call=CALL.replace("enqueue_ai_job", "public.enqueue_ai_job"))
    plain.commit()
    assert kit.claim_one(conn).id == job_id


@pytest.fixture
def at_0001(server_url):
    """An engine on a database with the schema before the function."""
    name = f"yard_{uuid.uuid4().hex}"
    engine = open_engine(create_database(server_url, name))
    with engine.begin() as own:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = own
        command.upgrade(config, "0001")
    yield engine
    engine.dispose()
    admin(server_url, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_a_schema_with_jobs_gets_the_function_and_keeps_the_jobs(at_0001):
    with autocommit(at_0001) as conn:
        states = ["ready", "waiting", "processing", "completed", "failed", "cancelled"]
        for number, state in enumerate(states):
            make_job(conn, state, idempotency_key=f"key-{number}")
        before = [row._mapping for row in kit.all_rows(conn)]
        with pytest.raises(DBAPIError, match="does not exist"):
            conn.execute(text(f"{CALL})".replace(": ", "\\: ")))
    assert int(migrate(at_0001)) >= 2
    with autocommit(at_0001) as conn:
        known = list(before[0])
        assert [{name: row._mapping[name] for name in known} for row in kit.all_rows(conn)] == before
        conn.execute(text(f"{CALL})".replace(": ", "\\: ")))
        assert len(kit.all_rows(conn)) == len(states) + 1
