import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.svg import render

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "</svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "javascript:alert(1)",
    "url(https://example.org/x)",
    "&lt;b&gt; &amp; &#0; ]]> <!-- <!DOCTYPE x [",
    "\u0000\u0008\ud800\ufffe text",
    math.nan,
    math.inf,
    -math.inf,
    10**400,
    "NaN",
    True,
    None,
    [],
    {"x": 1},
]
PARTS = ["rectangle", "circle", "diamond", "star", "heart", "text", "arrow", "line", "script", "image", "foreignObject"]
NAMES = ["x", "y", "width", "height", "radius", "points", "fill", "stroke", "strokeWidth", "text", "fontSize", "color"]
ALLOWED = {f"{SVG}{name}" for name in ("svg", "title", "rect", "circle", "polygon", "polyline", "text", "tspan")}
ATTRIBUTES = {
    *("width", "height", "viewBox", "font-family", "x", "y", "rx", "cx", "cy", "r", "points", "fill", "stroke"),
    *("stroke-width", "stroke-linecap", "stroke-linejoin", "font-size", "text-anchor"),
}

values = st.one_of(st.sampled_from(HOSTILE), st.integers(), st.floats(), st.text(max_size=30), st.lists(st.floats()))
objects = st.fixed_dictionaries(
    {},
    optional={
        "object_type": st.one_of(st.sampled_from(PARTS), values),
        "properties": st.one_of(st.dictionaries(st.sampled_from(NAMES), values, max_size=8), values),
        "z_index": values,
    },
)
canvases = st.fixed_dictionaries(
    {}, optional={"title": values, "objects": st.lists(st.one_of(objects, values), max_size=6)}
)


def parsed(canvas: dict) -> ET.Element:
    return ET.fromstring(render(canvas).encode())


def drawn(*parts: tuple[str, dict], **canvas) -> ET.Element:
    found = [{"object_type": kind, "properties": its, "z_index": n} for n, (kind, its) in enumerate(parts)]
    return parsed({"title": "A title", "objects": found, **canvas})


def first(root: ET.Element, name: str, at: int = 0) -> ET.Element:
    return root.findall(f"{SVG}{name}")[at]


@settings(derandomize=True, deadline=None, max_examples=250)
@given(canvases)
def test_whatever_a_canvas_holds_the_picture_is_well_formed_and_inert(canvas):
    for element in parsed(canvas).iter():
        assert element.tag in ALLOWED
        for name, value in element.attrib.items():
            assert name in ATTRIBUTES
            assert re.fullmatch(r"[-\w#. ,]*", value)
            assert not re.search(r"nan|inf|\de[+-]?\d", value) or value.startswith("#")


@pytest.mark.parametrize("text", [text for text in HOSTILE if isinstance(text, str)])
def test_hostile_text_is_shown_as_text(text):
    root = drawn(("text", {"x": 1, "y": 2, "text": text, "fill": text, "fontSize": 12}), title=text)
    shown = "".join(first(root, "text").itertext())
    assert shown == re.sub("[\u0000\u0008\ud800\ufffe]", "", text)
    assert (first(root, "title").text or "") == shown
    assert first(root, "text").get("fill") == "#1E293B"
    assert "<script" not in render({"title": text, "objects": []})


def test_the_picture_is_a_thousand_by_a_thousand_on_white():
    root = drawn()
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("1000", "1000", "0 0 1000 1000")
    assert root.get("font-family") == "sans-serif"
    assert first(root, "rect").attrib == {"width": "1000", "height": "1000", "fill": "#FFFFFF"}
    assert first(root, "title").text == "A title"


def test_each_shape_stands_where_its_properties_say():
    paint = {"fill": "#aabbcc", "stroke": "#112233", "strokeWidth": 3}
    box = {"x": 100, "y": 200, "width": 60, "height": 40}
    root = drawn(("rectangle", box | paint), ("circle", {"x": 5, "y": 6, "radius": 7}), ("diamond", box))
    rectangle = first(root, "rect", 1)
    assert [rectangle.get(name) for name in ("x", "y", "width", "height")] == ["100", "200", "60", "40"]
    assert [rectangle.get(name) for name in ("fill", "stroke", "stroke-width")] == ["#aabbcc", "#112233", "3"]
    assert [first(root, "circle").get(name) for name in ("cx", "cy", "r")] == ["5", "6", "7"]
    assert first(root, "polygon").get("points") == "100,180 130,200 100,220 70,200"


@pytest.mark.parametrize("kind", ["star", "heart"])
def test_a_star_and_a_heart_stay_in_their_box_and_reach_its_top(kind):
    root = drawn((kind, {"x": 100, "y": 100, "width": 80, "height": 60}))
    points = [tuple(map(float, pair.split(","))) for pair in first(root, "polygon").get("points", "").split()]
    assert all(59.9 <= x <= 140.1 and 69.9 <= y <= 130.1 for x, y in points)
    assert min(y for _, y in points) == 70


def test_an_arrow_ends_with_its_tip_at_its_end():
    root = drawn(("arrow", {"x": 10, "y": 20, "points": [0, 0, 100, 0], "stroke": "#112233", "strokeWidth": 2}))
    assert first(root, "polyline").get("points") == "10,20 99,20"
    assert first(root, "polygon").get("points", "").split()[0] == "110,20"
    assert first(root, "polygon").get("fill") == "#112233"


def test_a_line_has_no_head_and_may_have_corners():
    root = drawn(("line", {"x": 10, "y": 20, "points": [0, 0, 50, 0, 50, 30]}))
    assert first(root, "polyline").get("points") == "10,20 60,20 60,50"
    assert root.find(f"{SVG}polygon") is None


@pytest.mark.parametrize("points", [None, [], [0, 0], [0, 0, 0, 0], "abc"])
def test_an_arrow_of_no_length_is_left_out(points):
    assert drawn(("arrow", {"x": 1, "y": 1, "points": points})).find(f"{SVG}polygon") is None


def test_an_unknown_type_is_left_out():
    assert len(drawn(("script", {"text": "alert(1)"}), ("image", {"href": "https://example.org"}))) == 2


def test_missing_properties_have_defaults():
    root = drawn(("rectangle", {}), ("circle", {}), ("text", {}), ("star", {}))
    assert [child.tag.removeprefix(SVG) for child in root] == ["title", "rect", "rect", "circle", "text", "polygon"]


def test_what_lies_higher_is_drawn_later():
    low = {"object_type": "circle", "properties": {"radius": 20}, "z_index": 1}
    high = {"object_type": "circle", "properties": {"radius": 30}, "z_index": 2}
    root = parsed({"title": "", "objects": [high, low]})
    assert [circle.get("r") for circle in root.findall(f"{SVG}circle")] == ["20", "30"]


def test_lines_of_a_text_stand_under_each_other():
    root = drawn(("text", {"x": 10, "y": 100, "text": "one\ntwo\r\nthree", "fontSize": 20, "fill": "#010203"}))
    spans = list(first(root, "text"))
    assert [span.text for span in spans] == ["one", "two", "three"]
    assert [span.get("x") for span in spans] == ["10", "10", "10"]
    ys = [float(span.get("y", "")) for span in spans]
    assert ys[1] - ys[0] == pytest.approx(24)
    assert 100 < ys[0] < 120


def test_a_text_placed_in_the_middle_of_its_shape_is_centred_whatever_the_font():
    box = ("rectangle", {"x": 100, "y": 100, "width": 200, "height": 60})
    inside = drawn(box, ("text", {"x": 167, "y": 120, "text": "Password", "fontSize": 16}))
    assert first(inside, "text").get("text-anchor") == "middle"
    assert first(inside, "text")[0].get("x") == "200"
    at_the_left = drawn(box, ("text", {"x": 110, "y": 120, "text": "Password", "fontSize": 16}))
    assert first(at_the_left, "text").get("text-anchor") == "start"
    assert first(at_the_left, "text")[0].get("x") == "110"
