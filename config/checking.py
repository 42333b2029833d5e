"""Checks what was merged, and says every fault in words."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.settings import AT_LEAST, MAX_SEATS, Section, Settings

Where = tuple[str | int, ...]  # a setting's place: ("jobs", "backoff", "base_s")
Fault = tuple[Where, str]

SEATS: Where = ("scheduler", "seats")
FLEET_CAP: Where = ("jobs", "max_concurrent_jobs")
ALGORITHM: Where = ("api", "auth", "algorithm")
KEY_SET: Where = ("api", "auth", "jwks_url")
NEEDED_BY_KEY_SET: Mapping[Where, str] = {  # and what to set it to
    KEY_SET: "the address of the key set that your provider publishes",
    ("api", "auth", "issuer"): 'what your provider writes into the claim "iss"',
    ("api", "auth", "audience"): 'what your provider writes into the claim "aud" of tokens for this API',
}
ROUNDING = 1e-9  # 3 * 0.1 is a little more than 0.3
SENTENCES = {  # pydantic's kind of error: what we say
    "greater_than": "must be > {gt:.10g}",
    "greater_than_equal": "must be >= {ge:.10g}",
    "less_than_equal": "must be <= {le:.10g}",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text (put it in quotes)",
    "string_unicode": "must be plain text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "literal_error": "must be {expected}",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of settings",
    "tuple_type": "must be a list",
}
SHAPES = {  # what text must be like; such a fault does not show the text, an address may hold a password
    ("provider", "base_url"): "must be an http:// or https:// address without a user name or password",
    KEY_SET: "must be an https:// address without a user name or password (http:// only for 127.0.0.1 or localhost)",
    ("handlers",): "must be a module's dotted name",
    ("api", "origins"): "must be an origin as browsers write it, such as https://app.example.org",
}


def checked(tree: dict[str, Any]) -> tuple[Settings | None, list[Fault]]:
    try:
        return Settings.model_validate(tree), []
    except ValidationError as error:
        return None, [_fault(details) for details in error.errors()]


def places(section: type[Section] = Settings, outer: Where = ()) -> Iterator[Where]:
    """The places of all settings."""
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from places(inner, (*outer, name))
        else:
            yield (*outer, name)


def nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, set(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _fault(details: ErrorDetails) -> Fault:
    kind, where = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return where, f"unknown setting{nearest(str(where[-1]), _beside(where))}"
    if kind == "string_pattern_mismatch":
        return where, next(shape for place, shape in SHAPES.items() if where[: len(place)] == place)
    sentence = SENTENCES[kind].format(**details.get("ctx", {})) if kind in SENTENCES else details["msg"]
    return where, f"{sentence} (got {_shown(details['input'])})"


def _beside(where: Where) -> Iterator[str]:
    """The names that the section of an unknown setting knows."""
    depth = len(where) - 1
    return (str(place[depth]) for place in places() if place[:depth] == where[:depth])


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return repr(value)[:60]


def broken_rules(tree: dict[str, Any], faults: Iterable[Fault], names: Mapping[Where, str]) -> Iterator[Fault]:
    """The rules between settings, judged where both are sound; `names`: which variable set what."""
    faulty = {where for where, _ in faults}

    def sound(*settings: Where) -> bool:
        return not any(where[: depth + 1] in faulty for where in settings for depth in range(len(where)))

    for where, times, other, why in AT_LEAST:
        if sound(where, other) and (least := times * _given(tree, other)) > _given(tree, where) * (1 + ROUNDING):
            product = f"{times} x " if times > 1 else ""
            needed, got = f"{product}{named(other, names)} = {least:.10g}", f"(got {_given(tree, where):.10g})"
            yield where, f"must be at least {needed} {got}: {why}"
    if sound(SEATS, FLEET_CAP) and _given(tree, SEATS) is None:
        cap = _given(tree, FLEET_CAP)
        if cap is None or cap > MAX_SEATS:
            yield SEATS, f"must be set when {named(FLEET_CAP, names)} is null or above {MAX_SEATS}"
    if sound(ALGORITHM):
        yield from _key_set_faults(tree, names)


def _key_set_faults(tree: dict[str, Any], names: Mapping[Where, str]) -> Iterator[Fault]:
    algorithm = _given(tree, ALGORITHM)
    if algorithm == "HS256":
        if _given(tree, KEY_SET) is not None:
            yield (
                KEY_SET,
                f"has no use while {named(ALGORITHM, names)} is HS256: choose RS256 or ES256, or remove it",
            )
        return
    for where, cure in NEEDED_BY_KEY_SET.items():
        if _given(tree, where) is None:
            yield where, f"must be set when {named(ALGORITHM, names)} is {algorithm}: {cure} (docs/auth.md shows it)"


def named(where: Where, names: Mapping[Where, str]) -> str:
    """A setting by the variable that set it, else by its place in the file."""
    return names.get(where) or ".".join(map(str, where))


def _given(tree: Any, where: Where) -> Any:
    """What is set at a sound place, or its default."""
    found = tree
    for key in where:
        if found is None or key not in found:
            return reduce(getattr, map(str, where), Settings())
        found = found[key]
    return found
