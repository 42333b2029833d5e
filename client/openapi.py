# ruff: noqa: INP001 - a script of the client's, no package
"""Prints what the API takes from the client and tells it, of which `npm run types` makes src/types.generated.ts.

Only the shapes that the client knows: what an operator's route tells does not change it.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from api.openapi import SCHEMAS, document
from api.schemas import Canvas

USED = ("Accepted", "CreateCanvas", "Error", "JobStatus", "Steered")


def used(schemas: dict[str, Any]) -> dict[str, Any]:
    """With all that they refer to."""
    found: dict[str, Any] = {}
    wanted = list(USED)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = schemas[name]
            wanted += re.findall(f'"{SCHEMAS}([^"]+)"', json.dumps(schemas[name]))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    told = document({"create_canvas": Canvas})
    schemas = used(told["components"]["schemas"])
    json.dump({**told, "paths": {}, "components": {"schemas": schemas}}, sys.stdout)
