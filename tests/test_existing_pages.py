"""A page that exists already, on our own origin: `io()` without a word, and polls without a header."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from api import auth
from tests.processes import SECRET, Web, fleet
from tests.socketio_clients import FOLDER, needs_node, node

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SOCKET_IO = FOLDER / "node_modules/socket.io-client/dist/socket.io.min.js"
pytestmark = needs_node
FOLLOW = """() => new Promise((ready, failed) => {
  window.jobs = {};
  const socket = io();
  const keep = (data) => { window.jobs[data.job_id] = data; };
  socket.on("ai_job_update", keep);
  socket.on("ai_job_complete", keep);
  socket.on("ai_job_error", keep);
  socket.on("connect", ready);
  socket.on("connect_error", (error) => failed(error.message));
})"""
DRAW = """async (token) => {
  const headers = { "Content-Type": "application/json", "Authorization": `Bearer ${token}` };
  const body = JSON.stringify({ instructions: "a login", style: "modern", colorScheme: "default" });
  const made = await (await fetch("/api/ai-agent/create-canvas", { method: "POST", headers, body })).json();
  for (;;) {
    const polled = await fetch(`/api/ai-agent/job/${made.job_id}/status`);
    const { job, error } = await polled.json();
    if (!job) return { id: made.job_id, polled: polled.status, error };
    if (job.status === "completed") return job;
    if (job.status === "failed") throw new Error(job.error_message);
    await new Promise((next) => setTimeout(next, 100));
  }
}"""
SIGN_IN = """async (token) => {
  const headers = { "Authorization": `Bearer ${token}` };
  return (await fetch("/api/ai-agent/session", { method: "POST", headers })).status;
}"""
# The two lines that docs/frontend.md adds to a page that is not signed in.
FOLLOW_AS = FOLLOW.replace("() =>", "(token) =>", 1).replace("io()", "io({ auth: (use) => use({ token }) })")
DRAW_AS = DRAW.replace("/status`)", "/status`, { headers })")


@pytest.fixture(scope="module")
def web(database_url: str) -> Iterator[Web]:
    with fleet(database_url) as ([web], _):
        yield web


@pytest.fixture(scope="module")
def page(web: Web) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with node(), sync_playwright() as playwright:  # node(): its folder holds the client
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context(bypass_csp=True).new_page()  # the page's policy is its own business
        browser.close()


def test_who_does_not_say_who_it_is_is_told_so_and_two_lines_cure_it(web: Web, page: Page):
    page.goto(f"http://127.0.0.1:{web.port}/")
    page.add_script_tag(path=SOCKET_IO)
    refused = page.evaluate(f"() => ({FOLLOW})().catch((message) => message)")
    assert refused.startswith("authentication")
    token = auth.issue(SECRET, "ann")
    told = page.evaluate(DRAW, token)
    assert (told["polled"], told["error"][:26]) == (401, "Authentication is required")
    assert page.evaluate("window.jobs") == {}
    page.evaluate(FOLLOW_AS, token)
    job = page.evaluate(DRAW_AS, token)
    page.wait_for_function("id => window.jobs[id]?.status === 'completed'", arg=job["id"])


def test_a_signed_in_page_works_as_it_stands(web: Web, page: Page):
    token = auth.issue(SECRET, "ann")
    page.goto(f"http://127.0.0.1:{web.port}/")
    assert page.evaluate(SIGN_IN, token) == 200
    page.add_script_tag(path=SOCKET_IO)
    page.evaluate(FOLLOW)
    job = page.evaluate(DRAW, token)
    page.wait_for_function("id => window.jobs[id]?.status === 'completed'", arg=job["id"])
    told = page.evaluate("id => window.jobs[id]", job["id"])
    assert told["result"] == job["result_data"]
    assert told["progress"] == 100
