"""What operators see and do in the dashboard, in a real browser on a real server."""

import re

from playwright.sync_api import Page, expect

from api import auth
from jobs import pauses
from tests.dashboard.test_browser import AXE, canvas, check, failed, titles
from tests.factory import make_job, row_of
from tests.jobs import kit
from tests.processes import SECRET


def operations(open_page, **options) -> Page:
    page = open_page("#/operations", user="op-root", **options)
    expect(page.get_by_label("Pause jobs of type").get_by_role("option", name="create_canvas")).to_have_count(1)
    return page


def confirm(page: Page, words: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=words).click()


def in_force(conn):
    return [(one.job_type, one.paused_by, one.reason) for one in pauses.in_force(conn)]


def test_the_jobs_of_all_users_are_listed_or_ones_own_or_one_users(open_page, queue):
    for user in ("ann", "bob", "op-root"):
        canvas(queue, user_id=user, request_data={"instructions": f"of {user}"})
    page = open_page("#/jobs", user="op-root")
    expect(page.get_by_role("heading", name="Jobs of all users")).to_be_visible()
    expect(page.get_by_role("row", name="of bob")).to_contain_text("bob")
    assert titles(page) == ["of op-root", "of bob", "of ann"]
    page.get_by_label("User").fill("bob")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    assert titles(page) == ["of bob"]
    page.get_by_role("link", name="of bob").click()
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_label("User")).to_have_value("bob")
    page.get_by_label("Whose").select_option("mine")
    expect(page.get_by_role("link", name="of op-root")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_label("User")).to_be_hidden()


def test_the_list_of_all_users_follows_what_happens_although_no_event_tells_of_it(open_page, queue):
    page = open_page("#/jobs", user="op-root")
    expect(page.get_by_text("There are no jobs yet.")).to_be_visible()
    canvas(queue, user_id="bob", request_data={"instructions": "a new one"})
    expect(page.get_by_role("link", name="a new one")).to_be_visible()


def test_nobody_else_is_offered_the_jobs_of_others(open_page, queue):
    canvas(queue, user_id="bob")
    page = open_page("#/jobs")
    expect(page.get_by_text("There are no jobs yet.")).to_be_visible()
    expect(page.get_by_label("Whose")).to_have_count(0)
    page.evaluate("location.hash = '#/operations'")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    expect(page.get_by_role("link", name="Operations")).to_have_count(0)


def test_any_users_job_is_shown_with_its_runs_and_its_picture(open_page, queue):
    page = open_page(f"#/jobs/{failed(queue, 'nothing came', user_id='bob')}", user="op-root")
    expect(page.get_by_role("region", name="Failed runs").get_by_role("row").nth(1)).to_contain_text("w")
    expect(page.get_by_role("columnheader", name="Worker")).to_be_visible()
    expect(page.locator("dl.facts")).to_contain_text("bob")
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)  # that is its user's
    drawn = canvas(queue, "processing", user_id="bob")
    page.evaluate(f"location.hash = '#/jobs/{drawn}'")
    expect(page.locator("main .state")).to_have_text("processing")
    kit.complete(queue, drawn, 1, {"objects": []})  # of which no event tells an operator
    expect(page.get_by_alt_text("The canvas: a login")).to_be_visible()
    assert page.get_by_role("img", name="The canvas").evaluate("image => image.decode().then(() => true)")


def test_any_users_job_is_cancelled_and_retried_and_its_user_is_told_who_did_it(open_page, queue):
    bobs = canvas(queue, "waiting", user_id="bob")
    page = open_page(f"#/jobs/{bobs}", user="op-root")
    expect(page.locator(".causes li")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled by an operator")).to_be_visible()
    assert row_of(queue, bobs).error_message == "Cancelled by an operator"
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("main .state")).to_have_text("completed")


def test_a_type_is_paused_and_every_page_says_so_until_it_is_resumed(open_page, resumed):
    page = operations(open_page)
    page.get_by_label("Pause jobs of type").select_option("create_canvas")
    page.get_by_label("Until").select_option("1 hour has gone")
    page.get_by_label("Reason").fill("the provider is away")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("region", name="Paused").get_by_role("row").nth(1)).to_contain_text("the provider is away")
    assert in_force(resumed) == [("create_canvas", "op-root", "the provider is away")]
    banner = page.get_by_role("complementary", name="Pauses")
    expect(banner).to_contain_text(re.compile(r"Paused: create_canvas until .*\d:\d\d:\d\d"))
    for name in ("Overview", "Jobs", "Fleet"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(banner).to_be_visible()
    banner.get_by_role("link", name="Pauses").click()
    page.get_by_role("button", name="Resume create_canvas").click()
    expect(page.get_by_text("Nothing is paused.")).to_be_visible()
    expect(banner).to_be_hidden()
    assert in_force(resumed) == []


def test_everything_is_paused_only_when_that_is_confirmed_and_until_a_time_of_the_readers_own(open_page, resumed):
    page = operations(open_page, timezone_id="Asia/Kathmandu")
    page.get_by_label("Pause jobs of type").select_option("all jobs")
    page.get_by_label("Until").select_option("a time …")
    page.get_by_label("Time").fill("2031-01-31T12:00:00")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Go back")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert in_force(resumed) == []
    page.get_by_role("button", name="Pause", exact=True).click()
    confirm(page, "Pause all jobs")
    expect(page.get_by_role("complementary", name="Pauses")).to_contain_text("all jobs until Jan 31, 2031, 12:00:00")
    assert in_force(resumed) == [(None, "op-root", None)]
    assert pauses.in_force(resumed)[0].resume_at.isoformat() == "2031-01-31T06:15:00+00:00"


def test_who_is_no_operator_sees_no_pause(open_page, resumed):
    pauses.pause(resumed, "create_canvas", by="root", reason="SECRET")
    page = open_page("#/jobs")
    expect(page.get_by_text("There are no jobs yet.")).to_be_visible()
    expect(page.get_by_role("complementary", name="Pauses")).to_be_hidden()
    assert "SECRET" not in page.content()


def test_failed_jobs_are_counted_then_confirmed_then_queued_again(open_page, resumed):
    pauses.pause(resumed, "create_canvas", by="root")
    wanted = [failed(resumed, "x", user_id=user, error_code="timed_out") for user in ("ann", "bob")]
    other = make_job(resumed, "failed", error_code="other")
    page = operations(open_page)
    page.get_by_label("Error code").fill("timed_out")
    page.get_by_role("button", name="Count them").click()
    rows = page.get_by_role("region", name="Failed jobs by error").get_by_role("row")
    expect(rows.nth(1)).to_contain_text(wanted[0][-12:])
    expect(rows).to_have_count(2)
    page.get_by_label("Error code").fill("other")  # what was counted is not what would be done now
    expect(rows).to_have_count(0)
    page.get_by_label("Error code").fill("timed_out")
    page.get_by_role("button", name="Count them").click()
    page.get_by_role("button", name="Queue 2 jobs again").click()
    page.keyboard.press("Escape")
    assert {row_of(resumed, one).status for one in wanted} == {"failed"}
    page.get_by_role("button", name="Queue 2 jobs again").click()
    confirm(page, "Queue 2 jobs again")
    expect(page.get_by_text("2 jobs are queued again.")).to_be_visible()
    assert {row_of(resumed, one).status for one in wanted} == {"queued"}
    assert row_of(resumed, other).status == "failed"
    page.get_by_role("button", name="Count them").click()
    expect(page.get_by_text("No failed job fits.")).to_be_visible()


def test_what_the_server_refuses_is_told(open_page, resumed):
    page = operations(open_page)
    page.get_by_label("Failed since").fill("0001-01-01T00:00:00")
    page.get_by_label("At most").evaluate("input => { input.max = ''; input.value = '10001'; }")
    page.get_by_role("button", name="Count them").click()
    expect(page.locator(".notice.bad")).to_contain_text("limit: ")


def test_operations_are_for_everybody_light_dark_on_a_phone_and_by_keyboard(open_page, resumed):
    failed(resumed, "x", user_id="x" * 200)
    page = open_page(user=None)
    page.evaluate(AXE)
    page.get_by_label("Token").fill(auth.issue(SECRET, "root", operator=True))
    page.get_by_role("button", name="Sign in").click()
    page.evaluate("location.hash = '#/operations'")
    choose = page.get_by_label("Pause jobs of type")
    expect(choose.get_by_role("option", name="create_canvas")).to_have_count(1)
    choose.focus()
    page.keyboard.type("create")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("the reason " + "x" * 300)
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Pauses")).to_be_visible()
    page.get_by_role("button", name="Count them").focus()
    page.keyboard.press("Enter")
    check(page, page.get_by_role("button", name="Queue 1 job again"))
    page.get_by_role("button", name="Queue 1 job again").press("Enter")
    check(page, page.get_by_role("dialog"))
    page.keyboard.press("Escape")
    page.evaluate("location.hash = '#/jobs'")
    check(page, page.get_by_role("row").nth(1))
