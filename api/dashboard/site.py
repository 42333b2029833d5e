"""Serves the dashboard: a page at / and its files under /dashboard, all of them read at start.

What the page may do is said by POLICY: nothing but scripts and styles of this folder, and our own routes.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

STATIC = Path(__file__).with_name("static")
PAGE = "index.html"
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data:; "  # data: for the small pictures inside Pico's own style sheet
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'none'; "  # a form that no script has taken over must not put a token into an address
    "frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; "  # text never becomes markup: browsers refuse innerHTML altogether
    "trusted-types 'none'"
)


def blueprint() -> Blueprint:
    found = Blueprint("dashboard", __name__)
    views = {str(file.relative_to(STATIC)): _view(file) for file in STATIC.rglob("*") if file.suffix in KINDS}

    def asset(name: str) -> Response:
        if name not in views:
            raise NotFound
        return views[name]()

    found.add_url_rule("/", "page", views[PAGE])
    found.add_url_rule("/dashboard/<path:name>", "asset", asset)
    return found


def _view(file: Path) -> Callable[[], Response]:
    """Always answers the same, or 304 to who has it."""
    body, mimetype = file.read_bytes(), KINDS[file.suffix]
    etag = hashlib.sha256(body).hexdigest()[:16]

    def view() -> Response:
        response = Response(body, mimetype=mimetype)
        response.headers.update({"Cache-Control": "no-cache", "Content-Security-Policy": POLICY})
        response.set_etag(etag)
        response.make_conditional(request)
        return response

    return view
