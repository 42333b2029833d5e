"""Reads who stands above whom: "CEO > CTO, CFO; CTO > dev lead", "Ann manages Bob", indented or plain lists."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from jobs.handlers.drawer.outlines import outline
from jobs.handlers.drawer.phrases import label, listed, split
from jobs.handlers.drawer.plans import Item

MOST_NODES, DEEPEST = 60, 8

_ABOVE = r"\s*(?:->|>)\s*|\s+(?:manages|leads|supervises|heads)\s+"
_BELOW = re.compile(r"(?P<child>.+?)\s+(?:reports? to|works? for|under|belongs to)\s+(?P<parent>.+)", re.IGNORECASE)


@dataclass(slots=True)
class _Graph:
    """Names in the order of their first mention, and under each name what it leads to."""

    below: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def node(self, text: str) -> str:
        key = text.casefold()
        self.texts.setdefault(key, text)
        self.below.setdefault(key, [])
        return key

    def edge(self, parent: str, child: str) -> None:
        above, below = self.node(parent), self.node(child)
        if below not in self.below[above] and below != above:
            self.below[above].append(below)

    def roots(self) -> list[str]:
        led_to = {key for keys in self.below.values() for key in keys}
        return [key for key in self.below if key not in led_to] or list(self.below)[:1]


def has_relations(content: str) -> bool:
    """Somebody is put above somebody else in so many words."""
    return any(_BELOW.fullmatch(part) or len(split(part, _ABOVE)) > 1 for part in split(content, r"[;\n]"))


def tree(topic: str, content: str) -> Item | None:
    """One root with everything below it, or None if nobody is named.

    In a list without any order the first is above the others; several roots stand below the topic.
    """
    graph = _Graph()
    if has_relations(content):
        _read_relations(graph, content)
    else:
        _read_items(graph, outline(content), None)
    roots = graph.roots()
    if len(roots) > 1 and not any(graph.below[root] for root in roots):
        graph.below[roots[0]], roots = roots[1:], roots[:1]
    trees = _Unrolled(graph).items(roots)
    if not trees:
        return None
    return trees[0] if len(trees) == 1 else Item(topic, trees)


def _read_relations(graph: _Graph, content: str) -> None:
    for part in split(content, r"[;\n]"):
        if found := _BELOW.fullmatch(part):
            for child in _names(found["child"]):
                graph.edge(label(found["parent"]), child)
            continue
        steps = [names for step in split(part, _ABOVE) if (names := _names(step))]
        for name in steps[0] if steps else ():
            graph.node(name)
        for above, below in pairwise(steps):
            for name in below:
                graph.edge(above[-1], name)


def _names(text: str) -> list[str]:
    return [name for part in listed(text) if (name := label(part))]


def _read_items(graph: _Graph, items: Iterable[Item], parent: str | None) -> None:
    for item in items:
        graph.node(item.text)
        if parent is not None:
            graph.edge(parent, item.text)
        _read_items(graph, item.children, item.text)


@dataclass(slots=True)
class _Unrolled:
    """The graph as a tree: what is reached in several ways stands in several places, what closes a circle does not."""

    graph: _Graph
    count: int = 0

    def items(self, keys: Iterable[str], above: tuple[str, ...] = ()) -> tuple[Item, ...]:
        return tuple(item for key in keys if key not in above and (item := self._item(key, above)))

    def _item(self, key: str, above: tuple[str, ...]) -> Item | None:
        self.count += 1
        if self.count > MOST_NODES or len(above) >= DEEPEST:
            return None
        return Item(self.graph.texts[key], self.items(self.graph.below[key], (*above, key)))
