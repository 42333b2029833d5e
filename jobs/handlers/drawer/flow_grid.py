"""Gives every node of a flow its cell in a grid of columns and rows, so that no two ways cross.

    column 0     column 1     column 2     column 3
    Start                     step 4           .         The main way goes down a lane and on at the top of the
    step 1           .        step 5           .         next one.  A question's second answer leads to nodes
    question ---> beside      question ---> beside       beside it, back, or further on, at its right hand or,
    step 3           .        end              .         where that is taken and there is but one lane, its left.

What can be led at neither hand becomes a jump: a node that names where the way goes on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

from jobs.handlers.drawer.plans import Branch, Flow, Node, Role

MOST_COLUMNS, MOST_ROWS, FEWEST_ROWS = 4, 6, 3
RIGHT, LEFT = 1, -1
USUAL, OTHER, JUMP = range(3)  # what is tried for a branch, in this order


class Cell(NamedTuple):
    column: int
    row: int


class Claim(NamedTuple):
    """A piece of the grid that one branch needs for itself: beside a lane, at one hand, the gap or the cell."""

    lane: int
    hand: int
    what: str
    row: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A piece of the main way: the nodes `start` and on, with the row of each.

    `leaves_right`: the way to the next lane leaves at the right hand of the last node; else it leaves below.
    """

    start: int
    rows: tuple[int, ...]
    leaves_right: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.rows)


@dataclass(frozen=True, slots=True)
class Grid:
    """`main[i]` is the cell of node i, `sides[i]` are those of the nodes beside it, at the hand `hands[i]`."""

    flow: Flow
    lanes: tuple[Lane, ...]
    main: tuple[Cell, ...]
    sides: Mapping[int, tuple[Cell, ...]]
    hands: Mapping[int, int]
    jumps: frozenset[int]

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (*self.main, *(cell for cells in self.sides.values() for cell in cells))

    @property
    def columns(self) -> int:
        return 1 + max(cell.column for cell in self.cells)

    @property
    def rows(self) -> int:
        return 1 + max(cell.row for cell in self.cells)


def grid_of(flow: Flow) -> Grid | None:
    """The grid with the fewest jumps and columns, of these the flattest; None: the flow is too long for the canvas."""
    closed = _closed(flow)
    grids = [_with_rows(closed, rows) for rows in range(FEWEST_ROWS, MOST_ROWS + 1)]
    fitting = [grid for grid in grids if grid.columns <= MOST_COLUMNS and grid.rows <= MOST_ROWS]
    return min(fitting, key=lambda grid: (len(grid.jumps), grid.columns), default=None)


def _closed(flow: Flow) -> Flow:
    """A way that starts again is drawn like a question's way back."""
    last = flow.nodes[-1]
    if flow.again is None or last.branch:
        return flow
    again = replace(last, branch=Branch(to=flow.again, label="", straight_label=""))
    return Flow(flow.title, (*flow.nodes[:-1], again))


def _with_rows(flow: Flow, most_rows: int) -> Grid:
    """Tries each branch at its usual hand, at the other one, as a jump, until none is in another's way."""
    tries = {at: USUAL for at, node in enumerate(flow.nodes) if node.branch}
    while True:
        jumps = frozenset(at for at, tried in tries.items() if tried == JUMP and _leads_on(flow.nodes[at]))
        drawn = _with_jumps(flow, jumps)
        hands = {at: _hand(flow, at, tried) for at, tried in tries.items()}
        lanes = _lanes(drawn, hands, most_rows)
        clash = _clash(drawn, lanes, hands, tries)
        if clash is None:
            return replace(_settled(drawn, lanes, hands), jumps=jumps)
        for at in clash:
            tries[at] = OTHER if tries[at] == USUAL and len(lanes) == 1 else JUMP


def _hand(flow: Flow, at: int, tried: int) -> int:
    """A bare way back is led at the left, everything else at the right; a jump stands at the right as well."""
    branch = flow.nodes[at].branch
    goes_back = branch is not None and not branch.side and branch.to is not None and branch.to < at
    usual = LEFT if goes_back and tried != JUMP else RIGHT
    return -usual if tried == OTHER else usual


def _leads_on(node: Node) -> bool:
    return node.branch is not None and (node.branch.to is not None or node.branch.retry_to is not None)


def _with_jumps(flow: Flow, jumps: Iterable[int]) -> Flow:
    nodes = list(flow.nodes)
    for at in jumps:
        nodes[at] = replace(nodes[at], branch=_jump(flow, at, nodes[at].branch or Branch()))
    return replace(flow, nodes=tuple(nodes))


def _jump(flow: Flow, at: int, branch: Branch) -> Branch:
    """The same in words instead of a line."""
    if branch.retry_to is not None and len(branch.side) > 1:
        tries, end = branch.side[:2]
        side: tuple[Node, ...] = (Node(f"{end.text} after {tries.text.rstrip('?')}", Role.BAD),)
    else:
        to = branch.retry_to if branch.to is None else branch.to
        verb = "Back to" if to is not None and to <= at else "Go on at"
        side = (*branch.side, Node(f"{verb}: {flow.nodes[to or 0].text}", Role.JUMP))
    return replace(branch, side=side, to=None, retry_to=None)


def _lanes(flow: Flow, hands: Mapping[int, int], most_rows: int) -> tuple[Lane, ...]:
    lanes: list[Lane] = []
    while not lanes or lanes[-1].end < len(flow.nodes):
        start = lanes[-1].end if lanes else 0
        lane = _filled(flow, hands, start, most_rows)
        lanes.append(lane if lane.end == len(flow.nodes) else _cut(flow, lane, hands))
    return tuple(lanes)


def _filled(flow: Flow, hands: Mapping[int, int], start: int, most_rows: int) -> Lane:
    """As many nodes as fit, each under the one before, and no two with nodes beside them in the same cell."""
    rows: list[int] = []
    taken: dict[int, set[int]] = {RIGHT: set(), LEFT: set()}
    row = 0
    for at in range(start, len(flow.nodes)):
        branch = flow.nodes[at].branch
        depth, hand = len(branch.side) if branch else 0, hands.get(at, RIGHT)
        while taken[hand] & set(range(row, row + depth)):
            row += 1
        if rows and row + max(1, depth) > most_rows:
            break
        rows.append(row)
        taken[hand].update(range(row, row + depth))
        row += 1
    return Lane(start, tuple(rows))


def _cut(flow: Flow, lane: Lane, hands: Mapping[int, int]) -> Lane:
    """Ended earlier, if that lets the way to the next lane leave at the free right hand of a plain step.

    Best is an end that parts no branch from where it leads, unless the lane would keep less than a third for it.
    """
    branching = [at for at in hands if lane.start <= at < lane.end and hands[at] == RIGHT]
    taken = {claim.row for at in branching for claim in _claims(flow, (lane,), at, RIGHT) or ()}
    lengths = [
        length
        for length in range(len(lane.rows), 0, -1)
        if not flow.nodes[lane.start + length - 1].branch and lane.rows[length - 1] not in taken
    ]
    whole = [n for n in lengths if 3 * n >= len(lane.rows) and not _is_crossed(flow, lane.start + n)]
    length = next(iter(whole or lengths), 0)
    return Lane(lane.start, lane.rows[:length], leaves_right=True) if length else lane


def _is_crossed(flow: Flow, border: int) -> bool:
    """A branch leads from one side of the border before this node to the other."""
    leads = [(at, node.branch) for at, node in enumerate(flow.nodes) if node.branch]
    ends = [(at, to) for at, branch in leads for to in (branch.to, branch.retry_to) if to is not None]
    return any((at < border) != (to < border) for at, to in ends)


def _clash(
    flow: Flow, lanes: tuple[Lane, ...], hands: Mapping[int, int], tries: Mapping[int, int]
) -> tuple[int, ...] | None:
    """The branches that must try something else; None: all is well."""
    if len(lanes) > 1 and (turned := tuple(at for at, tried in tries.items() if tried == OTHER)):
        return turned  # there are columns at the left hand of a single lane only
    claims = {at: _claims(flow, lanes, at, hand) for at, hand in hands.items()}
    for at, claim in claims.items():
        if claim is None:
            return (at,)
    for one, other in combinations(sorted(claims, key=lambda at: (-tries[at], at)), 2):
        if (claims[one] or set()) & (claims[other] or set()) and tries[other] != JUMP:
            return (other,)
    return None


def _claims(flow: Flow, lanes: tuple[Lane, ...], at: int, hand: int) -> set[Claim] | None:
    """What the branch of a node needs; None if it cannot be led to where it goes."""
    branch = flow.nodes[at].branch or Branch()
    to = branch.retry_to if branch.to is None else branch.to
    number, lane = next((n, lane) for n, lane in enumerate(lanes) if lane.start <= at < lane.end)
    row = lane.rows[at - lane.start]
    last = row + max(len(branch.side), 1) - 1
    gaps, cells = {row}, set(range(row, last + 1)) if branch.side else set()
    if to is not None:
        if to == at or not lane.start <= to < lane.end:
            return None
        goal = lane.rows[to - lane.start]
        if row < goal <= last or (goal < row < last and branch.retry_to is None):
            return None
        gaps |= {goal} if branch.side else set(range(min(row, goal), max(row, goal) + 1))
        cells |= set(range(min(row, goal), max(row, goal) + 1)) if branch.side else set()
    return {Claim(number, hand, "gap", n) for n in gaps} | {Claim(number, hand, "cell", n) for n in cells}


def _settled(flow: Flow, lanes: tuple[Lane, ...], hands: Mapping[int, int]) -> Grid:
    """The cells, lane after lane from the left; a lane takes a second column only for nodes beside it."""
    beside = {at: len(node.branch.side) for at, node in enumerate(flow.nodes) if node.branch and node.branch.side}
    column = 1 if any(hands[at] == LEFT for at in beside) else 0
    main: list[Cell] = []
    for lane in lanes:
        main += [Cell(column, row) for row in lane.rows]
        column += 2 if any(lane.start <= at < lane.end and hands[at] == RIGHT for at in beside) else 1
    sides = {
        at: tuple(Cell(main[at].column + hands[at], main[at].row + n) for n in range(depth))
        for at, depth in beside.items()
    }
    return Grid(flow, lanes, tuple(main), sides, hands, jumps=frozenset())
