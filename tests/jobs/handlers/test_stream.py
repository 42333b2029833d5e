import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.handlers.stream import ObjectStream

TEXT = st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "}{", "][", "objects", "\\\\"])
ATOM = st.none() | st.booleans() | st.integers() | TEXT
VALUE = st.recursive(ATOM, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=8)
KEYS = st.sampled_from(["title", "notes", "x"]) | TEXT.filter(lambda key: key != "objects")


def pieces(text, cuts):
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


def found_in(parts):
    stream = ObjectStream()
    return [element for part in parts for element in stream.feed(part)]


@given(
    before=st.dictionaries(KEYS, VALUE, max_size=2),
    after=st.dictionaries(KEYS, VALUE, max_size=2),
    objects=st.lists(VALUE, max_size=5),
    form=st.sampled_from([{"indent": 1}, {"ensure_ascii": False}, {}]),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_any_chunking_of_a_document_finds_its_objects(before, after, objects, form, cuts):
    document = {**before, "objects": objects, **{key: v for key, v in after.items() if key not in before}}
    text = json.dumps(document, **form)
    assert found_in(pieces(text, cuts)) == [value for value in objects if isinstance(value, dict)]


@given(text=st.text(alphabet='{}[]":,\\ob1', max_size=60), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_the_chunking_of_garbage_makes_no_difference_either(text, cuts):
    text = '{"objects":[' + text
    assert found_in(pieces(text, cuts)) == found_in([text])


def test_an_object_is_found_with_its_last_brace_and_not_before():
    stream = ObjectStream()
    assert stream.feed('{"title": "T", "objects": [{"a": {"b": 1}') == []
    assert stream.feed("}") == [{"a": {"b": 1}}]
    assert stream.feed(', {"c":') == []
    assert stream.feed(' "}"}]}') == [{"c": "}"}]


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "objects", "shapes": [{"a": 1}]}',
        '{"objects": {"objects": [{"a": 1}]}}',
        '[{"objects": 1}]',
        '{"objects": [[{"a": 1}]]}',
    ],
)
def test_objects_of_another_list_are_not_taken(text):
    assert found_in([text]) == []


def test_prose_and_a_code_fence_before_the_json_are_passed_over():
    assert found_in(['A 5" draft]:\n```json\n{"objects": [{"a": 1}]}\n```']) == [{"a": 1}]


def test_an_empty_piece_after_a_backslash_changes_nothing():
    text = '{"objects": [{"a": "\\"}{"}]}'
    assert found_in([piece for char in text for piece in (char, "")]) == [{"a": '"}{'}]


def test_a_broken_element_is_left_out_and_the_next_one_found():
    assert found_in(['{"objects": [{"a": }, {"b": 2}]}']) == [{"b": 2}]


def test_an_element_too_deep_to_parse_is_left_out():
    deep = '{"a":' * 30_000 + "1" + "}" * 30_000
    assert found_in([f'{{"objects": [{deep}, {{"b": 2}}]}}']) == [{"b": 2}]
