"""The dashboard as people use it, in a real browser on a real server."""

from importlib.resources import files
from typing import NamedTuple

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from api import auth
from tests.dashboard.conftest import PATIENCE_MS
from tests.factory import make_job
from tests.processes import SECRET

expect.set_options(timeout=PATIENCE_MS)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
CANARY = "<img src=x onerror='window.canary=1'><script>window.canary=1</script>"


class Look(NamedTuple):
    size: dict[str, int]
    colours: str


DESK, PHONE = Look({"width": 1280, "height": 860}, "light"), Look({"width": 360, "height": 740}, "dark")


def canvas(conn, state="completed", **columns):
    columns = {"request_data": {"instructions": "a login"}, "job_type": "create_canvas", **columns}
    return make_job(conn, state, **columns)


def failed(conn, text, **columns):
    run = {"claim_seq": 1, "worker": "w", "started": "2026-01-31T12:00:00+00:00", "ended": "2026-01-31T12:00:05+00:00"}
    errors = [run | {"error_code": "invalid_output", "error": text}]
    return canvas(conn, "failed", error_message=text, retry_count=1, attempt_errors=errors, **columns)


def titles(page: Page) -> list[str]:
    return page.locator("td a").all_text_contents()


# --- signing in


def test_a_token_signs_in_and_no_script_can_read_it_and_signing_out_ends_it(open_page, web):
    page = open_page(user=None)
    page.get_by_label("Token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The token is not valid")
    page.get_by_label("Token").fill(auth.issue(SECRET, "ann"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your jobs")).to_be_visible()
    assert page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)") == "{}{}"
    page.reload()
    expect(page.get_by_role("heading", name="Your jobs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_has_ended_leads_back_to_the_sign_in(open_page):
    page = open_page()
    expect(page.get_by_role("heading", name="Your jobs")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate("location.hash = '#/jobs'")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_what_is_for_operators_is_shown_to_them_alone(open_page):
    page = open_page("#/fleet")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_role("link", name="Fleet")).to_have_count(0)
    page = open_page("#/fleet", user="op-root")
    expect(page.get_by_role("region", name="Workers").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("region", name="Workers")).to_contain_text("create_canvas")
    expect(page.get_by_text("term 1")).to_be_visible()
    page.get_by_role("link", name="Configuration").click()
    expect(page.get_by_role("row", name="jobs.max_concurrent_jobs 3")).to_be_visible()
    expect(page.get_by_text("Generation 1, in force since")).to_be_visible()
    assert SECRET not in page.content()


# --- jobs


def test_a_canvas_is_enqueued_and_drawn_before_one_s_eyes(open_page):
    page = open_page("#/new")
    page.get_by_label("What to draw").fill("login flowchart: enter password, check")
    page.get_by_role("button", name="Draw it").click()
    picture = page.get_by_alt_text("The canvas: login flowchart: enter password, check")
    expect(picture).to_be_visible()
    drawn = "image => image.decode().then(() => image.naturalWidth)"  # decode() fails for what is no picture
    assert picture.evaluate(drawn) > 100
    expect(page.get_by_text("The job is completed")).to_be_visible()


def test_what_the_server_refuses_stands_beside_the_field(open_page):
    page = open_page("#/new")
    page.get_by_label("Priority").fill("9")
    page.get_by_label("What to draw").fill("x")
    page.get_by_role("button", name="Draw it").click()
    expect(page.locator("#priority-fault")).to_have_text("must be at most 3")
    expect(page.get_by_label("Priority")).to_be_focused()


def test_a_job_is_cancelled_retried_and_deleted_by_its_buttons(open_page, queue):
    page = open_page(f"#/jobs/{canvas(queue, 'waiting')}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main .state")).to_have_text("cancelled")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("main .state")).to_have_text("completed")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There are no jobs yet.")).to_be_visible()


def test_the_list_follows_what_happens_elsewhere_and_can_be_filtered(open_page, web, queue):
    failed(queue, "y", request_data={"instructions": "a broken one"})
    page = open_page("#/jobs")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.locator("#link-state")).to_have_text("live")
    web.draw("a mind map")
    expect(page.get_by_role("row", name="a mind map completed")).to_be_visible()
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_role("row")).to_have_count(2)
    assert titles(page) == ["a broken one"]
    page.get_by_label("Status").select_option("cancelled")
    expect(page.get_by_text("No job is cancelled.")).to_be_visible()


@pytest.mark.parametrize("role", ["link", "region"])
def test_whoever_is_in_the_list_stays_there_when_it_is_drawn_anew(open_page, web, queue, role):
    canvas(queue, request_data={"instructions": "the first"})
    page = open_page("#/jobs")
    expect(page.locator("#link-state")).to_have_text("live")
    name = "the first" if role == "link" else "Jobs"
    page.get_by_role(role, name=name).focus()
    web.draw("the second")
    expect(page.get_by_role("row", name="the second completed")).to_be_visible()
    expect(page.get_by_role(role, name=name)).to_be_focused()


def test_whoever_is_at_a_job_that_leaves_the_list_stays_in_the_table(open_page, web, queue):
    for instructions in ("the first", "the second"):
        canvas(queue, "waiting", request_data={"instructions": instructions})
    page = open_page("#/jobs")
    page.get_by_label("Status").select_option("queued")
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.locator("#link-state")).to_have_text("live")
    page.get_by_role("link", name="the first").focus()
    web.call(
        "POST", f"{page.get_by_role('link', name='the first').get_attribute('href').replace('#/jobs', '/job')}/cancel"
    )
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("region", name="Jobs")).to_be_focused()


def test_older_jobs_are_shown_when_asked_for(open_page, queue):
    for number in range(30):
        canvas(queue, request_data={"instructions": f"number {number}"})
    page = open_page("#/jobs")
    expect(page.get_by_role("row")).to_have_count(26)
    page.get_by_role("button", name="Show older jobs").click()
    expect(page.get_by_role("row")).to_have_count(31)
    assert titles(page) == [f"number {number}" for number in reversed(range(30))]


def test_a_stranger_s_job_is_not_shown(open_page, queue):
    bobs = failed(queue, "bob's secret", user_id="bob", request_data={"instructions": "bob's secret"})
    page = open_page("#/jobs")
    expect(page.get_by_text("There are no jobs yet.")).to_be_visible()
    page.goto(page.url.replace("#/jobs", f"#/jobs/{bobs}"))
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page).to_have_title("Not found · Yardmaster")
    assert "secret" not in page.content()


def test_the_runs_that_failed_are_told(open_page, queue):
    page = open_page(f"#/jobs/{failed(queue, 'the model said nothing')}")
    expect(page.get_by_role("region", name="Failed runs")).to_contain_text("the model said nothing")
    expect(page.get_by_text("Run 1 ended: invalid_output")).to_be_visible()


def test_why_a_job_does_not_run_is_told_while_it_waits(open_page, queue):
    page = open_page(f"#/jobs/{canvas(queue, 'waiting')}")
    expect(page.get_by_role("heading", name="Why it does not run")).to_be_visible()
    expect(page.locator(".causes li")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Why it does not run")).to_have_count(0)


def test_what_jobs_hold_is_text_and_never_markup(open_page, queue):
    job_id = failed(
        queue, CANARY, request_data={"instructions": CANARY, CANARY: CANARY}, job_type=CANARY, error_code=CANARY
    )
    canvas(queue, "processing", request_data={"title": CANARY}, progress_message=CANARY)
    page = open_page("#/jobs", user="ann")
    expect(page.get_by_text(CANARY).first).to_be_visible()
    for path in (f"#/jobs/{job_id}", "#/fleet"):
        page = open_page(path, user="ann" if "jobs" in path else "op-root")
        expect(page.get_by_text(CANARY).first).to_be_visible()
        assert page.evaluate("window.canary") is None
        assert page.locator("main img, main script").count() == 0


def test_the_policy_would_stop_what_slips_through(browser, web):
    page = browser.new_page()  # of its own: here the policy is to refuse
    page.goto(f"http://127.0.0.1:{web.port}/")
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("() => { document.body.innerHTML = '<b>x</b>'; }")
    page.evaluate("document.head.append(Object.assign(document.createElement('style'), {textContent: '*{color:red}'}))")
    assert page.evaluate("document.styleSheets.length") == 3
    page.close()


def test_the_overview_draws_its_charts_and_tells_the_numbers(open_page, queue):
    canvas(queue)
    page = open_page(user="op-root")
    expect(page.locator("canvas")).to_have_count(4)
    expect(page.locator(".tile").filter(has_text="Workers").locator("dd")).to_have_text("1")
    page = open_page()
    expect(page.locator(".tile").filter(has_text="Completed").locator("dd")).to_have_text("1")


# --- for everybody


def test_axe_finds_nothing_serious_and_nothing_is_cut_off_in_light_and_dark_and_on_a_phone(open_page, queue):
    broken = failed(queue, "a word without any spaces " + "x" * 200)
    drawn = canvas(queue, result_data={"objects": []})
    page = open_page(user=None)
    page.evaluate(AXE)
    check(page, page.get_by_label("Token"))
    page.get_by_label("Token").fill(auth.issue(SECRET, "ann", operator=True))
    page.get_by_role("button", name="Sign in").click()
    check(page, page.locator("canvas").nth(3))
    for path, there in {
        "#/jobs": page.get_by_role("row").nth(2),
        "#/new": page.get_by_label("What to draw"),
        "#/fleet": page.get_by_role("region", name="Workers"),
        "#/config": page.get_by_role("region", name="Settings of scheduler"),
        f"#/jobs/{broken}": page.get_by_role("region", name="Failed runs"),
        f"#/jobs/{drawn}": page.get_by_alt_text("The canvas: a login"),
    }.items():
        page.goto(page.url.partition("#")[0] + path)
        check(page, there)


def check(page: Page, there: Locator) -> None:
    """Once `there` is to be seen."""
    expect(there).to_be_visible()
    for look in (DESK, PHONE):
        page.set_viewport_size(look.size)
        page.emulate_media(color_scheme=look.colours, reduced_motion="reduce")
        expect(there).to_be_visible()
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], (page.url, look)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (page.url, look)


def test_it_is_used_by_keyboard_alone(open_page, queue):
    canvas(queue, "waiting", request_data={"instructions": "a far one"})
    page = open_page("#/jobs")
    expect(page.get_by_role("link", name="a far one")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    for _ in range(4):  # the filter, "New canvas", the table that may scroll, its first job
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="a far one")).to_be_focused()
