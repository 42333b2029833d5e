"""Draws a flow as a flowchart: boxes, diamonds for questions, and arrows between the middles of their edges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.flow_grid import Cell, Grid, grid_of
from jobs.handlers.drawer.flow_routes import Boxes, Label, ways
from jobs.handlers.drawer.plans import Branch, Flow, Node, Role
from jobs.handlers.palettes import Palette, Tone
from jobs.handlers.shapes import Box, Object

MOST_OBJECTS = 50
TITLE_GAP_PX = 50  # from the middle of the title to the first shape
LABEL_PX = 14


@dataclass(frozen=True, slots=True)
class Measure:
    """Sizes in pixels; a pitch is the distance between the middles of neighbours."""

    column_pitch: int
    row_pitch: int
    step: tuple[int, int]
    question: tuple[int, int]


WIDE = Measure(280, 160, (160, 60), (180, 80))
NARROW = Measure(230, 160, (140, 60), (140, 80))  # for four columns
WIDE_COLUMNS = 3
TALL_ROWS, TALL_PITCH = 6, 150
SMALL_PX = 13  # texts that would be smaller in a usual step get the largest steps
LARGE_STEP, LARGE_STEP_TALL = (180, 80), (180, 60)


def draw(flow: Flow, palette: Palette) -> list[Object]:
    """The flowchart, its end left out as far as the canvas or its 50 objects demand, and the drawing says so."""
    for kept in range(min(len(flow.nodes), MOST_OBJECTS // 2), 0, -1):
        grid = grid_of(_shortened(flow, kept))
        objects = _drawn(grid, palette) if grid else []
        if 0 < len(objects) <= MOST_OBJECTS:
            return shapes.centred(objects)
    return shapes.centred([shapes.title(flow.title, palette, 0)])


def _shortened(flow: Flow, kept: int) -> Flow:
    """The first nodes, and one that counts the others."""
    left_out = len(flow.nodes) - kept
    if not left_out:
        return flow
    more = Node(f"{left_out} more steps", Role.JUMP)
    nodes = [_redirected(node, kept) for node in flow.nodes[:kept]]
    return Flow(flow.title, (*nodes, more), None if flow.again is None else min(flow.again, kept - 1))


def _redirected(node: Node, last: int) -> Node:
    branch = node.branch
    if branch is None or branch.to is None:
        return node
    return replace(node, branch=replace(branch, to=min(branch.to, last)))


def _drawn(grid: Grid, palette: Palette) -> list[Object]:
    nodes = _nodes(grid)
    measure = _measure(grid, [node.text for node, _ in nodes.values() if node.role is not Role.QUESTION])
    boxes = {key: _box(node, cell, measure) for key, (node, cell) in nodes.items()}
    font_sizes = _font_sizes(nodes, boxes)
    objects = [part for key, (node, _) in nodes.items() for part in _node(node, boxes[key], palette, font_sizes)]
    for way in ways(grid, boxes):
        objects += shapes.arrow(way.points, palette)
        objects += [_label(way.label, palette)] if way.label else []
    left, top, right, _ = shapes.bounds(objects)
    title = shapes.title(grid.flow.title, palette, round(top) - TITLE_GAP_PX)
    return [*shapes.moved([title], round((left + right) / 2) - shapes.SIDE_PX // 2, 0), *objects]


def _measure(grid: Grid, steps: Sequence[str]) -> Measure:
    tall = grid.rows >= TALL_ROWS
    measure = WIDE if grid.columns <= WIDE_COLUMNS else NARROW
    room = shapes.room_in(Box(0, 0, *WIDE.step))
    if measure is WIDE and any(text_fit.fit(text, room).font_size < SMALL_PX for text in steps):
        measure = replace(WIDE, step=LARGE_STEP_TALL if tall else LARGE_STEP)
    return replace(measure, row_pitch=TALL_PITCH) if tall else measure


def _nodes(grid: Grid) -> dict[tuple[int, int], tuple[Node, Cell]]:
    nodes = {(at, 0): (node, grid.main[at]) for at, node in enumerate(grid.flow.nodes)}
    for at, cells in grid.sides.items():
        branch = grid.flow.nodes[at].branch or Branch()
        pairs = zip(branch.side, cells, strict=True)
        nodes |= {(at, n): (node, cell) for n, (node, cell) in enumerate(pairs, start=1)}
    return nodes


def _box(node: Node, cell: Cell, measure: Measure) -> Box:
    centre = (cell.column * measure.column_pitch, cell.row * measure.row_pitch)
    if node.role is Role.START:
        return Box.around(centre, measure.step[1], measure.step[1])
    return Box.around(centre, *(measure.question if node.role is Role.QUESTION else measure.step))


def _font_sizes(nodes: dict[tuple[int, int], tuple[Node, Cell]], boxes: Boxes) -> dict[str, int]:
    """One font size for all steps and one for all questions, however long their texts are."""
    rooms: dict[str, list[tuple[str, text_fit.Room]]] = {}
    for key, (node, _) in nodes.items():
        outline = _OUTLINES.get(node.role, "rectangle")
        rooms.setdefault(outline, []).append((node.text, shapes.room_in(boxes[key], outline)))
    return {outline: text_fit.shared_size(texts) for outline, texts in rooms.items()}


def _node(node: Node, box: Box, palette: Palette, font_sizes: dict[str, int]) -> list[Object]:
    outline, tone = _OUTLINES.get(node.role, "rectangle"), _tone(node.role, palette)
    return shapes.labelled(_SHAPES[outline](box, tone), box, node.text, tone, font_sizes[outline])


def _tone(role: Role, palette: Palette) -> Tone:
    return {
        Role.START: palette.terminal,
        Role.STEP: palette.step,
        Role.QUESTION: palette.question,
        Role.GOOD: palette.good,
        Role.BAD: palette.bad,
        Role.JUMP: palette.plain,
    }[role]


def _label(label: Label, palette: Palette) -> Object:
    fitted = text_fit.fitted([label.text], LABEL_PX)
    part = {"left": 0.0, "middle": text_fit.TYPICAL / 2, "right": 1.0}[label.align]
    y = label.y - fitted.height - 3 if label.on_line else label.y - fitted.height / 2
    corner = (round(label.x - fitted.width * part), round(y))
    return shapes.text_at(label.text, corner, LABEL_PX, palette.text)


_OUTLINES = {Role.START: "circle", Role.QUESTION: "diamond"}
_SHAPES: dict[str, Callable[[Box, Tone], Object]] = {
    "rectangle": shapes.rectangle,
    "diamond": shapes.diamond,
    "circle": shapes.circle,
}
