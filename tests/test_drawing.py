"""A canvas draws itself while the model writes, over two web processes and two workers, however often one is cut."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg2
import pytest

from tests import fake_openai
from tests.drawing import Picture
from tests.fake_openai import FakeOpenAI
from tests.processes import Process, Web, fleet, wait_until
from tests.socketio_clients import WAYS, Client, needs_node, node
from tests.test_live import PATIENCE_S, ended, later, socket, told

CUTS = 20


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeOpenAI]:
    with fake_openai.running() as fake:
        yield fake


@pytest.fixture(scope="module")
def found(database_url: str, provider: FakeOpenAI) -> Iterator[tuple[list[Web], list[Process]]]:
    env = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.base_url, "YARD_SCHEDULER__EMBEDDED": "false"}
    backoff = {"YARD_JOBS__BACKOFF__BASE_S": "0.1", "YARD_JOBS__BACKOFF__JITTER": "0"}
    with fleet(database_url, webs=2, workers=2, **env, **backoff) as started:
        yield started


@pytest.fixture
def webs(found: tuple[list[Web], list[Process]]) -> list[Web]:
    return found[0]


def objects_of(web: Web, job_id: str, user: str = "ann") -> Any:
    status, answer = web.call("GET", f"/job/{job_id}/result", user=user)
    assert status == 200
    return answer["result"]["objects"]


def watch(web: Web, picture: Picture, most: int | None = None) -> None:
    """Look on over one connection, for `most` messages, or until the end."""
    with socket(web) as client:
        for _ in itertools.count() if most is None else range(most):
            if picture.ended:
                return
            message = json.loads(client.recv(timeout=PATIENCE_S))
            picture.see(message["event"], message["data"])


def parts(database_url: str) -> int:
    with psycopg2.connect(database_url) as conn, conn.cursor() as cursor:
        cursor.execute("select count(*) from ai_job_parts")
        return int(cursor.fetchone()[0])


def test_a_client_that_is_cut_twenty_times_ends_with_the_very_result(webs: list[Web], database_url: str):
    for pace_s in (0.06, 0.2, 0.6):  # on a machine so slow that the drawing is over before the last cut, a slower one
        picture = Picture(webs[0].draw(f"a flow [fake:good objects=40 chunk_delay_s={pace_s}]"))
        if cut_often(webs, picture) == CUTS:
            break
    else:
        pytest.fail("no drawing lasted until the last cut")
    watch(webs[0], picture)
    assert picture.ended == "ai_job_complete"
    assert picture.text == json.dumps(objects_of(webs[1], picture.job_id))
    assert len(picture.objects) == 40
    wait_until(lambda: parts(database_url) == 0, "the end of what was kept")


def cut_often(webs: list[Web], picture: Picture) -> int:
    """How often, before the drawing was over."""
    for cuts in range(CUTS):
        if picture.ended:
            return cuts
        watch(webs[cuts % 2], picture, most=2)
    return CUTS


def test_the_canvas_grows_and_each_object_is_there_before_the_end(webs: list[Web]):
    picture, began = Picture(webs[0].draw("a flow [fake:good objects=12 chunk_delay_s=0.1]")), time.monotonic()
    seen = []
    with socket(webs[1]) as client:
        while not picture.ended:
            message = json.loads(client.recv(timeout=PATIENCE_S))
            before = {obj["id"]: obj for obj in picture.objects}
            picture.see(message["event"], message["data"])
            seen.append(len(picture.objects))
    took_s = time.monotonic() - began
    final = {obj["id"]: obj for obj in objects_of(webs[0], picture.job_id)}
    assert before.items() <= final.items(), "what was drawn is not what the result holds"
    assert len(before) > 6
    assert seen == sorted(seen)
    assert len(set(seen)) > 4
    progress = [update["progress"] for update in picture.updates]
    assert progress == sorted(progress)
    assert len(picture.updates) <= took_s * 10 + 2


def test_a_run_that_breaks_off_is_drawn_anew_by_the_next(webs: list[Web], provider: FakeOpenAI):
    provider.script("cut objects=30 chunk_delay_s=0.04", "good objects=6 chunk_delay_s=0.04")
    picture = Picture(webs[0].draw("a flow"))
    watch(webs[1], picture)
    runs = {update["claim_seq"] for update in picture.updates}
    assert len(runs) == 2
    assert picture.text == json.dumps(objects_of(webs[1], picture.job_id))
    assert len(picture.objects) == 6


def test_a_second_answer_is_drawn_anew_within_the_run(webs: list[Web], provider: FakeOpenAI):
    provider.script("invalid_json objects=20 chunk_delay_s=0.04", "good objects=6 chunk_delay_s=0.04")
    picture = Picture(webs[0].draw("a flow"))
    watch(webs[1], picture)
    begun = [update for update in picture.updates if update.get("anew")]
    assert len(begun) >= 2
    assert {update["claim_seq"] for update in picture.updates} == {1}
    assert picture.text == json.dumps(objects_of(webs[0], picture.job_id))


@needs_node
def test_it_grows_over_socket_io_as_well_however_connected_and_for_who_comes_late(webs: list[Web]):
    with node() as browser, ExitStack() as stack:
        clients = [stack.enter_context(browser.client(webs[0].port, **way)) for way in WAYS.values()]
        for client in clients:
            client.hears("connect")
        job_id = webs[1].draw("a flow [fake:good objects=12 chunk_delay_s=0.12]")
        clients[0].until(lambda what, data: bool(what == "ai_job_update" and "objects" in data))
        clients.append(stack.enter_context(browser.client(webs[1].port)))
        pictures = [seen_by(client, job_id) for client in clients]
    result = json.dumps(objects_of(webs[0], job_id))
    assert [picture.text for picture in pictures] == [result] * 4
    assert all(len(picture.updates) > 2 for picture in pictures[1:])


def seen_by(client: Client, job_id: str) -> Picture:
    picture = Picture(job_id)
    for event, data in client.ended(job_id):
        if event.startswith("ai_job_"):
            picture.see(event, data)
    return picture


EVENTS = {
    ("ai_job_update", "queued"),
    ("ai_job_update", "processing"),
    ("ai_job_update", "drawing"),
    ("ai_job_complete", "completed"),
    ("ai_job_error", "failed"),
    ("ai_job_error", "cancelled"),
}


@needs_node
def test_strangers_hear_nothing_of_any_event_however_connected(webs: list[Web]):
    with node() as browser, ExitStack() as stack:
        strangers = [stack.enter_context(browser.client(webs[0].port, "eve", **way)) for way in WAYS.values()]
        owner = stack.enter_context(browser.client(webs[0].port))  # whose news comes to the strangers' process, too
        for client in (*strangers, owner):
            client.hears("connect")
        plain = stack.enter_context(socket(webs[0], "eve"))
        assert everything(owner, webs[0]) == EVENTS
        own = webs[0].call("POST", "/create-canvas", {"instructions": "mine [fake:good]"}, user="eve")[1]["job_id"]
        assert {one["data"]["job_id"] for one in told(plain, ended(own))} == {own}
        for stranger in strangers:
            heard = stranger.ended(own)
            assert {data["job_id"] for what, data in heard if what.startswith("ai_job_")} == {own}


def everything(owner: Client, web: Web) -> set[tuple[str, str]]:
    """Each kind of event that the owner hears of three jobs."""
    waits = later(web, "ann")
    heard = owner.until(lambda what, data: what == "ai_job_update" and data["job_id"] == waits)
    web.call("POST", f"/job/{waits}/cancel")
    heard += owner.ended(waits)
    for how in ("good objects=9 chunk_delay_s=0.03", "400"):
        heard += owner.ended(web.draw(f"a flow [fake:{how}]"))
    told_of = [(what, data) for what, data in heard if what.startswith("ai_job_")]
    return {(what, "drawing" if "objects" in data else data["status"]) for what, data in told_of}


def test_a_worker_that_dies_while_it_draws_is_followed_by_another(
    found: tuple[list[Web], list[Process]], provider: FakeOpenAI, database_url: str
):
    """Last in this file: it leaves one worker."""
    webs, workers = found
    provider.script("good objects=40 chunk_delay_s=0.2", "good objects=5")
    picture = Picture(webs[0].draw("a flow"))
    wait_until(lambda: parts(database_url) > 2, "a drawing that has begun")
    holder = _pid_of_the_run(database_url)
    next(worker for worker in workers if worker.process.pid == holder).kill()
    watch(webs[1], picture)
    assert picture.text == json.dumps(objects_of(webs[0], picture.job_id))
    assert len(picture.objects) == 5
    assert parts(database_url) == 0


def _pid_of_the_run(database_url: str) -> int:
    with psycopg2.connect(database_url) as conn, conn.cursor() as cursor:
        cursor.execute(
            "select w.pid from ai_jobs j join ai_workers w on w.id = j.worker_id where status = 'processing'"
        )
        return int(cursor.fetchone()[0])
