"""The list of who is connected, changed by many threads."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

from api.live.clients import Clients


def test_clients_that_come_and_go_at_the_same_time_are_all_known():
    """The library forgets the list of all when the last one goes, whoever is just coming."""
    clients, failed = Clients(), []
    clients.set_server(
        SimpleNamespace(packet_class=SimpleNamespace(json=None), eio=SimpleNamespace(generate_id=unique()))
    )

    def come_and_go(number: int) -> None:
        for turn in range(500):
            sid = clients.pre_connect(f"{number} {turn}", "/")
            clients.connect(sid, "/")
            if not clients.is_connected(sid, "/"):
                failed.append(sid)
            clients.pre_disconnect(sid, "/")
            clients.disconnect(sid, "/")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(come_and_go, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert failed == []


def unique():
    lock, numbers = threading.Lock(), iter(range(10**9))

    def next_one() -> str:
        with lock:
            return str(next(numbers))

    return next_one
