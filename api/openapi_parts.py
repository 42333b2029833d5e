"""The parts of the OpenAPI document that many operations share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.answers import ID, SOME_ID
from api.schemas import IDEMPOTENCY_KEY

ABOUT = {
    "title": "Yardmaster",
    "summary": "A job queue for AI work on PostgreSQL alone",
    "description": (
        "Send a job, get its id at once, and ask for its status until it is `completed`, `failed` or `cancelled`.\n\n"
        "Every refusal and every failure is JSON with a string `error`, a `code` for programs, and the `request_id` "
        "that the header X-Request-ID has, too. An unknown path answers 404, an unknown method 405 with the header "
        "Allow. Bodies are UTF-8 JSON, without U+0000, without half of a surrogate pair, and without a name that "
        "comes twice; fields that are not described here are refused."
    ),
    "license": {"name": "MIT", "identifier": "MIT"},
}
TAGS = [
    {"name": "Making jobs", "description": "Each answers 202 as soon as the jobs are stored."},
    {"name": "Jobs", "description": "Your own jobs; those of others look as if they were not there."},
    {"name": "Jobs of all users", "description": "For operators alone; others get 403."},
    {"name": "Steering the fleet", "description": "For operators alone; others get 403."},
    {"name": "Session", "description": "How the dashboard signs in; programs send their token with each request."},
    {"name": "Operations", "description": "For load balancers, Prometheus, and programs that read this description."},
]
LINKED = (
    "status",
    "why",
    "result",
    "runs",
    "picture",
    "cancel",
    "retry",
    "remove",
)  # the operations on the job that an answer names

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A signed token; its claim `sub` is the user. `role: operator` may do more.",
    },
    "metrics": {"type": "http", "scheme": "bearer", "description": "METRICS_TOKEN, from any other host than this one."},
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "job_id": {
        "name": "job_id",
        "in": "path",
        "required": True,
        "description": "The job's id, as the answer to its making has it",
        "schema": {"type": "string", "pattern": ID},
        "example": SOME_ID,
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": (
            "Makes sending again safe: the same key with the same body finds the job that is there, with another body "
            "it answers 409"
        ),
        "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY},
        "example": "order-4711",
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=10`: answer when the job has ended, but within so many seconds (30 at most); else 202",
        "schema": {"type": "string"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier answer",
        "schema": {"type": "string"},
    },
    "X-Request-ID": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "Your own name for this request, of up to 64 of A-Z a-z 0-9 . _ -; any other is replaced",
        "schema": {"type": "string"},
        "example": "Web-7",
    },
}


def _header(description: str, example: str, *, required: bool = True, **schema: Any) -> dict[str, Any]:
    return {
        "description": description,
        "required": required,
        "schema": {"type": "string", **schema},
        "example": example,
    }


HEADERS = {
    "X-Request-ID": _header("The request, as the server's log calls it", "Web-7", pattern="^[A-Za-z0-9._-]{1,64}$"),
    "ETag": _header("Names this version of the answer", '"7"'),
    "Idempotent-Replayed": _header(
        "Present when the Idempotency-Key had made the job before", "true", required=False, const="true"
    ),
    "Preference-Applied": _header("That your wish to wait was heard", "wait", const="wait"),
    "Upgrade": _header("What to ask for", "websocket", required=False),
    "Retry-After": _header("Seconds after which another try makes sense", "5", required=False, pattern="^[0-9]+$"),
    "RateLimit-Limit": _header("How many may come at a time", "60", required=False, pattern="^[0-9]+$"),
    "RateLimit-Remaining": _header("How many of them are left", "0", required=False, pattern="^[0-9]+$"),
    "RateLimit-Reset": _header("Seconds until there are more", "5", required=False, pattern="^[0-9]+$"),
    "WWW-Authenticate": _header("How to authenticate", "Bearer"),
}

_STORABLE = "^[^\\u0000]*$"
ANY: dict[str, dict[str, Any]] = {
    "AnyObject": {
        "description": "Any JSON object, without U+0000 in its names and texts",
        "type": "object",
        "propertyNames": {"pattern": _STORABLE},
        "additionalProperties": {"$ref": "#/components/schemas/AnyValue"},
    },
    "AnyValue": {
        "anyOf": [
            {"type": ["null", "boolean", "number"]},
            {"type": "string", "pattern": _STORABLE},
            {"type": "array", "items": {"$ref": "#/components/schemas/AnyValue"}},
            {"$ref": "#/components/schemas/AnyObject"},
        ]
    },
}


class Refusal(NamedTuple):
    """`code` is the one of its example; several faults may share a status."""

    name: str
    means: str
    code: str
    example: str
    headers: tuple[str, ...] = ()


REFUSALS: Mapping[int, Refusal] = {
    400: Refusal("BadRequest", "No JSON, or the job's status does not allow this", "not_possible", "Job not completed"),
    401: Refusal("Unauthorized", "No valid token", "unauthorized", "The token has expired", ("WWW-Authenticate",)),
    403: Refusal(
        "Forbidden",
        "The token does not allow this, or a page does not prove that it is ours",
        "forbidden",
        "This is not allowed",
    ),
    404: Refusal("NotFound", "No such job, or another user's", "not_found", "Job not found"),
    409: Refusal(
        "Conflict",
        "The Idempotency-Key belongs to another body",
        "idempotency_conflict",
        "This Idempotency-Key was used for another request",
    ),
    413: Refusal("TooLarge", "The body is too large", "too_large", "The body is too large"),
    415: Refusal(
        "WrongType",
        "The body is not application/json in UTF-8, or is compressed",
        "wrong_content_type",
        "The body must be JSON: send the header Content-Type: application/json",
    ),
    422: Refusal("Invalid", "Some fields are not valid; `details` names them", "invalid", "Some fields are not valid"),
    426: Refusal(
        "UpgradeRequired",
        "This address is a WebSocket",
        "upgrade_required",
        "Connect to it as ws:// or wss://",
        ("Upgrade",),
    ),
    429: Refusal(
        "TooMany",
        "Too many requests, or too many jobs; without Retry-After waiting alone does not help",
        "too_many_jobs",
        "You have enqueued too many jobs; try again later",
        ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    ),
    500: Refusal("Internal", "A fault of ours", "internal", "Something went wrong on our side"),
    503: Refusal(
        "Unavailable",
        "The database is away, for a while",
        "database_unavailable",
        "The database cannot be reached; try again soon",
        ("Retry-After",),
    ),
}
