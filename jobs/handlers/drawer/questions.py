"""Puts a check or a condition of a described process into the words of a question."""

import re

from jobs.handlers.drawer.phrases import capitalised, label

_ARTICLE = r"(?:(?:the|a|an|your|his|her|their|my|our)\s+)?"
_GIVEN = re.compile(
    r"(?:(?:the )?(?:user|customer|client|visitor)s?\s+)?(?:enter|type(?: in)?|input|provide|submit|fill(?: in| out)?|"
    rf"scan|insert|upload|give|send|ask for)s?(?: in| out)?\s+{_ARTICLE}(?P<thing>.+)",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(?:pass\w*|pin|code|credentials?|answer|\w*name|log-?in|e?-?mail)\b", re.IGNORECASE)
_CHECK = re.compile(
    r"(?:check|verify|validate|make sure|ensure)(?:s|ed)?\b\s*(?:(?P<how>if|whether|that)\s+)?"
    rf"{_ARTICLE}(?P<thing>.*)",
    re.IGNORECASE,
)
_STATE = re.compile(rf"{_ARTICLE}(?P<thing>.+?)\s+(?:is|are|was|were)\s+(?P<state>.+)", re.IGNORECASE)
_ANSWER = re.compile(
    r"(?:(?:it|this|that|they|everything|all)(?:'s| is| are)? |if |is )?"
    r"(?:(?P<no>not\b.*|no|wrong|incorrect|invalid|fail\w*|bad|false|rejected|doesn't match)|"
    r"yes|ok|okay|right|correct|valid|good|fine|pass\w*|approved|true|match\w*)",
    re.IGNORECASE,
)
SHORT_CHARS = 16  # of a thing that is repeated in the question about it
_PRONOUNS = {"", "it", "they", "this", "that", "them", "he", "she"}


def from_check(check: str, step_before: str) -> str:
    """A bare "check" after "Enter password" asks "Password correct?", "check stock" asks "Stock OK?"."""
    found = _CHECK.fullmatch(check)
    if not found:
        return re.sub(r"\bapproval\?$", "approved?", label(check.rstrip("? ")) + "?")
    thing, given = found["thing"].strip(), _given(step_before)
    if thing.lower() in {*_PRONOUNS, given.lower()}:
        return _about(given) if given else "OK?"
    return from_condition(thing) if found["how"] or _STATE.fullmatch(thing) else f"{label(thing)} OK?"


def from_condition(condition: str) -> str:
    """The condition "the password is right" asks "Password right?"."""
    bare = condition.strip(" ?.,")
    found = _STATE.fullmatch(bare)
    if not found:
        return label(re.sub(rf"^{_ARTICLE}", "", bare, count=1, flags=re.IGNORECASE)) + "?"
    thing = "" if found["thing"].lower() in _PRONOUNS else found["thing"]
    return label(f"{thing} {found['state']}") + "?"


def is_plain_check(check: str) -> bool:
    """It names what is checked, but not as a question: it may as well be a step before a question."""
    found = _CHECK.fullmatch(check)
    return found is not None and not found["how"] and found["thing"].strip().lower() not in _PRONOUNS


def answer_named(condition: str) -> bool | None:
    """Whether "it is right" or "wrong" means yes or no to what was just asked; None: it asks something else."""
    found = _ANSWER.fullmatch(condition)
    return None if found is None else found["no"] is None


def _about(given: str) -> str:
    word = "correct" if _SECRET.search(given) else "valid"
    return capitalised(f"{given} {word}?" if len(given) <= SHORT_CHARS else f"{word}?")


def _given(step: str) -> str:
    found = _GIVEN.fullmatch(step)
    return found["thing"] if found else ""
