"""Draws a tree from the top down, each parent centred over its children: an org chart, or with arrows a structure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.plans import Item, Tree
from jobs.handlers.palettes import Palette
from jobs.handlers.shapes import Box, Object

ROOM_PX = shapes.SIDE_PX - 2 * shapes.MARGIN_PX
WIDTHS_PX = range(160, 90, -20)
HEIGHT_PX, GAP_PX, LEVEL_PX = 60, 40, 130  # the distance of two tops is a level
LINE_PX, LINES_PX = 15, 20  # how high a box is that lists several
MOST_LINES, MOST_LEVELS, MOST_NODES, MOST_OBJECTS = 12, 5, 16, 50
TITLE_DISTANCE_PX = 50
FONT = 18


@dataclass(frozen=True, slots=True)
class Placed:
    """A node in its box, and what stands below it."""

    text: str
    box: Box
    level: int
    below: tuple["Placed", ...]

    def all(self) -> Iterator["Placed"]:
        yield self
        for child in self.below:
            yield from child.all()

    @property
    def right(self) -> int:
        return max(node.box.right[0] for node in self.all())


def draw(plan: Tree, palette: Palette) -> list[Object]:
    """The tree; siblings without children of their own share a box where there is not room for all."""
    placed = _fitting(plan.root)
    nodes = list(placed.all())
    ways = _ways(nodes, palette, arrows=plan.arrows)
    size = text_fit.shared_size([(node.text, shapes.room_in(node.box)) for node in nodes], FONT)
    title = shapes.title(plan.title, palette, -TITLE_DISTANCE_PX)
    objects = [*shapes.moved([title], placed.right // 2 - shapes.SIDE_PX // 2, 0), *ways]
    for node in nodes:
        tone = palette.tones[node.level % len(palette.tones)]
        objects += shapes.labelled(shapes.rectangle(node.box, tone), node.box, node.text, tone, size)
    return shapes.centred(objects)


def _fitting(root: Item) -> Placed:
    """The tree as deep as it can be drawn, with as few shared boxes as possible, in the widest boxes."""
    for levels in range(MOST_LEVELS, 0, -1):
        for tree in _ever_smaller(_shallow(root, levels)):
            for width in WIDTHS_PX:
                placed = _placed(tree, 0, 0, width)
                if placed.right <= ROOM_PX and _count(tree) <= MOST_NODES:
                    return placed
    return _placed(Item(root.text), 0, 0, WIDTHS_PX[0])


def _shallow(item: Item, levels: int) -> Item:
    """Without what is deeper; its names go into the box of its parent."""
    if levels == 1:
        return Item("\n".join(_listed([item, *item.children])))
    return Item(item.text, tuple(_shallow(child, levels - 1) for child in item.children))


def _ever_smaller(root: Item) -> Iterator[Item]:
    """The tree, then the same with the largest group of leaves in one box, and so on."""
    yield root
    while (most := max(_leaf_groups(root))) > 1:
        root = _merged(root, most)
        yield root


def _leaf_groups(item: Item) -> Iterator[int]:
    """How many leaves each parent has."""
    yield sum(not child.children for child in item.children)
    for child in item.children:
        yield from _leaf_groups(child)


def _merged(item: Item, size: int) -> Item:
    """The leaves of every parent that has so many, as one box."""
    leaves = [child for child in item.children if not child.children]
    if len(leaves) < size:
        return replace(item, children=tuple(_merged(child, size) for child in item.children))
    others = tuple(_merged(child, size) for child in item.children if child.children)
    return replace(item, children=(*others, Item("\n".join(_listed(leaves)))))


def _listed(items: list[Item]) -> list[str]:
    lines = [line for item in items for line in item.text.split("\n")]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"{len(lines) - MOST_LINES + 1} more"]
    return lines


def _count(item: Item) -> int:
    return 1 + sum(map(_count, item.children))


def _placed(item: Item, left: int, level: int, width: int) -> Placed:
    """The subtree with its left edge there."""
    below: list[Placed] = []
    start = left
    for child in item.children:
        start = below[-1].right + GAP_PX if below else left
        below.append(_placed(child, start, level + 1, width))
    if below and (below[0].box.centre[0] + below[-1].box.centre[0]) % (2 * shapes.GRID_PX):
        below[-1] = _placed(item.children[-1], start + shapes.GRID_PX, level + 1, width)  # keeps us on the grid
    middle = (below[0].box.centre[0] + below[-1].box.centre[0]) // 2 if below else left + width // 2
    box = Box(middle - width // 2, level * LEVEL_PX, width, _height(item.text))
    return Placed(item.text, box, level, tuple(below))


def _height(text: str) -> int:
    lines = text.count("\n") + 1
    return max(HEIGHT_PX, -(-(LINES_PX + LINE_PX * lines) // 20) * 20)


def _ways(nodes: list[Placed], palette: Palette, *, arrows: bool) -> list[Object]:
    """From each parent to its children: bent ones, or straight ones where those would be too many objects."""
    parents = [node for node in nodes if node.below]
    bent = [way for parent in parents for way in _bent(parent, palette, arrows=arrows)]
    if 1 + 2 * len(nodes) + len(bent) <= MOST_OBJECTS:
        return bent
    pairs = [[parent.box.bottom, child.box.top] for parent in parents for child in parent.below]
    draw_way = shapes.arrow if arrows else _plain
    return [piece for pair in pairs for piece in draw_way(pair, palette)]


def _bent(parent: Placed, palette: Palette, *, arrows: bool) -> Iterator[Object]:
    """Down to a bar over all children, and from there to each."""
    x, bottom = parent.box.bottom
    tops = [child.box.top for child in parent.below]
    draw_way = shapes.arrow if arrows else _plain
    if len(tops) == 1:
        yield from draw_way([(x, bottom), tops[0]], palette)
        return
    bar_y = shapes.snapped((bottom + tops[0][1]) / 2)
    yield from _plain([(x, bottom), (x, bar_y)], palette)
    yield from _plain([(tops[0][0], bar_y), (tops[-1][0], bar_y)], palette)
    for top in tops:
        yield from draw_way([(top[0], bar_y), top], palette)


def _plain(points: list[shapes.Point], palette: Palette) -> list[Object]:
    return shapes.line(points, palette.line, palette.stroke_width)
