"""Text and JSON as PostgreSQL stores them: it refuses U+0000, lone surrogates and NaN."""

import json
import re
from collections.abc import Mapping
from typing import Any

LEVELS = 500  # of brackets: what is nested deeper some readers of JSON, Python's among them, cannot build
# A string as a whole, or one bracket.  A string that never ends matches up to the end of the text: every character is
# looked at once, whatever is sent.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def printable(text: str, chars: int) -> str:
    """`text` cut to `chars`, without what cannot be stored."""
    return text[:chars].replace("\0", "").encode("utf-8", "replace").decode()


def storable(value: Mapping[str, Any]) -> str:
    """JSON for jsonb; clean text, the usual case, is not walked.  Raises TypeError, ValueError or RecursionError."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(_clean(value), allow_nan=False, separators=(",", ":"))
    if is_deeper(text, LEVELS):
        raise ValueError(f"nested deeper than {LEVELS} levels")
    return text


def is_deeper(text: str, levels: int) -> bool:
    """Whether brackets are nested deeper than so; `text` need not be JSON."""
    if text.count("[") + text.count("{") <= levels:  # the usual case is not walked
        return False
    depth = 0
    for token in TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > levels:
            return True
    return False


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value, len(value))
    if isinstance(value, Mapping):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
