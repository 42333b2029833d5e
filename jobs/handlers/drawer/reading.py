"""Reads free-form instructions: which drawing, of what, and what it is to hold."""

import re
from collections.abc import Callable

from jobs.handlers.drawer import templates
from jobs.handlers.drawer.clauses import Means, clauses
from jobs.handlers.drawer.dates import events
from jobs.handlers.drawer.flow_reading import read_flow
from jobs.handlers.drawer.outlines import outline
from jobs.handlers.drawer.phrases import cleaned, split, without_bullet
from jobs.handlers.drawer.plans import Board, Flow, Item, MindMap, Page, Plan, Timeline, Tree
from jobs.handlers.drawer.relations import has_relations, tree
from jobs.handlers.drawer.templates import matching
from jobs.handlers.drawer.wishes import Kind, Wish, wish

_COLUMN = re.compile(
    r"(?:to[ -]?do|backlog|ideas?|next|ready|open|doing|(?:in )?progress|wip|review|testing|test|blocked|waiting|done|"
    r"finished|closed|later|now|offen|in arbeit|erledigt|à faire|en cours|terminé|por hacer|en curso|hecho)\b.{0,12}",
    re.IGNORECASE,
)
_COMPANY = re.compile(r"\b(?:org|company|team|department|business|start-?up|firm|hierarchy)", re.IGNORECASE)
_BOSS = re.compile(r"\b(?:CEO|CTO|CFO|COO|chief|president|director|manager|head of|boss|chair)\b", re.IGNORECASE)
_ANSWERS = re.compile(r"\?|\b(?:yes|no|if|otherwise)\b", re.IGNORECASE)
_LOGIN = re.compile(r"\b(?:log.?in|sign.?in)", re.IGNORECASE)
_NUMBERED = re.compile(r"\s*\(?1[.)]\s")
FEWEST_SIGNS = 2  # dates or columns that make a list a timeline or a board


def read(instructions: str) -> Plan:
    """What to draw; any text at all gives something."""
    asked = wish(cleaned(instructions))
    return _READERS[asked.kind or _inferred(asked)](asked)


def _inferred(asked: Wish) -> Kind:
    """The drawing that suits the content, where nobody named one."""
    content = asked.content
    if not content:
        return Kind.FLOW if matching(templates.FLOWS, asked.topic) else Kind.MIND_MAP
    if sum(bool(event.when) for event in events(content)) >= FEWEST_SIGNS:
        return Kind.TIMELINE
    if sum(bool(_COLUMN.fullmatch(item.text)) for item in outline(content)) >= FEWEST_SIGNS:
        return Kind.BOARD
    if "->" in content or has_relations(content):
        return Kind.FLOW if "->" in content and not _branches(content) else Kind.TREE
    return _inferred_from_words(asked)


def _inferred_from_words(asked: Wish) -> Kind:
    content = asked.content
    if _NUMBERED.match(content) or any(clause.means is not Means.STEP for clause in clauses(content)):
        return Kind.FLOW
    if not asked.topic and not any(item.children for item in outline(content)):
        return Kind.FLOW
    return Kind.TREE if _BOSS.search(f"{asked.topic}\n{content}") else Kind.MIND_MAP


def _branches(content: str) -> bool:
    """Its arrows lead from one thing to several, and not as the answers to a question."""
    if _ANSWERS.search(content):
        return False
    chains = [split(chain, "->") for chain in split(content, r"[;\n]")]
    return len(chains) > 1 or any("," in name for chain in chains for name in chain)


def _flow(asked: Wish) -> Flow | Tree:
    title = asked.title or "Flowchart"
    if "->" in asked.content and _branches(asked.content) and (root := tree(title, asked.content)):
        return Tree(title, root, arrows=True)
    content = asked.content or matching(templates.FLOWS, asked.title) or ""
    success = "Logged in" if _LOGIN.search(title) else "Done"
    named = asked.named or not asked.content
    return read_flow(title, content, named=named, success=success) or _generic_flow(title, asked.topic or "Do the work")


def _generic_flow(title: str, topic: str) -> Flow:
    flow = read_flow(title, f"Get ready\n{topic}\nResult as wanted?", named=True)
    return flow or Flow(title, ())


def _mind_map(asked: Wish) -> MindMap:
    items = outline(asked.content) or outline(templates.GENERIC_BRANCHES)
    if not asked.topic and len(items) == 1:
        return MindMap(items[0].text, items[0].children or outline(templates.GENERIC_BRANCHES))
    return MindMap(asked.topic or "Ideas", items)


def _timeline(asked: Wish) -> Timeline:
    content = asked.content or matching(templates.ROADMAP, asked.title) or templates.GENERIC_PHASES
    return Timeline(asked.title or "Timeline", events(content) or events(templates.GENERIC_PHASES))


def _tree(asked: Wish) -> Tree:
    if asked.kind is None and asked.topic and _is_marked(asked.content):
        # nobody said what it is, so the heading is no title but stands above all
        root = tree(asked.topic, f"{asked.topic}\n{asked.content}")
        return Tree("Org chart", root or Item(asked.topic))
    title = asked.title or ("Structure" if "->" in asked.content else "Org chart")
    if root := tree(asked.topic or title, asked.content):
        return Tree(title, root, arrows=not asked.named and "->" in asked.content)
    return _usual_tree(asked, title)


def _is_marked(content: str) -> bool:
    """Its lines are indented or have bullets."""
    return content[:1] == " " or without_bullet(content) != content


def _usual_tree(asked: Wish, title: str) -> Tree:
    known = None if asked.named else matching(templates.TREES, title)
    usual = templates.GENERIC_COMPANY if asked.named or _COMPANY.search(title) else templates.GENERIC_TREE
    return Tree(title, tree(asked.topic or title, known or usual) or Item(title), arrows=known is not None)


def _board(asked: Wish) -> Board:
    title = asked.title or "Kanban board"
    items = outline(asked.content) or outline(templates.GENERIC_BOARD)
    if any(item.children for item in items) or all(_COLUMN.fullmatch(item.text) for item in items):
        return Board(title, items)
    return Board(title, (Item("To do", items), Item("In progress"), Item("Done")))


def _page(asked: Wish) -> Page:
    title = asked.title or "Wireframe"
    usual = matching(templates.PAGES, title) or templates.GENERIC_PAGE
    return Page(title, outline(asked.content) or outline(usual))


_READERS: dict[Kind, Callable[[Wish], Plan]] = {
    Kind.FLOW: _flow,
    Kind.MIND_MAP: _mind_map,
    Kind.TIMELINE: _timeline,
    Kind.TREE: _tree,
    Kind.BOARD: _board,
    Kind.PAGE: _page,
}
