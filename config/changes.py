"""What is different between two configurations, and what of it can take effect without a restart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from config.checking import places
from config.settings import Config, Settings, restart_reason

Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """`before`, `after`: None is "not set", be it null or a job type without a time-out of its own.

    `restart`: why it waits for a restart; None: it takes effect at once.
    """

    where: Place
    before: Any
    after: Any
    restart: str | None

    @property
    def name(self) -> str:
        return ".".join(self.where)

    def __str__(self) -> str:
        return f"{self.name} {shown(self.before)} -> {shown(self.after)}"


def shown(value: Any) -> str:
    """As it would stand in the file."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case float():
            return f"{value:.10g}"
        case tuple():
            return f"[{', '.join(map(shown, value))}]"
        case _:
            return str(value)


def flat(settings: Settings) -> dict[Place, Any]:
    """Every setting by its place; a mapping's entries have places of their own."""
    return dict(_leaves(settings))


def _leaves(settings: Settings) -> Iterator[tuple[Place, Any]]:
    for where in places():
        place = tuple(map(str, where))
        value = reduce(getattr, place, settings)
        if isinstance(value, Mapping):
            yield from (((*place, name), inner) for name, inner in value.items())
        else:
            yield place, value


def changes(before: Settings, after: Settings) -> list[Change]:
    old, new = flat(before), flat(after)
    places = dict.fromkeys([*old, *new])
    return [
        Change(place, old.get(place), new.get(place), restart_reason(place))
        for place in places
        if old.get(place) != new.get(place)
    ]


def applied(before: Config, after: Config) -> Config:
    """`after`, except for what waits for a restart: that stays as it is in `before`."""
    tree = after.model_dump(exclude={"environment"})
    for change in changes(before, after):
        if change.restart:
            *sections, name = change.where
            reduce(lambda section, key: section[key], sections, tree)[name] = change.before
    return Config(**dict(Settings.model_validate(tree)), environment=before.environment)
