"""What may stand in a picture: whatever a canvas holds, these make a harmless number, colour or text of it."""

import math
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

Properties = Mapping[str, Any]

SIDE_PX = 1000

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def number(value: object, default: float) -> float:
    """A finite number within reach of the canvas, or the default."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return default
    return max(-SIDE_PX, min(2 * SIDE_PX, parsed)) if math.isfinite(parsed) else default


def size(its: Properties, name: str, default: float = 100) -> float:
    """A length, never negative."""
    return abs(number(its.get(name), default))


def place(its: Properties) -> tuple[float, float]:
    return number(its.get("x"), 0), number(its.get("y"), 0)


def short(value: float) -> str:
    """At most two decimals, and no exponent."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def colour(value: object, default: str) -> str:
    return value if isinstance(value, str) and _COLOUR.fullmatch(value) else default


def plain(value: object) -> str:
    """The text without what XML does not allow at all; empty if it is none."""
    return _NOT_XML.sub("", value) if isinstance(value, str) else ""


def escaped(text: str) -> str:
    """Safe inside an element and inside a quoted attribute."""
    return escape(text, {'"': "&quot;", "'": "&#39;"})
