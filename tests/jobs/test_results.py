"""What a handler brings home: any JSON goes through as it is; what cannot be stored is cleaned, or fails the run."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.outcomes import Done
from jobs.storable import LEVELS
from tests.jobs.test_runner import failure, run, said


def endless():
    value = []
    value.append(value)
    return value


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, object(), {1, 2}, b"bytes", {(1, 2): 3}, 10**5000, endless()],
    ids=["NaN", "Infinity", "object", "set", "bytes", "tuple as key", "huge integer", "endless"],
)
def test_a_result_that_is_not_json_fails_as_invalid_output(value):
    entry = failure(lambda _: Done({"value": value}))
    assert (entry["retryable"], entry["error_code"]) == (False, "invalid_output")
    assert entry["error"].startswith("the result is not JSON")


def test_a_result_that_is_nested_too_deeply_does_not_end_the_thread():
    done, entry = said(lambda _: Done({"value": nested(200_000)}), result_bytes=10)
    assert (done, entry["error_code"]) == (False, "invalid_output")


@pytest.mark.parametrize(("levels", "fits"), [(LEVELS, True), (LEVELS + 1, False)])
def test_a_result_that_its_readers_could_not_build_fails(levels, fits):
    """It has two brackets of its own and the entry's around it."""
    done, entry = said(lambda _: Done({"flat": [[]] * LEVELS, "text": "[" * 900, "deep": nested(levels - 3)}))
    assert done is fits
    assert entry.get("error") == (None if fits else "the result is not JSON: ValueError: nested deeper than 500 levels")


@pytest.mark.parametrize(("size", "fits"), [(0, True), (1, False)])
def test_a_result_may_be_as_large_as_configured_and_no_larger(size, fits):
    limit = len(run(lambda _: Done({"text": "x" * 500})).entry)
    done, entry = said(lambda _: Done({"text": "x" * (500 + size)}), result_bytes=limit)
    assert done is fits
    assert entry.get("error_code") == (None if fits else "invalid_output")


def test_u0000_and_lone_surrogates_are_cleaned_away_wherever_they_stand():
    dirty = {"a\0": ["b\0", {"c": ("d\ud800", 1, None, True, "🎨")}], "plain": "\\u0000 as text"}
    done, entry = said(lambda _: Done(dirty, usage={"m\0": 1}))
    assert done
    assert entry["result"] == {"a": ["b", {"c": ["d?", 1, None, True, "🎨"]}], "plain": "\\u0000 as text"}
    assert entry["usage"] == {"m": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text("abc"), JSON))
def test_a_clean_result_arrives_as_it_is(result):
    assert said(lambda _: Done(result))[1]["result"] == result


@given(st.text(st.characters()) | st.text(st.sampled_from("\0\ud800\udfff\\u0dé🎨")))
def test_any_text_at_all_becomes_json_that_utf8_can_carry(words):
    done, entry = said(lambda _: Done({"words": words}))
    assert done
    assert "\0" not in entry["result"]["words"]
    entry["result"]["words"].encode("utf-8")
