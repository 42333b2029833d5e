"""What the operators' routes and /why take and answer."""

from collections.abc import Mapping
from typing import Any

from api.control_shapes import Pauses, Redriven, Resumed, ToPause, ToRedrive, ToResume
from api.operations import OF_A_JOB, SIGNED_IN, WITH_BODY, Answer, Operation
from api.why import Reasons
from api.yard import PREFIX

FOR_OPERATORS: dict[str, Any] = {"tag": "Steering the fleet", "refuses": WITH_BODY}

CONTROL: Mapping[tuple[str, str], Operation] = {
    ("GET", f"{PREFIX}/job/{{job_id}}/why"): Operation(
        id="why",
        summary="Learn why a job does not run",
        description="Each cause that holds now, its place in the queue, and when it may start.",
        refuses=OF_A_JOB,
        tells={200: Answer("The causes", Reasons)},
    ),
    ("POST", f"{PREFIX}/operations/pause"): Operation(
        id="pause",
        summary="Let no more jobs begin, of one type or of all",
        description="It holds for the whole fleet from the answer on. What runs goes on; new jobs are still taken.",
        body=ToPause,
        tells={200: Answer("It is paused", Pauses)},
        examples={
            "one type for an hour": {"job_type": "create_canvas", "for_s": 3600, "reason": "the provider is away"},
            "all jobs": {},
        },
        **FOR_OPERATORS,
    ),
    ("POST", f"{PREFIX}/operations/resume"): Operation(
        id="resume",
        summary="End a pause",
        description="`job_type` null ends the pause of all jobs; pauses of single types stay, and the answer has them.",
        body=ToResume,
        tells={200: Answer("There is no such pause any more", Resumed)},
        examples={"one type": {"job_type": "create_canvas"}, "all jobs": {}},
        **FOR_OPERATORS,
    ),
    ("GET", f"{PREFIX}/operations/pauses"): Operation(
        id="pauses",
        summary="See what is paused",
        tells={200: Answer("The pauses", Pauses)},
        **{**FOR_OPERATORS, "refuses": (*SIGNED_IN, 403)},
    ),
    ("POST", f"{PREFIX}/operations/redrive"): Operation(
        id="redrive",
        summary="Queue failed jobs again, by type, fault and time",
        description="Each begins anew, as by its user's retry. Send `dry_run` first to see how many they are.",
        body=ToRedrive,
        tells={200: Answer("They are queued again, or were counted", Redriven)},
        examples={"all time-outs": {"error_code": "timed_out", "dry_run": True}},
        **FOR_OPERATORS,
    ),
}
