"""What a Follower has to say, as a WebSocket's texts."""

import time

from api.live.follower import Follower

CLOSE_S = 0.5  # for a client that has to go to take what is on its way


class Messages:
    """`end`: of the token (Unix time)."""

    def __init__(self, follower: Follower, end: float) -> None:
        self._follower = follower
        self._end = end

    @property
    def is_ending(self) -> bool:
        return self._follower.closed or self._follower.overrun

    def take(self, most: int) -> list[str]:
        return [f'{{"event":"{one.name}","data":{one.json()}}}' for one in self._follower.take(most)]

    def is_over(self) -> bool:
        """Asked by the own thread: nobody waits for a slow client beyond its token, or when it has to go."""
        if self.is_ending:
            self._end = min(self._end, time.time() + CLOSE_S)
        return time.time() >= self._end
