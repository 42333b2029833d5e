"""The file itself: what stands in it, and whether it may have changed since the last look."""

import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

FILE_BYTES = 256 * 1024
SETTLED_S = 2.0  # coarser than the clock of any file system: what is younger may change again under the same signature

Signature = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class File:
    """`content` is all of it, unless `problem` says why it cannot be used."""

    content: bytes = b""
    problem: str | None = None


def read(path: Path) -> File:
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES + 1)
    except OSError as error:
        return File(problem=f"cannot be read: {error.strerror}; YARD_CONFIG can name another file")
    return File(problem=f"must be at most {FILE_BYTES} bytes long") if len(content) > FILE_BYTES else File(content)


class Followed:
    """A file that may be written, replaced, or taken away at any time; a link is followed anew at each look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature: Signature | None = None  # None: read it, whatever it looks like
        self._newest = File()

    def look(self) -> File:
        """What stands there now; as long as nothing has touched it, it is not read again."""
        found = _status(self._path)
        if found and not stat.S_ISREG(found.st_mode):
            return File(problem="is not a file any more")  # reading a pipe could wait for ever
        signature = found and _signature(found)
        if signature is None or signature != self._signature:
            self._newest = read(self._path)
            self._signature = None if self._newest.problem else signature
        return self._newest


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _signature(found: os.stat_result) -> Signature | None:
    """None: it is so young that another writing could leave it looking the same."""
    if time.time() - found.st_mtime < SETTLED_S:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_size
