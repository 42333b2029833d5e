"""A browser and a whole server for the dashboard's tests; skipped by name where chromium is missing."""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import Engine

from api import auth
from jobs.db.engine import autocommit
from tests.processes import SECRET, Web, fleet

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REFUSED = re.compile("Content Security Policy|Trusted|Refused to", re.IGNORECASE)
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def web(database_url: str) -> Iterator[Web]:
    with fleet(database_url, YARD_LOG__LEVEL="warning", YARD_SCHEDULER__TALLY_EVERY_S="0.5") as ([web], _):
        yield web


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def queue(engine: Engine, web: Web):
    """A connection to the queue, which is empty but for the process that works on it."""
    with autocommit(engine) as conn:
        conn.exec_driver_sql("delete from ai_jobs")
        yield conn


@pytest.fixture
def resumed(queue):
    """The queue; nothing is paused afterwards."""
    yield queue
    queue.exec_driver_sql("delete from ai_pauses")


@pytest.fixture
def open_page(browser: Browser, web: Web, queue) -> Iterator[Callable[..., Page]]:
    """open_page("#/jobs", user="ann"): the dashboard in a browser of its own; user None: not signed in.

    Afterwards no page may have been refused anything by its policy, nor have failed.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def opened(path: str = "#/", user: str | None = "ann", **options) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        base = f"http://127.0.0.1:{web.port}"
        if user is not None:
            token = auth.issue(SECRET, user, operator=user.startswith("op-"))
            cookie = {"name": "yardmaster", "value": token, "httpOnly": True, "sameSite": "Strict"}
            context.add_cookies([cookie | {"domain": "127.0.0.1", "path": "/"}])
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if REFUSED.search(message.text) else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{base}/{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []
