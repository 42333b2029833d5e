"""All measures: each takes a new database's URL and how much is to be measured."""

from collections.abc import Callable, Mapping

from bench.backlog import drain, enqueue, pickup
from bench.browser import browser
from bench.caps import capped, caps
from bench.figures import Figures
from bench.scrape import scrape
from bench.sizes import Sizes
from bench.slow import slow
from bench.sockets import socketio, sockets

MEASURES: Mapping[str, Callable[[str, Sizes], Figures]] = {
    "enqueue": enqueue,
    "drain": drain,
    "pickup": pickup,
    "caps": caps,
    "capped": capped,
    "slow": slow,
    "scrape": scrape,
    "sockets": sockets,
    "socketio": socketio,
    "browser": browser,
}
