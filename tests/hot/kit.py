"""A config.yaml that a test changes, and the configuration that follows it."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from config import Config, Current
from jobs.db.engine import open_engine
from jobs.job import Handler
from scheduler import stopping
from scheduler.runtime import Runtime

LOOKS = 2  # a file is taken once two looks have seen the same
SHOWN: set[str] = set()  # settings that a test has shown to take effect at once


def shows(*names: str) -> Any:
    """A decorator for the test that shows these settings to be hot."""
    SHOWN.update(names)
    return lambda test: test


def replace(file: Path, content: bytes) -> None:
    """As careful programs do: written beside it, and renamed over it."""
    beside = file.with_name("config.yaml.new")
    beside.write_bytes(content)
    beside.rename(file)


def age(file: Path) -> None:
    """As if it had been written some time ago: nobody expects it to change again within the same moment."""
    old = time.time() - 60
    os.utime(file, (old, old))


class Tuned:
    """`current` follows `file`, which at first holds the settings given as a tree."""

    def __init__(self, folder: Path, environ: dict[str, str] | None = None, **first: Any) -> None:
        self.file = folder / "config.yaml"
        self.file.write_text(yaml.safe_dump(first))
        self.current = Current(self.file, environ or {})

    @property
    def settings(self) -> Config:
        return self.current.read()

    def put(self, content: str | bytes) -> None:
        """Write it and look as often as it takes."""
        replace(self.file, content if isinstance(content, bytes) else content.encode())
        self.look()

    def look(self) -> None:
        for _ in range(LOOKS):
            self.current.look()

    def set(self, **sections: Any) -> None:
        """These settings and the defaults of all others; it must be taken."""
        self.put(yaml.safe_dump(sections))
        assert self.current.taken().fault is None


@contextmanager
def scheduling(url: str, handlers: Mapping[str, Handler], tuned: Tuned) -> Iterator[Runtime]:
    """A whole scheduler that follows `tuned`, put together as main does it."""
    read = tuned.current.read
    engine = open_engine(url)
    runtime = Runtime(
        read,
        engine,
        handlers,
        listen_url=None,
        own_engine=lambda patience_s: open_engine(url, pool_size=1, patience_s=patience_s),
        leave=lambda: None,
        version="test",
    )
    tuned.current.subscribe(lambda _settings: runtime.retune())
    runtime.start()
    try:
        yield runtime
    finally:
        stopping.stop(runtime, 1)
        engine.dispose()
