"""Serves the application with gunicorn, inside this program: a parent process, and one worker with threads.

    parent  holds the socket, starts the worker again if it dies, passes SIGTERM (and Ctrl-C) on
    worker  calls `start()`, serves, and at SIGTERM calls the stop function before it leaves

The parent runs no thread and opens no connection: neither would survive the fork.
"""

import math
import queue
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger

from api.connections import KEEP_ALIVE_S
from api.intake import LINE_BYTES
from api.live.hub import SPARE
from config import Config
from config.settings import Api
from jobs.errors import SetupError

Stop = Callable[[], None]
Start = Callable[[], tuple[Flask, Stop, Stop]]

FILES_A_SOCKET = 3  # its own, and a bell
OTHER_FILES = 200  # the database, the provider, the log
BACKLOG = 1024
HURRY_S = 1.0  # for handing back what runs, once somebody insists
EXIT_S = 2  # what the parent gives the worker beyond the stop budget


def serve(start: Start, settings: Callable[[], Config]) -> NoReturn:
    """Serves until SIGTERM, then exits with code 0.  `settings` gives the configuration as it is now.

    `start` is called in the worker process; it makes the application and whatever runs beside it, and returns the
    application and the function that stops the rest.  That one is called once, in a thread of its own, while
    requests are still answered; a second SIGTERM to the worker does not wait for it.
    Raises SetupError when the address cannot be listened on; one that `start` raises is printed, and ends in code 4.
    """
    config = settings()
    listener = listen(config.bind, config.api.port, "api.bind or api.port (PORT)")
    options = _options(config, listener.detach())  # detached: gunicorn closes the handle that it is given
    options["worker_connections"] = (
        _allow_files(config.api.connections + FILES_A_SOCKET * config.api.sockets.most + OTHER_FILES) - OTHER_FILES
    )
    _Arbiter(_Server(start, options, lambda: settings().api)).run()
    raise SystemExit


def _options(config: Config, listener: int) -> dict[str, Any]:
    return {
        "bind": f"fd://{listener}",
        "workers": 1,
        "worker_class": "api.connections.Worker",
        "threads": config.api.threads + config.api.sockets.most + SPARE,  # each socket holds one
        "keepalive": KEEP_ALIVE_S,
        "sendfile": False,  # it would wait for a slow client
        "limit_request_line": LINE_BYTES,
        "limit_request_field_size": LINE_BYTES,
        "limit_request_fields": config.api.headers,
        "forwarded_allow_ips": "",  # who is believed is said by api.proxy_hops alone
        "graceful_timeout": math.ceil(config.scheduler.stop_budget_s) + EXIT_S,
        "timeout": 60,
        "control_socket_disable": True,
        "logger_class": _Log,
        "loglevel": "info" if config.log.level == "debug" else config.log.level,  # its debug lines show whole addresses
        "post_worker_init": _leave_in_order,
        "worker_exit": _left,
    }


def listen(bind: str, port: int, settings: str) -> socket.socket:
    """Here and not in gunicorn, which tries five times and says so in ten lines.

    Raises SetupError, which names the `settings` to change.
    """
    host = bind.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # without the address in Python's own words
        raise SetupError(
            f"{settings.partition('.')[0]}: cannot listen on {bind}, port {port}: {reason}; "
            f"end the program that uses it, or set another {settings}"
        ) from error


def _allow_files(files: int) -> int:
    """How many of so many file handles the system grants."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft not in (resource.RLIM_INFINITY, granted) and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
    return granted


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, start: Start, options: Mapping[str, Any], api: Callable[[], Api]) -> None:
        self._start = start
        self.api = api  # for api.connections.Worker
        self._options = options
        self._stops: list[Stop] = []
        self.hurry: Stop = lambda: None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        try:
            app, stop, self.hurry = self._start()
        except SetupError as error:
            raise AppImportError(str(error)) from error  # gunicorn prints it, without a stack trace, and gives up
        self._stops.append(stop)
        return app

    def stop(self) -> None:
        """Once, however often it is called."""
        try:
            stop = self._stops.pop()
        except IndexError:
            return
        stop()


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    # Ctrl-C ends the worker in order, too; a second one at once.
    handle_int = Arbiter.handle_term


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves lines to the root logger, so that all of them look alike."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _leave_in_order(worker: Any) -> None:
    """In the worker: SIGTERM wakes a thread that stops what runs beside the server, and then the server.

    A second SIGTERM hurries it, and soon no longer waits for it.  The threads wait from the start on, and a
    SimpleQueue wakes them: a signal may come while the main thread holds any lock, those that start a thread included.
    """
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    insisted: queue.SimpleQueue[int] = queue.SimpleQueue()
    asked: list[int] = []

    def leave() -> None:
        signals.get()
        try:
            worker.app.stop()
        finally:
            worker.handle_exit(signal.SIGTERM, None)

    def insist() -> None:
        insisted.get()
        worker.app.hurry()
        time.sleep(HURRY_S)
        worker.handle_exit(signal.SIGTERM, None)

    def on_term(signum: int, _frame: Any) -> None:
        (insisted if asked else signals).put(signum)
        asked.append(signum)

    for wait in (leave, insist):
        threading.Thread(target=wait, name="leave", daemon=True).start()
    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the parent passes it on as SIGTERM


def _left(_arbiter: Any, worker: Any) -> None:
    """The worker leaves for another reason, such as the death of its parent."""
    worker.app.stop()
