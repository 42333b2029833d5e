"""The server as a process of its own: how it starts, serves and leaves."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.api.kit import PREFIX, with_token
from tests.api.server_process import Served, asked, gone, until


@pytest.fixture
def serve(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Served]]:
    with ExitStack() as stack:

        def start(**options: Any) -> Served:
            folder = tmp_path / str(len(list(tmp_path.iterdir())))
            folder.mkdir()
            served = Served(folder, database_url, **options)
            stack.callback(served.clean_up)
            return served

        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    """A server for the tests that leave it as it was."""
    served = Served(tmp_path_factory.mktemp("shared"), database_url)
    served.worker()
    yield served
    served.clean_up()


def test_one_worker_process_serves_and_the_application_is_made_in_it(shared):
    assert shared.worker() != shared.process.pid
    assert [child.pid for child in psutil.Process(shared.process.pid).children()] == shared.said("start")
    assert shared.said("parent") == [shared.process.pid]
    assert psutil.Process(shared.process.pid).num_threads() == 1


def test_a_term_stops_first_what_runs_beside_and_requests_are_answered_meanwhile(serve):
    served = serve()
    worker = served.worker()
    served.process.terminate()
    until(lambda: served.said("stop"), "the stop function")
    assert served.get(f"{PREFIX}/readyz")[0] == 200
    served.release()
    assert served.ends() == 0
    assert (served.said("stop"), served.said("stopped")) == ([worker], [worker])
    until(lambda: gone(worker), "the worker's end")


def test_ctrl_c_leaves_in_order_too(serve):
    served = serve()
    worker = served.worker()
    os.killpg(served.process.pid, signal.SIGINT)  # as a terminal does: to both processes
    until(lambda: served.said("stop"), "the stop function")
    served.release()
    assert served.ends() == 0
    assert served.said("stopped") == [worker]


def test_a_second_ctrl_c_does_not_wait(serve):
    served = serve()
    served.worker()
    os.killpg(served.process.pid, signal.SIGINT)
    until(lambda: served.said("stop"), "the stop function")
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.ends() == 0
    assert served.said("stopped") == []


def test_a_second_term_to_the_worker_hurries_the_stop_and_does_not_wait_for_it(serve):
    served = serve()
    worker = served.worker()
    served.process.terminate()
    until(lambda: served.said("stop"), "the stop function")
    os.kill(worker, signal.SIGTERM)
    assert served.ends() == 0
    assert (served.said("stop"), served.said("hurry"), served.said("stopped")) == ([worker], [worker], [])


def test_a_stop_that_does_not_end_is_cut_off(serve):
    served = serve(budget_s=1)
    worker = served.worker()
    served.process.terminate()
    assert served.ends() == 0
    assert (served.said("stop"), served.said("stopped")) == ([worker], [])
    until(lambda: gone(worker), "the worker's end")


def test_a_worker_that_is_killed_is_replaced(serve):
    served = serve()
    first = served.worker()
    os.kill(first, signal.SIGKILL)
    until(lambda: len(served.said("start")) == 2, "a second start")
    assert served.worker() != first


def test_a_worker_whose_parent_is_killed_stops_in_order(serve):
    served = serve()
    worker = served.worker()
    served.process.kill()
    served.process.wait()
    until(lambda: served.said("stop") == [worker], "the stop function")


def test_a_taken_port_is_one_clear_line_and_exit_code_1(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = serve(port=port)
        assert served.ends() == 1
    assert served.said("start") == []
    (line,) = served.log().splitlines()
    assert line.startswith(f"api: cannot listen on 127.0.0.1, port {port}: Address already in use; ")


def test_what_hinders_the_start_is_told_without_a_stack_trace(serve):
    served = serve(environ={"JWT_SECRET": "", "YARD_DATA_DIR": "/dev/null/data"})
    assert served.ends() == 4
    assert "the development key cannot be kept there" in served.log()
    assert "Traceback" not in served.log()


def test_idle_connections_take_no_thread(shared):
    with ExitStack() as stack:
        idle = [stack.enter_context(closing(shared.connect())) for _ in range(40)]
        assert {asked(connection, f"{PREFIX}/livez")[0] for connection in idle} == {200}
        assert all(connection.sock for connection in idle)  # kept, not closed
        assert shared.get(f"{PREFIX}/livez")[0] == 200
        assert {asked(connection, f"{PREFIX}/livez")[0] for connection in idle} == {200}


def test_requests_are_served_side_by_side(shared):
    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(shared.get, "/hold") for _ in range(3)]
        assert shared.get(f"{PREFIX}/livez")[0] == 200
        shared.release()
        assert [answer.result() for answer in held] == [(200, {"held": True})] * 3


def test_gunicorn_logs_as_the_rest_does(shared):
    ways = ("INFO:gunicorn.error:", "INFO:yardmaster.requests:")
    assert all(line.startswith(ways) for line in shared.log().splitlines())


def test_there_are_file_handles_for_all_connections(serve):
    granted, limit = psutil.Process(serve(files=256).worker()).rlimit(psutil.RLIMIT_NOFILE)
    assert granted == min(1000 + 3 * 200 + 200, limit)  # connections, sockets with their bells, and the rest


def test_a_body_that_comes_in_chunks_is_bounded(shared):
    headers = {**with_token("ann", {})["headers"], "Content-Type": "application/json"}

    def post(size: int) -> int:
        body = b'{"instructions": "x"}'.ljust(size)
        chunks = [body[at : at + 7000] for at in range(0, size, 7000)]
        with closing(shared.connect()) as connection:
            connection.request("POST", f"{PREFIX}/create-canvas", iter(chunks), headers, encode_chunked=True)
            return connection.getresponse().status

    headers["Transfer-Encoding"] = "chunked"
    assert [post(100), post(65_536), post(65_537), post(100_000)] == [202, 202, 413, 413]


def test_no_control_socket_is_opened_and_no_request_is_logged(shared):
    worker = shared.worker()
    for pid in (worker, shared.process.pid):
        assert not [line.laddr for line in psutil.Process(pid).net_connections(kind="unix") if line.laddr]
    assert "/livez" not in shared.log() + "".join(shared.lines())
