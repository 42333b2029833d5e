"""How much is measured: enough for figures, or just enough to see that every measure works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    jobs: int  # enqueued one after the other
    drained: int  # a backlog
    picks: int  # single jobs, one after the other
    capped_jobs: int  # of 50 users, in each round
    rounds: int
    backlog: int  # of the user who is at the cap
    rows: int  # of a table that is full
    slow_clients: int
    requests: int
    settle_s: float  # until slow clients hold whatever they can hold
    sockets: int
    broadcasts: int
    events: int  # one at a time
    churn: int  # connections that come and go


USUAL = Sizes(
    jobs=5000,
    drained=50_000,
    picks=300,
    capped_jobs=2000,
    rounds=3,
    backlog=100_000,
    rows=1_000_000,
    slow_clients=500,
    requests=1500,
    settle_s=6.0,
    sockets=1000,
    broadcasts=10,
    events=200,
    churn=5000,
)
SHORT = Sizes(
    jobs=50,
    drained=50,
    picks=10,
    capped_jobs=50,
    rounds=1,
    backlog=300,
    rows=1000,
    slow_clients=8,
    requests=16,
    settle_s=0.5,
    sockets=20,
    broadcasts=2,
    events=5,
    churn=20,
)
