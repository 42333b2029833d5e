"""Colours as models write them, brought to #RRGGBB."""

import re

_NAMES = {
    "aqua": "#00FFFF",
    "black": "#000000",
    "blue": "#0000FF",
    "brown": "#A52A2A",
    "cyan": "#00FFFF",
    "fuchsia": "#FF00FF",
    "gold": "#FFD700",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "lime": "#00FF00",
    "magenta": "#FF00FF",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "orange": "#FFA500",
    "pink": "#FFC0CB",
    "purple": "#800080",
    "red": "#FF0000",
    "silver": "#C0C0C0",
    "teal": "#008080",
    "violet": "#EE82EE",
    "white": "#FFFFFF",
    "yellow": "#FFFF00",
}
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_LONGEST_SHORT = len("#rgba")


def normal(value: object, default: str) -> str:
    """#RRGGBB of a hex colour (#abc counts, transparency is dropped) or of a basic name; else the default."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _HEX.fullmatch(text):
        return _NAMES.get(text, default)
    digits = "".join(digit * 2 for digit in text[1:4]) if len(text) <= _LONGEST_SHORT else text[1:7]
    return f"#{digits.upper()}"
