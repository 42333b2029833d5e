"""From the commit of a change to the page: a job's news in a real browser, over the WebSocket."""

import shutil
import time
from collections.abc import Sequence

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Connection

from api.auth import issue
from bench.figures import Figures, quantile_ms
from bench.news import change, live_jobs
from bench.served import PREFIX, SECRET, served
from bench.sizes import Sizes
from jobs.db.engine import autocommit, open_engine

PAUSE_S = 0.05  # so that each event is alone
PATIENCE_MS = 30_000
LISTEN = """([path, token]) => new Promise((ready) => {
  window.heard = {};
  const socket = new WebSocket(`ws://${location.host}${path}`, ["bearer", token]);
  socket.onmessage = ({ data }) => { window.heard[JSON.parse(data).data.version] = Date.now(); ready(); };
})"""


def browser(url: str, sizes: Sizes) -> Figures:
    """One event after the other, from its commit to a page in a browser; the page's clock counts milliseconds."""
    took_s = _from_commit_to_page(url, sizes.events)
    return {f"browser, p{share:.0%}".rstrip("%"): (quantile_ms(took_s, share), "ms") for share in (0.5, 0.95)}


def _from_commit_to_page(url: str, events: int) -> Sequence[float]:
    """Seconds, for each event; the page's clock is this machine's."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    engine = open_engine(url, alone=True)
    with autocommit(engine) as conn, served(url) as server, sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = chrome.new_page()
        page.goto(f"http://127.0.0.1:{server.port}/")
        job = live_jobs(conn, 1)
        page.evaluate(LISTEN, [f"{PREFIX}/ws", issue(SECRET, next(iter(job)))])
        took_s = [_told(conn, page, job, version) for version in range(2, events + 2)]
        chrome.close()
    engine.dispose()
    return took_s


def _told(conn: Connection, page: Page, job: dict[str, str], version: int) -> float:
    time.sleep(PAUSE_S)
    offset_s = time.time() - time.monotonic()
    committed_s = change(conn, job) + offset_s
    page.wait_for_function("version => version in window.heard", arg=version, timeout=PATIENCE_MS)
    at_s: float = page.evaluate("version => window.heard[version]", version) / 1000
    return max(0.0, at_s - committed_s)
