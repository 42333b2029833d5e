"""Serves what the API says about itself: the OpenAPI document, and the same as a page.  Both are made once."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache

from flask import Blueprint, Response, request
from pydantic import BaseModel

from api import docs
from api.openapi import JobTypes, document
from api.yard import PREFIX


def blueprint(job_types: JobTypes) -> Blueprint:
    """`job_types` maps each job type to the model of its request; None: any JSON object."""
    found = Blueprint("description", __name__)
    told, page = _made(tuple(job_types.items()))
    style = docs.style()
    policy = f"default-src 'none'; style-src 'sha256-{_sha256(style)}'; frame-ancestors 'none'; base-uri 'none'"
    served = {
        "openapi.json": _fixed(told, "application/json", {}),
        "docs": _fixed(page, "text/html", {"Content-Security-Policy": policy}),
    }
    for name, view in served.items():
        for rule in (f"/{name}", f"{PREFIX}/{name}"):
            found.add_url_rule(rule, rule.replace("/", "_").replace(".", "_"), view)
    return found


@cache  # applications of the same job types tell the same
def _made(job_types: tuple[tuple[str, type[BaseModel] | None], ...]) -> tuple[str, str]:
    told = document(dict(job_types))
    return json.dumps(told, indent=1), docs.render(told)


def _fixed(body: str, mimetype: str, headers: Mapping[str, str]) -> Callable[[], Response]:
    """A view that always answers the same, or 304 to who has it."""
    etag = hashlib.sha256(body.encode()).hexdigest()[:16]

    def view() -> Response:
        response = Response(body, mimetype=mimetype, headers={**headers, "Cache-Control": "no-cache"})
        response.set_etag(etag)
        response.make_conditional(request)
        return response

    return view


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
