"""`config` and `check-config`: what is in force, what another file would change, and whether a file is sound."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from config import ConfigError, reading
from config.changes import Change, Place, changes, flat, shown
from config.file import read
from config.reading import Loaded
from config.settings import Config, restart_reason

FILE = click.Path(path_type=Path)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def config() -> None:
    """Show the settings, and what another file would change.

    The settings are those that a process started here and now would have: config.yaml (or YARD_CONFIG) and the
    environment.
    """


@click.command()
@click.argument("file", type=FILE, required=False)
def check_config(file: Path | None) -> None:
    """Say every fault of FILE (default: config.yaml, or YARD_CONFIG), together with the environment.

    Exit status 0: it can be used; 2: it cannot.
    """
    path = file or reading.place()
    found = _loaded(path)
    click.echo(f"{path}: sound; it sets {_settings(len(_set_by_file(found)))}.")


@config.command()
@AS_JSON
def show(*, as_json: bool) -> None:
    """Print every setting with where it comes from: default, file, or the variable that sets it."""
    path = reading.place()
    found = _loaded(path)
    rows = [_row(place, value, found) for place, value in flat(found.config).items()]
    if as_json:
        click.echo(json.dumps({"file": str(path), "settings": rows}, indent=2))
        return
    table = [(row["setting"], shown(_tuple(row["value"])), row["source"], "(restart)" * row["restart"]) for row in rows]
    click.echo("\n".join(_columns(table)))


@config.command()
@click.argument("file", type=FILE)
@AS_JSON
@click.pass_context
def plan(ctx: click.Context, file: Path, *, as_json: bool) -> None:
    """Show what would change if FILE took the place of the present file.

    Exit status 0: it would be taken; 2: it would be refused, and every fault is told.  FILE may be the present one:
    then a fault in it is what hinders it from being taken.
    """
    try:
        now, then = _loaded(reading.place()).config, _loaded(file, again=True)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"changes": [], "overruled": [], "faults": str(error).splitlines()}, indent=2))
        ctx.exit(2)
    told, overruled = changes(now, then.config), _overruled(now, then)
    if as_json:
        rows = [_change(change) for change in told]
        click.echo(json.dumps({"changes": rows, "overruled": overruled, "faults": []}, indent=2))
        return
    click.echo("\n".join(_plan(told, overruled)) or "Nothing would change.")


def _plan(told: Sequence[Change], overruled: Mapping[str, str]) -> Iterator[str]:
    yield from _columns([("at once", *_moves(change)) for change in told if change.restart is None])
    waiting = [("restart", *_moves(change), f"({change.restart})") for change in told if change.restart]
    yield from _columns(waiting)
    yield from _columns([("without effect", setting, f"{name} overrules it") for setting, name in overruled.items()])


def _moves(change: Change) -> tuple[str, str]:
    return change.name, f"{shown(change.before)} -> {shown(change.after)}"


def _change(change: Change) -> dict[str, Any]:
    """`restart`: why it waits for one; null: it takes effect at once."""
    return {"setting": change.name, "before": change.before, "after": change.after, "restart": change.restart}


def _loaded(path: Path, *, again: bool = False) -> Loaded:
    return reading.loaded(path, read(path), os.environ, again=again)


def _set_by_file(found: Loaded) -> set[Place]:
    return {place for place in flat(found.config) if _stands(found.given, place)}


def _stands(given: Any, place: Place) -> bool:
    for key in place:
        if not isinstance(given, Mapping) or key not in given:
            return False
        given = given[key]
    return True


def _row(place: Place, value: Any, found: Loaded) -> dict[str, Any]:
    source = found.names.get(place) or ("file" if _stands(found.given, place) else "default")
    return {"setting": ".".join(place), "value": value, "source": source, "restart": restart_reason(place) is not None}


def _overruled(now: Config, then: Loaded) -> dict[str, str]:
    """Settings that FILE sets other than they are, and the variables that hold them where they are."""
    names = {tuple(map(str, place)): name for place, name in then.names.items()}
    values = flat(now)
    return {
        ".".join(place): name
        for place, name in names.items()
        if _stands(then.given, place) and place in values and _at(then.given, place) != values[place]
    }


def _at(given: Any, place: Place) -> Any:
    for key in place:
        given = given[key]
    return _tuple(given)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _settings(count: int) -> str:
    return f"{count} setting{'' if count == 1 else 's'}"
