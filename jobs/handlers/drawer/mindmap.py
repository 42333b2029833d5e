"""Draws a mind map: the topic in the middle, its branches around it, clockwise from the top right."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.plans import Item, MindMap
from jobs.handlers.palettes import Palette, Tone
from jobs.handlers.shapes import Box, Object

X, Y = 500, 400  # where the topic stands
TOPIC_PX = 160  # its diameter
HALF_HEIGHT_PX = 350  # how far the branches may reach up and down from there
BRANCH_GAPS_PX = (40, 130)  # between the branches of one side: at least, and at most
LEAF_GAP_PX, LEAF_PX, LINE_PX, LINES_PX = 30, 40, 15, 20
MOST_LINES = 8  # in a leaf that stands for several
MOST_OBJECTS, OBJECTS_PER_NODE = 50, 3
MOST_BRANCHES, MOST_BARE_BRANCHES = 8, 14
TOPIC_FONT, BRANCH_FONT, LEAF_FONT = 22, 18, 15


@dataclass(frozen=True, slots=True)
class Measure:
    """Sizes in pixels; `reach` is from the topic to a branch at its height, middle to middle."""

    branch: tuple[int, int]
    leaf_width: int
    reach: int
    leaf_distance: int


WITH_LEAVES = Measure((140, 50), 140, 200, 40)
BARE = Measure((180, 60), 140, 270, 40)


@dataclass(frozen=True, slots=True)
class Placed:
    """A branch with its leaves; `hand` is 1 at the right of the topic, -1 at the left."""

    item: Item
    box: Box
    leaves: tuple[Box, ...]
    hand: int


def draw(plan: MindMap, palette: Palette) -> list[Object]:
    """The mind map; where there is not enough room for every leaf, one box lists several."""
    branches = _fewer(plan.branches)
    placed = sorted(_placed(branches), key=lambda branch: branches.index(branch.item))
    topic = Box.around((X, Y), TOPIC_PX, TOPIC_PX)
    objects = shapes.labelled(shapes.circle(topic, palette.terminal), topic, plan.topic, palette.terminal, TOPIC_FONT)
    sizes = _font_sizes(placed)
    for branch in placed:
        tone = palette.tones[branches.index(branch.item) % len(palette.tones)]
        objects += _branch(branch, tone, sizes)
    return objects


def _fewer(branches: Sequence[Item]) -> list[Item]:
    """As many nodes as a canvas has room for."""
    most = MOST_BRANCHES if any(branch.children for branch in branches) else MOST_BARE_BRANCHES
    kept = [Item(branch.text, tuple(Item(_spelled_out(leaf)) for leaf in branch.children)) for branch in branches]
    if len(kept) > most:
        kept[most - 1 :] = [Item(f"{len(kept) - most + 1} more")]
    while not _fit(kept):
        fullest = max(range(len(kept)), key=lambda n: len(kept[n].children))
        if len(kept[fullest].children) <= 1:
            return kept
        kept[fullest] = Item(kept[fullest].text, (Item(_list_of(kept[fullest].children)),))
    return kept


def _spelled_out(leaf: Item) -> str:
    below = ", ".join(_spelled_out(child) for child in leaf.children)
    return f"{leaf.text}: {below}" if below else leaf.text


def _list_of(leaves: Sequence[Item]) -> str:
    lines = [leaf.text for leaf in leaves]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"{len(lines) - MOST_LINES + 1} more"]
    return "\n".join(lines)


def _fit(branches: Sequence[Item]) -> bool:
    nodes = len(branches) + sum(len(branch.children) for branch in branches)
    return (nodes + 1) * OBJECTS_PER_NODE - 1 <= MOST_OBJECTS and all(
        _height(side) <= 2 * HALF_HEIGHT_PX for side in _sides(branches)
    )


def _sides(branches: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Right and left, each from the top, about equally high; clockwise they keep their order."""
    cut = min(
        range(1, len(branches) + 1),
        key=lambda n: (abs(_height(branches[:n]) - _height(branches[n:])), -n),
        default=0,
    )
    return list(branches[:cut]), list(reversed(branches[cut:]))


def _height(branches: Sequence[Item]) -> int:
    return sum(map(_branch_height, branches)) + BRANCH_GAPS_PX[0] * max(0, len(branches) - 1)


def _branch_height(branch: Item) -> int:
    leaves = [_leaf_height(leaf) for leaf in branch.children]
    alone = (WITH_LEAVES if leaves else BARE).branch[1]
    return max(alone, sum(leaves) + LEAF_GAP_PX * (len(leaves) - 1))


def _leaf_height(leaf: Item) -> int:
    lines = leaf.text.count("\n")
    return -(-(LINES_PX + LINE_PX * (lines + 1)) // 20) * 20 if lines else LEAF_PX


def _placed(branches: Sequence[Item]) -> Iterator[Placed]:
    measure = WITH_LEAVES if any(branch.children for branch in branches) else BARE
    for side, hand in zip(_sides(branches), (1, -1), strict=True):
        heights = [_branch_height(branch) for branch in side]
        room = 2 * HALF_HEIGHT_PX - sum(heights)
        least, most = BRANCH_GAPS_PX
        gap = max(least, min(most, room // max(1, len(side))))
        y = Y - (sum(heights) + gap * (len(side) - 1)) // 2
        for branch, height in zip(side, heights, strict=True):
            yield _placed_branch(branch, y + height // 2, hand, measure)
            y += height + gap


def _placed_branch(branch: Item, y: int, hand: int, measure: Measure) -> Placed:
    """On an ellipse around the topic, its leaves stacked further out."""
    y = shapes.snapped(y)
    bend = math.sqrt(max(0.4, 1 - 0.6 * ((y - Y) / HALF_HEIGHT_PX) ** 2))
    x = X + hand * shapes.snapped(measure.reach * bend)
    box = Box.around((x, y), *measure.branch)
    leaf_x = x + hand * (measure.branch[0] // 2 + measure.leaf_distance + measure.leaf_width // 2)
    heights = [_leaf_height(leaf) for leaf in branch.children]
    top = y - (sum(heights) + LEAF_GAP_PX * (len(heights) - 1)) // 2
    leaves = []
    for height in heights:
        leaves.append(Box.around((leaf_x, top + height // 2), measure.leaf_width, height))
        top += height + LEAF_GAP_PX
    return Placed(branch, box, tuple(leaves), hand)


def _font_sizes(placed: Sequence[Placed]) -> tuple[int, int]:
    """One size for all branches, one for all leaves."""
    branches = [(branch.item.text, shapes.room_in(branch.box)) for branch in placed]
    leaves = [
        (leaf.text, shapes.room_in(box))
        for branch in placed
        for leaf, box in zip(branch.item.children, branch.leaves, strict=True)
    ]
    return text_fit.shared_size(branches, BRANCH_FONT), text_fit.shared_size(leaves, LEAF_FONT)


def _branch(branch: Placed, tone: Tone, sizes: tuple[int, int]) -> list[Object]:
    inner, outer = (branch.box.left, branch.box.right)[:: branch.hand]
    turn = math.atan2(inner[1] - Y, inner[0] - X)
    edge = (round(X + TOPIC_PX / 2 * math.cos(turn)), round(Y + TOPIC_PX / 2 * math.sin(turn)))
    objects = shapes.line([edge, inner], tone.stroke, tone.stroke_width)
    objects += shapes.labelled(shapes.rectangle(branch.box, tone), branch.box, branch.item.text, tone, sizes[0])
    for leaf, box in zip(branch.item.children, branch.leaves, strict=True):
        objects += shapes.line([outer, (box.left, box.right)[:: branch.hand][0]], tone.stroke, tone.stroke_width)
        objects += shapes.labelled(shapes.rectangle(box, tone), box, leaf.text, tone, sizes[1])
    return objects
