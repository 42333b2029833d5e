"""The configuration in force, and the file that it came from, which is looked at again and again.

    file --> look() --> the same twice? --> sound? --> swap --> whoever asked to be told
                                               '----> refused: the last good one stays

Polled, because watchers go blind when a file is replaced by rename, or is a link that is led elsewhere.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from config import file, reading
from config.changes import Change, applied, changes, flat, shown
from config.file import File, Followed
from config.reading import ConfigError
from config.settings import Config

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0  # a change is in force after two looks
FAULTS_TOLD = 20  # in the log, of one file

Changed = Callable[[Config], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """Which configuration is in force.

    `generation` is 1 at the start and grows with each file whose settings differ from those taken before it.
    `fault`: why the newest file was refused, without what it says there; None: it is the one in force.
    `refused`: files that were refused since the start.
    """

    generation: int = 1
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    fault: str | None = None
    refused: int = 0


@dataclass(frozen=True, slots=True)
class _Force:
    settings: Config
    taken: Taken


class Current:
    """`path` and `environ` as for config.load; what is in the environment at the start holds for good.

    Raises ConfigError.  The configuration is frozen and replaced as a whole: who needs several settings that belong
    together reads once.
    """

    def __init__(self, path: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = dict(environ)
        self._path = path or reading.place(environ)
        self._file = Followed(self._path.absolute())
        self._found = self._judged = file.read(self._path)
        self._wanted = self._meant(self._judged, again=False)  # what the last sound file says
        self._force = _Force(self._wanted, Taken())
        self._subscribers: list[Changed] = []

    def read(self) -> Config:
        """The configuration in force: cheap, from any thread."""
        return self._force.settings

    def taken(self) -> Taken:
        return self._force.taken

    def subscribe(self, changed: Changed) -> None:
        """`changed(settings)` is called after each swap, in the thread that looks."""
        self._subscribers.append(changed)

    def follow(self) -> Callable[[], None]:
        """Look again and again, in a thread (so never before a fork); returns the function that ends it."""
        ended = threading.Event()

        def loop() -> None:
            while not ended.wait(LOOK_EVERY_S):
                _guarded(self.look)

        threading.Thread(target=loop, name="config", daemon=True).start()
        return ended.set

    def look(self) -> None:
        """Take the file, or refuse it, once it is seen to be the same twice: one look may meet it half written."""
        before, self._found = self._found, self._file.look()
        if self._found == before and self._found != self._judged:
            self._judged = before
            try:
                self._take(self._meant(before, again=True))
            except ConfigError as error:
                self._refuse(str(error).splitlines())

    def _meant(self, found: File, *, again: bool) -> Config:
        return reading.loaded(self._path, found, self._environ, again=again).config

    def _take(self, wanted: Config) -> None:
        before, told, self._wanted = self._force, changes(self._wanted, wanted), wanted
        now = applied(before.settings, wanted)
        taken = replace(before.taken, fault=None)
        if told:
            taken = replace(taken, generation=taken.generation + 1, taken_at=datetime.now(UTC))
        self._force = _Force(now, taken)
        effective = changes(before.settings, now)
        if told or before.taken.fault:
            self._tell(taken, effective, again=before.taken.fault is not None)
        self._tell_waiting(told, now)
        for changed in self._subscribers if effective else ():
            _guarded(partial(changed, now))

    def _refuse(self, faults: list[str]) -> None:
        before = self._force
        taken = replace(before.taken, fault=self._for_anybody(faults), refused=before.taken.refused + 1)
        self._force = replace(before, taken=taken)
        more = f"; and {len(faults) - FAULTS_TOLD} more" if len(faults) > FAULTS_TOLD else ""
        kept = f"generation {taken.generation} stays in force"
        _say(logging.ERROR, f"{self._path.name} is refused, {kept}: {'; '.join(faults[:FAULTS_TOLD])}{more}", taken)

    def _for_anybody(self, faults: list[str]) -> str:
        """The first fault, without the folder and without what was given: health shows it to strangers."""
        first = faults[0].replace(str(self._path), self._path.name, 1).partition(" (got ")[0]
        return first if len(faults) == 1 else f"{first}; and {len(faults) - 1} more"

    def _tell(self, taken: Taken, effective: list[Change], *, again: bool) -> None:
        what = ", ".join(map(str, effective)) or "nothing changes"
        how = "is taken again" if again else "is taken"
        _say(logging.INFO, f"{self._path.name} {how}, generation {taken.generation}: {what}", taken)

    def _tell_waiting(self, told: list[Change], now: Config) -> None:
        """Once: `told` is what this file says other than the last one."""
        still = flat(now)
        for change in told:
            if change.restart and change.after != still[change.where]:
                log.warning("%s: restart to apply; still %s", change.name, shown(still[change.where]))


def _say(level: int, message: str, taken: Taken) -> None:
    log.log(level, message, extra={"fields": {"config_generation": taken.generation, "config_fault": taken.fault}})


def _guarded(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:  # whatever goes wrong at one file, or at one who is told, the next file must be seen
        log.exception("a change of the configuration could not be followed")
