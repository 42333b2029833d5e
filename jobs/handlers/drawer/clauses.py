"""What the clauses of a described process say: a step, a question, a condition, a way back, a bad end.

The words are English with the commonest of a few other languages; what is not understood is a step.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from jobs.handlers.drawer.phrases import label, listed, split, without_bullet


class Means(Enum):
    """What one clause adds to a flow."""

    STEP = auto()
    QUESTION = auto()
    CONDITION = auto()  # if ...; `rest` is what then happens, empty: the next clause tells
    OTHERWISE = auto()  # `rest` is what happens in the other case
    YES = auto()
    NO = auto()
    BACK = auto()  # `rest` names where to, empty: where it makes sense
    LIMIT = auto()  # `rest` happens after `count` tries
    FAILURE = auto()  # a bad end, if there is a question that it can answer


@dataclass(frozen=True, slots=True)
class Clause:
    means: Means
    text: str
    rest: str = ""
    count: str = ""  # "3 tries"


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)


_SENTENCE_END = r"(?<=[.!])\s+(?=[A-Z\"'(]|[^\x00-\x7f])|(?<=\?)\s+"
_NUMBER = r"(?:^|(?<=\s))\(?\d{1,2}[.)]\s+"
_THEN = r"\s(?:and )?(?:then|dann)\s|\s(?:or )?(?=(?:otherwise|else|sonst)\b)"
_SEQUENCE = _pattern(
    r"\b(?:then|if|otherwise|else|finally|afterwards|dann|wenn|falls|sonst)\b|\b(?:yes|no|ja|nein|oui|non)\s?:"
)
_LEAD = _pattern(
    r"(?:(?:and|but|so)\s+)?(?:(?:first|second|third|last)(?:ly)?(?: of all)?|then|next|and|after (?:that|this)|"
    r"afterwards?|finally|at last|in the end|subsequently|zuerst|dann|danach|schließlich|zuletzt|d'abord|puis|"
    r"ensuite|enfin|primero|luego|después|finalmente)\b(?!\s*$)[,:]?\s*"
)
_ASIDE = _pattern(r"(?P<question>.+?)\s*\((?P<answer>(?:if )?(?:not?|otherwise|else|yes)\b.+)\)")
_AND_BACK = _pattern(r"(?P<deed>.+?),? and (?P<back>(?:go|goes|return|try|retry|repeat|start|loop|jump)\b.*)")

_BACK = _pattern(
    r"(?:(?:go|jump|loop|return|come|step|send)(?:s|es)?\s+(?:it\s+)?back|return|retry|try (?:it )?again|repeat|"
    r"(?:ask|do it|once)\s+(?:over|again|anew)|start(?=\s+(?:over|again|anew)\b)|again|back|zurück|nochmals?|"
    r"erneut|wiederholen|réessayer|recommencer|reintentar|volver|repetir)\b(?:\s+(?:to|from|at|with|zu|zur|zum|à|au|a)\b)?\s*(?P<rest>.*)"
)
_DEED = (
    r"(?:go|goes|return|retry|try|repeat|stop|end|show|send|reject|display|block|lock|cancel|exit|ask|continue|"
    r"proceed|log|redirect|skip|call|notify|use|start|move|refund|fix|escalate|close|open|assign|reopen|give|take|"
    r"add|create|save|store|pay|pack|ship|update|delete|remove|print|turn|wait|buy|stay|walk|pick|deploy|publish|"
    r"approve|order (?:more|new|again|another))s?\b"
)
_IF = _pattern(
    r"(?:if|when|whenever|in case|wenn|falls)\s+(?P<condition>.+?)"
    rf"(?:\s*(?:,|:|->|\bthen\b|\bdann\b)\s*(?P<rest>.+)|\s+(?P<deed>{_DEED}.*)|[,:]?\s*$)"
)
_OTHERWISE = _pattern(
    r"(?:otherwise|or else|else|if not|sonst|ansonsten|sinon|si no|sino)\b[,:]?\s*(?:then\s+)?(?P<rest>.*)"
)
_ANSWER = _pattern(
    r"(?:if |on )?(?P<answer>yes|no|true|false|ok|success|failure|ja|nein|oui|non|s[ií])"
    r"\s*(?:[:=,-]|->)+\s*(?P<rest>.+)"
)
_BARE_ANSWER = _pattern(r"(?:if )?(?P<answer>yes|no|ja|nein|oui|non|s[ií])(?P<rest>)")
_LIMIT = _pattern(
    r"(?P<rest>.*?)[\s,]*\b(?:after|on|following|nach)\s+(?:the\s+|a\s+)?"
    r"(?P<count>(?:\d+|two|three|four|five|ten|several|too many|drei|zu vielen)\s*(?:\w+\s+){0,2}?"
    r"(?:tries|try|attempts?|failures?|times|errors?|retries|strikes|versuchen))\b\s*(?P<after>.*)"
)
_LIMIT_HAN = _pattern(r"(?P<rest>.*?)(?P<count>[\d一二两三四五]+次)(?:失败|错误|尝试)?[之以]?后(?P<after>.*)")
_QUESTION = _pattern(
    r".*\?$|(?:is|are|was|were|does|did|should|has)\b.+|(?:check|verify|validate|make sure|ensure)(?:s|ed)?\b.*|"
    r"(?:\w+ ){0,3}(?:valid|correct|approved|accepted|available|approval)$|"
    r"(?:prüf|überprüf|kontrollier|verifi|vérifi|comprob|valid|controll|провер|检查|检验|验证|校验|判断|是否|確認).*"
)
_FAILURE = _pattern(
    r".*(?:\b(?:lock|reject|den[iy]|refus|declin|abort|block|cancel|fail|ban|expire|terminat|discard)\w*|"
    r"\bgive up|\bstops?\b|\broll(?:ed)? back|\bnot possible|\bquit|\bexit|gesperrt|abgelehnt|abbruch|abbrechen|"
    r"bloque|rechaz|refus|verrouill|锁定|拒绝|失败|ロック|拒否).*"
)


def clauses(content: str) -> list[Clause]:
    """The clauses of a text in their order, whatever separates them."""
    pieces = [piece for line in _lines(content) for piece in _pieces(line)]
    return [_read(text) for piece in pieces for text in _unfolded(piece) if label(text)]


def _lines(content: str) -> list[str]:
    lines = [without_bullet(line) for line in content.split("\n")]
    return [part for line in lines for part in split(line, "->")]


def _pieces(line: str) -> list[str]:
    """One line's entries or sentences, and of a sentence its parts where they seem to be steps of their own."""
    for separator in (";", _NUMBER):
        if len(parts := split(line, separator)) > 1:
            return [piece for part in parts for piece in (_pieces(part) if _SEQUENCE.search(part) else [part])]
    sentences = split(line, _SENTENCE_END)
    alone = sum(not sentence.endswith("?") for sentence in sentences) <= 1
    return [
        piece
        for sentence in sentences
        for piece in (_commas(sentence) if alone or _SEQUENCE.search(sentence) else [sentence])
    ]


def _commas(sentence: str) -> list[str]:
    return [piece for part in listed(sentence) for piece in split(part, _THEN)]


def _unfolded(piece: str) -> list[str]:
    """A piece that says two things, as two."""
    piece = _without_lead(piece)
    for pattern in (_ASIDE, _AND_BACK):
        if found := pattern.fullmatch(piece):
            return [part for group in found.groups() for part in _unfolded(group)]
    return [piece]


def _without_lead(text: str) -> str:
    found = _LEAD.match(text)
    return text[found.end() :] if found else text


def _read(text: str) -> Clause:
    bare = text.strip(" .,;:")
    if found := _OTHERWISE.fullmatch(bare):
        return Clause(Means.OTHERWISE, bare, found["rest"])
    if found := _ANSWER.fullmatch(bare) or _BARE_ANSWER.fullmatch(bare):
        good = found["answer"].lower() in {"yes", "true", "ok", "success", "ja", "oui", "si", "sí"}
        return Clause(Means.YES if good else Means.NO, bare, found["rest"])
    if found := _IF.fullmatch(bare):
        return Clause(Means.CONDITION, found["condition"], found["rest"] or found["deed"] or "")
    return _plain(bare)


def _plain(text: str) -> Clause:
    if found := _LIMIT.fullmatch(text) or _LIMIT_HAN.fullmatch(text):
        return Clause(Means.LIMIT, text, found["rest"] or found["after"] or "stop", found["count"])
    if found := _BACK.fullmatch(text):
        return Clause(Means.BACK, text, found["rest"])
    if _QUESTION.fullmatch(text):
        return Clause(Means.QUESTION, text)
    return Clause(Means.FAILURE if _FAILURE.fullmatch(text) else Means.STEP, text)


def reread(text: str) -> Clause:
    """What the words after "otherwise", "if ..." or "no:" say by themselves."""
    return _read(_without_lead(text))
