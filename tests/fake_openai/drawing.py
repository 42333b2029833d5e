"""The canvas that the fake model draws: a column of steps with their labels, joined by arrows."""

import json
from typing import Any

STEP_GAP = 100


def canvas_json(title: str, objects: int) -> str:
    """A canvas of exactly `objects` objects, as a well-behaved model writes it."""
    drawn = [_one(n) for n in range(objects)]
    return json.dumps({"title": title, "objects": drawn})


def _one(n: int) -> dict[str, Any]:
    step, part = divmod(n, 3)
    top = 60 + STEP_GAP * (step % 9)
    if part == 0:
        return _rectangle(top)
    if part == 1:
        return _text(f"Step {step + 1}", top + 20)
    return _arrow(top + 60)


def _rectangle(top: int) -> dict[str, Any]:
    box = {"x": 420, "y": top, "width": 160, "height": 60}
    return {
        "object_type": "rectangle",
        "properties": {**box, "fill": "#DBEAFE", "stroke": "#1E3A8A", "strokeWidth": 2},
    }


def _text(text: str, top: int) -> dict[str, Any]:
    return {
        "object_type": "text",
        "properties": {"x": 470, "y": top, "text": text, "fontSize": 16, "fill": "#1F2937"},
    }


def _arrow(top: int) -> dict[str, Any]:
    line = {"x": 500, "y": top, "points": [0, 0, 0, 40], "stroke": "#1E3A8A", "strokeWidth": 2}
    return {"object_type": "arrow", "properties": line}
