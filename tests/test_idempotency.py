"""The same request a hundred times at once makes one job, whichever process it reaches."""

import json
from collections import Counter
from contextlib import ExitStack

from sqlalchemy import Connection, text

from api.auth import issue
from tests.api.raw import Answer, Raw, answers
from tests.processes import SECRET, Web, fleet

POSTS, KEYS = 100, [f"key-{number}" for number in range(50)]
QUIET = {"YARD_SCHEDULER__EMBEDDED": "false", "YARD_LOG__LEVEL": "error"}
ROUNDS = 20


def test_a_hundred_parallel_posts_of_fifty_keys_make_fifty_jobs(database_url: str, conn: Connection):
    """Each client sends all keys on one connection, in the same order, so that all meet at each key."""
    told: list[dict[str, Answer]] = [{} for _ in range(POSTS)]
    rounds = 0
    with fleet(database_url, webs=2, **QUIET) as (webs, _):
        while rounds < ROUNDS and any(len(each) < len(KEYS) for each in told):
            send_what_is_open(webs, told)
            rounds += 1
    made = [(key, answer.json()["job_id"]) for each in told for key, answer in each.items()]
    assert set(made) == {(row.idempotency_key, str(row.id)) for row in conn.execute(text("select * from ai_jobs"))}
    assert Counter(made) == dict.fromkeys(set(made), POSTS)
    fresh = [key for each in told for key, one in each.items() if "Idempotent-Replayed" not in one.headers]
    assert len(fresh) == len(set(fresh))
    assert rounds > 1 or sorted(fresh) == sorted(KEYS)  # a 503 may have hidden the fresh one


def send_what_is_open(webs: list[Web], told: list[dict[str, Answer]]) -> None:
    """As a client does: what was answered with 503, because a busy machine had no connection free, is sent again."""
    with ExitStack() as stack:
        sent = []
        for number, each in enumerate(told):
            if keys := [key for key in KEYS if key not in each]:
                client = stack.enter_context(Raw(webs[number % 2].port))
                client.sock.sendall(b"".join(map(post, keys)) + LAST)
                sent.append((each, keys, client))
        for each, keys, client in sent:
            for key, answer in zip(keys, answers(client.rest())[:-1], strict=True):
                assert answer.status in (202, 503)
                if answer.status == 202:
                    each[key] = answer


def post(key: str) -> bytes:
    body = json.dumps({"instructions": f"draw {key}"})
    headers = f"Host: x\r\nAuthorization: {TOKEN}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    return f"POST /api/ai-agent/create-canvas HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


TOKEN = f"Bearer {issue(SECRET, 'ann')}"
LAST = b"GET /api/ai-agent/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
