"""For the tests of your own handlers: run one inline, or play a job's whole life, without PostgreSQL and in no time.

    outcome = run_inline(summarize, {"text": "..."}).outcome
    played = play({"summarize": summarize}, "summarize", {"text": "..."})

`play` goes through the real jobs.runner and the rules of give_up.sql, which jobs/verdict.py mirrors.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from jobs import backoff as backoffs
from jobs import runner
from jobs.handlers.asking import Answer, Endpoint, Message
from jobs.handlers.llm import Llm
from jobs.held import Held
from jobs.job import Claim, Handler, Key, Run
from jobs.outcomes import Fail, Outcome, Retry
from jobs.states import State
from jobs.verdict import Standing, judge

JOB_ID = "00000000-0000-7000-8000-000000000001"
KEY = Key(0, 0, 1)
PIECE_CHARS = 20  # a streamed answer comes in pieces
MOST_RUNS = 1000  # a job that runs more often in its play would never end
usual_backoff = partial(backoffs.delay_s, base_s=60, factor=2, cap_s=3600, jitter=0)  # config.yaml's, without jitter

Said = str | Mapping[str, Any] | Answer | Retry | Fail | Exception


class FakeClock:
    """Seconds that pass when they are told to: clock() reads them, clock.sleep(s) lets them pass."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        self._now_s += duration_s


class FakeLlm(Llm):
    """Stands in for the model: ask() gives these answers, one a call, and `asked` keeps what it was asked.

    An answer is a text, an object to be written as JSON, an Answer, a Retry, a Fail, or an exception to raise.
    With a `clock` each call takes `takes_s`; one that may not take so long is a Retry with the code timed_out.
    Raises AssertionError at a call for which no answer is left.
    """

    def __init__(self, answers: Iterable[Said], *, clock: FakeClock | None = None, takes_s: float = 0) -> None:
        super().__init__(Endpoint("", "", "fake-model", 0, 0, 0))
        self.asked: list[list[Message]] = []
        self._answers = list(answers)
        self._clock = clock or FakeClock()
        self._takes_s = takes_s

    def ask(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, Any],  # noqa: ARG002 - as the real one is called
        *,
        timeout_s: float | None,
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> Answer | Retry | Fail:
        if len(self.asked) == len(self._answers):
            raise AssertionError(f"FakeLlm was asked more often than it has answers ({len(self._answers)})")
        self.asked.append(list(messages))
        if timeout_s is not None and timeout_s < self._takes_s:
            self._clock.sleep(timeout_s)
            return Retry("The model took too long", code="timed_out")
        self._clock.sleep(self._takes_s)
        return _told(self._answers[len(self.asked) - 1], on_text, cancelled)


def _told(said: Said, on_text: Callable[[str], None], cancelled: Callable[[], bool]) -> Answer | Retry | Fail:
    if isinstance(said, Exception):
        raise said
    if isinstance(said, Retry | Fail):
        return said
    answer = said if isinstance(said, Answer) else _answer(said)
    for start in range(0, len(answer.text), PIECE_CHARS):
        if cancelled():
            return Fail("Cancelled while the model was writing", code="cancelled")
        on_text(answer.text[start : start + PIECE_CHARS])
    return answer


def _answer(said: str | Mapping[str, Any]) -> Answer:
    text = said if isinstance(said, str) else json.dumps(said)
    return Answer(text, "fake-model", input_tokens=0, output_tokens=0)


@dataclass(frozen=True, slots=True)
class Inline:
    """What a handler returned, each (percent, message) that it reported, and what it had drawn in the end."""

    outcome: Outcome
    reports: list[tuple[int, str]]
    drawn: list[Mapping[str, Any]]


def run_inline(
    handler: Handler,
    request: Mapping[str, Any],
    *,
    user_id: str = "user-1",
    attempt: int = 1,
    time_limit_s: float | None = None,
    cancelled_after_reports: int | None = None,
    clock: FakeClock | None = None,
) -> Inline:
    """Call a handler once; what it raises comes out here.

    `cancelled_after_reports`: its user cancels after so many reports (0: before the first); None: never.
    `time_limit_s` is counted on `clock`, which stands still unless somebody lets it run; None: no limit.
    """
    now = clock or FakeClock()
    reports: list[tuple[int, str]] = []
    drawn: dict[str, Mapping[str, Any]] = {}
    deadline = None if time_limit_s is None else now() + time_limit_s

    def cancelled() -> bool:
        asked = cancelled_after_reports is not None and len(reports) >= cancelled_after_reports
        return asked or (deadline is not None and now() >= deadline)

    def report(percent: int, message: str) -> None:
        reports.append((percent, message))

    def draw(objects: Iterable[Mapping[str, Any]], *, anew: bool = False) -> None:
        if anew:
            drawn.clear()
        drawn.update({obj["id"]: _stored(obj) for obj in objects})

    run = Run(JOB_ID, user_id, _stored(request), attempt, deadline, report, cancelled, now, draw)
    return Inline(handler(run), reports, list(drawn.values()))


@dataclass(slots=True)
class Played:
    """A job's life: how it ended, how many runs it took, how long it waited before each further one.

    `result` and `usage` are as PostgreSQL would have stored them, None unless it is completed; `error_code` and
    `error` are of its last run, None if it is.
    """

    status: State = State.QUEUED
    runs: int = 0
    waits_s: list[float] = field(default_factory=list)
    reports: list[tuple[int, str]] = field(default_factory=list)
    result: Any = None
    usage: Any = None
    error_code: str | None = None
    error: str | None = None


class _HeldInPlay(Held):
    """A run on the play's clock."""

    def __init__(self, claim: Claim, *, limit_s: float, clock: FakeClock, heard: Callable[[Held], None]) -> None:
        super().__init__(claim, limit_s=limit_s, trusted_until=float("inf"))
        self._clock = clock
        self._heard = heard
        self.deadline = clock() + limit_s

    def run(self) -> Run:
        return replace(super().run(), clock=self._clock, report=self._report)

    def cancelled(self) -> bool:
        return self.stop_reason is not None or self.overdue()

    def overdue(self, grace_s: float = 0) -> bool:
        return self._clock() >= self.deadline + grace_s

    def _report(self, percent: int, message: str) -> None:
        self.progress.say(percent, message)
        self._heard(self)


def play(
    handlers: Mapping[str, Handler],
    job_type: str,
    request: Mapping[str, Any],
    *,
    user_id: str = "user-1",
    max_retries: int = 3,
    backoff: Callable[[int], float] = usual_backoff,
    time_limit_s: float = 180,
    deadline_s: float | None = None,
    max_wait_s: float = 240,
    cancelled_after_reports: int | None = None,
    result_bytes: int = 1_000_000,
    clock: FakeClock | None = None,
) -> Played:
    """Play a job from its first run to its end; the waits between its runs pass on `clock`, not for you.

    `backoff(failures)` says how long a job waits.  The other words are config.yaml's, and so are their values.
    Raises RuntimeError when the job does not end.
    """
    now = clock or FakeClock()
    job = Standing(0, max_retries, None if deadline_s is None else now() + deadline_s)
    played = Played()

    def heard(held: Held) -> None:
        played.reports.append((held.progress.percent, held.progress.message or ""))
        if cancelled_after_reports is not None and len(played.reports) >= cancelled_after_reports:
            held.stop("cancelled")

    while played.runs < MOST_RUNS:
        played.runs += 1
        claim = Claim(JOB_ID, played.runs, user_id, job_type, _stored(request), job.retry_count, max_retries, KEY, 0)
        held = _HeldInPlay(claim, limit_s=time_limit_s, clock=now, heard=heard)
        ended = runner.run(handlers, held, retry_delay_s=backoff(job.retry_count + 1), result_bytes=result_bytes)
        said = json.loads(ended.entry)
        if ended.done:
            return _completed(played, said)
        asked = replace(job, cancel_requested=held.stop_reason == "cancelled")
        played.status, job = judge(asked, said, now=now(), max_wait_s=max_wait_s)
        _note_failure(played, said)
        if played.status != State.QUEUED:
            return played
        played.waits_s.append(said["delay_s"])
        now.sleep(said["delay_s"])
    raise RuntimeError(f"the job has not ended after {MOST_RUNS} runs")


def _completed(played: Played, said: Mapping[str, Any]) -> Played:
    return replace(
        played, status=State.COMPLETED, result=said["result"], usage=said["usage"], error_code=None, error=None
    )


def _note_failure(played: Played, said: Mapping[str, Any]) -> None:
    cancelled = played.status == State.CANCELLED
    played.error_code = "cancelled" if cancelled else said["error_code"]
    played.error = "Cancelled by its user" if cancelled else said["error"]


def _stored(request: Mapping[str, Any]) -> Any:
    """A request as it comes back from jsonb: a copy, with lists for tuples and texts for keys."""
    return json.loads(json.dumps(request))
