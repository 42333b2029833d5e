"""A whole server process for test_server.py: python -m tests.api.served PORT THREADS

It tells on stdout what happens, each line with the process that tells it.  What it stops at the end takes until
somebody asks for /release, and so does an answer to /hold.  /big is more than the system's buffers take.  A request
with X-Fault meets a fault of the parser, and /fault one outside of the application.  TEST_CROWD_BYTES makes the server
call less a crowd.
"""

import logging
import os
import sys
import threading

from flask import Flask
from gunicorn.http.message import Request

from api import connections, intake
from api.app import create_app
from api.live.audience import Audience
from api.live.hub import Hub
from api.server import Stop, serve
from api.waiting import Waiting
from config import Current
from jobs.db.engine import open_engine
from jobs.errors import SetupError
from jobs.events import Hints

BIG_BYTES = 8_000_000


def say(word: str) -> None:
    os.write(1, f"{word} {os.getpid()}\n".encode())


class FaultyRequest(Request):
    def parse_headers(self, data, **kind):
        if b"X-Fault" in data:
            raise RuntimeError("a fault of the parser")
        return super().parse_headers(data, **kind)


def start() -> tuple[Flask, Stop, Stop]:
    say("start")
    CURRENT.follow()
    engine = open_engine(os.environ["DATABASE_URL"])
    audience = Audience(Waiting(lambda: 0), Hub(engine, CURRENT.read))
    hints = Hints(engine, notify=False)
    app = create_app(CURRENT.read, engine, hints, lambda: None, job_types={}, audience=audience)
    released = threading.Event()

    @app.get("/release")
    def release() -> dict[str, bool]:
        released.set()
        return {"released": True}

    @app.get("/hold")
    def hold() -> dict[str, bool]:
        released.wait()
        return {"held": True}

    @app.get("/big")
    def big() -> bytes:
        return b"x" * BIG_BYTES

    inner = app.wsgi_app

    def outer(environ, start_response):
        if environ["PATH_INFO"] == "/fault":
            raise RuntimeError("a fault around the application")
        return inner(environ, start_response)

    app.wsgi_app = outer

    def stop() -> None:
        say("stop")
        released.wait()
        say("stopped")

    return app, stop, lambda: say("hurry")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    CURRENT = Current(environ={**os.environ, "YARD_API__PORT": sys.argv[1], "YARD_API__THREADS": sys.argv[2]})
    intake.Request = FaultyRequest
    connections.CROWD_BYTES = int(os.environ.get("TEST_CROWD_BYTES", connections.CROWD_BYTES))
    say("parent")
    try:
        serve(start, CURRENT.read)
    except SetupError as error:
        sys.exit(str(error))
