"""How much room a text needs, and the largest font size at which it fits a shape.

No font is at hand where a canvas is made, so widths are estimated a little wide: what fits here fits in the
common sans-serif fonts of browsers.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

SMALLEST, LARGEST = 8, 24  # font sizes that a canvas may have
READABLE = 11  # below this a broken word is the smaller evil
LINE_HEIGHT = 1.2
TYPICAL = 0.93  # a text's usual width against our wide estimate; what is centred is centred for this width
ELLIPSIS = "…"

_WIDTHS_EM = {
    0.30: "'ijlI",
    0.36: " ,./:;\\|fJ-",
    0.42: "()[]t!r",
    0.52: '"*_`s',
    0.59: "z?cLFkvxy",
    0.64: "PTYaoeESbdghnpqu$0123456789{}",
    0.74: "KAVBRXZCU",
    0.83: "HNDG&OQw",
    0.88: "#+<=>^~M",
    1.00: "%mW@",
}
BLANK_EM = 0.36
_EM = {char: em for em, chars in _WIDTHS_EM.items() for char in chars}


@dataclass(frozen=True, slots=True)
class Room:
    """The space inside a shape, in pixels, padding already taken off; a circle's width is its diameter."""

    width: float
    height: float
    shape: Literal["rectangle", "diamond", "circle"] = "rectangle"

    def line_width(self, text_height: float) -> float:
        """How wide the lines of a centred text of this height may be; 0 when it is too tall."""
        if text_height > self.height:
            return 0.0
        if self.shape == "diamond":
            return self.width * (1 - text_height / self.height)
        if self.shape == "circle":
            return math.sqrt(self.width**2 - text_height**2)
        return self.width


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text broken into lines at the size at which it fits; `width` and `height` in pixels."""

    lines: tuple[str, ...]
    font_size: int
    width: float
    height: float

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def width(text: str, font_size: float) -> float:
    """The width of the widest line, in pixels."""
    return font_size * max(map(_em, text.split("\n")), default=0.0)


def height(lines: int, font_size: float) -> float:
    """The height of that many lines, in pixels."""
    return lines * LINE_HEIGHT * font_size


@lru_cache(maxsize=2048)  # a layout that does not fit is tried again with the same texts
def fit(text: str, room: Room, largest: int = 16) -> Fitted:
    r"""The text at the largest size, 8 to `largest`, at which it fits; shortened when it fits at none.

    Words stay whole as long as the text stays readable that way.  "\n" always ends a line.
    """
    sizes = range(largest, SMALLEST - 1, -1)
    attempts = [(size, False) for size in sizes if size >= READABLE] + [(size, True) for size in sizes]
    for size, breaking in attempts:
        if lines := _lines_that_fit(text, room, size, breaking=breaking):
            return fitted(lines, size)
    return _shortened(text, room)


def fitted(lines: Iterable[str], font_size: int) -> Fitted:
    """These very lines at this size."""
    kept = tuple(lines)
    return Fitted(kept, font_size, width("\n".join(kept), font_size), height(len(kept), font_size))


def shared_size(texts: Iterable[tuple[str, Room]], largest: int = 16, smallest: int = 12) -> int:
    """One size for all of a role: the smallest that any of them needs, but never below `smallest`."""
    return max(smallest, min((fit(text, room, largest).font_size for text, room in texts), default=largest))


def _lines_that_fit(text: str, room: Room, size: int, *, breaking: bool) -> list[str]:
    most = int(room.height / (LINE_HEIGHT * size))
    if (_em(text) - most * BLANK_EM) * size > most * room.width:  # far too long: need not be tried
        return []
    for count in [most] if room.shape == "rectangle" and most else range(1, most + 1):
        line_em = room.line_width(height(count, size)) / size
        lines = _wrap(text, line_em, breaking=breaking)
        if lines and len(lines) <= count:
            return _balanced(text, lines, line_em, breaking=breaking)
    return []


def _balanced(text: str, lines: list[str], line_em: float, *, breaking: bool) -> list[str]:
    """The same number of lines, of more even width, as long as no line gets wider."""
    narrow = max(map(_em, lines)) / 2
    for step in range(8):
        tried = _wrap(text, narrow + (line_em - narrow) * step / 8, breaking=breaking)
        if tried and len(tried) == len(lines):
            return tried
    return lines


def _shortened(text: str, room: Room) -> Fitted:
    """The longest beginning that fits at the smallest size, with an ellipsis."""
    low, high = 0, min(len(text), 400)
    best = [ELLIPSIS]
    while low < high:
        middle = (low + high + 1) // 2
        lines = _lines_that_fit(text[:middle].rstrip() + ELLIPSIS, room, SMALLEST, breaking=True)
        low, high, best = (middle, high, lines) if lines else (low, middle - 1, best)
    return fitted(best, SMALLEST)


def _wrap(text: str, line_em: float, *, breaking: bool) -> list[str]:
    """Lines no wider than `line_em`; none at all where a word is wider and may not be broken."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line, used_em = "", 0.0
        for word in _words(paragraph, line_em if breaking else math.inf):
            bare_em = _em(word.rstrip())
            if bare_em > line_em:
                return []
            if used_em + bare_em > line_em:
                lines.append(line.rstrip())
                line, used_em = "", 0.0
            line += word
            used_em += _em(word)
        lines.append(line.rstrip())
    return lines


def _words(paragraph: str, most_em: float) -> Iterator[str]:
    """Pieces between which a line may end, none wider than `most_em`; a blank stays at the end of its piece."""
    word, used_em = "", 0.0
    for char in paragraph.lstrip():
        char_em = _char_em(char)
        if word and (_is_wide(char) or _is_wide(word[-1]) or used_em + char_em > most_em):
            yield word
            word, used_em = "", 0.0
        word += char
        used_em += char_em
        if char in " -/":
            yield word
            word, used_em = "", 0.0
    if word:
        yield word


@lru_cache(maxsize=8192)
def _em(text: str) -> float:
    return sum(map(_char_em, text))


@lru_cache(maxsize=4096)
def _char_em(char: str) -> float:
    known = _EM.get(char)
    return known if known is not None else _unlisted_em(char)


def _unlisted_em(char: str) -> float:
    """By what Unicode says: nothing for marks, a full em for wide scripts, more for pictures and ligatures."""
    category = unicodedata.category(char)
    if category in {"Mn", "Me", "Cf"}:
        return 0.0
    spelled_out = unicodedata.normalize("NFKD", char)
    if len(spelled_out) > 1:
        return max(0.64, _em(spelled_out))
    if category == "So" or _is_wide(char):
        return 1.4 if category == "So" else 1.05
    return 0.64 if category == "Ll" and char < "\u0250" else 1.0


@lru_cache(maxsize=4096)
def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in {"W", "F"}
