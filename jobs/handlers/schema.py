"""The JSON schema of the model's answer, in OpenAI's strict mode.

Strict mode wants `additionalProperties: false` and every property required.  Ranges stand in the descriptions
only: not every compatible server knows `minimum`, and canvas.accept clamps anyway.
"""

from typing import Any

JsonSchema = dict[str, Any]


def canvas_schema() -> JsonSchema:
    """{title, objects: [any of the object types]}"""
    kinds = [_kind(name, properties) for name, properties in _PROPERTIES.items()]
    objects = {"type": "array", "description": "at most 50, those in the background first", "items": {"anyOf": kinds}}
    return _closed({"title": {"type": "string", "description": "a few words"}, "objects": objects})


def _kind(name: str, properties: JsonSchema) -> JsonSchema:
    return _closed({"object_type": {"type": "string", "enum": [name]}, "properties": _closed(properties)})


def _closed(properties: JsonSchema) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _number(description: str) -> JsonSchema:
    return {"type": "number", "description": description}


def _string(description: str) -> JsonSchema:
    return {"type": "string", "description": description}


_CORNER = {"x": _number("left edge, 0..1000"), "y": _number("top edge, 0..1000")}
_CENTRE = {"x": _number("centre, 0..1000"), "y": _number("centre, 0..1000")}
_SIZE = {"width": _number("10..500"), "height": _number("10..500")}
_STROKE = {"stroke": _string("#RRGGBB"), "strokeWidth": _number("1..5")}
_PAINT = {"fill": _string("#RRGGBB"), **_STROKE}
_POINTS = {"type": "array", "description": "[0, 0, dx, dy], from x,y", "items": {"type": "number"}}
_WAY = {"x": _number("start, 0..1000"), "y": _number("start, 0..1000"), "points": _POINTS, **_STROKE}
_TEXT = {"text": _string("may have line breaks"), "fontSize": _number("8..24"), "fill": _string("#RRGGBB")}

_PROPERTIES: dict[str, JsonSchema] = {
    "rectangle": {**_CORNER, **_SIZE, **_PAINT},
    "diamond": {**_CENTRE, **_SIZE, **_PAINT},
    "star": {**_CENTRE, **_SIZE, **_PAINT},
    "heart": {**_CENTRE, **_SIZE, **_PAINT},
    "circle": {**_CENTRE, "radius": _number("10..250"), **_PAINT},
    "text": {**_CORNER, **_TEXT},
    "arrow": _WAY,
    "line": _WAY,
}
