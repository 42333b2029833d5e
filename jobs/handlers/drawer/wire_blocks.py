"""How the blocks of a wireframe are sketched: bars, pictures, forms, tiles and rows, by what their names say."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.plans import Item
from jobs.handlers.palettes import Palette, Tone
from jobs.handlers.shapes import Box, Object

GAP_PX = 30
BAR_PX, HERO_PX, PICTURE_PX, ROW_PX, PLAIN_PX = 60, 180, 160, 40, 60
TILE_PX, TILE_GAP_PX, FIELD_PX, BUTTON_PX = 110, 40, 40, (160, 40)
MOST_FIELDS, MOST_TILES, MOST_LINKS, MOST_ROWS, USUAL_ROWS = 4, 3, 4, 4, 3
HEADLINE_FONT, FONT, SMALL_FONT = 24, 16, 14


@dataclass(frozen=True, slots=True)
class Pen:
    """What a block is drawn with: its own tone, white paper, and the palette behind both."""

    tone: Tone
    paper: Tone
    palette: Palette


class Sketch(NamedTuple):
    height: Callable[[Item], int]
    draw: Callable[[Item, Box, Pen], list[Object]]


def sketch_of(block: Item) -> Sketch:
    """The first kind whose words the block's name holds; else tiles if it has parts, or a plain box."""
    for words, sketch in _SKETCHES:
        if words.search(block.text):
            return sketch
    return TILES if block.children else PLAIN


def _plain(block: Item, box: Box, pen: Pen) -> list[Object]:
    return shapes.labelled(shapes.rectangle(box, pen.tone), box, block.text, pen.tone, FONT)


def _bar(block: Item, box: Box, pen: Pen) -> list[Object]:
    """A logo and links."""
    logo = Box(box.x + 10, box.y + 10, 100, box.height - 20)
    links = _entries(block, MOST_LINKS, ["Home", "About", "Contact"])
    room = text_fit.Room(box.width - 150, box.height - 20)
    fitted = text_fit.fit(" · ".join(links), room, SMALL_FONT)
    corner = (round(box.right[0] - 20 - fitted.width), round(box.centre[1] - fitted.height / 2))
    return [
        shapes.rectangle(box, pen.tone, shapes.FRAME),
        *shapes.labelled(shapes.rectangle(logo, pen.paper), logo, "Logo", pen.paper, SMALL_FONT),
        shapes.text_at(fitted.text, corner, fitted.font_size, pen.tone.text),
    ]


def _hero(block: Item, box: Box, pen: Pen) -> list[Object]:
    """A large headline over a button."""
    text = Box(box.x, box.y + 10, box.width, box.height - 80)
    action = block.children[0].text if block.children else "Get started"
    headline = text_fit.fit(block.text, shapes.room_in(text), HEADLINE_FONT)
    button = Box.around((box.centre[0], box.y + box.height - 50), *BUTTON_PX)
    return [
        shapes.rectangle(box, pen.tone, shapes.FRAME),
        shapes.centred_text(headline, text.centre, pen.tone.text),
        *_button_in(action, button, pen),
    ]


def _picture(block: Item, box: Box, pen: Pen) -> list[Object]:
    """A crossed box, its name on a label in the middle."""
    label = Box.around(box.centre, 240, 40)
    corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
    across = [(box.x, box.y + box.height), (box.x + box.width, box.y)]
    return [
        shapes.rectangle(box, pen.tone, shapes.FRAME),
        *shapes.line(corners, pen.tone.stroke, 1),
        *shapes.line(across, pen.tone.stroke, 1),
        *shapes.labelled(shapes.rectangle(label, pen.paper), label, block.text, pen.paper, FONT),
    ]


def _entries(block: Item, most: int, usual: list[str]) -> list[str]:
    """The names of a block's parts, the last ones counted where there are too many."""
    texts = [child.text for child in block.children] or usual
    return texts if len(texts) <= most else [*texts[: most - 1], f"{len(texts) - most + 1} more"]


def _fields(block: Item) -> list[str]:
    usual = (fields for words, fields in _USUAL_FIELDS.items() if words in block.text.lower())
    return _entries(block, MOST_FIELDS, next(usual, ["Email", "Password"]))


def _form_height(block: Item) -> int:
    return (FIELD_PX + GAP_PX) * (len(_fields(block)) + 1) + GAP_PX


def _form(block: Item, box: Box, pen: Pen) -> list[Object]:
    """Fields to fill in, and a button with the form's name."""
    objects = [shapes.rectangle(box, pen.tone, shapes.FRAME)]
    rows = _rows_in(_fields(block), Box(box.x + 50, box.y + GAP_PX, box.width - 100, FIELD_PX), pen)
    button = Box.around((box.centre[0], box.y + box.height - GAP_PX - BUTTON_PX[1] // 2), *BUTTON_PX)
    return [*objects, *rows, *_button_in(re.sub(r"\s+form$", "", block.text), button, pen)]


def _numbered(text: str, count: int) -> list[str]:
    """Products become Product 1, Product 2, and so on."""
    return [f"{text.removesuffix('s')} {n}" for n in range(1, count + 1)]


def _rows(block: Item) -> list[str]:
    return _entries(block, MOST_ROWS, _numbered(block.text, USUAL_ROWS))


def _list_height(block: Item) -> int:
    return (ROW_PX + GAP_PX) * len(_rows(block)) - GAP_PX


def _list(block: Item, box: Box, pen: Pen) -> list[Object]:
    """One row under the other."""
    return _rows_in(_rows(block), Box(box.x, box.y, box.width, ROW_PX), pen)


def _rows_in(texts: list[str], first: Box, pen: Pen) -> list[Object]:
    """Wide boxes with their text at the left."""
    objects: list[Object] = []
    for n, text in enumerate(texts):
        row = Box(first.x, first.y + n * (first.height + GAP_PX), first.width, first.height)
        fitted = text_fit.fit(text, shapes.room_in(row), SMALL_FONT)
        corner = (row.x + 10, round(row.centre[1] - fitted.height / 2))
        objects += [shapes.rectangle(row, pen.paper)]
        objects += [shapes.text_at(fitted.text, corner, fitted.font_size, pen.paper.text)]
    return objects


def _button(block: Item, box: Box, pen: Pen) -> list[Object]:
    return _button_in(block.text, Box.around(box.centre, *BUTTON_PX), pen)


def _button_in(text: str, box: Box, pen: Pen) -> list[Object]:
    good = pen.palette.good
    return shapes.labelled(shapes.rectangle(box, good), box, text, good, FONT)


def _tiles(block: Item, box: Box, pen: Pen) -> list[Object]:
    """Up to three boxes side by side."""
    texts = _entries(block, MOST_TILES, _numbered(block.text, MOST_TILES))
    width = (box.width - TILE_GAP_PX * (len(texts) - 1)) // len(texts)
    tiles = [Box(box.x + n * (width + TILE_GAP_PX), box.y, width, box.height) for n in range(len(texts))]
    size = text_fit.shared_size([(text, shapes.room_in(tiles[0])) for text in texts], FONT)
    return [
        part
        for text, tile in zip(texts, tiles, strict=True)
        for part in shapes.labelled(shapes.rectangle(tile, pen.tone), tile, text, pen.tone, size)
    ]


_USUAL_FIELDS = {
    "newsletter": ["Email"],
    "contact": ["Name", "Email", "Message"],
    "search": ["What are you looking for?"],
    "filter": ["Category", "Price"],
}
PLAIN = Sketch(lambda _: PLAIN_PX, _plain)
TILES = Sketch(lambda _: TILE_PX, _tiles)
_SKETCHES = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), sketch)
    for words, sketch in (
        ("header|nav|menu|top ?bar|toolbar|tabs?\\b", Sketch(lambda _: BAR_PX, _bar)),
        ("hero|headline|welcome|jumbotron", Sketch(lambda _: HERO_PX, _hero)),
        (
            "image|photo|picture|video|map\\b|chart|graph|banner|slider|carousel|cover",
            Sketch(lambda _: PICTURE_PX, _picture),
        ),
        ("form|log ?in|sign ?up|sign ?in|register|contact us|search|input|filter", Sketch(_form_height, _form)),
        ("button|call to action|cta\\b", Sketch(lambda _: BUTTON_PX[1], _button)),
        ("list|table|feed|posts|comments|messages|orders|results|rows|inbox|faq|settings", Sketch(_list_height, _list)),
        ("features|cards|tiles|products|gallery|grid|team|testimonials|pricing|plans|stats|kpi|partners", TILES),
    )
)
