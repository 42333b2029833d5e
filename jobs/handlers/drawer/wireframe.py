"""Draws a wireframe: a page as a column of blocks, each sketched by what its name says it is."""

from collections.abc import Sequence

from jobs.handlers import shapes
from jobs.handlers.drawer.plans import Item, Page
from jobs.handlers.drawer.wire_blocks import GAP_PX, PLAIN, Pen, Sketch, sketch_of
from jobs.handlers.palettes import WHITE, Palette, Tone
from jobs.handlers.shapes import Box, Object, Point

WIDTH_PX = 500
FRAME_PX = 30  # from the blocks to the frame of the page
MOST_HEIGHT_PX = 760  # as high as this a page never has more than 50 objects
TITLE_DISTANCE_PX = 40


def draw(plan: Page, palette: Palette) -> list[Object]:
    """The page; where it gets too full, the highest blocks become plain boxes with their names."""
    blocks = _fewer(plan.blocks)
    sketches = [sketch_of(block) for block in blocks]
    while True:
        boxes = _boxes(blocks, sketches)
        objects = [_title(plan.title, palette), *_frame(boxes[-1].bottom[1], palette)]
        for n, (block, sketch, box) in enumerate(zip(blocks, sketches, boxes, strict=True)):
            objects += sketch.draw(block, box, _pen(n, palette))
        rich = [n for n, sketch in enumerate(sketches) if sketch is not PLAIN]
        if not rich or boxes[-1].bottom[1] <= MOST_HEIGHT_PX:
            return shapes.centred(objects)
        sketches[max(rich, key=lambda n: (boxes[n].height, n))] = PLAIN


def _fewer(blocks: Sequence[Item]) -> list[Item]:
    """As many as fit at least as plain boxes."""
    most = (MOST_HEIGHT_PX + GAP_PX) // (PLAIN.height(blocks[0]) + GAP_PX)
    return list(blocks) if len(blocks) <= most else [*blocks[: most - 1], Item(f"{len(blocks) - most + 1} more")]


def _boxes(blocks: Sequence[Item], sketches: Sequence[Sketch]) -> list[Box]:
    boxes: list[Box] = []
    for block, sketch in zip(blocks, sketches, strict=True):
        y = boxes[-1].bottom[1] + GAP_PX if boxes else 0
        boxes.append(Box(0, y, WIDTH_PX, sketch.height(block)))
    return boxes


def _pen(n: int, palette: Palette) -> Pen:
    paper = Tone(WHITE, palette.step.stroke, palette.step.text, palette.stroke_width)
    return Pen(palette.tones[n % len(palette.tones)], paper, palette)


def _title(text: str, palette: Palette) -> Object:
    title = shapes.title(text, palette, -FRAME_PX - TITLE_DISTANCE_PX)
    return shapes.moved([title], (WIDTH_PX - shapes.SIDE_PX) // 2, 0)[0]


def _frame(height: int, palette: Palette) -> list[Object]:
    """The edge of the page, in lines: no shape of a canvas may be so large."""
    left, top, right, bottom = -FRAME_PX, -FRAME_PX, WIDTH_PX + FRAME_PX, height + FRAME_PX
    corners: list[Point] = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return shapes.line(corners, palette.line, palette.stroke_width)
