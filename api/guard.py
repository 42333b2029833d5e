"""Lets only those in who prove who they are."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from flask import request

from api.auth import User, Verifier, bearer

Path = ParamSpec("Path")
Answer = TypeVar("Answer")


def signed_in(verifier: Verifier) -> Callable[[Callable[Concatenate[User, Path], Answer]], Callable[Path, Answer]]:
    """A decorator: the view gets the User first; without a valid token it is not called, and Unauthorized rises."""

    def guard(view: Callable[Concatenate[User, Path], Answer]) -> Callable[Path, Answer]:
        @wraps(view)
        def guarded(*args: Path.args, **kwargs: Path.kwargs) -> Answer:
            user = verifier.user(bearer(request.headers.get("Authorization")))
            return view(user, *args, **kwargs)

        return guarded

    return guard
