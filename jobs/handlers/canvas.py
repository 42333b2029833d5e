"""The rules of a canvas: what a model wrote becomes an object within the contract, or nothing.

Canvas 1000 x 1000, origin top left.  Rectangles and texts are placed by their top left corner, lines and arrows by
their start, all other shapes by their centre.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from jobs.handlers import colours, text_fit
from jobs.handlers.repair import repair
from jobs.handlers.shapes import LINE, SHAPE, SIDE_PX, TEXT, Object

MOST_OBJECTS = 50
TITLE_CHARS, TEXT_CHARS = 200, 300
SIZE_PX, RADIUS_PX, STROKE_PX = (10, 500), (10, 250), (1, 5)
LAYERS = (0, 1000)
FILL, STROKE, INK = "#FFFFFF", "#334155", "#1E293B"  # where the model gave no colour that can be used

_UNFIT = re.compile("[^\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # controls and lone surrogates

Properties = Mapping[str, Any]


def accept(raw: object) -> Object | None:
    """The object with every number, colour and text brought into the contract's ranges and onto the canvas.

    None for what cannot be drawn: an unknown type, a number that is missing, NaN or infinite, a text of blanks,
    a line without length.
    """
    if not isinstance(raw, Mapping):
        return None
    kind, its = raw.get("object_type"), raw.get("properties")
    if not isinstance(kind, str) or kind not in _BUILD or not isinstance(its, Mapping):
        return None
    try:
        properties = _BUILD[kind](its)
        layer = _whole(raw.get("z_index", _LAYER.get(kind, SHAPE)), LAYERS)
    except ValueError:
        return None
    return {"object_type": kind, "properties": properties, "z_index": layer}


def accept_all(raws: Iterable[object]) -> list[Object]:
    """The first 50 objects that can be drawn, their texts made to fit the shapes on which they stand."""
    accepted = (accept(raw) for raw in raws)
    return repair(list(islice((obj for obj in accepted if obj), MOST_OBJECTS)))


def clean(text: object, most_chars: int) -> str:
    """A text without control characters and lone surrogates (PostgreSQL refuses them); "" for what is no text."""
    if not isinstance(text, str):
        return ""
    plain = text.replace("\r\n", "\n").replace("\t", " ")
    return _UNFIT.sub("", plain).strip()[:most_chars].rstrip()


def _rectangle(its: Properties) -> Properties:
    width, height = _whole(its.get("width"), SIZE_PX), _whole(its.get("height"), SIZE_PX)
    x, y = _within(its.get("x"), (0, SIDE_PX - width)), _within(its.get("y"), (0, SIDE_PX - height))
    return {"x": x, "y": y, "width": width, "height": height, **_paint(its)}


def _centred(its: Properties) -> Properties:
    width, height = _whole(its.get("width"), SIZE_PX), _whole(its.get("height"), SIZE_PX)
    return {**_centre(its, width / 2, height / 2), "width": width, "height": height, **_paint(its)}


def _circle(its: Properties) -> Properties:
    radius = _whole(its.get("radius"), RADIUS_PX)
    return {**_centre(its, radius, radius), "radius": radius, **_paint(its)}


def _centre(its: Properties, half_width: float, half_height: float) -> Properties:
    return {
        "x": _within(its.get("x"), (half_width, SIDE_PX - half_width)),
        "y": _within(its.get("y"), (half_height, SIDE_PX - half_height)),
    }


def _text(its: Properties) -> Properties:
    size = _whole(its.get("fontSize", 16), (text_fit.SMALLEST, text_fit.LARGEST))
    text = clean(its.get("text"), TEXT_CHARS)
    if not text:
        raise ValueError("no text")
    lines = text_fit.fitted(text.split("\n"), size)
    if lines.width > SIDE_PX or lines.height > SIDE_PX:
        lines = text_fit.fit(text, text_fit.Room(SIDE_PX, SIDE_PX), size)
    x = _within(its.get("x"), (0, SIDE_PX - math.ceil(lines.width)))
    y = _within(its.get("y"), (0, SIDE_PX - math.ceil(lines.height)))
    colour = colours.normal(its.get("fill"), colours.normal(its.get("color"), INK))
    return {"x": x, "y": y, "text": lines.text, "fontSize": lines.font_size, "fill": colour, "color": colour}


def _way(its: Properties) -> Properties:
    """A straight line; of more points the first and the last count."""
    points = its.get("points")
    if not isinstance(points, list) or len(points) < 4 or len(points) % 2:  # noqa: PLR2004  x, y, x, y
        raise ValueError("no line")
    x, y = _number(its.get("x")), _number(its.get("y"))
    ends = (x + _number(points[0]), y + _number(points[1]), x + _number(points[-2]), y + _number(points[-1]))
    start_x, start_y, end_x, end_y = (_within(end, (0, SIDE_PX)) for end in ends)
    reach = [0, 0, _tidy(end_x - start_x), _tidy(end_y - start_y)]
    if not any(reach):
        raise ValueError("a line without length")
    stroke = _stroke(its)
    return {"x": start_x, "y": start_y, "points": reach, "fill": stroke["stroke"], **stroke}


def _paint(its: Properties) -> Properties:
    return {"fill": colours.normal(its.get("fill"), FILL), **_stroke(its)}


def _stroke(its: Properties) -> Properties:
    return {
        "stroke": colours.normal(its.get("stroke"), STROKE),
        "strokeWidth": _within(its.get("strokeWidth", 2), STROKE_PX),
    }


def _whole(value: object, limits: tuple[float, float]) -> int:
    return round(_within(value, limits))


def _within(value: object, limits: tuple[float, float]) -> float:
    """The nearest number inside the limits.  Raises ValueError for what is no finite number."""
    low, high = limits
    return _tidy(max(low, min(high, _number(value))))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a number")  # noqa: TRY004  one class for all that makes an object unusable
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("too large") from error
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _tidy(number: float) -> float:
    """A tenth of a pixel is enough, and whole numbers are written as such."""
    short = round(number, 1)
    return int(short) if short == int(short) else short


_BUILD: dict[str, Callable[[Properties], Properties]] = {
    "rectangle": _rectangle,
    "circle": _circle,
    "diamond": _centred,
    "star": _centred,
    "heart": _centred,
    "text": _text,
    "arrow": _way,
    "line": _way,
}
_LAYER = {"text": TEXT, "arrow": LINE, "line": LINE}
