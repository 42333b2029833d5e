"""What the routes of jobs take and answer."""

from collections.abc import Mapping
from typing import Any

from api import answers
from api.operations import OF_A_JOB, SIGNED_IN, STEERING, SVG, WITH_BODY, Answer, Operation
from api.schemas import AnyJob, CreateCanvas, ManyJobs, Page
from api.yard import EVENTS, PREFIX

CANVAS: dict[str, Any] = {"instructions": "A flowchart of a login: password, check, locked after 3 tries"}
MAKING: dict[str, Any] = {
    "tag": "Making jobs",
    "headers": ("Idempotency-Key", "Prefer"),
    "refuses": (*WITH_BODY, 409),
    "follow": "/job_id",
    "tells": {
        200: Answer(
            "It has ended while you waited", answers.Ended, headers=("Idempotent-Replayed", "Preference-Applied")
        ),
        202: Answer("The job is in the queue", answers.Accepted, headers=("Idempotent-Replayed",)),
    },
}


JOBS: Mapping[tuple[str, str], Operation] = {
    ("POST", f"{PREFIX}/create-canvas"): Operation(
        id="create_canvas",
        summary="Have a canvas drawn",
        description="The answer comes at once; the drawing is done when the job's status is `completed`.",
        body=CreateCanvas,
        examples={
            "plain": CANVAS,
            "all": {**CANVAS, "style": "minimal", "colorScheme": "pastel", "canvas_id": "wall-7", "priority": 1},
        },
        **MAKING,
    ),
    ("POST", f"{PREFIX}/jobs"): Operation(
        id="create_job",
        summary="Add a job of any type",
        body=AnyJob,
        examples={"canvas": {"job_type": "create_canvas", "request_data": CANVAS, "delay_s": 60}},
        **MAKING,
    ),
    ("POST", f"{PREFIX}/jobs/bulk"): Operation(
        id="create_jobs",
        summary="Add many jobs, all or none",
        description="A refusal names each fault of each job, such as `jobs.17.request_data.instructions`.",
        tag="Making jobs",
        body=ManyJobs,
        refuses=(*WITH_BODY, 409),
        follow="/jobs/0/job_id",
        tells={202: Answer("All jobs are in the queue", answers.BulkAccepted)},
        examples={
            "two": {
                "jobs": [
                    {"job_type": "create_canvas", "request_data": CANVAS, "idempotency_key": f"import-{n}"}
                    for n in (1, 2)
                ]
            }
        },
    ),
    ("GET", f"{PREFIX}/job/{{job_id}}/status"): Operation(
        id="status",
        summary="See how a job stands",
        description="Ask with the ETag of the last answer in `If-None-Match`: 304 means that nothing has changed.",
        headers=("If-None-Match",),
        refuses=OF_A_JOB,
        tells={
            200: Answer("The job", answers.JobStatus, headers=("ETag",)),
            304: Answer("It is as it was", media=(), headers=("ETag",)),
        },
    ),
    ("GET", f"{PREFIX}/job/{{job_id}}/result"): Operation(
        id="result",
        summary="Get what a completed job made",
        description="400 while the job is not completed, and for one that never will be.",
        refuses=(*OF_A_JOB, 400),
        tells={200: Answer("The result", answers.Result)},
    ),
    ("GET", f"{PREFIX}/job/{{job_id}}/result.svg"): Operation(
        id="picture",
        summary="Get a completed canvas as a picture",
        refuses=(*OF_A_JOB, 400),
        tells={200: Answer("The picture", media=(SVG,))},
    ),
    ("GET", f"{PREFIX}/job/{{job_id}}/drawing.svg"): Operation(
        id="drawing",
        summary="Get a canvas as a picture, as far as it is drawn",
        description="While the model writes, what is finished; before that an empty canvas, afterwards the result.",
        refuses=(*OF_A_JOB, 400),
        tells={200: Answer("The picture", media=(SVG,))},
    ),
    ("GET", f"{PREFIX}/job/{{job_id}}/runs"): Operation(
        id="runs",
        summary="See which runs of a job failed, and why",
        refuses=OF_A_JOB,
        tells={200: Answer("The runs", answers.Runs)},
    ),
    ("POST", f"{PREFIX}/job/{{job_id}}/cancel"): Operation(
        id="cancel",
        summary="Cancel a job",
        description="A queued job is cancelled at once. One that runs is asked to end: its status says when it has.",
        refuses=(*STEERING, 400),
        tells={200: Answer("It is cancelled, or will be", answers.Steered)},
    ),
    ("POST", f"{PREFIX}/job/{{job_id}}/retry"): Operation(
        id="retry",
        summary="Queue a failed or cancelled job again",
        refuses=(*STEERING, 400),
        tells={200: Answer("It is in the queue", answers.Steered)},
    ),
    ("DELETE", f"{PREFIX}/job/{{job_id}}"): Operation(
        id="remove",
        summary="Delete a job with its request and its result",
        description="A live job is cancelled first; 202 means that it still runs, and must be deleted again.",
        refuses=STEERING,
        tells={
            200: Answer("It is gone", answers.Removed),
            202: Answer("It is asked to end", answers.Steered),
        },
    ),
    ("GET", f"{PREFIX}/jobs"): Operation(
        id="jobs",
        summary="List your jobs, newest first",
        description="Follow `next_cursor` from page to page; `offset` is for clients that know no cursors.",
        query=Page,
        refuses=(*SIGNED_IN, 422),
        follow="/jobs/0/id",
        tells={200: Answer("One page", answers.Jobs)},
    ),
    ("GET", f"{PREFIX}/jobs/stats"): Operation(
        id="stats",
        summary="How many of your jobs stand where; for an operator, of all users' jobs",
        refuses=SIGNED_IN,
        tells={200: Answer("The counts", answers.Stats)},
    ),
    ("GET", EVENTS): Operation(
        id="follow",
        summary="Follow your jobs over a WebSocket",
        description="Connect as ws:// or wss:// with the subprotocols `bearer` and your token. Every message is "
        '`{"event": name, "data": {job_id, status, version, ...}}`: `ai_job_update` with `message` and `progress`, '
        "`ai_job_complete` with `result`, `ai_job_error` with `error`. The first ones tell all your live jobs.",
        refuses=(*SIGNED_IN, 403, 426),
        tells={101: Answer("Connected", media=())},
    ),
}
