"""Which pages may connect: browsers let pages of any origin open a WebSocket, and the token may come from anywhere."""

from flask import request

from api.errors import Forbidden
from api.session import own_origin


def check_origin(allowed: tuple[str, ...]) -> None:
    """Raises Forbidden for a page of another origin than our own and those of api.origins."""
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (*allowed, own_origin(request)):
        raise Forbidden("This origin is not in api.origins")
