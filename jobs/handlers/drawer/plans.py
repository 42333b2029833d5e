"""What a drawing is to show, before anything has a place: reading.py makes these, the layouts draw them."""

from dataclasses import dataclass
from enum import Enum, auto


class Role(Enum):
    """What a node of a flowchart is."""

    START = auto()
    STEP = auto()
    QUESTION = auto()
    GOOD = auto()  # the way ends well here
    BAD = auto()  # the way ends badly here
    JUMP = auto()  # the way goes on at another node, named in the text


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a question's second answer leads.

    `side`: the nodes beside the main way, in order.  `to`: the index of the node of the main way at which it goes
    on; None: it ends where `side` ends.  `retry_to`: side[0] is a question too, and its second answer goes there.
    """

    side: tuple["Node", ...] = ()
    to: int | None = None
    retry_to: int | None = None
    label: str = "no"
    straight_label: str = "yes"  # the answer that stays on the main way
    retry_label: str = "no, try again"


@dataclass(frozen=True, slots=True)
class Node:
    text: str
    role: Role = Role.STEP
    branch: Branch | None = None  # questions only


@dataclass(frozen=True, slots=True)
class Flow:
    """A main way, top to bottom; the last node may lead back to the one at index `again`."""

    title: str
    nodes: tuple[Node, ...]
    again: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of an outline."""

    text: str
    children: tuple["Item", ...] = ()


@dataclass(frozen=True, slots=True)
class MindMap:
    topic: str
    branches: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Event:
    when: str  # empty: nobody said
    what: str


@dataclass(frozen=True, slots=True)
class Timeline:
    title: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """An org chart, or with `arrows` any structure that leads from one thing to others."""

    title: str
    root: Item
    arrows: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A kanban board: the items are its columns, their children the cards."""

    title: str
    columns: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A wireframe: the blocks of a page from top to bottom; a block's children stand side by side in it."""

    title: str
    blocks: tuple[Item, ...]


Plan = Flow | MindMap | Timeline | Tree | Board | Page
