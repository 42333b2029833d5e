"""All who wait in this process for something to happen to a job."""

from collections.abc import Collection
from dataclasses import dataclass

from api.live.hub import Hub
from api.waiting import Waiting
from jobs.news import Word, read, word_of
from jobs.telemetry import Event


@dataclass(frozen=True, slots=True)
class Audience:
    """`waiting`: requests that wait for an end; `hub`: connections that follow their user's jobs."""

    waiting: Waiting
    hub: Hub

    def heard(self, event: Event) -> None:
        """What happens in this process (jobs.telemetry)."""
        if word := word_of(event):
            self._tell([word])

    def heard_afar(self, payload: str) -> None:
        """What happens in other processes (NOTIFY on jobs.news.NEWS)."""
        self._tell(read(payload))

    def close(self) -> None:
        """The process stops: nobody waits any longer."""
        self.waiting.close()
        self.hub.close()

    def _tell(self, words: Collection[Word]) -> None:
        self.waiting.ended(word.job_id for word in words if word.ended)
        self.hub.changed(words)
