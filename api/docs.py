"""The OpenAPI document as a page for people: made on the server, without any script."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).with_name("templates")
METHODS = ("get", "post", "put", "patch", "delete")
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "format": "{}",
    "pattern": "matches `{}`",
}
Json = Mapping[str, Any]


class Operation(NamedTuple):
    """One operation as the page shows it; `parameters` and `answers` without references."""

    method: str
    path: str
    about: Json
    parameters: list[Json]
    answers: dict[str, Json]
    curl: str


def render(document: Json) -> str:
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    env.filters |= {"prose": prose, "kind": kind, "limits": limits, "json": _indented}
    operations = list(_operations(document))
    return env.get_template("docs.html").render(document=document, operations=operations, style=Markup(style()))  # noqa: S704 - our own file


def style() -> str:
    return (TEMPLATES / "docs.css").read_text("utf-8")


def _operations(document: Json) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            about = item[method]
            parameters = [resolved(document, one) for one in [*item["parameters"], *about["parameters"]]]
            answers = {status: resolved(document, one) for status, one in about["responses"].items()}
            yield Operation(method.upper(), path, about, parameters, answers, _curl(method.upper(), path, about))


def resolved(document: Json, node: Json) -> Json:
    """What a reference stands for; a node that is none stays as it is."""
    while "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def _curl(method: str, path: str, about: Json) -> str:
    """A line to paste; TOKEN and JOB_ID are the shell's."""
    url = f'"$YARD{path.replace("{job_id}", "$JOB_ID")}"'
    words = ["curl", url] if method == "GET" else ["curl", "-X", method, url]
    if about["security"] and {} not in about["security"]:
        words += ["\\\n  -H", '"Authorization: Bearer $TOKEN"']
    if "requestBody" in about:
        [content] = about["requestBody"]["content"].values()
        example = next(iter(content["examples"].values()))["value"]
        words += ["\\\n  -H", "'Content-Type: application/json'", "\\\n  -d", shlex.quote(json.dumps(example))]
    return " ".join(words)


def kind(schema: Json) -> Markup:
    """What may stand there, in words, with links to the schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return Markup(" or ").join(kind(one) for one in schema[choice])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return Markup(" or ").join(Markup("<code>{}</code>").format(json.dumps(value)) for value in values)
    if schema.get("type") == "array":
        return Markup("list of {}").format(kind(schema["items"]))
    return escape(schema.get("type", "anything"))


def limits(schema: Json) -> Markup:
    """What else holds for the value; "" when nothing does."""
    choices = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    told = [words.format(one[name]) for one in choices for name, words in LIMITS.items() if name in one]
    if "default" in schema:
        told.append(f"default `{json.dumps(schema['default'])}`")
    return prose(", ".join(told))


def prose(text: str) -> Markup:
    """Paragraphs stay, and what stands between backquotes is code."""
    parts = re.split(r"`([^`]*)`", text)
    words = (Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts))
    return Markup().join(words).replace("\n\n", Markup("<br><br>"))


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2)
