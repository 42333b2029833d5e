"""Which fields a client may send, and what is said of the others."""

from datetime import datetime, timedelta, timezone

import pytest

from api.errors import Invalid
from api.schemas import CreateCanvas, checked, iso
from tests.api.kit import HOSTILE, assert_error

REFUSED = {
    "no instructions": ({}, "instructions"),
    "empty instructions": ({"instructions": ""}, "instructions"),
    "blank instructions": ({"instructions": " \n\t\u00a0"}, "instructions"),
    "1,001 characters": ({"instructions": "x" * 1001}, "instructions"),
    "instructions that are a number": ({"instructions": 5}, "instructions"),
    "instructions that are a list": ({"instructions": ["x"]}, "instructions"),
    "null instructions": ({"instructions": None}, "instructions"),
    "unknown style": ({"instructions": "x", "style": "Modern"}, "style"),
    "null style": ({"instructions": "x", "style": None}, "style"),
    "unknown colours": ({"instructions": "x", "colorScheme": HOSTILE}, "colorScheme"),
    "our own name for the colours": ({"instructions": "x", "color_scheme": "pastel"}, "color_scheme"),
    "empty canvas id": ({"instructions": "x", "canvas_id": ""}, "canvas_id"),
    "odd canvas id": ({"instructions": "x", "canvas_id": "../x"}, "canvas_id"),
    "canvas id with a line break": ({"instructions": "x", "canvas_id": "x\n"}, "canvas_id"),
    "long canvas id": ({"instructions": "x", "canvas_id": "x" * 101}, "canvas_id"),
    "canvas id that is a number": ({"instructions": "x", "canvas_id": 7}, "canvas_id"),
    "priority in quotes": ({"instructions": "x", "priority": "1"}, "priority"),
    "priority that is true": ({"instructions": "x", "priority": True}, "priority"),
    "half a priority": ({"instructions": "x", "priority": 0.5}, "priority"),
    "low priority": ({"instructions": "x", "priority": -10}, "priority"),
    "huge priority": ({"instructions": "x", "priority": 10**30}, "priority"),
    "negative delay": ({"instructions": "x", "delay_s": -0.1}, "delay_s"),
    "endless delay": ({"instructions": "x", "delay_s": 1e300}, "delay_s"),
    "no time at all": ({"instructions": "x", "deadline_s": 0}, "deadline_s"),
    "a deadline in words": ({"instructions": "x", "deadline_s": "soon"}, "deadline_s"),
    "an unknown field": ({"instructions": "x", "user_id": "bob"}, "user_id"),
    "a hostile field": ({"instructions": "x", HOSTILE: 1}, "?"),
}


@pytest.mark.parametrize(("body", "field"), REFUSED.values(), ids=REFUSED)
def test_a_field_that_cannot_be_used_is_named(yard, body, field):
    refused = assert_error(yard.post("/create-canvas", json=body), 422, "invalid")
    assert [fault["field"] for fault in refused["details"]] == [field]
    assert all(fault["message"] for fault in refused["details"])


ACCEPTED = [
    {"instructions": "x"},
    {"instructions": "\U0001f600" * 1000},
    {"instructions": " " * 50 + "x" * 1000},
    {"instructions": "x", "canvas_id": None},
    {"instructions": "x", "canvas_id": "A-z_0" * 20},
    {"instructions": "x", "priority": 2.0},
    {"instructions": "x", "priority": -9, "delay_s": 0, "deadline_s": 0.5},
    {"instructions": "x", "delay_s": None, "deadline_s": None},
]


@pytest.mark.parametrize("body", ACCEPTED)
def test_what_the_contract_allows_is_accepted(yard, body):
    assert yard.post("/create-canvas", json=body).status_code == 202


def test_all_faults_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        checked(CreateCanvas, {"style": "x", "priority": 5, "delay_s": "x", "more": 1}, highest=3)
    named = {fault["field"]: fault["message"] for fault in refused.value.details}
    assert set(named) == {"instructions", "style", "priority", "delay_s", "more"}
    assert named["priority"] == "must be at most 3"


def test_times_are_told_in_utc_wherever_the_database_is():
    kolkata = timezone(timedelta(hours=5, minutes=30))
    assert iso(datetime(2026, 2, 1, 1, 0, 0, 1999, tzinfo=kolkata)) == "2026-01-31T19:30:00.001Z"
    assert iso(None) is None


def test_a_flood_of_faults_is_cut():
    with pytest.raises(Invalid) as refused:
        checked(CreateCanvas, {f"f{n}": n for n in range(5000)})
    assert len(refused.value.details) == 20
