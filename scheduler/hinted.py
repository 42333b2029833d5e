"""Since when a hint has waited for the look that it asked for."""


class Hinted:
    """The oldest hint that no look has answered; all times are monotonic.  Its caller holds a lock."""

    def __init__(self) -> None:
        self._new: float | None = None  # since the look under way began, which may not see its job
        self._asked: float | None = None

    def came(self, at: float) -> None:
        if self._new is None:
            self._new = at

    def look_begins(self) -> None:
        """What has come so far is answered by this look; one that failed has answered nothing."""
        if self._asked is None:
            self._asked = self._new
        self._new = None

    def looked(self) -> float | None:
        """The look is over; returns when the oldest hint that it has answered came, None when there was none."""
        asked, self._asked = self._asked, None
        return asked
