"""The light repair of a drawing whose objects are right one by one: texts fit their shapes and can be read.

A model cannot measure text.  So a text that does not fit its shape gets smaller or more lines.  One that is alone
on a shape and sticks out, or almost stands in the middle, is put in the middle; what shares its shape with others
is only pushed inside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jobs.handlers import text_fit
from jobs.handlers.palettes import WHITE, contrast
from jobs.handlers.shapes import FRAME, SHAPE, SIDE_PX, Object
from jobs.handlers.text_fit import TYPICAL, Fitted, Room

PADDING_PX = 6
NEAR_MIDDLE = 0.12  # of the shape's width or height: what is off by less was meant to be centred
LEGIBLE = 4.5  # WCAG's contrast for text
DARK, LIGHT = "#1E293B", WHITE

_ROOM: dict[str, tuple[float, float, Literal["rectangle", "diamond", "circle"]]] = {  # part of width and height
    "rectangle": (1.0, 1.0, "rectangle"),
    "diamond": (1.0, 1.0, "diamond"),
    "circle": (1.0, 1.0, "circle"),
    "star": (0.45, 0.35, "rectangle"),
    "heart": (0.7, 0.5, "rectangle"),
}


@dataclass(frozen=True, slots=True)
class Area:
    """A shape's bounding box and what stands in it."""

    kind: str
    left: float
    top: float
    width: float
    height: float
    fill: str = WHITE

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def room(self) -> Room:
        wide, tall, shape = _ROOM[self.kind]
        return Room(max(1, self.width * wide - 2 * PADDING_PX), max(1, self.height * tall - 2 * PADDING_PX), shape)

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.left + self.width and self.top <= y <= self.top + self.height

    def contains(self, other: "Area") -> bool:
        far = other.left + other.width, other.top + other.height
        return self != other and self.holds(other.left, other.top) and self.holds(*far)


def repair(objects: Sequence[Object]) -> list[Object]:
    """The same objects in the same order, texts moved, shrunk or recoloured, frames put behind what they frame."""
    areas = [area for obj in objects if (area := _area(obj))]
    grounds = [_ground(obj, areas) for obj in objects]
    return [
        _text_repaired(obj, ground, alone=grounds.count(ground) == 1) if ground else _behind(obj, areas)
        for obj, ground in zip(objects, grounds, strict=True)
    ]


def _area(obj: Object) -> Area | None:
    """None for texts and lines."""
    kind, its = obj["object_type"], obj["properties"]
    if kind == "circle":
        reach = its["radius"]
        return Area(kind, its["x"] - reach, its["y"] - reach, 2 * reach, 2 * reach, its["fill"])
    if kind not in _ROOM:
        return None
    wide, tall = its["width"], its["height"]
    left, top = (its["x"], its["y"]) if kind == "rectangle" else (its["x"] - wide / 2, its["y"] - tall / 2)
    return Area(kind, left, top, wide, tall, its["fill"])


def _ground(obj: Object, areas: Sequence[Area]) -> Area | None:
    """The smallest shape on which a text's middle or beginning stands, else the canvas; None for all but texts."""
    if obj["object_type"] != "text":
        return None
    x, y = obj["properties"]["x"], obj["properties"]["y"]
    lines = _lines(obj["properties"])
    middle = x + lines.width / 2, y + lines.height / 2
    under = [area for area in areas if area.holds(*middle)] or [area for area in areas if area.holds(x, y)]
    return min(under, key=lambda area: area.width * area.height, default=_CANVAS)


def _text_repaired(obj: Object, ground: Area, *, alone: bool) -> Object:
    its = obj["properties"]
    colour = its["fill"] if contrast(its["fill"], ground.fill) >= LEGIBLE else _readable_on(ground.fill)
    placed = {} if ground is _CANVAS else _placed(its, ground, alone=alone)
    return {**obj, "properties": {**its, **placed, "fill": colour, "color": colour}}


def _placed(its: dict[str, Any], ground: Area, *, alone: bool) -> dict[str, Any]:
    """Where and how large the text stands on its shape."""
    lines = _lines(its)
    if lines.width > ground.room.line_width(lines.height):
        lines = text_fit.fit(its["text"], ground.room, its["fontSize"])
        return _centred(lines, ground)
    inside = _inside(its, lines, ground)
    meant_as_label = ground.kind != "rectangle" or inside != _corner(its) or _almost_centred(its, lines, ground)
    return _centred(lines, ground) if alone and meant_as_label else inside


def _almost_centred(its: dict[str, Any], lines: Fitted, ground: Area) -> bool:
    x, y = ground.middle
    off_x: float = abs(its["x"] + lines.width / 2 - x)
    off_y: float = abs(its["y"] + lines.height / 2 - y)
    return off_x <= NEAR_MIDDLE * ground.width and off_y <= NEAR_MIDDLE * ground.height


def _centred(lines: Fitted, ground: Area) -> dict[str, Any]:
    x, y = ground.middle
    corner = {"x": round(x - lines.width * TYPICAL / 2), "y": round(y - lines.height / 2)}
    return {**corner, "text": lines.text, "fontSize": lines.font_size}


def _inside(its: dict[str, Any], lines: Fitted, ground: Area) -> dict[str, Any]:
    """Pushed just far enough that nothing sticks out."""
    right = math.floor(ground.left + ground.width - lines.width)
    bottom = math.floor(ground.top + ground.height - lines.height)
    return {"x": max(ground.left, min(right, its["x"])), "y": max(ground.top, min(bottom, its["y"]))}


def _corner(its: dict[str, Any]) -> dict[str, Any]:
    return {"x": its["x"], "y": its["y"]}


def _behind(obj: Object, areas: Sequence[Area]) -> Object:
    """A shape around another shape belongs behind it and behind its lines."""
    area = _area(obj)
    if area and obj["z_index"] == SHAPE and any(area.contains(other) for other in areas):
        return {**obj, "z_index": FRAME}
    return obj


def _lines(its: dict[str, Any]) -> Fitted:
    return text_fit.fitted(its["text"].split("\n"), its["fontSize"])


def _readable_on(fill: str) -> str:
    return max(DARK, LIGHT, key=lambda colour: contrast(colour, fill))


_CANVAS = Area("rectangle", 0, 0, SIDE_PX, SIDE_PX)
