"""Find the finished objects of a canvas while its JSON is still being written.

    {"title": "...", "objects": [{...}, {...}, {..      the keys are at depth 1, in the list is 2, in an element 3

It judges nothing: what is no JSON in the end is for the caller to refuse.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_KEYS, _LIST, _ELEMENT = 1, 2, 3

_OUTSIDE = re.compile(r'[{}\[\]"]')
_IN_STRING = re.compile(r'["\\]')


class ObjectStream:
    """Takes the text in pieces of any size; each piece costs only its own length."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the next piece begins with a character after a backslash
        self._key = ""  # the newest string at depth 1: when a list begins there, its key
        self._in_objects = False
        self._kept: list[str] | None = None  # the text so far of the element or key under way

    def feed(self, text: str) -> list[dict[str, Any]]:
        """The elements of "objects" that this piece finishes, raw and in order; only JSON objects count."""
        found: list[dict[str, Any]] = []
        start = 0  # where the kept part of this piece begins
        for at, char in self._structure(text):
            if char == '"' and self._depth == _KEYS:
                start = self._keep_key(text, start, at)
            elif char in "{[":
                start = self._open(char, start, at)
            elif char in "}]":
                found += self._close(text[start : at + 1])
        if self._kept is not None:
            self._kept.append(text[start:])
        return found

    def _structure(self, text: str) -> Iterator[tuple[int, str]]:
        """Brackets and quotes that are not inside a string; before the first brace nothing counts."""
        at = int(self._escaped)
        self._escaped = self._escaped and not text
        while match := (_IN_STRING if self._in_string else _OUTSIDE).search(text, at):
            at = match.end()
            if match[0] == "\\":
                self._escaped = at == len(text)
                at += 1
            elif self._depth or match[0] == "{":
                self._in_string ^= match[0] == '"'
                yield match.start(), match[0]

    def _keep_key(self, text: str, start: int, at: int) -> int:
        if self._in_string:
            self._kept = []
            return at + 1
        self._key, self._kept = "".join([*(self._kept or ()), text[start:at]]), None
        return start

    def _open(self, char: str, start: int, at: int) -> int:
        self._depth += 1
        if self._depth == _LIST and char == "[":
            self._in_objects = self._key == "objects"
        if self._depth == _ELEMENT and char == "{" and self._in_objects:
            self._kept = []
            return at
        return start

    def _close(self, text: str) -> list[dict[str, Any]]:
        self._depth = max(0, self._depth - 1)
        self._in_objects &= self._depth >= _LIST
        if self._depth != _LIST or self._kept is None:
            return []
        element, self._kept = "".join([*self._kept, text]), None
        return _objects(element)


def _objects(element: str) -> list[dict[str, Any]]:
    """The element as a list of one, or of none if it is no JSON object."""
    try:
        value = json.loads(element, strict=False)
    except (ValueError, RecursionError):
        return []
    return [value] if isinstance(value, dict) else []
