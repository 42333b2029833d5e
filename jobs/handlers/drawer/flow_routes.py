"""Where the ways of a flowchart run: from the middle of one shape's edge to the middle of another's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jobs.handlers.drawer.flow_grid import RIGHT, Grid
from jobs.handlers.drawer.plans import Branch
from jobs.handlers.shapes import Box, Point

BESIDE_PX = 30  # how far beside the shapes a way runs, or below them
BESIDE_LINE_PX = 8  # between a line and its label

Key = tuple[int, int]  # the node of the main way, and 0 for itself, n for the nth node beside it
Boxes = Mapping[Key, Box]


class Label(NamedTuple):
    """A text whose left, middle or right is at `x`; `y` is its middle, or its bottom where it stands on a line."""

    text: str
    x: int
    y: int
    align: Literal["left", "middle", "right"]
    on_line: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    points: tuple[Point, ...]
    label: Label | None = None


def ways(grid: Grid, boxes: Boxes) -> list[Way]:
    """Every way of the flow, the main one first."""
    branches = [(at, node.branch) for at, node in enumerate(grid.flow.nodes) if node.branch]
    return [
        *_main(grid, boxes),
        *(way for at, branch in branches for way in _beside(boxes, at, branch, grid.hands[at])),
        *(way for at, branch in branches if (way := _onward(boxes, at, branch, grid.hands[at]))),
    ]


def _main(grid: Grid, boxes: Boxes) -> Iterator[Way]:
    for number, lane in enumerate(grid.lanes):
        for at in range(lane.start, lane.end - 1):
            yield _down(boxes[at, 0], boxes[at + 1, 0], _straight_label(grid, at), RIGHT)
        if number + 1 < len(grid.lanes):
            yield _to_next_lane(grid, boxes, number)


def _straight_label(grid: Grid, at: int) -> str:
    branch = grid.flow.nodes[at].branch
    return branch.straight_label if branch else ""


def _down(upper: Box, lower: Box, text: str, hand: int) -> Way:
    """The label stands at this hand, near the upper shape."""
    x, y = upper.bottom
    return Way((upper.bottom, lower.top), _beside_line(text, x, min((y + lower.y) // 2, y + 50), hand))


def _to_next_lane(grid: Grid, boxes: Boxes, number: int) -> Way:
    """To the top of the next lane, through the gap between the two."""
    lane = grid.lanes[number]
    last, goal = boxes[lane.end - 1, 0], boxes[lane.end, 0]
    around = [box for (at, _), box in boxes.items() if lane.start <= at < lane.end]
    x = max(box.right[0] for box in around) + BESIDE_PX
    if lane.leaves_right:
        return Way((last.right, (x, last.right[1]), (x, goal.left[1]), goal.left))
    y = max(box.bottom[1] for box in around) + BESIDE_PX
    points = (last.bottom, (last.bottom[0], y), (x, y), (x, goal.left[1]), goal.left)
    text = _straight_label(grid, lane.end - 1)
    return Way(points, _beside_line(text, last.bottom[0], last.bottom[1] + BESIDE_PX // 2, RIGHT))


def _beside(boxes: Boxes, at: int, branch: Branch, hand: int) -> Iterator[Way]:
    """From the question to the nodes beside it."""
    if branch.side:
        start, end = _port(boxes[at, 0], hand), _port(boxes[at, 1], -hand)
        yield Way((start, end), _on_line(branch.label, start, end[0]))
    for n in range(1, len(branch.side)):
        asks = n == 1 and branch.retry_to is not None
        yield _down(boxes[at, n], boxes[at, n + 1], branch.straight_label if asks else "", hand)


def _onward(boxes: Boxes, at: int, branch: Branch, hand: int) -> Way | None:
    """Back to the main way, or on to a later node of it; None for a branch that ends beside it."""
    if branch.retry_to is not None:
        return _over(boxes[at, 1], boxes[branch.retry_to, 0], branch.retry_label, hand)
    if branch.to is None:
        return None
    goal = boxes[branch.to, 0]
    if not branch.side:
        return _around(boxes, at, branch, hand)
    return _over(boxes[at, len(branch.side)], goal, "", hand)


def _over(start: Box, goal: Box, text: str, hand: int) -> Way:
    """Up or down from a node beside the main way, then straight into it."""
    end = _port(goal, hand)
    corner = (start.centre[0], end[1])
    leaving = start.top if end[1] < start.centre[1] else start.bottom
    return Way((leaving, corner, end), _beside_line(text, corner[0], (leaving[1] + corner[1]) // 2, hand))


def _around(boxes: Boxes, at: int, branch: Branch, hand: int) -> Way:
    """Out at one hand and in again at the same, where nothing stands between."""
    start, end = _port(boxes[at, 0], hand), _port(boxes[branch.to or 0, 0], hand)
    widest = max(box.width for (_, n), box in boxes.items() if n == 0)
    x = boxes[at, 0].centre[0] + hand * (widest // 2 + BESIDE_PX)
    return Way((start, (x, start[1]), (x, end[1]), end), _on_line(branch.label, start, x))


def _port(box: Box, hand: int) -> Point:
    return box.right if hand == RIGHT else box.left


def _on_line(text: str, start: Point, end_x: int) -> Label | None:
    return Label(text, (start[0] + end_x) // 2, start[1], "middle", on_line=True) if text else None


def _beside_line(text: str, x: int, y: int, hand: int) -> Label | None:
    if not text:
        return None
    return Label(text, x + hand * BESIDE_LINE_PX, y, "left" if hand == RIGHT else "right")
