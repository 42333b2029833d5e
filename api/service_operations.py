"""What the routes about the process itself take and answer: health, metrics, and this description."""

from collections.abc import Mapping
from typing import Any

from api import answers
from api.operations import HTML, OPENMETRICS, TEXT, Answer, Operation
from api.yard import PREFIX


def _at_both(id_: str, path: str, **about: Any) -> dict[tuple[str, str], Operation]:
    """Programs look for it at the root, too."""
    about = {"tag": "Operations", **about}
    return {
        ("GET", f"{PREFIX}/{path}"): Operation(id=id_, **about),
        ("GET", f"/{path}"): Operation(id=f"{id_}_at_root", **about),
    }


SERVICE: Mapping[tuple[str, str], Operation] = {
    ("GET", f"{PREFIX}/livez"): Operation(
        id="livez",
        summary="Whether the process is alive",
        tag="Operations",
        needs=None,
        tells={200: Answer("It is", answers.Alive)},
    ),
    ("GET", f"{PREFIX}/readyz"): Operation(
        id="readyz",
        summary="Whether the process can serve",
        tag="Operations",
        needs=None,
        tells={200: Answer("It can", answers.Ready), 503: Answer("It cannot now", answers.NotReady)},
    ),
    ("GET", f"{PREFIX}/health"): Operation(
        id="health",
        summary="How the process and its scheduler are",
        tag="Operations",
        needs=None,
        tells={200: Answer("Well", answers.Health), 503: Answer("Something is wrong", answers.Unhealthy)},
    ),
    **_at_both(
        "metrics",
        "metrics",
        summary="Numbers for Prometheus",
        description="Open to this host; others send METRICS_TOKEN as a bearer token.",
        needs="metrics?",
        refuses=(401, 403, 500),
        tells={200: Answer("The numbers", media=(TEXT, OPENMETRICS))},
    ),
    **_at_both(
        "openapi",
        "openapi.json",
        summary="This description",
        needs=None,
        headers=("If-None-Match",),
        tells={
            200: Answer("The OpenAPI document", dict[str, Any], headers=("ETag",)),
            304: Answer("It is as it was", media=(), headers=("ETag",)),
        },
    ),
    **_at_both(
        "docs",
        "docs",
        summary="This description as a page",
        needs=None,
        headers=("If-None-Match",),
        tells={
            200: Answer("The page", media=(HTML,), headers=("ETag",)),
            304: Answer("It is as it was", media=(), headers=("ETag",)),
        },
    ),
}
