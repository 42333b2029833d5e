"""A whole server process for test_server.py: python -m tests.api.served PORT THREADS

It tells on stdout what happens, each line with the process that tells it.  What it stops at the end takes until
somebody asks for /release, and so does an answer to /hold.
"""

import logging
import os
import sys
import threading

from flask import Flask

from api.app import create_app
from api.live.audience import Audience
from api.live.hub import Hub
from api.server import Stop, serve
from api.waiting import Waiting
from config import load
from jobs.db.engine import open_engine
from jobs.errors import SetupError
from jobs.events import Hints


def say(word: str) -> None:
    os.write(1, f"{word} {os.getpid()}\n".encode())


def start() -> tuple[Flask, Stop, Stop]:
    say("start")
    engine = open_engine(os.environ["DATABASE_URL"])
    audience = Audience(Waiting(lambda: 0), Hub(engine, lambda: CONFIG))
    hints = Hints(engine, notify=False)
    app = create_app(lambda: CONFIG, engine, hints, lambda: None, job_types={}, audience=audience)
    released = threading.Event()

    @app.get("/release")
    def release() -> dict[str, bool]:
        released.set()
        return {"released": True}

    @app.get("/hold")
    def hold() -> dict[str, bool]:
        released.wait()
        return {"held": True}

    def stop() -> None:
        say("stop")
        released.wait()
        say("stopped")

    return app, stop, lambda: say("hurry")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    CONFIG = load(environ={**os.environ, "YARD_API__PORT": sys.argv[1], "YARD_API__THREADS": sys.argv[2]})
    say("parent")
    try:
        serve(start, CONFIG)
    except SetupError as error:
        sys.exit(str(error))
