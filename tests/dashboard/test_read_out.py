"""What the pages say by themselves: when the server is away, to a screen reader, and as time goes by."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from tests.dashboard.conftest import PATIENCE_MS
from tests.dashboard.test_browser import canvas
from tests.factory import make_job

expect.set_options(timeout=PATIENCE_MS)
LISTEN = """() => {
  window.heard = [];
  const live = "[aria-live], [role=status], [role=alert]";
  new MutationObserver((changes) => changes.forEach(({target}) => {
    const region = (target.nodeType === 1 ? target : target.parentElement).closest(live);
    if (region && region.getAttribute("aria-live") !== "off") heard.push(region.textContent);
  })).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


def heard(page: Page) -> list[str]:
    return page.evaluate("heard")


def test_every_page_says_that_the_server_is_away_and_says_it_once(open_page, queue):
    canvas(queue, "waiting")
    page = open_page("#/jobs", user="op-root")
    expect(page.get_by_role("row")).to_have_count(2)
    page.evaluate(LISTEN)
    page.context.set_offline(True)
    away = page.get_by_role("complementary", name="Connection")
    expect(away).to_contain_text("The server cannot be reached. What is shown is of ")
    with page.expect_event("requestfailed", lambda request: "/operations/jobs" in request.url):
        pass  # it goes on asking
    for name in ("Fleet", "Operations", "Jobs"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(away).to_be_visible()
    assert [text for text in heard(page) if "reached" in text] == [away.text_content()]
    page.context.set_offline(False)
    expect(away).to_be_hidden()


def test_a_job_that_waits_is_looked_at_again_and_again_and_read_out_once(open_page, web, queue):
    job_id = canvas(queue, "waiting")
    page = open_page(f"#/jobs/{job_id}")
    why = page.get_by_role("heading", name="Why it does not run").element_handle()
    page.evaluate(LISTEN)
    for _ in range(2):
        with page.expect_response("**/why"):
            pass
    assert heard(page) == []
    assert why.evaluate("heading => heading.isConnected"), "it was put there anew, under the reader's eyes"
    web.call("POST", f"/job/{job_id}/cancel")
    expect(page.locator("main .state")).to_have_text("cancelled")
    assert [text.strip() for text in heard(page)] == ["cancelled"]


def test_a_fault_of_the_queue_is_read_out_once_although_its_number_grows(open_page, queue):
    make_job(queue, job_type="of another team")
    page = open_page(user="op-root")
    banner = page.get_by_role("alert").filter(has_text="no live worker has a handler for it")
    expect(banner).to_be_visible()
    page.evaluate(LISTEN)
    before = banner.text_content()
    expect(banner).not_to_have_text(before)
    assert heard(page) == []


def test_how_long_ago_a_job_was_made_grows_while_nothing_else_happens(open_page, queue):
    canvas(queue, created_at=datetime.now(UTC) - timedelta(seconds=57))
    page = open_page("#/jobs")
    expect(page.locator("td time")).to_have_text("1 min ago")


def test_how_long_a_job_runs_grows_while_it_reports_nothing(open_page, queue):
    page = open_page(f"#/jobs/{canvas(queue, 'processing')}")
    ran = page.locator("dt:text-is('Ran') + dd")
    expect(page.locator("#link-state")).to_have_text("live")
    expect(ran).not_to_have_text(ran.text_content())


def test_one_job_before_another_is_one(open_page, queue):
    _, second = make_job(queue, job_type="of another team"), make_job(queue, job_type="of another team")
    page = open_page(f"#/jobs/{second}")
    expect(page.get_by_text("1 ready job is before this one.")).to_be_visible()


def test_a_server_that_hangs_is_not_asked_again_until_it_has_answered(open_page, queue):
    page, held = open_page("#/"), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/health", hold)
    for _ in range(3):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(page, held, 1)
    for _ in range(3):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)  # time enough for requests that should not be
    assert len(held) == 1
    held[0].continue_()
    wait_for(page, held, 2)  # for whoever has asked meanwhile
    held[1].continue_()


def wait_for(page: Page, held: list[Route], number: int) -> None:
    while len(held) < number:
        page.wait_for_timeout(50)  # which lets playwright hear of requests
