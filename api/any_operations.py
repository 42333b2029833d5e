"""What the operators' routes to the jobs of all users take and answer; see operations.py."""

from collections.abc import Mapping
from typing import Any

from api import answers
from api.control_shapes import AllJobs, AllPage, RunsByWorker
from api.operations import OF_A_JOB, SIGNED_IN, STEERING, SVG, Answer, Operation
from api.why import Reasons
from api.yard import PREFIX

TAG = "Jobs of all users"
ANY: dict[str, Any] = {"tag": TAG, "refuses": STEERING}  # 403 also for who is no operator
JOB = f"{PREFIX}/operations/job/{{job_id}}"

ANY_JOBS: Mapping[tuple[str, str], Operation] = {
    ("GET", f"{PREFIX}/operations/jobs"): Operation(
        id="all_jobs",
        summary="List the jobs of all users, newest first",
        tag=TAG,
        query=AllPage,
        refuses=(*SIGNED_IN, 403, 422),
        follow="/jobs/0/id",
        tells={200: Answer("One page", AllJobs)},
    ),
    ("GET", JOB): Operation(
        id="any_job",
        summary="See how any user's job stands",
        description="With an ETag, as its user's own.",
        headers=("If-None-Match",),
        tells={
            200: Answer("The job", answers.JobStatus, headers=("ETag",)),
            304: Answer("It is as it was", media=(), headers=("ETag",)),
        },
        **ANY,
    ),
    ("GET", f"{JOB}/result"): Operation(
        id="any_result",
        summary="Get what any user's completed job made",
        tag=TAG,
        refuses=(*OF_A_JOB, 400, 403),
        tells={200: Answer("The result", answers.Result)},
    ),
    ("GET", f"{JOB}/result.svg"): Operation(
        id="any_picture",
        summary="Get any user's completed canvas as a picture",
        tag=TAG,
        refuses=(*OF_A_JOB, 400, 403),
        tells={200: Answer("The picture", media=(SVG,))},
    ),
    ("GET", f"{JOB}/drawing.svg"): Operation(
        id="any_drawing",
        summary="See any user's canvas as far as it is drawn",
        tag=TAG,
        refuses=(*OF_A_JOB, 400, 403),
        tells={200: Answer("The picture", media=(SVG,))},
    ),
    ("GET", f"{JOB}/runs"): Operation(
        id="any_runs",
        summary="See which runs of any user's job failed, where, and why",
        tells={200: Answer("The runs, with their workers", RunsByWorker)},
        **ANY,
    ),
    ("GET", f"{JOB}/why"): Operation(
        id="any_why",
        summary="Learn why any user's job does not run",
        tells={200: Answer("The causes", Reasons)},
        **ANY,
    ),
    ("POST", f"{JOB}/cancel"): Operation(
        id="cancel_any",
        summary="Cancel any user's job",
        description="As its user could; `error_message` tells its user that an operator did it.",
        tag=TAG,
        refuses=(*STEERING, 400),
        tells={200: Answer("It is cancelled, or will be", answers.Steered)},
    ),
    ("POST", f"{JOB}/retry"): Operation(
        id="retry_any",
        summary="Queue any user's failed or cancelled job again",
        tag=TAG,
        refuses=(*STEERING, 400),
        tells={200: Answer("It is in the queue", answers.Steered)},
    ),
}
