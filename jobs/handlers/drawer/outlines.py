"""Reads lists within lists: indented or bulleted lines, "a: b, c; d: e", "a (b, c), d"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jobs.handlers.drawer.phrases import label, listed, split, without_bullet
from jobs.handlers.drawer.plans import Item

DEEPEST = 5  # lists within lists in one line; what is deeper stays text

_NAMED = re.compile(r"(?P<name>[^:]{1,60}):(?:\s+(?P<rest>.+)|\s*$)")
_DASHED = re.compile("(?P<name>[^,;]{1,60}?)\\s+[-\u2013\u2014=]\\s+(?P<rest>.+)")
_HELD = re.compile(r"(?P<name>.*?)\s*(?:\((?P<round>.+)\)|\[(?P<square>.+)\]|\{(?P<curly>.+)\})")
_NEXT_NAME = r"\.\s+(?=[^\s.:][^.:,;]{0,40}:\s)"  # "Todo: a, b. Done: c"
_HEADING = re.compile(r"\s*(#+)\s")
BULLET_DEPTH = 2  # a bullet is deeper than an unmarked line above it


@dataclass(slots=True)
class _Line:
    depth: int
    item: Item
    below: list["_Line"] = field(default_factory=list)

    def whole(self) -> Item:
        return Item(self.item.text, (*self.item.children, *(line.whole() for line in self.below)))


def outline(content: str) -> tuple[Item, ...]:
    """The entries of the outermost list, each with what belongs below it."""
    lines = content.split("\n")
    items = _by_indent(lines) if len(lines) > 1 else _in_line(content, DEEPEST)
    return tuple(item for item in items if item.text)


def _by_indent(lines: list[str]) -> list[Item]:
    tops: list[_Line] = []
    path: list[_Line] = []  # from a top entry down to the newest one
    for text in lines:
        item = _entry(without_bullet(text.strip()), DEEPEST)
        if not item.text:
            continue
        line = _Line(_depth(text), item)
        while path and path[-1].depth >= line.depth:
            path.pop()
        (path[-1].below if path else tops).append(line)
        path.append(line)
    return [line.whole() for line in tops]


def _depth(text: str) -> int:
    if heading := _HEADING.match(text):
        return len(heading[1]) - 100  # above everything that is no heading
    indent = len(text) - len(text.lstrip())
    return indent + (BULLET_DEPTH if without_bullet(text) != text else 0)


def _in_line(text: str, depth: int) -> list[Item]:
    parts = [part for sentence in split(text, _NEXT_NAME) for part in listed(sentence)]
    named = [bool(_NAMED.fullmatch(part)) for part in parts]
    if ";" in text or sum(named) == 0:
        return [item for part in parts if (item := _entry(part, depth)).text]
    return list(_grouped(parts, depth))


def _grouped(parts: list[str], depth: int) -> Iterator[Item]:
    """The entries a: b, c, d: e are a with b and c, and d with e."""
    open_item: Item | None = None
    for part in parts:
        item = _entry(part, depth)
        if not item.text:
            continue
        if _NAMED.fullmatch(part) or open_item is None:
            if open_item:
                yield open_item
            open_item = item
        else:
            open_item = Item(open_item.text, (*open_item.children, item))
    if open_item:
        yield open_item


def _entry(text: str, depth: int) -> Item:
    """One entry, with its own list where it has one."""
    found = _NAMED.fullmatch(text) if depth else None
    if found:
        return Item(label(found["name"]), tuple(_in_line(found["rest"] or "", depth - 1)))
    held = _HELD.fullmatch(text.rstrip(". ")) if depth else None
    if held and label(held["name"]):
        inside = held["round"] or held["square"] or held["curly"]
        if len(listed(inside)) > 1 or not held["round"]:
            return Item(label(held["name"]), tuple(_in_line(inside, depth - 1)))
    dashed = _DASHED.fullmatch(text) if depth else None
    if dashed and len(listed(dashed["rest"])) > 1:
        return Item(label(dashed["name"]), tuple(_in_line(dashed["rest"], depth - 1)))
    return Item(label(text))
