"""A user's jobs page by page, and in numbers."""

import pytest

from tests.api.kit import HOSTILE, STATUS_FIELDS, assert_error
from tests.factory import make_job


def test_a_list_holds_the_callers_jobs_newest_first_page_by_page(yard):
    made = [make_job(yard.conn) for _ in range(5)]
    make_job(yard.conn, user_id="bob")
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor is not None else {})
        body = yard.get("/jobs", query_string=query).get_json()
        seen += [job["id"] for job in body["jobs"]]
        cursor, pages = body["next_cursor"], pages + 1
    assert (seen, pages) == (made[::-1], 3)


def test_a_list_can_begin_further_down_and_keep_to_one_status(yard):
    failed = [make_job(yard.conn, "failed") for _ in range(3)]
    make_job(yard.conn)
    body = yard.get("/jobs?status=failed&offset=1").get_json()
    assert [job["id"] for job in body["jobs"]] == failed[1::-1]
    assert body["next_cursor"] is None


def test_a_list_leaves_results_out(yard):
    make_job(yard.conn, "completed", result_data={"big": "x"})
    (job,) = yard.get("/jobs").get_json()["jobs"]
    assert set(job) == (STATUS_FIELDS - {"result_data", "queue_position"})


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "cursor=-1",
        "cursor=9223372036854775808",
        "cursor=1e99",
        "offset=-1",
        "offset=1000000",
        "status=done",
        "status=%00",
        f"status={HOSTILE}",
    ],
)
def test_an_unusable_page_is_refused(yard, query):
    refused = assert_error(yard.get(f"/jobs?{query}"), 422, "invalid")
    assert refused["details"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_stats_count_the_callers_jobs(yard):
    for state in ("ready", "waiting", "processing", "completed", "completed", "failed", "cancelled"):
        make_job(yard.conn, state)
    make_job(yard.conn, "failed", user_id="bob")
    assert yard.get("/jobs/stats").get_json() == {
        "success": True,
        "stats": {
            "total_jobs": 7,
            "queued_jobs": 2,
            "processing_jobs": 1,
            "completed_jobs": 2,
            "failed_jobs": 1,
            "cancelled_jobs": 1,
            "success_rate": 0.6667,
        },
    }


def test_the_success_rate_of_nothing_is_zero(yard):
    make_job(yard.conn, "cancelled")
    assert yard.get("/jobs/stats").get_json()["stats"]["success_rate"] == 0.0


def test_an_operators_stats_are_of_all_users(yard):
    for user in ("ann", "bob"):
        for state in ("ready", "waiting", "processing", "completed", "failed"):
            make_job(yard.conn, state, user_id=user)
    counted = yard.get("/jobs/stats", "op-olga").get_json()["stats"]
    assert counted == {
        "total_jobs": 10,
        "queued_jobs": 4,
        "processing_jobs": 2,
        "completed_jobs": 2,
        "failed_jobs": 2,
        "cancelled_jobs": 0,
        "success_rate": 0.5,
    }
