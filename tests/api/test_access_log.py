"""One line for each request, and nothing in it that should not be there."""

import logging

import pytest

from tests.api import kit
from tests.api.kit import HOSTILE
from tests.factory import make_job


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, logger="yardmaster.requests")
    return lambda: [one for one in caplog.records if one.name == "yardmaster.requests"]


def test_a_request_is_told_with_who_what_and_how(yard, lines):
    job_id = make_job(yard.conn)
    answer = yard.get(f"/job/{job_id}/status?x=secret", headers={"X-Request-ID": "r-1"})
    [line] = lines()
    assert line.fields | {"ms": 0} == {
        "request_id": "r-1",
        "user": "ann",
        "method": "GET",
        "route": f"{kit.PREFIX}/job/<job_id>/status",
        "status": answer.status_code,
        "ms": 0,
    }
    assert line.fields["ms"] > 0
    assert line.levelno == logging.INFO


@pytest.mark.parametrize("path", ["/jobs", "/nothing/" + "x" * 50, "/job/../../etc/passwd"])
def test_who_is_not_signed_in_has_no_name_and_no_path_of_theirs_is_told(yard, lines, path):
    yard.get(path, None, headers={"Authorization": f"Bearer {HOSTILE}"})
    [line] = lines()
    assert line.fields["user"] is None
    assert line.fields["route"] in (f"{kit.PREFIX}/jobs", "unknown")
    assert HOSTILE not in line.getMessage()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/metrics"])
def test_probes_are_told_only_to_who_wants_everything(yard, lines, path):
    yard.get(path, None)
    assert [line.levelno for line in lines()] == [logging.DEBUG]
