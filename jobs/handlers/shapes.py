"""The objects of a canvas as plain dicts, each in the layer where it belongs: frames, lines, shapes, text."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jobs.handlers.palettes import Palette, Tone
from jobs.handlers.text_fit import TYPICAL, Fitted, Room, fit, width

Object = dict[str, Any]
Point = tuple[int, int]

SIDE_PX, MARGIN_PX, GRID_PX = 1000, 50, 10
FRAME, LINE, SHAPE, TEXT = range(4)  # z_index
TITLE_PX = 24  # the font size of a title


@dataclass(frozen=True, slots=True)
class Box:
    """A shape's bounding rectangle; x and y are its top left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, centre: Point, width: int, height: int) -> "Box":
        return cls(centre[0] - width // 2, centre[1] - height // 2, width, height)

    @property
    def centre(self) -> Point:
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def top(self) -> Point:
        return self.centre[0], self.y

    @property
    def bottom(self) -> Point:
        return self.centre[0], self.y + self.height

    @property
    def left(self) -> Point:
        return self.x, self.centre[1]

    @property
    def right(self) -> Point:
        return self.x + self.width, self.centre[1]


def rectangle(box: Box, tone: Tone, layer: int = SHAPE) -> Object:
    size = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return _object("rectangle", layer, **size, **_paint(tone))


def diamond(box: Box, tone: Tone) -> Object:
    x, y = box.centre
    return _object("diamond", SHAPE, x=x, y=y, width=box.width, height=box.height, **_paint(tone))


def circle(box: Box, tone: Tone) -> Object:
    x, y = box.centre
    return _object("circle", SHAPE, x=x, y=y, radius=min(box.width, box.height) // 2, **_paint(tone))


def arrow(points: Sequence[Point], palette: Palette) -> list[Object]:
    """Straight pieces along the points, the last one with a head."""
    pieces = line(points, palette.line, palette.stroke_width)
    return [*pieces[:-1], {**pieces[-1], "object_type": "arrow"}] if pieces else []


def line(points: Sequence[Point], colour: str, thick: int) -> list[Object]:
    """Straight pieces along the points."""
    return [_piece(a, b, colour, thick) for a, b in pairwise(points) if a != b]


def centred_text(fitted: Fitted, centre: Point, colour: str) -> Object:
    """The text with its middle at `centre`, in a font of usual width."""
    x = round(centre[0] - fitted.width * TYPICAL / 2)
    return _text(fitted.text, (x, round(centre[1] - fitted.height / 2)), fitted.font_size, colour)


def labelled(shape: Object, box: Box, text: str, tone: Tone, font_size: int) -> list[Object]:
    """A shape and its text, at this size or, where it does not fit, a smaller one."""
    fitted = fit(text, room_in(box, shape["object_type"]), font_size)
    return [shape, centred_text(fitted, box.centre, tone.text)]


def text_at(text: str, corner: Point, font_size: int, colour: str) -> Object:
    """The text with its top left corner there."""
    return _text(text, corner, font_size, colour)


def title(text: str, palette: Palette, y: int) -> Object:
    """One line at most, in the middle of the canvas; `y` is its own middle."""
    room = Room(SIDE_PX - 2 * MARGIN_PX, TITLE_PX * 1.3)
    return centred_text(fit(text, room, TITLE_PX), (SIDE_PX // 2, y), palette.text)


def room_in(box: Box, shape: str = "rectangle") -> Room:
    """The space for text inside a shape of that outline, with some air around it."""
    if shape == "diamond":
        return Room(box.width - 8, box.height - 6, "diamond")
    if shape == "circle":
        return Room(box.width - 12, box.width - 12, "circle")
    return Room(box.width - 20, box.height - 12)


def bounds(objects: Sequence[Object]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of everything drawn."""
    boxes = [_extent(obj["object_type"], obj["properties"]) for obj in objects]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def moved(objects: Sequence[Object], dx: int, dy: int) -> list[Object]:
    return [_moved(obj, dx, dy) for obj in objects]


def centred(objects: Sequence[Object]) -> list[Object]:
    """Everything moved, in steps of the grid, so that the whole stands in the middle of the canvas."""
    left, top, right, bottom = bounds(objects)
    return moved(objects, snapped((SIDE_PX - left - right) / 2), snapped((SIDE_PX - top - bottom) / 2))


def snapped(position: float) -> int:
    """The nearest line of the grid."""
    return round(position / GRID_PX) * GRID_PX


def _object(object_type: str, layer: int, **properties: Any) -> Object:
    return {"object_type": object_type, "properties": properties, "z_index": layer}


def _moved(obj: Object, dx: int, dy: int) -> Object:
    properties = obj["properties"]
    return {**obj, "properties": {**properties, "x": properties["x"] + dx, "y": properties["y"] + dy}}


def _paint(tone: Tone) -> dict[str, Any]:
    return {"fill": tone.fill, "stroke": tone.stroke, "strokeWidth": tone.stroke_width}


def _piece(start: Point, end: Point, colour: str, thick: int) -> Object:
    points = [0, 0, end[0] - start[0], end[1] - start[1]]
    paint = {"fill": colour, "stroke": colour, "strokeWidth": thick}
    return _object("line", LINE, x=start[0], y=start[1], points=points, **paint)


def _text(text: str, corner: Point, font_size: int, colour: str) -> Object:
    paint = {"fontSize": font_size, "fill": colour, "color": colour}
    return _object("text", TEXT, x=corner[0], y=corner[1], text=text, **paint)


def _extent(object_type: str, its: dict[str, Any]) -> tuple[float, float, float, float]:
    x, y = its["x"], its["y"]
    match object_type:
        case "circle":
            return x - its["radius"], y - its["radius"], x + its["radius"], y + its["radius"]
        case "diamond":
            half_width, half_height = its["width"] / 2, its["height"] / 2
            return x - half_width, y - half_height, x + half_width, y + half_height
        case "text":
            lines = its["text"].count("\n") + 1
            return x, y, x + width(its["text"], its["fontSize"]), y + lines * its["fontSize"]
        case "rectangle":
            return x, y, x + its["width"], y + its["height"]
        case _:  # line, arrow
            dx, dy = its["points"][2:4]
            return min(x, x + dx), min(y, y + dy), max(x, x + dx), max(y, y + dy)
