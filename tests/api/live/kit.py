"""A Socket.IO client's session, and what is told to it."""

from engineio.packet import OPEN

from api.auth import User
from api.live.engine import Engine, Session
from api.live.events import Event, Message
from api.live.follower import Follower


def made(woken: list[Session]) -> Engine:
    """`woken` gathers the sessions that are to be told more."""
    engine = Engine(woken.append, async_mode="threading")
    for event in ("connect", "disconnect", "message"):
        engine.on(event, lambda *_: None)
    return engine


def opened(engine: Engine, expires_at: float = float("inf")) -> Session:
    """A session whose client has said who it is, and has taken what there was."""
    session = engine.open("polling", {})
    session.user, session.follower, session.is_ready = User("ann", expires_at=expires_at), Follower("ann"), True
    assert kinds(session) == [OPEN]
    return session


def kinds(session: Session) -> list[int]:
    return [packet.packet_type for packet in session.poll()] if session.queue.qsize() else []


def news(job: str, version: int = 1) -> Event:
    return Event(
        job,
        version,
        ended=False,
        message=Message("ai_job_update", {"version": version}),
        claim_seq=1,
        after=0,
        parts=(),
    )
