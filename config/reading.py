"""Reads config.yaml and the environment, checks the whole, lists every fault, and freezes it.

    config.yaml  <  PORT, OPENAI_BASE_URL, OPENAI_MODEL  <  YARD_SECTION__KEY      (the later one wins)

Defaults are filled in last, so that "not set" can be told from "set to the default" until then.
Nobody else reads the environment.
"""

import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.checking import Fault, Where, broken_rules, checked, nearest, places
from config.file import File, read
from config.plain_yaml import YamlError, parsed
from config.settings import SECRETS, Config, Environment

KNOWN_AS: Mapping[str, Where] = {  # names that platforms and the provider's SDK use
    "PORT": ("api", "port"),
    "OPENAI_BASE_URL": ("provider", "base_url"),
    "OPENAI_MODEL": ("provider", "model"),
}
NO_SETTINGS = ("YARD_CONFIG", "YARD_DATA_DIR")
EMPTY = "sets nothing, as a file looks that is still being written: write {} to mean all defaults"


class ConfigError(Exception):
    """The configuration cannot be used; str() lists every fault, one a line."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`given` is what the file sets, as it stands there; `names` are the variables that set or overrule something."""

    config: Config
    given: Mapping[str, Any]
    names: Mapping[Where, str]


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Raises ConfigError.  `path` None: YARD_CONFIG, else config.yaml in the working directory."""
    path = path or place(environ)
    return loaded(path, read(path), environ).config


def place(environ: Mapping[str, str] = os.environ) -> Path:
    return Path(environ.get("YARD_CONFIG") or "config.yaml")


def loaded(path: Path, file: File, environ: Mapping[str, str], *, again: bool = False) -> Loaded:
    """What this file and the environment mean together.  Raises ConfigError.

    `again`: a process runs by another file already, and would take an empty one for all defaults.
    """
    given, unreadable = _parsed(path, file, may_be_empty=not again)
    tree = copy.deepcopy(given)
    names, unusable = _overlay(tree, environ)
    settings, faults = checked(tree)
    if not unreadable:  # otherwise the rules would judge defaults that nobody chose
        faults += list(broken_rules(tree, faults, names))
    lines = [*unreadable, *(_line(fault, path, names) for fault in faults), *unusable]
    if lines or settings is None:
        raise ConfigError("\n".join(lines).encode("utf-8", "backslashreplace").decode())
    return Loaded(Config(**dict(settings), environment=_environment(environ, path)), given, names)


def _environment(environ: Mapping[str, str], file: Path) -> Environment:
    secrets = {name.lower(): SecretStr(environ[name]) for name in SECRETS if _is_set(environ, name)}
    data_dir = Path(environ.get("YARD_DATA_DIR") or ".data")
    return Environment(**secrets, data_dir=data_dir, file=file, has_port=_is_set(environ, "PORT"))


def _is_set(environ: Mapping[str, str], name: str) -> bool:
    """Platforms show a variable that was cleared as an empty one."""
    return bool(environ.get(name, "").strip())


def _parsed(path: Path, file: File, *, may_be_empty: bool) -> tuple[dict[str, Any], list[str]]:
    """What the file sets, and what hinders reading it."""
    if file.problem:
        return {}, [f"{path}: {file.problem}"]
    try:
        tree = parsed(file.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return {}, [f"{path}: must be UTF-8 text"]
    except YamlError as fault:
        return {}, [f"{path}: {fault}"]
    if not isinstance(tree, dict | None):
        return {}, [f"{path}: must be a mapping of sections"]
    return tree or {}, [f"{path}: {EMPTY}"] if tree is None and not may_be_empty else []


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[Where, str], list[str]]:
    """Writes what the environment sets into `tree`; returns where each variable went, and faults."""
    names: dict[Where, str] = {}
    faults: list[str] = []
    for name, where in _variables(environ):
        try:
            value = environ[name] if name.startswith("OPENAI_") else parsed(environ[name])
        except YamlError as fault:
            faults.append(f"{name}: not a YAML value: {fault.problem}")
            continue
        if isinstance(value, dict):
            faults.append(f"{name}: must be one value or a list (text that holds ': ' needs quotes)")
        elif not _exists(where):
            faults.append(f"{name}: unknown setting{nearest(name, map(_variable, places()))}")
        else:
            names[where] = name
            _put(tree, where, value)
    return names, faults


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, Where]]:
    """The variables that are settings, and their places; a later one wins."""
    yield from ((name, where) for name, where in KNOWN_AS.items() if _is_set(environ, name))
    for name in sorted(environ):
        if name.startswith("YARD_") and name not in NO_SETTINGS:
            yield name, tuple(name.removeprefix("YARD_").lower().split("__"))


def _variable(where: Where) -> str:
    return "YARD_" + "__".join(map(str, where)).upper()


def _exists(where: Where) -> bool:
    return where in places() or where[:-1] == ("jobs", "run_timeout_s")


def _put(tree: dict[str, Any], where: Where, value: Any) -> None:
    """Leaves a section alone that the file has spoilt: that is a fault of its own."""
    *sections, key = map(str, where)
    for section in sections:
        if tree.get(section) is None:
            tree[section] = {}
        tree = tree[section]
        if not isinstance(tree, dict):
            return
    tree[key] = value


def _line(fault: Fault, file: Path, names: Mapping[Where, str]) -> str:
    """`where` may lie inside the value that a variable gave, as an item of a list does."""
    where, message = fault
    for length in range(len(where), 0, -1):
        if where[:length] in names:
            return f"{names[where[:length]]}: {message}"
    return f"{file}: {'.'.join(map(str, where))}: {message}"
