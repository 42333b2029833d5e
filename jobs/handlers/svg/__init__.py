"""Renders a canvas as a standalone SVG picture that is safe to serve to browsers, whatever the canvas holds.

Nothing of the canvas reaches the picture as it is (svg_values.py), there is no script and no reference to anything
outside, and an object of an unknown type is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.handlers.svg.shapes import Area, area, element
from jobs.handlers.svg.values import SIDE_PX, Properties, colour, escaped, number, place, plain, short
from jobs.handlers.text_fit import LINE_HEIGHT, TYPICAL, height, width

BASELINE_EM = 0.94  # from the top of a line down to its baseline
SNAP_PX = 6  # a text whose middle is this close to its shape's was meant to be centred in it
INK = "#1E293B"


def render(canvas: Mapping[str, Any]) -> str:
    """The SVG document of `{"title", "objects": [{object_type, properties, z_index}, ...]}`, 1000 x 1000."""
    objects = _in_order(canvas.get("objects"))
    areas = [found for kind, its in objects if (found := area(kind, its))]
    parts = [_text(its, areas) if kind == "text" else element(kind, its) for kind, its in objects]
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE_PX}" height="{SIDE_PX}" '
        f'viewBox="0 0 {SIDE_PX} {SIDE_PX}" font-family="sans-serif">\n'
        f"<title>{escaped(plain(canvas.get('title')))}</title>\n"
        f'<rect width="{SIDE_PX}" height="{SIDE_PX}" fill="#FFFFFF"/>\n{body}\n</svg>\n'
    )


def _in_order(objects: object) -> list[tuple[str, Properties]]:
    """Type and properties of each object, the lowest z_index first."""
    found = [
        (number(obj.get("z_index"), 0), kind, its)
        for obj in (objects if isinstance(objects, Sequence) else ())
        if isinstance(obj, Mapping)
        and isinstance(kind := obj.get("object_type"), str)
        and isinstance(its := obj.get("properties"), Mapping)
    ]
    return [(kind, its) for _, kind, its in sorted(found, key=lambda entry: entry[0])]


def _text(its: Properties, areas: Sequence[Area]) -> str:
    lines = plain(its.get("text")).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    font_size = number(its.get("fontSize"), 16)
    x, anchor = _anchor(its, lines, font_size, areas)
    top = place(its)[1]
    spans = "".join(
        f'<tspan x="{short(x)}" y="{short(top + (BASELINE_EM + i * LINE_HEIGHT) * font_size)}">{escaped(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    fill = colour(its.get("fill"), colour(its.get("color"), INK))
    return f'<text font-size="{short(abs(font_size))}" text-anchor="{anchor}" fill="{fill}">{spans}</text>'


def _anchor(its: Properties, lines: Sequence[str], font_size: float, areas: Sequence[Area]) -> tuple[float, str]:
    """Where the lines hang: a text placed in the middle of its shape stays there whatever font draws it."""
    left, top = place(its)
    x = left + width("\n".join(lines), font_size) * TYPICAL / 2
    y = top + height(len(lines), font_size) / 2
    holding = [at for at in areas if at[0] <= x <= at[2] and at[1] <= y <= at[3]]
    holder = min(holding, key=lambda at: at[2] - at[0], default=(0.0, 0.0, SIDE_PX, SIDE_PX))
    middle = (holder[0] + holder[2]) / 2
    return (middle, "middle") if abs(middle - x) <= SNAP_PX else (left, "start")
