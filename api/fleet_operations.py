"""What the operators' routes and those of the session take and answer; see operations.py."""

from collections.abc import Mapping

from api import answers, fleet_answers
from api.operations import SIGNED_IN, Answer, Operation
from api.yard import PREFIX

FLEET: Mapping[tuple[str, str], Operation] = {
    ("GET", f"{PREFIX}/fleet"): Operation(
        id="fleet",
        summary="The queue, the workers and the leader; for operators",
        tag="Steering the fleet",
        refuses=(*SIGNED_IN, 403),
        tells={200: Answer("The fleet", fleet_answers.Fleet)},
    ),
    ("GET", f"{PREFIX}/config"): Operation(
        id="config",
        summary="The configuration in force in this process; for operators",
        tag="Steering the fleet",
        refuses=(*SIGNED_IN, 403),
        tells={200: Answer("The settings", fleet_answers.ConfigInForce)},
    ),
}
SESSION: Mapping[tuple[str, str], Operation] = {
    ("POST", f"{PREFIX}/session"): Operation(
        id="sign_in",
        summary="Sign a page of this server in",
        description="Sets a cookie that holds the token of the Authorization header and ends with it. The cookie "
        "counts only for pages of this server; where it signs a change, X-CSRF-Token must hold `csrf_token`.",
        tag="Session",
        refuses=(*SIGNED_IN, 400, 403),
        tells={200: Answer("Signed in", answers.Session)},
    ),
    ("GET", f"{PREFIX}/session"): Operation(
        id="session",
        summary="Who is signed in",
        tag="Session",
        refuses=SIGNED_IN,
        tells={200: Answer("The user", answers.Session)},
    ),
    ("DELETE", f"{PREFIX}/session"): Operation(
        id="sign_out",
        summary="Take the cookie away",
        description="The token itself stays valid until it expires.",
        tag="Session",
        needs=None,
        refuses=(403, 500),
        tells={200: Answer("Signed out", answers.Removed)},
    ),
}
