"""Lets only those in who prove who they are, and nobody too often."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from flask import g, request

from api.auth import User, Verifier
from api.errors import Forbidden
from api.pace import Pace
from api.session import presented

Path = ParamSpec("Path")
Answer = TypeVar("Answer")


READS = ("GET", "HEAD")  # what adds jobs is counted in the database


def signed_in(
    verifier: Verifier, reads_per_s: Callable[[], float | None]
) -> Callable[[Callable[Concatenate[User, Path], Answer]], Callable[Path, Answer]]:
    """A decorator: the view gets the User first; without a valid token it is not called, and Unauthorized rises."""
    pace = Pace()

    def guard(view: Callable[Concatenate[User, Path], Answer]) -> Callable[Path, Answer]:
        @wraps(view)
        def guarded(*args: Path.args, **kwargs: Path.kwargs) -> Answer:
            user = verifier.user(presented(request))
            g.user_id = user.id
            if request.method in READS:
                pace.keep(user.id, reads_per_s())
            return view(user, *args, **kwargs)

        return guarded

    return guard


def operators_only(view: Callable[Concatenate[User, Path], Answer]) -> Callable[Concatenate[User, Path], Answer]:
    """Raises Forbidden before the view is called, whatever was sent."""

    @wraps(view)
    def guarded(user: User, /, *args: Path.args, **kwargs: Path.kwargs) -> Answer:
        if not user.operator:
            raise Forbidden("Only operators may do this")
        return view(user, *args, **kwargs)

    return guarded
