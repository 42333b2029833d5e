"""Draws instructions without any model: reads them, lays the drawing out, and says what it is called.

The same instructions always give the same drawing.
"""

from dataclasses import dataclass

from jobs.handlers.drawer import flowchart, kanban, mindmap, orgchart, timeline, wireframe
from jobs.handlers.drawer.plans import Board, Flow, MindMap, Page, Plan, Timeline, Tree
from jobs.handlers.drawer.reading import read
from jobs.handlers.palettes import Palette, palette
from jobs.handlers.shapes import Object


@dataclass(frozen=True, slots=True)
class Drawing:
    """A title of at most 200 characters and 1 to 50 objects, each with object_type, properties and z_index."""

    title: str
    objects: list[Object]


def draw(instructions: str, *, style: str, color_scheme: str) -> Drawing:
    """The drawing that the instructions describe; every text gives one, and none raises."""
    plan = read(instructions)
    title = plan.topic if isinstance(plan, MindMap) else plan.title
    return Drawing(title, _objects(plan, palette(style, color_scheme)))


def _objects(plan: Plan, colours: Palette) -> list[Object]:
    match plan:
        case Flow():
            return flowchart.draw(plan, colours)
        case MindMap():
            return mindmap.draw(plan, colours)
        case Timeline():
            return timeline.draw(plan, colours)
        case Tree():
            return orgchart.draw(plan, colours)
        case Board():
            return kanban.draw(plan, colours)
        case Page():
            return wireframe.draw(plan, colours)
