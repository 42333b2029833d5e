"""Draws a timeline: an axis from left to right, the events' cards above and below it in turn."""

from collections.abc import Sequence

from jobs.handlers import shapes, text_fit
from jobs.handlers.drawer.plans import Event, Timeline
from jobs.handlers.palettes import Palette, Tone
from jobs.handlers.shapes import Box, Object, Point

LEFT, RIGHT = shapes.MARGIN_PX, shapes.SIDE_PX - shapes.MARGIN_PX
AXIS_Y = 500
HEAD_PX = 30  # kept free at the axis' end, where its arrow is
MARKER_PX, STEM_PX, CARD_HEIGHT_PX, CARD_GAP_PX = 20, 70, 100, 30
CARD_WIDTHS_PX = range(200, 80, -20)
DATE_HEIGHT_PX, DATE_DISTANCE_PX = 24, 28  # from the axis to the middle of a date
TITLE_DISTANCE_PX = 60
MOST_EVENTS, MOST_WITH_STEMS = 12, 9
FONT = 18


def draw(plan: Timeline, palette: Palette) -> list[Object]:
    """The timeline; what is more than a canvas has room for is counted in the last card."""
    events = _fewer(plan.events)
    width, middles = _spread(len(events))
    boxes = [_card(x, n, width) for n, x in enumerate(middles)]
    size = text_fit.shared_size([(e.what, shapes.room_in(box)) for e, box in zip(events, boxes, strict=True)], FONT)
    objects = [
        shapes.title(plan.title, palette, boxes[0].y - TITLE_DISTANCE_PX),
        *shapes.arrow([(LEFT, AXIS_Y), (RIGHT, AXIS_Y)], palette),
    ]
    for n, (event, box) in enumerate(zip(events, boxes, strict=True)):
        tone = palette.tones[n % len(palette.tones)]
        if len(events) <= MOST_WITH_STEMS:
            objects += _stem(box, tone)
        objects += shapes.labelled(shapes.rectangle(box, tone), box, event.what, tone, size)
        objects += _marker(box, tone) + _date(event.when, box, palette)
    return shapes.centred(objects)


def _fewer(events: Sequence[Event]) -> list[Event]:
    if len(events) <= MOST_EVENTS:
        return list(events)
    return [*events[: MOST_EVENTS - 1], Event("", f"{len(events) - MOST_EVENTS + 1} more")]


def _spread(count: int) -> tuple[int, list[int]]:
    """How wide the cards are, and the x of each event's middle."""
    for width in CARD_WIDTHS_PX:
        first, last = LEFT + width // 2, RIGHT - HEAD_PX - width // 2
        pitch = (last - first) / max(1, count - 1)
        middles = [shapes.snapped(first + n * pitch) for n in range(count)] if count > 1 else [(LEFT + RIGHT) // 2]
        if all(b - a >= width + CARD_GAP_PX for a, b in zip(middles, middles[2:], strict=False)):
            break
    return width, middles


def _card(x: int, n: int, width: int) -> Box:
    distance = MARKER_PX // 2 + STEM_PX + CARD_HEIGHT_PX // 2
    return Box.around((x, AXIS_Y + (distance if n % 2 else -distance)), width, CARD_HEIGHT_PX)


def _is_above(box: Box) -> bool:
    return box.y < AXIS_Y


def _stem(box: Box, tone: Tone) -> list[Object]:
    marker = Box.around((box.centre[0], AXIS_Y), MARKER_PX, MARKER_PX)
    ends: list[Point] = [marker.top, box.bottom] if _is_above(box) else [marker.bottom, box.top]
    return shapes.line(ends, tone.stroke, tone.stroke_width)


def _marker(box: Box, tone: Tone) -> list[Object]:
    return [shapes.circle(Box.around((box.centre[0], AXIS_Y), MARKER_PX, MARKER_PX), tone)]


def _date(when: str, box: Box, palette: Palette) -> list[Object]:
    """No wider than its card, or it would meet the stems of the neighbours."""
    y = AXIS_Y + (DATE_DISTANCE_PX if _is_above(box) else -DATE_DISTANCE_PX)
    fitted = text_fit.fit(when, text_fit.Room(box.width, DATE_HEIGHT_PX), FONT)
    return [shapes.centred_text(fitted, (box.centre[0], y), palette.text)] if when else []
