import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.handlers.canvas import MOST_OBJECTS, accept, accept_all, clean
from jobs.handlers.schema import canvas_schema
from tests.fake_openai.drawing import canvas_json
from tests.jobs.handlers.canvas_rules import PROPERTIES, assert_storable, assert_within_contract

KINDS = st.sampled_from([*PROPERTIES, "cube", "", None, 7])
NAMES = st.sampled_from(sorted(set().union(*PROPERTIES.values())))
NUMBERS = (
    st.integers() | st.floats() | st.integers(-50, 1500) | st.sampled_from(["12", " 7.5", "x", "nan", 10**400, True])
)
TEXTS = st.text(max_size=40) | st.text(alphabet=st.characters(), max_size=5) | st.sampled_from(["\ud800", "\0", "#abc"])
VALUES = st.none() | NUMBERS | TEXTS | st.lists(NUMBERS, max_size=6)
JSON = st.recursive(VALUES, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXTS, v, max_size=3), max_leaves=6)
NEARLY = st.fixed_dictionaries(
    {"object_type": KINDS, "properties": st.dictionaries(NAMES, VALUES, max_size=8) | JSON},
    optional={"z_index": VALUES},
)

RECTANGLE = {"x": 100, "y": 100, "width": 160, "height": 60, "fill": "#DBEAFE", "stroke": "#1E3A8A", "strokeWidth": 2}
CENTRED = {"x": 300, "y": 300, "width": 100, "height": 80, "fill": "#DBEAFE", "stroke": "#1E3A8A", "strokeWidth": 2}
CIRCLE = {"x": 300, "y": 300, "radius": 50, "fill": "#DBEAFE", "stroke": "#1E3A8A", "strokeWidth": 2}
TEXT = {"x": 120, "y": 120, "text": "Enter password", "fontSize": 16, "fill": "#1F2937", "color": "#1F2937"}
ARROW = {"x": 180, "y": 160, "points": [0, 0, 0, 80], "stroke": "#1E3A8A", "strokeWidth": 2, "fill": "#1E3A8A"}
GOOD = {
    "rectangle": RECTANGLE,
    "diamond": CENTRED,
    "star": CENTRED,
    "heart": CENTRED,
    "circle": CIRCLE,
    "text": TEXT,
    "arrow": ARROW,
    "line": ARROW,
}


def made(object_type, **changes: object):
    """A good object of this type with some properties changed, judged."""
    return accept({"object_type": object_type, "properties": {**GOOD[object_type], **changes}})


def properties(object_type, **changes: object):
    obj = made(object_type, **changes)
    assert obj is not None
    return obj["properties"]


@given(raw=JSON | NEARLY)
def test_any_json_becomes_an_object_within_the_contract_or_nothing(raw):
    obj = accept(raw)
    if obj is not None:
        assert_within_contract(obj)
        json.dumps(obj, allow_nan=False)


@given(kind=st.sampled_from(list(GOOD)), changes=st.dictionaries(NAMES, st.floats(-1e6, 1e6), max_size=3))
def test_wild_numbers_are_clamped_not_dropped(kind, changes):
    changes = {name: value for name, value in changes.items() if name not in ("text", "points")}
    obj = made(kind, **changes)
    if kind not in ("arrow", "line"):  # an arrow that lies outside altogether has no length left
        assert obj is not None
    if obj:
        assert_within_contract(obj)


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_object_stays_as_it_is(kind):
    assert properties(kind) == GOOD[kind]


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, "left", True, [], 10**400, "1e999"])
def test_a_place_that_is_no_finite_number_refuses_the_object(kind, bad):
    assert made(kind, x=bad) is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "circle",
        {},
        {"object_type": "cube", "properties": RECTANGLE},
        {"object_type": ["circle"], "properties": CIRCLE},
        {"object_type": "circle"},
        {"object_type": "circle", "properties": []},
        {"object_type": "circle", "properties": {"x": 1, "y": 1}},
        {"object_type": "text", "properties": {**TEXT, "text": " \n\t\u0000"}},
        {"object_type": "text", "properties": {**TEXT, "text": 7}},
        {"object_type": "arrow", "properties": {**ARROW, "points": [0, 0, 0, 0]}},
        {"object_type": "arrow", "properties": {**ARROW, "points": [0, 0]}},
        {"object_type": "arrow", "properties": {**ARROW, "points": "0 0 1 1"}},
        {"object_type": "arrow", "properties": {**ARROW, "points": [0, 0, math.nan, 1]}},
        {"object_type": "circle", "properties": CIRCLE, "z_index": math.nan},
    ],
)
def test_what_cannot_be_drawn_is_dropped(raw):
    assert accept(raw) is None


@pytest.mark.parametrize(
    ("given_colour", "colour"),
    [
        ("#aabbcc", "#AABBCC"),
        ("#abc", "#AABBCC"),
        ("#abcd", "#AABBCC"),
        ("#aabbccdd", "#AABBCC"),
        (" Red ", "#FF0000"),
        ("url(javascript:alert(1))", "#FFFFFF"),
        ("#12345", "#FFFFFF"),
        ("#aabbcc\n", "#AABBCC"),
        (None, "#FFFFFF"),
        (7, "#FFFFFF"),
    ],
)
def test_colours_become_rrggbb_or_the_default(given_colour, colour):
    assert properties("rectangle", fill=given_colour)["fill"] == colour


def test_a_shape_outside_the_canvas_is_moved_in():
    assert (properties("rectangle", x=2000, y=-50)["x"], properties("rectangle", x=2000, y=-50)["y"]) == (840, 0)
    assert properties("circle", x=-500, radius=900)["x"] == 250
    assert properties("diamond", y=1000)["y"] == 960


def test_a_number_in_quotes_counts():
    assert properties("rectangle", width="120.4")["width"] == 120


def test_a_texts_two_colours_are_one():
    assert properties("text", fill=None, color="#abc")["fill"] == "#AABBCC"
    assert properties("text", fill="#123", color="#abc")["color"] == "#112233"


def test_a_text_wider_than_the_canvas_is_broken_into_lines():
    its = properties("text", text="word " * 50, fontSize=24)
    assert "\n" in its["text"]
    assert its["text"].split() == ["word"] * 50


def test_an_arrow_given_by_absolute_points_starts_at_the_first_one():
    its = properties("arrow", x=0, y=0, points=[100, 100, 200, 100, 300, 150])
    assert (its["x"], its["y"], its["points"]) == (100, 100, [0, 0, 200, 50])


def test_an_arrow_that_leaves_the_canvas_ends_at_its_edge():
    assert properties("arrow", points=[0, 0, 5000, 0])["points"] == [0, 0, 820, 0]


@given(text=st.text(alphabet=st.characters() | st.sampled_from("\0\ud800\udfff\x1b\r\n\t ")), most=st.integers(1, 50))
def test_a_cleaned_text_can_be_stored(text, most):
    cleaned = clean(text, most)
    assert_storable(cleaned)
    assert len(cleaned) <= most
    assert cleaned == cleaned.strip()


def test_cleaning_keeps_every_script_and_emoji():
    text = "Grüße, 東京, עברית, 👩🏽‍💻 <b>R&D</b>"
    assert clean(text, 200) == text


def test_at_most_fifty_objects_are_kept_and_unusable_ones_do_not_count():
    raws = json.loads(canvas_json("T", 2000))["objects"]
    objects = accept_all([{"object_type": "cube"}, *raws])
    assert len(objects) == MOST_OBJECTS
    assert [obj["object_type"] for obj in objects[:3]] == [raw["object_type"] for raw in raws[:3]]


@given(raws=st.lists(NEARLY, max_size=8))
def test_a_whole_drawing_is_within_the_contract_too(raws):
    for obj in accept_all(raws):
        assert_within_contract(obj)


def objects_of(schema):
    """Every object schema inside, itself included."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects_of(part)
    if isinstance(schema, list):
        for part in schema:
            yield from objects_of(part)


def test_the_schema_obeys_openais_strict_mode():
    found = list(objects_of(canvas_schema()))
    assert len(found) == 1 + 2 * len(PROPERTIES)
    for schema in found:
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])


def test_what_the_schema_asks_for_is_all_that_an_object_needs():
    kinds = canvas_schema()["properties"]["objects"]["items"]["anyOf"]
    asked = {k["properties"]["object_type"]["enum"][0]: k["properties"]["properties"]["required"] for k in kinds}
    assert set(asked) == set(PROPERTIES)
    for kind, names in asked.items():
        raw = {"object_type": kind, "properties": {name: GOOD[kind][name] for name in names}}
        assert accept(raw) == made(kind)
