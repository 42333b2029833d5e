"""The contract's ranges, written down a second time and independently of the code under test."""

import math
import re

from jobs.handlers.text_fit import TYPICAL, height, width

COLOUR = re.compile(r"#[0-9A-F]{6}")
PROPERTIES = {
    "rectangle": {"x", "y", "width", "height", "fill", "stroke", "strokeWidth"},
    "diamond": {"x", "y", "width", "height", "fill", "stroke", "strokeWidth"},
    "star": {"x", "y", "width", "height", "fill", "stroke", "strokeWidth"},
    "heart": {"x", "y", "width", "height", "fill", "stroke", "strokeWidth"},
    "circle": {"x", "y", "radius", "fill", "stroke", "strokeWidth"},
    "text": {"x", "y", "text", "fontSize", "fill", "color"},
    "arrow": {"x", "y", "points", "fill", "stroke", "strokeWidth"},
    "line": {"x", "y", "points", "fill", "stroke", "strokeWidth"},
}
RANGES = {"width": (10, 500), "height": (10, 500), "radius": (10, 250), "fontSize": (8, 24), "strokeWidth": (1, 5)}


def assert_within_contract(obj):
    kind, its = obj["object_type"], obj["properties"]
    assert set(obj) == {"object_type", "properties", "z_index"}
    assert set(its) == PROPERTIES[kind]
    assert isinstance(obj["z_index"], int)
    for name, value in its.items():
        if name in ("fill", "stroke", "color"):
            assert COLOUR.fullmatch(value)
        elif name not in ("text", "points"):
            assert isinstance(value, int | float)
            assert math.isfinite(value)
    for name, (low, high) in RANGES.items():
        assert low <= its.get(name, low) <= high
    assert_on_canvas(kind, its)
    if kind == "text":
        assert_storable(its["text"])
        assert its["text"].strip()


def assert_storable(text):
    """What PostgreSQL's jsonb takes, and a person can read."""
    assert "\0" not in text
    text.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def assert_on_canvas(kind, its):
    left, top, right, bottom = extent(kind, its)
    slack = 0.01  # of a pixel, for arithmetic in binary
    assert left >= -slack
    assert top >= -slack
    assert right <= 1000 + slack
    assert bottom <= 1000 + slack


def extent(kind, its):
    x, y = its["x"], its["y"]
    if kind == "circle":
        return x - its["radius"], y - its["radius"], x + its["radius"], y + its["radius"]
    if kind in ("diamond", "star", "heart"):
        return x - its["width"] / 2, y - its["height"] / 2, x + its["width"] / 2, y + its["height"] / 2
    if kind == "rectangle":
        return x, y, x + its["width"], y + its["height"]
    if kind == "text":
        lines = its["text"].count("\n") + 1
        return x, y, x + width(its["text"], its["fontSize"]) * TYPICAL, y + height(lines, its["fontSize"])
    zero_x, zero_y, dx, dy = its["points"]
    assert (zero_x, zero_y) == (0, 0)
    assert (dx, dy) != (0, 0)
    return min(x, x + dx), min(y, y + dy), max(x, x + dx), max(y, y + dy)
