"""The same request a hundred times at once makes one job, whichever process it reaches."""

import json
from collections import Counter
from contextlib import ExitStack

from sqlalchemy import Connection, text

from api.auth import issue
from tests.api.raw import Raw, answers
from tests.processes import SECRET, fleet

POSTS, KEYS = 100, [f"key-{number}" for number in range(50)]
QUIET = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_LOG__LEVEL": "error"}


def test_a_hundred_parallel_posts_of_fifty_keys_make_fifty_jobs(database_url: str, conn: Connection):
    """Each client sends all keys on one connection, in the same order, so that all meet at each key."""
    with fleet(database_url, webs=2, **QUIET) as (webs, _), ExitStack() as stack:
        clients = [stack.enter_context(Raw(webs[number % 2].port)) for number in range(POSTS)]
        for client in clients:
            client.sock.sendall(b"".join(map(post, KEYS)) + LAST)
        told = [answers(client.rest())[:-1] for client in clients]
    made = [(key, answer.json()["job_id"]) for each in told for key, answer in zip(KEYS, each, strict=True)]
    fresh = [
        key for each in told for key, one in zip(KEYS, each, strict=True) if "Idempotent-Replayed" not in one.headers
    ]
    assert {answer.status for each in told for answer in each} == {202}
    assert set(made) == {(row.idempotency_key, str(row.id)) for row in conn.execute(text("select * from ai_jobs"))}
    assert Counter(made) == dict.fromkeys(set(made), POSTS)
    assert sorted(fresh) == sorted(KEYS)


def post(key: str) -> bytes:
    body = json.dumps({"instructions": f"draw {key}"})
    headers = f"Host: x\r\nAuthorization: {TOKEN}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    return f"POST /api/ai-agent/create-canvas HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


TOKEN = f"Bearer {issue(SECRET, 'ann')}"
LAST = b"GET /api/ai-agent/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
