"""What the tests of all layouts measure: overlaps, texts in their shapes, ways through shapes, ranges of numbers."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from hypothesis import strategies as st

from jobs.handlers.text_fit import TYPICAL, height, width

Object = dict[str, Any]
COLOUR = re.compile(r"#[0-9A-F]{6}")
CLOSED = {"rectangle", "diamond", "circle"}

FRAGMENTS = [
    *("flowchart: ", "login flowchart: ", "mind map of ", "timeline: ", "org chart: ", "kanban: ", "wireframe with "),
    *(", ", ", ", "; ", "; ", " -> ", " > ", ": ", "\n", "\n- ", "\n  - ", "\n1. ", " (", ")", ". ", "? ", " and "),
    *("if ", " then ", " otherwise ", "else ", "no: ", "yes: ", "check", "check stock", "is it valid?", "approved"),
    *("go back", "go back to enter", "try again", "repeat", "locked after 3 tries", "rejected", "show error", "start"),
    *("enter password", "ship it", "pay", "a", "b", "c", "done", "2021 ", "in May 2022 ", "Q3 ", "header", "form"),
    *("CEO", "CTO", "a rather long step with many words that hardly fit", "Donaudampfschifffahrtsgesellschaft", "登录"),
    *("🚀", "é", "\u0000", "\ud800", "\u202e", "<b>", '"', "x" * 60),
]
instructions = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=40).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=15).map(lambda parts: "flowchart: " + "; ".join(parts)),
    st.text(max_size=200),
)


class Area(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def within(self, other: "Area") -> bool:
        inside = other.left <= self.left and other.top <= self.top
        return inside and self.right <= other.right and self.bottom <= other.bottom

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def gap_to(self, other: "Area") -> float:
        """The distance of the two, negative where they overlap."""
        across = max(other.left - self.right, self.left - other.right)
        down = max(other.top - self.bottom, self.top - other.bottom)
        return math.hypot(across, down) if across > 0 and down > 0 else max(across, down)


def closed(objects: Sequence[Object]) -> list[tuple[str, Area]]:
    """Every shape that has an inside, with its bounding box."""
    return [(obj["object_type"], area(obj)) for obj in objects if obj["object_type"] in CLOSED]


def area(obj: Object) -> Area:
    its = obj["properties"]
    x, y = its["x"], its["y"]
    if obj["object_type"] == "circle":
        return Area(x - its["radius"], y - its["radius"], x + its["radius"], y + its["radius"])
    if obj["object_type"] == "diamond":
        half_width, half_height = its["width"] / 2, its["height"] / 2
        return Area(x - half_width, y - half_height, x + half_width, y + half_height)
    if obj["object_type"] == "text":
        lines = its["text"].count("\n") + 1
        return Area(x, y, x + width(its["text"], its["fontSize"]), y + height(lines, its["fontSize"]))
    if obj["object_type"] == "rectangle":
        return Area(x, y, x + its["width"], y + its["height"])
    dx, dy = its["points"][2:]
    return Area(min(x, x + dx), min(y, y + dy), max(x, x + dx), max(y, y + dy))


def kept_within_the_contract(objects: Sequence[Object]) -> None:
    assert 1 <= len(objects) <= 50
    for obj in objects:
        assert set(obj) == {"object_type", "properties", "z_index"}
        assert area(obj).within(Area(0, 0, 1000, 1000)), obj
        for name, value in obj["properties"].items():
            _in_range(name, value)


def _in_range(name: str, value: Any) -> None:
    ranges = {"width": (10, 500), "height": (10, 500), "radius": (10, 250), "fontSize": (8, 24), "strokeWidth": (1, 5)}
    if name in ranges:
        low, high = ranges[name]
        assert isinstance(value, int)
        assert low <= value <= high, (name, value)
    elif name in {"fill", "stroke", "color"}:
        assert COLOUR.fullmatch(value)
    elif name == "points":
        assert value[:2] == [0, 0]
        assert any(value[2:])
    elif name == "text":
        assert value.strip()
        assert value.isprintable() or "\n" in value


def no_shapes_overlap(objects: Sequence[Object], least_gap_px: float) -> None:
    """Two shapes are apart, or one is a frame that holds the other."""
    shapes = [obj for obj in objects if obj["object_type"] in CLOSED]
    for one, other in combinations(shapes, 2):
        if _frames(one, other) or _frames(other, one):
            continue
        rounded = {one["object_type"], other["object_type"]} & {"circle", "diamond"}
        assert area(one).gap_to(area(other)) >= (0 if rounded else least_gap_px), (one, other)


def _frames(outer: Object, inner: Object) -> bool:
    return outer["z_index"] == 0 and inner["z_index"] > 0 and area(inner).within(area(outer))


def texts_fit(objects: Sequence[Object]) -> None:
    """A text is inside its shape, or on no shape and on no line and on no other text."""
    shapes = closed(objects)
    free = []
    for text in (obj for obj in objects if obj["object_type"] == "text"):
        box = area(text)
        x, y = box.left + (box.right - box.left) * TYPICAL / 2, (box.top + box.bottom) / 2
        holders = [(kind, shape) for kind, shape in shapes if shape.holds(x, y)]
        if not holders:
            free.append((text, box))
            continue
        kind, holder = min(holders, key=lambda held: held[1].right - held[1].left)
        half = (box.right - box.left) / 2
        centred = Area(x - half, box.top, x + half, box.bottom)
        assert any(_holds(kind, holder, tried) for tried in (box, centred)), (text, holder)
    for text, box in free:
        inner = Area(box.left + 2, box.top + 2, box.left + (box.right - box.left) * TYPICAL, box.bottom - 2)
        assert all(inner.gap_to(shape) >= 0 for _, shape in shapes), text
        assert not any(_crosses(a, b, inner) for a, b in segments(objects)), text
    for (one, one_box), (other, other_box) in combinations(free, 2):
        assert one_box.gap_to(other_box) >= -2, (one, other)


def _holds(kind: str, holder: Area, box: Area) -> bool:
    x, y = (holder.left + holder.right) / 2, (holder.top + holder.bottom) / 2
    half_width, half_height = (holder.right - holder.left) / 2, (holder.bottom - holder.top) / 2
    across, down = max(abs(box.left - x), abs(box.right - x)), max(abs(box.top - y), abs(box.bottom - y))
    if kind == "diamond":
        return across / half_width + down / half_height <= 1
    if kind == "circle":
        return math.hypot(across, down) <= half_width
    return box.within(holder)


Point = tuple[float, float]


def segments(objects: Sequence[Object]) -> Iterator[tuple[Point, Point]]:
    for obj in objects:
        if obj["object_type"] in {"line", "arrow"}:
            its = obj["properties"]
            yield (its["x"], its["y"]), (its["x"] + its["points"][2], its["y"] + its["points"][3])


def no_way_runs_through_a_shape(objects: Sequence[Object]) -> None:
    for a, b in segments(objects):
        for kind, shape in closed(objects):
            inset = 0.3 * (shape.right - shape.left) if kind != "rectangle" else 1
            inner = Area(shape.left + inset, shape.top + inset / 2, shape.right - inset, shape.bottom - inset / 2)
            assert not _crosses(a, b, inner), (a, b, shape)


def _crosses(a: Point, b: Point, box: Area) -> bool:
    """The segment has a point inside the box (Liang and Barsky's clipping)."""
    start, end = 0.0, 1.0
    for delta, low, high in (
        (b[0] - a[0], box.left - a[0], box.right - a[0]),
        (b[1] - a[1], box.top - a[1], box.bottom - a[1]),
    ):
        if delta == 0:
            if low >= 0 or high <= 0:
                return False
            continue
        near, far = sorted((low / delta, high / delta))
        start, end = max(start, near), min(end, far)
    return start < end


def edge_middles(objects: Sequence[Object]) -> set[Point]:
    found: set[Point] = set()
    for _, shape in closed(objects):
        x, y = (shape.left + shape.right) / 2, (shape.top + shape.bottom) / 2
        found |= {(x, shape.top), (x, shape.bottom), (shape.left, y), (shape.right, y)}
    return found


def ways_join_edge_middles(objects: Sequence[Object]) -> None:
    """Every way begins and ends at the middle of an edge; in between its pieces hang together."""
    middles = edge_middles(objects)
    ends = {end for _, end in segments(objects)}
    for obj, (start, end) in zip(
        [obj for obj in objects if obj["object_type"] in {"line", "arrow"}], segments(objects), strict=True
    ):
        assert start in middles or start in ends, obj
        assert end in middles or obj["object_type"] == "line", obj
