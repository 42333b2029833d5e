"""Reads YAML of the plainest kind: mappings, lists and scalars, and nothing that can grow or call."""

import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.error import Mark
from yaml.reader import Reader

if TYPE_CHECKING:
    from yaml._yaml import Mark as CMark

DEPTH = 20
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
NUMBER_CHARS = 40  # a longer number only keeps int() busy


class YamlError(Exception):
    """str() tells the line, the column and the fault, and never the text itself."""

    def __init__(self, problem: str, mark: "Mark | CMark | None") -> None:
        self.problem = problem
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        super().__init__(place + problem)


def parsed(text: str) -> Any:
    """One document as dict, list and scalars; None for an empty one.

    Refused with YamlError: bad syntax, anchors and aliases (a small file can grow without limit by them), tags,
    a name that comes twice, names that are not plain, more than 20 levels.
    """
    if odd := Reader.NON_PRINTABLE.search(text):
        raise YamlError("a control character", _mark(text, odd.start()))
    try:
        _check_events(text)
        return _value(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise YamlError(error.problem or "bad syntax", error.problem_mark) from None


def _mark(text: str, index: int) -> Mark:
    line, column = text.count("\n", 0, index), index - text.rfind("\n", 0, index) - 1
    return Mark("", index, line, column, None, 0)


def _check_events(text: str) -> None:
    """Looks before anything is built: the parser keeps its own stack, whereas building recurses."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise YamlError(f"more than {DEPTH} levels", event.start_mark)
        if getattr(event, "anchor", None):  # an alias has one, too
            raise YamlError("anchors and aliases are not allowed", event.start_mark)
        if getattr(event, "tag", None):
            raise YamlError("tags are not allowed", event.start_mark)


def _value(node: yaml.Node | None) -> Any:
    match node:
        case None:
            return None
        case yaml.MappingNode():
            return _mapping(node)
        case yaml.SequenceNode():
            return [_value(child) for child in node.value]
        case _:
            return _scalar(node)


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, child in node.value:
        if not isinstance(name, yaml.ScalarNode) or not NAME.fullmatch(name.value):
            raise YamlError("a setting's name must be one plain word", name.start_mark)
        if name.value in found:
            raise YamlError(f"{name.value} is set twice", name.start_mark)
        found[name.value] = _value(child)
    return found


def _scalar(node: yaml.Node) -> Any:
    if node.tag.endswith((":int", ":float")) and len(node.value) > NUMBER_CHARS:
        raise YamlError("a number with too many digits", node.start_mark)
    try:
        return SafeConstructor().construct_object(node)
    except (ValueError, OverflowError, ConstructorError):
        raise YamlError("cannot be read as a value; text needs quotes", node.start_mark) from None
