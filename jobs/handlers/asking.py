"""What is asked of a model, where, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that the model wrote, and what it cost; a provider that does not count says 0 tokens."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is and how long to wait for it.

    `read_timeout_s` bounds the silence between two pieces of an answer, `total_timeout_s` the whole of it.
    """

    api_key: str = field(repr=False)
    base_url: str
    model: str
    connect_timeout_s: float
    read_timeout_s: float
    total_timeout_s: float
