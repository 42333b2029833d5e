"""Takes instructions apart: what kind of drawing is wanted, of what, and what it is to hold."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from jobs.handlers.drawer.dates import events, starts_with_date
from jobs.handlers.drawer.phrases import label, listed, split, without_bullet


class Kind(Enum):
    """The drawings that we know."""

    FLOW = auto()
    MIND_MAP = auto()
    TIMELINE = auto()
    TREE = auto()
    BOARD = auto()
    PAGE = auto()


@dataclass(frozen=True, slots=True)
class Wish:
    """Instructions, understood as far as they say it themselves.

    `kind` None: they name none.  `named`: by its proper name, not just by a word like "process".  `topic` and
    `content` may be empty.  `title` is the topic with the name of the drawing, as it was put.
    """

    kind: Kind | None
    named: bool
    topic: str
    title: str
    content: str


_NAMES = {
    Kind.MIND_MAP: r"mind[ -]?maps?|brain-?storm\w*|spider diagram|concept map|gedankenkarte|"
    r"carte (?:mentale|heuristique)|mapa mental|mappa mentale|思维导图|マインドマップ",
    Kind.TIMELINE: r"time[ -]?lines?|chronology|road ?map|zeitstrahl|zeitleiste|zeitachse|frise chronologique|"
    r"l[íi]nea de tiempo|linha do tempo|时间线|时间轴|年表|タイムライン",
    Kind.TREE: r"org(?:ani[sz]ation(?:al)?)?[ -]?charts?|organi[gs]?gramm?\w*|org structure|hierarchy|family tree|"
    r"tree (?:diagram|chart)|组织结构图|组织架构图|組織図",
    Kind.BOARD: r"kanban(?:[ -]?(?:board|tafel))?|(?:task|scrum|trello|sprint) ?board|看板|カンバン",
    Kind.PAGE: r"wire-?frames?|mock-?ups?|page layout|screen layout|线框图|ワイヤーフレーム",
    Kind.FLOW: r"flow[ -]?(?:chart|diagram)s?|fluss ?diagramm|ablauf ?(?:diagramm|plan)|diagramme de flux|logigramme|"
    r"diagrama de flujo|fluxograma|flujograma|blok?schema|блок-схем\w*|流程图|フローチャート",
}
_HINTS = {
    Kind.FLOW: r"work-?flow|process|procedure|pipeline|algorithm|flow|funnel|user journey|life-?cycle|steps|how to|"
    r"ablauf|prozess|流程",
    Kind.TREE: r"architecture|team structure|structure of|infrastructure",
    Kind.PAGE: r"(?:landing|home|login|web|start) ?page|(?:web)?site|dashboard|screen\b",
    Kind.TIMELINE: r"history of|milestones|schedule|agenda",
    Kind.MIND_MAP: r"ideas|aspects|topics|overview of",
}
_WORD_START = r"(?<![^\W\u3040-\u9fff])"  # Chinese and Japanese put no blank before a word
_NAMED = "|".join(_NAMES.values())
_HINTED = "|".join(_HINTS.values())
_COMMAND = re.compile(
    r"(?:(?:please|pls|hi|hello|hey|ok(?:ay)?|can|could|would|you|i|we|want|need|to|like|let'?s|help|me|us|kindly|"
    r"i'd|bitte)\b[\s,!]*)*\b(?:draw|create|make|show|design|build|generate|sketch|give|produce|visuali[sz]e|"
    r"illustrate|prepare|map out|zeichne|erstelle|mach|dessine(?:r|z)?|cr[ée]er?|dibuja|crea|haz|"
    r"нарисуй|сделай|создай)\b\s*"
    r"(?:(?:me|us|mir|uns|-moi)\b\s*)?(?:(?:please|bitte)\b\s*)?",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"(?:(?:a|an|the|my|our|some|simple|ein(?:e[nr]?)?|une?|la|le|el|una)\s+)+", re.IGNORECASE)
_OF = (
    r"(?:of|for|about|on|showing|(?:that|which) shows|to show|describing|how to|von|für|über|zum|zur|de|du|des|sur|"
    r"para|sobre)"
)
_NAMED_FIRST = re.compile(rf"(?:{_NAMED})\b\s*(?P<of>{_OF}\b\s*)?(?P<topic>.*)", re.IGNORECASE | re.DOTALL)
_NAMED_LAST = re.compile(rf"(?P<topic>.*?)\s*(?:{_NAMED})\W*", re.IGNORECASE | re.DOTALL)
_HOW_TO = re.compile(r"how to\s+", re.IGNORECASE)
_COLON = re.compile(r"(?P<head>[^\n]{1,100}?):(?=\s|$) *\n?(?P<content>.+)", re.DOTALL)
_ANOTHER_NAME = re.compile(r"(?:^|[\n,;.])\s*[^\n,;:.]{1,40}:(?=\s|$)")
_HELD = re.compile(r"(?P<head>[^\n]+?)\s*[(\[{](?P<content>.+)[)\]}][.\s]*", re.DOTALL)
_WITH = re.compile(
    r"(?P<head>[^\n]+?),?\s+(?:with|including|containing|consisting of|made of|that has|that have|having|featuring|"
    r"where|in which|mit|avec|con)\s+(?:the\s+)?(?:following\s+)?"
    r"(?:(?:steps|branches|sections|columns|parts|events|blocks)\b[:\s]*)?(?P<content>.+)",
    re.IGNORECASE | re.DOTALL,
)
_UP_TO_NAME = re.compile(
    rf"(?P<head>[^\n]*?(?:{_NAMED}))\b(?P<of>\s+{_OF}\b)?[\s,]*(?P<content>.+)", re.IGNORECASE | re.DOTALL
)
_FIRST_SENTENCE = re.compile(r"(?P<head>[^.!?\n]+)[.!]\s+(?P<content>.+)", re.DOTALL)
_CLAUSES = re.compile(r"\b(?:if|then|otherwise|finally|afterwards|wenn|dann|sonst)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"[.!?]\s+\S")
FEWEST_ENTRIES = 3  # of a list that nothing announces


def wish(text: str) -> Wish:
    """What the cleaned instructions ask for."""
    head, content = _parted(text)
    kind = _kind(head, _NAMES)
    bare = _without(_ARTICLE, _without(_COMMAND, head.strip()))
    title = topic = label(bare)
    if found := _NAMED_FIRST.fullmatch(bare):
        topic = label(_without(_ARTICLE, found["topic"]))
        title = topic if found["of"] and topic else title
    elif found := _NAMED_LAST.fullmatch(bare):
        topic = label(found["topic"])
    kind_or_hint = kind or _kind(head, _HINTS) or _kind(content, _NAMES)
    return Wish(kind_or_hint, kind is not None, label(_without(_HOW_TO, topic)), title, content.strip("\n"))


def _without(pattern: re.Pattern[str], text: str) -> str:
    """The text without what the pattern finds at its beginning."""
    found = pattern.match(text)
    return text[found.end() :] if found else text


def _kind(text: str, patterns: dict[Kind, str]) -> Kind | None:
    """The kind whose name comes first."""
    found = {kind: re.search(rf"{_WORD_START}(?:{words})", text, re.IGNORECASE) for kind, words in patterns.items()}
    starts = {kind: match.start() for kind, match in found.items() if match}
    return min(starts, key=lambda kind: starts[kind]) if starts else None


def _names_kind(text: str) -> bool:
    return re.search(rf"{_WORD_START}(?:{_NAMED}|{_HINTED})", text, re.IGNORECASE) is not None


def _parted(text: str) -> tuple[str, str]:
    """What is said about the drawing, and what it is to hold; the first of several ways to tell them apart."""
    for parting in (_at_colon, _at_line, _at_bracket, _at_with, _at_sentence, _at_name):
        if parts := parting(text):
            return parts
    return ("", text) if _is_list(text) else (text, "")


def _is_list(text: str) -> bool:
    if any(sign in text for sign in ("\n", "->", ";", " > ")) or sum(bool(event.when) for event in events(text)) > 1:
        return True
    return len(listed(text)) >= FEWEST_ENTRIES or bool(_CLAUSES.search(text) or _SENTENCES.search(text))


def _at_colon(text: str) -> tuple[str, str] | None:
    found = _COLON.fullmatch(text)
    if not found or "->" in found["head"] or starts_with_date(found["head"]):
        return None
    if _names_kind(found["head"]):
        return found["head"], found["content"]
    alone = not _ANOTHER_NAME.search(found["content"]) and not any(sign in found["head"] for sign in ",;?")
    return (found["head"], found["content"]) if alone else None


def _at_line(text: str) -> tuple[str, str] | None:
    first, _, rest = text.partition("\n")
    marked = rest and all(line[:1] == " " or without_bullet(line) != line for line in rest.split("\n"))
    if rest and (_names_kind(first) or (marked and without_bullet(first) == first)):
        return first.rstrip(":"), rest
    return None


def _at_bracket(text: str) -> tuple[str, str] | None:
    found = _HELD.fullmatch(text)
    if found and _names_kind(found["head"]) and len(listed(found["content"])) > 1:
        return found["head"], found["content"]
    return None


def _at_with(text: str) -> tuple[str, str] | None:
    found = _WITH.fullmatch(text)
    if found and _names_kind(found["head"]) and (len(listed(found["content"])) > 1 or _is_list(found["content"])):
        return found["head"], found["content"]
    return None


def _at_name(text: str) -> tuple[str, str] | None:
    """The kind, then a list; after "of" its first entry is the topic, if enough others are left."""
    found = _UP_TO_NAME.fullmatch(text)
    if not found or (not _is_list(found["content"]) and (found["of"] or len(listed(found["content"])) == 1)):
        return None
    entries = split(found["content"], ",")
    if found["of"] and "->" not in text and len(entries) >= FEWEST_ENTRIES:
        return f"{found['head']} of {entries[0]}", ", ".join(entries[1:])
    return found["head"], found["content"]


def _at_sentence(text: str) -> tuple[str, str] | None:
    found = _FIRST_SENTENCE.fullmatch(text)
    if found and _names_kind(found["head"]) and not _is_list(found["head"]):
        return found["head"], found["content"]
    return None
