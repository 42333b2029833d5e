"""Job types for the contract test: one that takes any object, one with a model of its own, one that fails."""

from pydantic import BaseModel, ConfigDict, Field

from jobs.job import Run
from jobs.outcomes import Done, Fail


class Measured(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    level: float = Field(ge=0, le=9)


def ends(run: Run) -> Done:
    return Done(dict(run.request))


def fails(run: Run) -> Fail:
    return Fail("as it shall", code="invalid_output")


HANDLERS = {"open": ends, "measured": ends, "failing": fails}
REQUESTS = {"measured": Measured}
