"""What a fault leaves to be judged: when it happened, and whose runs it took."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Injection:
    """`at`, `over`: monotonic.

    `victims`: the processes whose runs it took; `jobs`: jobs that it took before any handler saw them.  Both are empty
    when it took all processes' database.
    """

    at: float
    over: float
    victims: frozenset[int] = frozenset()
    jobs: frozenset[str] = frozenset()


Fault = Callable[[World, random.Random], Injection]
NOT_TIMED = Injection(math.inf, math.inf)  # nothing has to recover
