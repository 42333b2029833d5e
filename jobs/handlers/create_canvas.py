"""create_canvas: instructions in plain words become a canvas of shapes, drawn by a model or by the built-in drawer."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.handlers import prompt
from jobs.handlers.asking import Answer, Message
from jobs.handlers.canvas import TITLE_CHARS, accept_all, clean
from jobs.handlers.drawer import local
from jobs.handlers.growing import Growing
from jobs.handlers.llm import Llm
from jobs.handlers.palettes import SCHEMES, STYLES
from jobs.handlers.schema import canvas_schema
from jobs.handlers.shapes import Object
from jobs.job import Handler, Run
from jobs.outcomes import Done, Fail, Outcome, Retry

INSTRUCTIONS_CHARS = 1000
ASKED, DRAWN = 5, 90  # percent: the model has been asked; all that it will draw is there
HALF_WAY_OBJECTS = 12  # nobody knows how many will come: at so many we say half of the way is done
BUILT_IN = "Drawn by the built-in drawer, because no OPENAI_API_KEY is set"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for; `canvas_id` is a new one where none was given."""

    instructions: str
    style: str
    color_scheme: str
    canvas_id: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing within the rules of the canvas, and who drew it."""

    title: str
    objects: Sequence[Object]
    message: str
    provider: str
    model: str
    usage: Mapping[str, Any] | None = None


def build(llm: Llm | None) -> Handler:
    """The handler that asks this model; None draws without any model."""
    if llm is None:
        log.warning("No OPENAI_API_KEY is set: canvases are drawn by the built-in drawer")

    def create_canvas(run: Run) -> Outcome:
        wish = _wish(run.request)
        if isinstance(wish, Fail):
            return wish
        canvas = Growing(wish.canvas_id, run.user_id, run.draw)
        drawn = _built_in(wish) if llm is None else _modelled(llm, wish, run, canvas)
        return _done(drawn, wish, run, canvas) if isinstance(drawn, Drawn) else drawn

    return create_canvas


def _wish(request: Mapping[str, Any]) -> Wish | Fail:
    """The request checked once more: a job may have come by plain SQL, past the API."""
    instructions, canvas_id = request.get("instructions"), request.get("canvas_id") or str(uuid.uuid4())
    style, color_scheme = request.get("style") or "modern", request.get("colorScheme") or "default"
    if not isinstance(instructions, str) or not 1 <= len(instructions.strip()) <= INSTRUCTIONS_CHARS:
        return Fail(f"instructions must be a text of 1 to {INSTRUCTIONS_CHARS} characters", code="invalid_request")
    if style not in tuple(STYLES) or color_scheme not in tuple(SCHEMES) or not isinstance(canvas_id, str):
        return Fail("style, colorScheme or canvas_id is not known", code="invalid_request")
    return Wish(instructions, style, color_scheme, canvas_id)


def _built_in(wish: Wish) -> Drawn:
    drawing = local.draw(wish.instructions, style=wish.style, color_scheme=wish.color_scheme)
    return Drawn(_title(drawing.title), drawing.objects, BUILT_IN, provider="local", model="built-in")


def _modelled(llm: Llm, wish: Wish, run: Run, canvas: Growing) -> Drawn | Retry | Fail:
    """At most two calls: the second one tells the model what was wrong with its first answer."""
    asked = prompt.messages(wish.instructions, wish.style, wish.color_scheme)
    run.report(ASKED, f"Asking {llm.model}")
    answers: list[Answer] = []
    for _ in range(2):
        canvas.begin()
        answer = _ask(llm, asked, run, _progress(canvas, run.report))
        if not isinstance(answer, Answer):
            return _counted(answer) if answers else answer
        answers.append(answer)
        drawn = _read(answer.text)
        if not isinstance(drawn, str):
            title, objects = drawn
            message = f"Drew {len(objects)} objects"
            return Drawn(title, objects, message, llm.provider, answer.model, _usage(llm, answers))
        asked = prompt.again(asked, answer.text, drawn)
    return Fail("The model's answer could not be used, nor could its second one", code="invalid_output")


def _ask(llm: Llm, messages: Sequence[Message], run: Run, on_text: Callable[[str], None]) -> Answer | Retry | Fail:
    left_s = run.time_left_s()
    if left_s == 0:
        return Retry("The time for this run was over", code="timed_out")
    return llm.ask(messages, canvas_schema(), timeout_s=left_s, on_text=on_text, cancelled=run.cancelled)


def _counted(outcome: Retry | Fail) -> Retry | Fail:
    """An answer has been paid for, so another run must spend a retry."""
    return replace(outcome, counted=True) if isinstance(outcome, Retry) else outcome


def _progress(canvas: Growing, report: Callable[[int, str], None]) -> Callable[[str], None]:
    """Told piece by piece what the model writes, shows and reports each object that is finished."""
    count = 0

    def on_text(text: str) -> None:
        nonlocal count
        found = canvas.feed(text)
        if found:
            count += found
            share = count / (count + HALF_WAY_OBJECTS)
            report(ASKED + int((DRAWN - ASKED) * share), f"{count} objects drawn")

    return on_text


def _read(text: str) -> tuple[str, list[dict[str, Any]]] | str:
    """Title and objects of the model's answer, or what is wrong with it, in words for the model."""
    try:
        answer = json.loads(text[text.find("{") : text.rfind("}") + 1], strict=False)  # a code fence is passed over
    except (ValueError, RecursionError):
        return "it is not valid JSON"
    raws = answer.get("objects") if isinstance(answer, dict) else None
    if not isinstance(raws, list):
        return "it has no list of objects"
    objects = accept_all(raws)
    if not objects:
        return "none of its objects can be drawn within the schema and the canvas"
    return _title(answer.get("title")), objects


def _title(raw: object) -> str:
    return clean(raw, TITLE_CHARS).replace("\n", " ") or "Canvas"


def _usage(llm: Llm, answers: Sequence[Answer]) -> dict[str, Any]:
    return {
        "provider": llm.provider,
        "model": answers[-1].model,
        "calls": len(answers),
        "input_tokens": sum(answer.input_tokens for answer in answers),
        "output_tokens": sum(answer.output_tokens for answer in answers),
    }


def _done(drawn: Drawn, wish: Wish, run: Run, canvas: Growing) -> Done:
    result = {
        "success": True,
        "canvas_id": wish.canvas_id,
        "title": drawn.title,
        "objects": canvas.whole(drawn.objects),
        "message": drawn.message,
        "request_id": run.job_id,
        "provider": drawn.provider,
        "model": drawn.model,
    }
    return Done(result, drawn.usage)
