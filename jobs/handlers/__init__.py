"""All job types on one screen.

A team adds its own without touching this file: a module with `HANDLERS: dict[str, Handler]`, named in config.yaml
under `handlers`.  A handler takes a Run and returns Done, Retry or Fail (jobs/job.py, jobs/outcomes.py).  With
`REQUESTS: dict[str, type[BaseModel]]` the module may say, by pydantic models, what the API takes as a request.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from jobs.errors import SetupError
from jobs.handlers import create_canvas
from jobs.handlers.llm import Llm
from jobs.job import Handler


def build(llm: Llm | None, modules: Sequence[str] = ()) -> dict[str, Handler]:
    """Every job type and its handler.  Raises SetupError for a module that cannot be used."""
    handlers: dict[str, Handler] = {
        "create_canvas": create_canvas.build(llm),
    }
    owners = dict.fromkeys(handlers, __name__)
    for module in modules:
        for job_type, handler in _declared(module).items():
            if job_type in owners:
                raise SetupError(
                    f"{_entry(module)}: its job type {job_type!r} is already handled by {owners[job_type]}: "
                    "give it another name in HANDLERS"
                )
            handlers[job_type], owners[job_type] = handler, module
    return handlers


def requests(modules: Sequence[str] = ()) -> dict[str, Any]:
    """Every job type and the model of its request; None: any JSON object.  Raises SetupError."""
    known: dict[str, Any] = {"create_canvas": None}
    for module in modules:
        models = getattr(_imported(module), "REQUESTS", {})
        known |= {job_type: models.get(job_type) for job_type in _declared(module)}
    return known


def _declared(module: str) -> dict[str, Handler]:
    declared: Any = getattr(_imported(module), "HANDLERS", None)
    if not isinstance(declared, dict):
        raise SetupError(f'{_entry(module)} has no HANDLERS: add HANDLERS = {{"my_job_type": my_function}} to it')
    for job_type, handler in declared.items():
        if not isinstance(job_type, str) or not job_type or not callable(handler):
            raise SetupError(f"{_entry(module)}: HANDLERS must map names to functions, {job_type!r} does not")
    return declared


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, SyntaxError) as error:
        raise SetupError(
            f"{_entry(module)} cannot be imported ({error}): "
            "mend the module, or correct the name (dotted, as seen from the project's folder)"
        ) from error


def _entry(module: str) -> str:
    return f"config.yaml: handlers: {module!r}"
