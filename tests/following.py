"""Wait for what a follower is to be told, as its connection does when it is woken."""

import time

from api.live.events import Message
from api.live.follower import Follower

LOOK_S = 0.002


def heard(follower: Follower, within_s: float) -> list[Message]:
    """The next messages; empty when none comes in that time."""
    end = time.monotonic() + within_s
    while not (messages := follower.take()) and time.monotonic() < end:
        time.sleep(LOOK_S)
    return messages
