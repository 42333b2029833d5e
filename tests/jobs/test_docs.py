"""What docs/enqueue.md and docs/handlers.md show runs as it stands there."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import text

from tests.api import kit as web
from tests.jobs import kit

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page, language):
    return [body for kind, body in BLOCK.findall((ROOT / "docs" / page).read_text()) if kind == language]


@pytest.fixture
def orders(conn):
    conn.execute(text("create table orders (id int primary key)"))
    yield lambda: conn.execute(text("select id from orders")).scalars().all()
    conn.execute(text("drop table orders"))


def test_enqueue_over_http(engine, conn):
    (command,) = blocks("enqueue.md", "sh")
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:3] == ["curl", "-X", "POST"]
    url, body = words[3], words[words.index("-d") + 1]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    assert headers.pop("Authorization") == "Bearer $TOKEN"
    path = url.removeprefix("http://127.0.0.1:8000" + web.PREFIX)
    answer = web.scene(engine, conn, web.settings()).post(path, data=body, headers=headers)
    assert answer.status_code == 202
    row = kit.whole(conn, answer.get_json()["job_id"])
    assert (row["user_id"], row["priority"], row["idempotency_key"]) == ("ann", 1, "order-17")
    assert row["request_data"]["instructions"] == json.loads(body)["instructions"]


def test_enqueue_from_python_alone_and_in_bulk(conn, orders, database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    alone, bulk = blocks("enqueue.md", "python")
    names: dict[str, object] = {}
    exec(compile(alone, "enqueue.md", "exec"), names)
    assert orders() == [17]
    assert kit.claim_one(conn, job_types=["create_canvas"]).id == names["made"].id
    exec(compile(bulk, "enqueue.md", "exec"), names)
    claimed = kit.claim(conn, seats=9, job_types=["create_canvas"]).claims
    assert kit.ids(claimed) == [made.id for made in names["made_many"]]
    assert claimed[2].request_data == {"instructions": "wireframe of the checkout page"}
    names["engine"].dispose()


def test_enqueue_from_sql(conn, orders, database_url):
    (script,) = blocks("enqueue.md", "sql")
    plain = psycopg2.connect(database_url)
    plain.autocommit = True
    with plain.cursor() as cursor:
        cursor.execute(script)
    plain.close()
    assert orders() == [18]
    assert kit.claim_one(conn, job_types=["create_canvas"]).request_data == {"instructions": "login flowchart"}


def test_the_function_is_declared_as_the_page_says(conn):
    page = (ROOT / "docs" / "enqueue.md").read_text()
    shown = re.search(r"^    enqueue_ai_job\((.*?)\) returns uuid$", page, re.MULTILINE | re.DOTALL)[1]
    declared = conn.execute(
        text("select pg_get_function_arguments(oid) from pg_proc where proname = 'enqueue_ai_job'")
    ).scalar_one()
    wanted = re.sub(r"::[a-z ]+", "", declared.lower()).replace("integer", "int")
    assert re.sub(r"\s+", " ", shown) == wanted


def test_the_handler_of_the_page_passes_the_tests_of_the_page(tmp_path):
    for block in blocks("handlers.md", "python"):
        name = re.match(r"# (\w+\.py)\n", block)[1]
        (tmp_path / name).write_text(block)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summaries.py", "test_summaries.py"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "6 passed" in ended.stdout, ended.stdout
