"""What can go wrong in a way that a caller must tell apart.  Each class has a code; its docstring is its message."""


class YardError(Exception):
    """Something went wrong."""

    code = "internal"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class NotFound(YardError):
    """Job not found"""

    code = "not_found"


class Conflict(YardError):
    """This Idempotency-Key was used for another request"""

    code = "idempotency_conflict"


class NotPossible(YardError):
    """The job's status does not allow this"""

    code = "not_possible"


class SetupError(YardError):
    """The process cannot start: the message says what to change."""

    code = "setup"
