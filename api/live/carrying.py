"""A session of engine.io over a WebSocket, from the handshake to the end, in the one thread of its request.

The library's own has two threads for each: one that reads, and one that waits for what is to be sent.
"""

from contextlib import suppress

from engineio import Server
from engineio.exceptions import EngineIOError
from engineio.packet import NOOP, Packet

from api.live.engine import CONNECT_S, PING_S, PONG_S, Session
from api.live.frames import Frames
from api.live.telling import Telling

PROBE, PROBED, UPGRADE = "2probe", "3probe", "5"  # of a session that began by polling


def carry(session: Session, frames: Frames) -> None:
    """Until it ends, unless it goes on by polling.  Raises OSError or EngineIOError when it breaks off."""
    if session.connected and not _upgraded(session, frames):
        return
    session.connected = session.upgraded = True
    telling = Telling()
    try:
        telling.begin(frames, session)
        session.telling = telling  # from now on whoever has news sends it
        _exchange(session, frames, telling)
    finally:
        session.telling = None
        telling.close()
        session.close(abort=True, reason=Server.reason.TRANSPORT_CLOSE)


def _upgraded(session: Session, frames: Frames) -> bool:
    """Whether its client has changed to this WebSocket; meanwhile nothing is told."""
    session.upgrading = True
    try:
        if frames.next(CONNECT_S) != PROBE:
            return False
        frames.send(PROBED)
        session.send(Packet(NOOP))  # the request that waits has its answer
        session.upgraded = frames.next(CONNECT_S) == UPGRADE
        return bool(session.upgraded)
    finally:
        session.upgrading = False


def _exchange(session: Session, frames: Frames, telling: Telling) -> None:
    while frames.connected:
        is_ending = session.is_ending  # looked at first: what is queued then is all that there will be
        telling.send()
        if is_ending:
            return
        if telling.wait(PING_S + PONG_S):
            for text in frames.hear():
                with suppress(EngineIOError):  # it is of a kind that we do not know, or it has just ended
                    session.receive(Packet(encoded_packet=text))
