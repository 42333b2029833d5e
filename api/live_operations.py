"""What Socket.IO's route takes and answers, as far as OpenAPI can say it; its clients know the rest."""

from collections.abc import Mapping

from api.operations import TEXT, Answer, Operation
from api.yard import SOCKET_IO

PACKETS = "Engine.IO 4, as Socket.IO's clients (version 3 and 4) speak it: see Follow your jobs live in docs/api.md."

LIVE: Mapping[tuple[str, str], Operation] = {
    ("GET", SOCKET_IO): Operation(
        id="listen",
        summary="Follow your jobs over Socket.IO",
        description=f"{PACKETS} Begins a session, waits for its packets, or makes it a WebSocket. "
        "The token comes later, in `auth.token`.",
        needs=None,
        refuses=(400, 403, 426, 500, 503),
        tells={101: Answer("A WebSocket", media=()), 200: Answer("Packets", media=(TEXT,))},
    ),
    ("POST", SOCKET_IO): Operation(
        id="say",
        summary="Send packets of a Socket.IO session",
        description=PACKETS,
        needs=None,
        refuses=(400, 403, 413, 500),
        tells={200: Answer("They are taken", media=(TEXT,))},
    ),
}
