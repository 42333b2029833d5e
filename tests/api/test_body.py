"""Which bodies are read, and which are refused before anything is made of them."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.body import parsed
from api.errors import Faulty, Invalid, Malformed
from tests.api.kit import HOSTILE, assert_error

JSON = {"Content-Type": "application/json"}
GOOD = b'{"instructions": "x"}'
MALFORMED = {
    "empty": b"",
    "blank": b"  ",
    "cut": b'{"instructions": "x"',
    "trailing": GOOD + b"x",
    "two documents": GOOD + GOOD,
    "single quotes": b"{'instructions': 'x'}",
    "trailing comma": b'{"instructions": "x",}',
    "comment": b'{"instructions": "x" /* y */}',
    "NaN": b'{"instructions": "x", "delay_s": NaN}',
    "Infinity": b'{"instructions": "x", "delay_s": -Infinity}',
    "1e400": b'{"instructions": "x", "delay_s": 1e400}',
    "a number without end": b'{"instructions": "x", "priority": ' + b"9" * 5000 + b"}",
    "a name twice": b'{"instructions": "x", "instructions": "y"}',
    "a name twice, spelt differently": b'{"instructions": "x", "\\u0069nstructions": "y"}',
    "UTF-16 with a mark": GOOD.decode().encode("utf-16"),
    "UTF-16 without one": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": '{"instructions": "\u00e9"}'.encode("latin-1"),
    "raw U+0000": b'{"instructions": "\x00"}',
    "raw line break": b'{"instructions": "a\nb"}',
    "a surrogate in UTF-8": b'{"instructions": "\xed\xa0\x80"}',
    "33 levels": b"[" * 33 + b"]" * 33,
    "20,000 levels": b"[" * 20_000,
    "20,000 levels of objects": b'{"a":' * 10_000,
    "hostile": HOSTILE.encode(),
}
INVALID = {
    "a list": (b"[]", "body"),
    "a string": (b'"x"', "body"),
    "null": (b"null", "body"),
    "32 levels": (b"[" * 32 + b"]" * 32, "body"),
    "U+0000": (b'{"instructions": "a\\u0000b"}', "instructions"),
    "half a pair": (b'{"instructions": "\\ud83d"}', "instructions"),
    "the other half": (b'{"instructions": "\\ude00 x"}', "instructions"),
    "half a pair in a name": (b'{"\\ud83d": 1}', "?"),
    "U+0000 far inside": (b'{"deep": [{"a": ["\\u0000"]}]}', "deep"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_plain_json_is_malformed(yard, body):
    assert_error(yard.post("/create-canvas", data=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize(("body", "field"), INVALID.values(), ids=INVALID)
def test_json_that_cannot_be_used_is_invalid_and_the_field_is_named(yard, body, field):
    refused = assert_error(yard.post("/create-canvas", data=body, headers=JSON), 422, "invalid")
    assert refused["details"][0]["field"] == field


def test_where_json_ends_to_be_json_is_told(yard):
    refused = assert_error(yard.post("/create-canvas", data=b'{\n "a": x}', headers=JSON), 400)
    assert refused["details"] == [{"field": "body", "message": "not JSON at line 2, column 7"}]


OTHER_TYPES = (
    None,
    "",
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json; charset=utf-16",
    "application/json; charset=latin-1",
    HOSTILE,
)


@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_only_json_is_read(yard, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert_error(yard.post("/create-canvas", data=GOOD, headers=headers), 415, "wrong_content_type")


def test_a_compressed_body_is_not_read(yard):
    headers = {**JSON, "Content-Encoding": "gzip"}
    assert_error(yard.post("/create-canvas", data=gzip.compress(GOOD), headers=headers), 415, "wrong_content_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_may_say_that_it_is_utf8(yard, content_type):
    answer = yard.post("/create-canvas", data=GOOD, headers={"Content-Type": content_type})
    assert answer.status_code == 202


def padded(size):
    return GOOD + b" " * (size - len(GOOD))


def test_a_body_may_be_as_large_as_the_limit_and_no_larger(yard):
    limit = yard.config.api.body_bytes
    assert yard.post("/create-canvas", data=padded(limit), headers=JSON).status_code == 202
    for size in (limit + 1, limit + 2, 2 * limit):
        assert_error(yard.post("/create-canvas", data=padded(size), headers=JSON), 413, "too_large")


@pytest.mark.parametrize("extra", [1, 2, 100_000])
def test_a_chunked_body_is_not_cut_at_the_limit_but_refused(yard, extra):
    chunked = {"wsgi.input_terminated": True}  # as gunicorn says when there is no Content-Length
    headers = {**JSON, "Transfer-Encoding": "chunked", "Content-Length": ""}
    limit = yard.config.api.body_bytes
    whole = yard.post("/create-canvas", data=padded(limit), headers=headers, environ_overrides=chunked)
    assert whole.status_code == 202
    long = yard.post("/create-canvas", data=padded(limit + extra), headers=headers, environ_overrides=chunked)
    assert_error(long, 413, "too_large")


@pytest.mark.parametrize("odd", ["\\u0000", "\\ud800", "\\udbff", "\\udc00", "\\udfff", "\\ude00\\ud83d"])
@pytest.mark.parametrize("body", ['"{}"', '[1, ["{}"]]', '{{"a": "{}"}}', '{{"{}": 1}}'])
def test_text_that_jsonb_refuses_is_refused_wherever_it_stands(body, odd):
    with pytest.raises(Invalid):
        parsed(body.format(odd).encode(), max_depth=9)


def test_a_whole_surrogate_pair_is_a_character():
    assert parsed(b'"\\ud83d\\ude00"', max_depth=9) == "\U0001f600"


BRACKETS = st.text(alphabet='[]{}",\\:a1 ', max_size=60)


@given(BRACKETS)
def test_brackets_in_strings_are_no_levels(text):
    assert parsed(json.dumps([text]).encode(), max_depth=1) == [text]


@given(BRACKETS)
def test_any_text_is_read_or_refused(text):
    try:
        parsed(text.encode(), max_depth=5)
    except Faulty:
        return
    json.loads(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_what_json_writes_is_read_as_it_was(value):
    try:
        assert parsed(json.dumps(value).encode(), max_depth=40) == value
    except Invalid:
        assert any(odd in json.dumps(value) for odd in ("\\u0000", "\\ud"))


@pytest.mark.parametrize("unit", [b'\\"', b'"', b'"\\', b"\\", b'"a', b"[]", b'{"":', b'""'])
def test_a_string_without_end_is_not_looked_at_again_and_again(unit):
    with pytest.raises(Malformed):  # looking back from each quotation mark would take minutes here
        parsed(b'"' + unit * 500_000 + b"\\", max_depth=32)
