"""Labels that cannot grow without end, though what they show may come from anywhere."""

from collections.abc import Iterable

OTHER = "other"


class Bounded:
    """The first `most` names are shown as they are, those of `known` among them; all later ones are "other"."""

    def __init__(self, most: int, known: Iterable[str] = ()) -> None:
        self._most = most
        self._shown = dict.fromkeys(known)

    def __call__(self, name: str) -> str:
        if name not in self._shown:
            if len(self._shown) >= self._most:
                return OTHER
            self._shown[name] = None
        return name

    @property
    def shown(self) -> list[str]:
        return list(self._shown)
