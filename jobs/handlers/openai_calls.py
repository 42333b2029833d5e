"""One call of OpenAI's chat completions, streamed, and the table of what its failures mean for the queue.

Only llm.py imports this module, and late: the SDK is slow to load.
"""

import asyncio
import email.utils
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import httpx2
import openai

from jobs.handlers.asking import Answer, Endpoint, Message
from jobs.outcomes import Fail, Retry
from jobs.telemetry import ProviderCalled, emit

ANSWER_CHARS = 1_000_000  # a model that runs wild is stopped here; a full canvas has about 10,000
# Before the provider is asked again after a fault of its own.  Seconds, and not the minutes of a counted retry: clients
# that exist already give a job up 295 s after its enqueue, and provider.max_wait_s ends the waits well before that.
PAUSE_S = 5.0
RATE_LIMIT_PAUSE_S = 20.0  # when it says "slow down" without saying for how long
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 3600.0  # "Retry-After: 0" must not become a busy loop


def _unavailable(reason: str) -> Retry:
    """The provider is to blame, and nothing was paid for: costs no retry."""
    return Retry(reason, code="provider_unavailable", delay_s=PAUSE_S, counted=False)


def _rejected(reason: str) -> Fail:
    return Fail(reason, code="provider_rejected")


_SLOW_DOWN = Retry("The provider asks us to slow down", "rate_limited", RATE_LIMIT_PAUSE_S, counted=False)
_NO_CREDIT = _rejected("The provider account has no credit left")
_TOO_SLOW = Retry("The provider did not answer in time", code="timed_out")
_NO_ANSWER = _unavailable("The provider sent something that is no answer")

_BY_CODE: dict[str | None, Retry | Fail] = {  # what the provider calls it says more than the status
    "insufficient_quota": _NO_CREDIT,
    "billing_hard_limit_reached": _NO_CREDIT,
    "billing_not_active": _NO_CREDIT,
    "rate_limit_exceeded": _SLOW_DOWN,
    "content_filter": _rejected("The provider's content filter refused the instructions"),
    "content_policy_violation": _rejected("The provider's content filter refused the instructions"),
}
_BY_STATUS: dict[int, Retry | Fail] = {
    400: _rejected("The provider refused the request"),
    401: _rejected("The provider refused the API key"),
    403: _rejected("The provider does not allow this"),
    404: _rejected("The provider does not know the model or the address"),
    408: _TOO_SLOW,
    409: _unavailable("The provider was busy with a conflicting request"),
    422: _rejected("The provider could not work with the request"),
    429: _SLOW_DOWN,
}
_BY_KIND: dict[type[BaseException], Retry | Fail] = {  # the nearest ancestor counts
    openai.InternalServerError: _unavailable("The provider failed"),
    openai.APIStatusError: _rejected("The provider refused the request"),
    openai.APIConnectionError: _unavailable("The provider cannot be reached"),
    httpx2.ReadTimeout: _TOO_SLOW,
    httpx2.HTTPError: _unavailable("The provider cannot be reached"),
    openai.APIError: _unavailable("The provider failed while it was answering"),
    ValueError: _NO_ANSWER,  # raw JSONDecodeError: the SDK lets it through
}


@dataclass(slots=True)
class _Heard:
    """What has come so far of one answer."""

    texts: list[str] = field(default_factory=list)
    chars: int = 0
    finish_reason: str | None = None
    refused: bool = False
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def paid(self) -> bool:
        return bool(self.texts or self.output_tokens)


class Request(NamedTuple):
    model: str
    messages: Any
    response_format: Any


def make_request(model: str, messages: Sequence[Message], schema: Mapping[str, Any]) -> Request:
    named = {"name": "answer", "strict": True, "schema": schema}
    return Request(model, list(messages), {"type": "json_schema", "json_schema": named})


def connect(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """A client that never retries by itself: waiting is the queue's work."""
    timeout = httpx2.Timeout(endpoint.read_timeout_s, connect=endpoint.connect_timeout_s)
    return openai.AsyncOpenAI(api_key=endpoint.api_key, base_url=endpoint.base_url, timeout=timeout, max_retries=0)


async def ask(
    client: openai.AsyncOpenAI, request: Request, *, timeout_s: float, say: Callable[[str], None]
) -> Answer | Retry | Fail:
    """One answer, or what its failure means; `say` gets each piece of text as it comes."""
    heard, began, outcome = _Heard(model=request.model), time.monotonic(), "broken"
    try:
        said = await _ask(client, request, heard, timeout_s=timeout_s, say=say)
        outcome = "answered" if isinstance(said, Answer) else said.code
    except asyncio.CancelledError:
        outcome = "cancelled"
        raise
    else:
        return said
    finally:
        took_s = time.monotonic() - began
        emit(ProviderCalled(request.model, outcome, took_s, heard.input_tokens, heard.output_tokens))


async def _ask(
    client: openai.AsyncOpenAI, request: Request, heard: _Heard, *, timeout_s: float, say: Callable[[str], None]
) -> Answer | Retry | Fail:
    try:
        async with asyncio.timeout(timeout_s):
            await _listen(client, request, heard, say)
    except TimeoutError:
        return Retry("The model took too long", code="timed_out")
    except (openai.APIError, httpx2.HTTPError, ValueError) as error:
        return _spend_if_paid(verdict(error), heard)
    return _spend_if_paid(_weigh(heard), heard)


async def _listen(client: openai.AsyncOpenAI, request: Request, heard: _Heard, say: Callable[[str], None]) -> None:
    stream = await client.chat.completions.create(
        **request._asdict(), stream=True, stream_options={"include_usage": True}
    )
    async with stream:
        async for chunk in stream:
            text = _note(heard, chunk)
            if heard.chars > ANSWER_CHARS:
                return
            if text:
                say(text)


def _note(heard: _Heard, chunk: Any) -> str:
    """The chunk's text.  The SDK checks no types, so a compatible server may send None or nonsense anywhere."""
    usage = getattr(chunk, "usage", None)
    heard.input_tokens = _count(usage, "prompt_tokens") or heard.input_tokens
    heard.output_tokens = _count(usage, "completion_tokens") or heard.output_tokens
    heard.model = _str(chunk, "model") or heard.model
    choices = getattr(chunk, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    heard.finish_reason = _str(choice, "finish_reason") or heard.finish_reason
    delta = getattr(choice, "delta", None)
    heard.refused |= bool(_str(delta, "refusal"))
    text = _str(delta, "content")
    if text:
        heard.texts.append(text)
        heard.chars += len(text)
    return text


def _str(source: Any, name: str) -> str:
    value = getattr(source, name, None)
    return value if isinstance(value, str) else ""


def _count(source: Any, name: str) -> int:
    value = getattr(source, name, None)
    return value if isinstance(value, int) else 0


def _weigh(heard: _Heard) -> Answer | Retry | Fail:
    """What a stream that ended without an error amounts to."""
    if heard.chars > ANSWER_CHARS or heard.finish_reason == "length":
        return Fail("The model wrote more than fits into an answer", code="invalid_output")
    if heard.refused:
        return _rejected("The model refused the instructions")
    if heard.finish_reason == "content_filter":
        return _rejected("The provider's content filter stopped the answer")
    if heard.finish_reason is None:  # a cut connection looks like a normal end to the SDK
        return _unavailable("The answer broke off") if heard.paid else _NO_ANSWER
    return Answer("".join(heard.texts), heard.model, heard.input_tokens, heard.output_tokens)


def _spend_if_paid(outcome: Answer | Retry | Fail, heard: _Heard) -> Answer | Retry | Fail:
    """A retry is spent once the model has written: else a job that always breaks there would be paid for ever."""
    return replace(outcome, counted=True) if isinstance(outcome, Retry) and heard.paid else outcome


def verdict(error: openai.APIError | httpx2.HTTPError | ValueError) -> Retry | Fail:
    """The outcome for an error of the SDK.  Its text never gets out: it may quote keys, headers and bodies."""
    code = getattr(error, "code", None)
    status = getattr(error, "status_code", 0)
    found = _BY_CODE.get(code) or _BY_STATUS.get(status) or _by_kind(error)
    found = replace(found, reason=found.reason + _label(status, code))
    if isinstance(found, Retry) and isinstance(error, openai.APIStatusError):
        return replace(found, delay_s=_retry_after_s(error.response.headers) or found.delay_s)
    return found


def _by_kind(error: BaseException) -> Retry | Fail:
    timed_out = isinstance(error, openai.APITimeoutError)  # its cause says who was too slow
    kind = type(error.__cause__ if timed_out and error.__cause__ else error)
    return next(_BY_KIND[ancestor] for ancestor in kind.__mro__ if ancestor in _BY_KIND)


def _label(status: int, code: object) -> str:
    """What the provider said in plain codes, as in "... (HTTP 404, model_not_found)"."""
    plain = code if isinstance(code, str) and re.fullmatch(r"[a-z][a-z_]{2,39}", code) else None
    parts = [part for part in (f"HTTP {status}" if status else None, plain) if part]
    return f" ({', '.join(parts)})" if parts else ""


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds or an HTTP date, within reason; None when the header is absent or says nothing."""
    value = headers.get("retry-after", "")
    try:
        wait_s = float(value)
    except ValueError:
        when = email.utils.parsedate_tz(value)
        if when is None:
            return None
        wait_s = email.utils.mktime_tz(when) - time.time()
    return max(SHORTEST_PAUSE_S, min(LONGEST_PAUSE_S, wait_s)) if wait_s == wait_s else None  # noqa: PLR0124  NaN
