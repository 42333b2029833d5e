"""Takes people's text apart: cleaning, splitting outside of brackets, and making a label of a phrase."""

import re
import unicodedata
from collections.abc import Iterator

LONGEST_TEXT = 1_000  # characters that are read at all, as many as instructions may have
LONGEST_LABEL = 120

_FOLDED = (
    {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF01, 0xFF5F)}  # full-width ASCII
    | {0xFF1A: ": ", 0xFF0C: ", ", 0xFF1B: "; ", 0xFF01: "! ", 0xFF1F: "? ", 0x3001: ", ", 0x3002: ". "}
    | {0x060C: ", ", 0x061B: "; ", 0x061F: "? ", 0x3010: "[", 0x3011: "]"}
    | {ord(arrow): " -> " for arrow in "→⇒➜➔➞⟶⮕↦⟹"}
)
_ARROW = re.compile("[-=\u2013\u2014]+>")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_UNWANTED = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, surrogates, private and unassigned code points
_BLANKS = re.compile(r"[^\S\n]+")
_BULLET = re.compile(
    r"(?:\s*(?:[-*+#>•·▪◦‣●○►\u2013\u2014]+(?=\s|$)|\[[ xX✓]?\](?=\s)|\(?\d{1,2}[.)](?!\d)"
    r"|(?:step|schritt|paso|étape)\s+\d{1,2}\s*[:.)-]?)\s*)+",
    re.IGNORECASE,
)
_NUMBER = r"(?:^|(?<=\s))\(?\d{1,2}[.)]\s+"
_EDGES = r"\s.,;:|\"'`*_~=\-" + "\u00ab\u00bb\u2013\u2014\u2018-\u201f"
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def cleaned(text: str) -> str:
    """The text in one normal form: variants of signs folded, nothing invisible, blanks single, lines kept."""
    folded = unicodedata.normalize("NFC", _printable(text[:LONGEST_TEXT])).translate(_FOLDED)
    lines = _ARROW.sub(" -> ", folded).split("\n")
    return "\n".join(_indent(line) + _BLANKS.sub(" ", line.strip()) for line in lines if line.strip())


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    text = _INVISIBLE.sub("", text)
    return "".join(char if char == "\n" or unicodedata.category(char) not in _UNWANTED else " " for char in text)


def _indent(line: str) -> str:
    return " " * (len(line) - len(line.lstrip()))


def split(text: str, separator: str) -> list[str]:
    """The parts between matches of the regular expression, except inside brackets; empty parts are dropped."""
    return [part.strip() for part in _parts(text, separator) if part.strip()]


def _parts(text: str, separator: str) -> Iterator[str]:
    depth, start, nests = 0, 0, is_balanced(text)
    for found in re.finditer(rf"(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?:{separator})", text, re.IGNORECASE):
        if found["open"] or found["close"]:
            depth += nests * (1 if found["open"] else -1)
        elif depth == 0:
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]


def is_balanced(text: str) -> bool:
    """Every bracket is closed by its own kind."""
    waiting: list[str] = []
    for char in text:
        if char in _BRACKETS:
            waiting.append(_BRACKETS[char])
        elif char in _BRACKETS.values() and (not waiting or waiting.pop() != char):
            return False
    return not waiting


def listed(text: str) -> list[str]:
    """The entries of a list in one line: by semicolons, else by numbers, else by commas and a last "and"."""
    for separator in (";", _NUMBER):
        if len(parts := split(text, separator)) > 1:
            return [part.rstrip(",") for part in parts]
    parts = split(text, r",(?!\d{3}\b(?!\d))")
    if len(parts) > 1:
        last = re.sub(r"^(?:and|und|et|y)\s+", "", parts[-1], flags=re.IGNORECASE)
        parts[-1:] = [last] if last != parts[-1] else split(last, r"\s(?:and|und)\s")
    return parts


def label(text: str) -> str:
    """What stands in a shape: no bullet, number, quotes or full stop around it, a capital first letter."""
    bare = _unwrapped(_bare(without_bullet(text)))
    if len(bare) > LONGEST_LABEL:
        bare = _bare(bare[:LONGEST_LABEL].rsplit(" ", 1)[0]) + "…"
    return capitalised(bare)


def without_bullet(text: str) -> str:
    """The text after a bullet or number; all of it if there is no more ("step 1")."""
    found = _BULLET.match(text)
    return text[found.end() :] or text if found else text


def capitalised(text: str) -> str:
    """With a capital first letter, unless the word is spelled its own way (eBay, iOS)."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def _bare(text: str) -> str:
    return re.sub(rf"^[>{_EDGES}]+|[{_EDGES}]+$", "", text)


def _unwrapped(text: str) -> str:
    """Without brackets around the whole."""
    while len(text) > 1 and _BRACKETS.get(text[0]) == text[-1] and is_balanced(text[1:-1]):
        text = _bare(text[1:-1])
    return text
