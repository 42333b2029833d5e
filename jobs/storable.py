"""Text and JSON as PostgreSQL stores them: it refuses U+0000, lone surrogates and NaN."""

import json
from collections.abc import Mapping
from typing import Any


def printable(text: str, chars: int) -> str:
    """`text` cut to `chars`, without what cannot be stored."""
    return text[:chars].replace("\0", "").encode("utf-8", "replace").decode()


def storable(value: Mapping[str, Any]) -> str:
    """JSON for jsonb; clean text, the usual case, is not walked.  Raises TypeError, ValueError or RecursionError."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(_clean(value), allow_nan=False, separators=(",", ":"))
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, len(value))
    if isinstance(value, Mapping):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
