"""Reads a request's body: bounded, strict JSON, with nothing in it that PostgreSQL's jsonb could not hold."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from flask import Request

from api.errors import Invalid, Malformed, TooLarge, WrongType, shown
from jobs.storable import is_deeper

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read_json(request: Request, *, max_bytes: int, max_depth: int) -> Any:
    """Raises WrongType, TooLarge, Malformed, or Invalid for text that cannot be stored."""
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise WrongType
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise WrongType("The body must not be compressed")
    return parsed(read_raw(request, max_bytes), max_depth=max_depth)


def read_raw(request: Request, max_bytes: int) -> bytes:
    """Raises TooLarge."""
    if (request.content_length or 0) > max_bytes:
        raise TooLarge
    request.max_content_length = max_bytes + 1  # one more: a body that comes in chunks is cut there, not refused
    raw = request.get_data(cache=False)
    if len(raw) > max_bytes:
        raise TooLarge
    return raw


def parsed(raw: bytes, *, max_depth: int) -> Any:
    """Refuses what other readers take differently: NaN, 1e400, a name that comes twice, UTF-16, a byte order mark."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8 text") from None
    if is_deeper(text, max_depth):  # before anything is built: building recurses
        raise Malformed(f"The body is nested deeper than {max_depth} levels")
    value = _loaded(text)
    if places := sorted(set(_unstorable(value, "body"))):
        message = "must not contain U+0000 or half of a surrogate pair"
        raise Invalid(details=[{"field": place, "message": message} for place in places[:20]])
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_not_json)
    except json.JSONDecodeError as fault:
        where = f"not JSON at line {fault.lineno}, column {fault.colno}"
        raise Malformed(details=[{"field": "body", "message": where}]) from None
    except ValueError:  # a whole number of thousands of digits
        raise Malformed("The body holds a number that is out of range") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Malformed("The body gives a field twice")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Malformed("The body holds a number that is out of range")
    return number


def _not_json(_word: str) -> None:
    raise Malformed("The body holds NaN or Infinity, which JSON does not know")


def _unstorable(value: Any, place: str) -> Iterator[str]:
    """The outermost fields with text in them that jsonb refuses."""
    match value:
        case str() if UNSTORABLE.search(value):
            yield place
        case list():
            for item in value:
                yield from _unstorable(item, place)
        case dict():
            for name, item in value.items():
                field = shown(name) if place == "body" else place
                yield from _unstorable(name, field)
                yield from _unstorable(item, field)
