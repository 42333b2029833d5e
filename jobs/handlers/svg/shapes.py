"""The SVG elements of every object that is not text."""

import math
from collections.abc import Callable, Sequence

from jobs.handlers.svg.values import Properties, colour, number, place, short, size

CORNER_PX = 6
STROKE, FILL = "#475569", "#FFFFFF"  # for what has no colour, or none that can be used

Area = tuple[float, float, float, float]  # left, top, right, bottom


def element(kind: str, its: Properties) -> str:
    """The element of one object; empty for a type that is not known and for an arrow of no length."""
    draw = _ELEMENTS.get(kind)
    return draw(its) if draw else ""


def area(kind: str, its: Properties) -> Area | None:
    """The bounding box of a closed shape; None for everything else."""
    x, y = place(its)
    if kind == "rectangle":
        return x, y, x + size(its, "width"), y + size(its, "height")
    if kind == "circle":
        radius = size(its, "radius", 50)
        return x - radius, y - radius, x + radius, y + radius
    if kind in {"diamond", "star", "heart"}:
        half_width, half_height = size(its, "width") / 2, size(its, "height") / 2
        return x - half_width, y - half_height, x + half_width, y + half_height
    return None


def _rectangle(its: Properties) -> str:
    x, y = place(its)
    extent = f'width="{short(size(its, "width"))}" height="{short(size(its, "height"))}"'
    return f'<rect x="{short(x)}" y="{short(y)}" {extent} rx="{CORNER_PX}" {_paint(its)}/>'


def _circle(its: Properties) -> str:
    x, y = place(its)
    return f'<circle cx="{short(x)}" cy="{short(y)}" r="{short(size(its, "radius", 50))}" {_paint(its)}/>'


def _diamond(its: Properties) -> str:
    return _polygon(its, [(0, -0.5), (0.5, 0), (0, 0.5), (-0.5, 0)])


def _star(its: Properties) -> str:
    turns = [(math.pi * (i / 5 - 0.5), 0.5 if i % 2 == 0 else 0.2) for i in range(10)]
    return _polygon(its, [(radius * math.cos(turn), radius * math.sin(turn)) for turn, radius in turns])


def _heart(its: Properties) -> str:
    """The heart curve x = sin^3, y = 13 cos - 5 cos 2 - 2 cos 3 - cos 4, stretched to its box."""
    turns = [i * math.tau / 60 for i in range(60)]
    ups = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in turns]
    low, high = min(ups), max(ups)
    downs = [0.5 - (up - low) / (high - low) for up in ups]
    return _polygon(its, [(math.sin(t) ** 3 / 2, down) for t, down in zip(turns, downs, strict=True)])


def _polygon(its: Properties, corners: Sequence[tuple[float, float]]) -> str:
    """A shape around its centre; the corners are in parts of width and height."""
    x, y = place(its)
    wide, tall = size(its, "width"), size(its, "height")
    points = _points([(x + dx * wide, y + dy * tall) for dx, dy in corners])
    return f'<polygon points="{points}" stroke-linejoin="round" {_paint(its)}/>'


def _line(its: Properties) -> str:
    return _polyline(_path(its), its)


def _arrow(its: Properties) -> str:
    """The line ends inside the head, so that the tip stays sharp."""
    path, thick = _path(its), size(its, "strokeWidth", 2)
    (ax, ay), (bx, by) = path[-2:] if path[1:] else ((0.0, 0.0), (0.0, 0.0))
    length = math.hypot(bx - ax, by - ay)
    if length == 0:
        return ""
    ux, uy = (bx - ax) / length, (by - ay) / length
    head, half = min(8 + 2 * thick, length), 4 + thick
    neck_x, neck_y = bx - ux * head, by - uy * head
    sides = [(neck_x - uy * half, neck_y + ux * half), (neck_x + uy * half, neck_y - ux * half)]
    tip = f'<polygon points="{_points([(bx, by), *sides])}" fill="{_stroke(its)}"/>'
    return f"{_polyline([*path[:-1], (neck_x + ux, neck_y + uy)], its)}\n{tip}"


def _polyline(path: Sequence[tuple[float, float]], its: Properties) -> str:
    if not path:
        return ""
    look = f'fill="none" stroke="{_stroke(its)}" stroke-width="{short(size(its, "strokeWidth", 2))}"'
    return f'<polyline points="{_points(path)}" stroke-linecap="round" stroke-linejoin="round" {look}/>'


def _path(its: Properties) -> list[tuple[float, float]]:
    """The object's points, from relative to where they are; a number that is none counts as 0."""
    x, y = place(its)
    points = its.get("points")
    steps = [number(step, 0) for step in points] if isinstance(points, list | tuple) else []
    return [(x + dx, y + dy) for dx, dy in zip(steps[::2], steps[1::2], strict=False)]


def _points(path: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{short(x)},{short(y)}" for x, y in path)


def _stroke(its: Properties) -> str:
    return colour(its.get("stroke"), STROKE)


def _paint(its: Properties) -> str:
    thick = short(size(its, "strokeWidth", 2))
    return f'fill="{colour(its.get("fill"), FILL)}" stroke="{_stroke(its)}" stroke-width="{thick}"'


_ELEMENTS: dict[str, Callable[[Properties], str]] = {
    "rectangle": _rectangle,
    "circle": _circle,
    "diamond": _diamond,
    "star": _star,
    "heart": _heart,
    "arrow": _arrow,
    "line": _line,
}
