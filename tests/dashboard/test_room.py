"""There is room for what people write, however long and in whatever script, and on a phone."""

from playwright.sync_api import expect

from jobs import pauses
from tests.dashboard.conftest import PATIENCE_MS
from tests.dashboard.test_browser import canvas, failed
from tests.factory import make_job

expect.set_options(timeout=PATIENCE_MS)
PHONE = {"viewport": {"width": 390, "height": 844}}


def test_a_user_or_a_title_without_end_takes_no_more_than_its_lines(open_page, queue):
    job_id = canvas(queue, user_id="u" * 200, request_data={"instructions": "x" * 1000})
    page = open_page("#/jobs", user="op-root", **PHONE)
    row = page.get_by_role("row").nth(1)
    expect(row).to_be_visible()
    assert row.bounding_box()["height"] < 80
    expect(row.get_by_title("u" * 200)).to_be_visible()
    page.evaluate(f"location.hash = '#/jobs/{job_id}'")
    heading = page.get_by_role("heading", name="x" * 1000)
    expect(heading).to_be_visible()
    assert heading.bounding_box()["height"] < 160


def test_a_title_is_written_in_the_direction_of_its_script(open_page, queue):
    job_id = canvas(queue, request_data={"instructions": "مخطط تسجيل الدخول"})
    page = open_page("#/jobs")
    expect(page.locator("td a")).to_have_css("direction", "rtl")
    page.evaluate(f"location.hash = '#/jobs/{job_id}'")
    expect(page.get_by_role("heading", name="مخطط")).to_have_css("direction", "rtl")


def test_on_a_phone_the_reason_why_a_job_waits_stands_before_what_was(open_page, queue):
    page = open_page(f"#/jobs/{canvas(queue, 'waiting')}", **PHONE)
    expect(page.get_by_role("heading", name="Why it does not run")).to_be_visible()
    heights = "list => list.map(one => [one.getBoundingClientRect().top, one.textContent]).sort(([a], [b]) => a - b)"
    seen = [name for _, name in page.locator("main h2").evaluate_all(heights)]
    assert seen == ["Why it does not run", "Details", "Timeline"]


def test_on_a_phone_no_table_of_the_fleet_must_be_pushed_aside_and_no_number_is_cut(open_page, resumed):
    failed(resumed, "x", job_type="report_of_another_team")
    make_job(resumed, job_type="report_of_another_team")
    pauses.pause(resumed, "report_of_another_team", by="root", for_s=3600)
    page = open_page("#/fleet", user="op-root", **PHONE)
    expect(page.get_by_role("region", name="Queue by job type")).to_contain_text("paused")
    for region in page.locator("main .wide").all():
        assert region.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
    page.evaluate("location.hash = '#/'")
    expect(page.locator(".tile dd").last).to_have_text("1")
    for number in page.locator(".tile dd").all():
        assert number.evaluate("box => box.scrollWidth - box.clientWidth") <= 0
