"""How commands print: aligned tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import click

WIDEST = 44  # characters of one cell


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A line of headings and one for each row; the last column is not padded."""
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [[cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def facts(about: Mapping[str, Any]) -> str:
    """One fact a line."""
    width = max(map(len, about))
    return "\n".join(f"{name.replace('_', ' '):<{width}}  {cell(value, widest=400)}" for name, value in about.items())


def cell(value: Any, widest: int = WIDEST) -> str:
    """In one line.  What is not printable is escaped: a user's text must not steer an operator's terminal."""
    match value:
        case None:
            text = "-"
        case datetime():
            text = value.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
        case dict() | list() | tuple():
            text = json.dumps(value, default=_plain, ensure_ascii=False)
        case _:
            text = str(value)
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= widest else text[: widest - 1] + "…"


def show_json(value: Any) -> None:
    click.echo(json.dumps(value, default=_plain, indent=2))


def picked(rows: Iterable[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: getattr(row, name) for name in names} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID | date):
        return str(value)
    raise TypeError(type(value).__name__)
