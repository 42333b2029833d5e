"""Draws a kanban board: columns side by side, each with a header and its cards below."""

from collections.abc import Sequence

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.plans import Board, Item
from jobs.handlers.palettes import WHITE, Palette, Tone
from jobs.handlers.shapes import Box, Object

ROOM_PX = shapes.SIDE_PX - 2 * shapes.MARGIN_PX
MOST_COLUMNS, WIDEST_PX, COLUMN_GAP_PX = 6, 270, 30
HEADER_PX, PADDING_PX, CARD_GAP_PX, SHORTEST_PX = 40, 20, 30, 260
CARD_PX, LOW_CARD_PX, MOST_CARDS, MOST_HIGH_CARDS = 60, 40, 6, 5  # six cards only fit if they are low
MOST_OBJECTS = 50
TITLE_DISTANCE_PX = 40
HEADER_FONT, CARD_FONT = 18, 16


def draw(plan: Board, palette: Palette) -> list[Object]:
    """The board; what a column has no room for is counted in its last card."""
    columns = _fewer(plan.columns)
    rows = max(len(column.children) for column in columns)
    card_height = CARD_PX if rows <= MOST_HIGH_CARDS else LOW_CARD_PX
    cards_height = rows * card_height + max(0, rows - 1) * CARD_GAP_PX
    height = max(SHORTEST_PX, HEADER_PX + 2 * PADDING_PX + cards_height)
    frames = _frames(len(columns), height)
    sizes = _font_sizes(columns, frames[0].width, card_height)
    middle = (frames[0].x + frames[-1].right[0]) // 2
    title = shapes.title(plan.title, palette, -TITLE_DISTANCE_PX)
    objects = shapes.moved([title], middle - shapes.SIDE_PX // 2, 0)
    for n, (column, frame) in enumerate(zip(columns, frames, strict=True)):
        tone = palette.tones[n % len(palette.tones)]
        objects += _header(column.text, frame, (tone, palette.plain), sizes[0])
        for row, card in enumerate(column.children):
            objects += _card(card.text, _card_box(frame, row, card_height), tone, sizes[1])
    return shapes.centred(objects)


def _fewer(columns: Sequence[Item]) -> list[Item]:
    """As many columns and cards as a canvas has room for."""
    kept = list(columns)
    if len(kept) > MOST_COLUMNS:
        kept[MOST_COLUMNS - 1 :] = [Item(f"{len(kept) - MOST_COLUMNS + 1} more", kept[MOST_COLUMNS - 1 :][0].children)]
    for most in range(MOST_CARDS, 0, -1):
        shown = [Item(column.text, _first(column.children, most)) for column in kept]
        if 1 + sum(3 + 2 * len(column.children) for column in shown) <= MOST_OBJECTS:
            break
    return shown


def _first(cards: tuple[Item, ...], most: int) -> tuple[Item, ...]:
    if len(cards) <= most:
        return cards
    return (*cards[: most - 1], Item(f"{len(cards) - most + 1} more"))


def _frames(count: int, height: int) -> list[Box]:
    width = min(WIDEST_PX, (ROOM_PX - COLUMN_GAP_PX * (count - 1)) // count // 20 * 20)
    return [Box(n * (width + COLUMN_GAP_PX), 0, width, height) for n in range(count)]


def _font_sizes(columns: Sequence[Item], width: int, card_height: int) -> tuple[int, int]:
    """One size for all headers, one for all cards."""
    header = shapes.room_in(Box(0, 0, width, HEADER_PX))
    card = shapes.room_in(Box(0, 0, width - 2 * PADDING_PX, card_height))
    headers = [(column.text, header) for column in columns]
    cards = [(item.text, card) for column in columns for item in column.children]
    return text_fit.shared_size(headers, HEADER_FONT), text_fit.shared_size(cards, CARD_FONT)


def _header(text: str, frame: Box, tones: tuple[Tone, Tone], size: int) -> list[Object]:
    own, plain = tones
    box = Box(frame.x, frame.y, frame.width, HEADER_PX)
    return [
        shapes.rectangle(frame, plain, shapes.FRAME),
        *shapes.labelled(shapes.rectangle(box, own), box, text, own, size),
    ]


def _card_box(frame: Box, row: int, height: int) -> Box:
    y = frame.y + HEADER_PX + PADDING_PX + row * (height + CARD_GAP_PX)
    return Box(frame.x + PADDING_PX, y, frame.width - 2 * PADDING_PX, height)


def _card(text: str, box: Box, tone: Tone, size: int) -> list[Object]:
    paper = Tone(WHITE, tone.stroke, tone.text, tone.stroke_width)
    return shapes.labelled(shapes.rectangle(box, paper), box, text, paper, size)
