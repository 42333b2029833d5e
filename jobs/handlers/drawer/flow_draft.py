"""A flow while it is read: its nodes so far, what is still open, and how it is rounded off."""

import re
from dataclasses import dataclass, field, replace

from jobs.handlers.drawer.clauses import Means
from jobs.handlers.drawer.plans import Branch, Flow, Node, Role
from jobs.handlers.drawer.questions import from_check

BEGINNING = -1  # the start, which stands before the first node that was read

_BEGINS = re.compile(r"(?:start|begin|beginning|los)\b.{0,12}", re.IGNORECASE)
_ENDS_WELL = re.compile(
    r".*\b(?:done|end|ended|finish\w*|complete\w*|success\w*|delivered|released|placed|live|closed|ready|launch(?:ed)?|"
    r"logged in|changed|hired|paid|solved|resolved|ende|fertig|fin|terminé)\b.*",
    re.IGNORECASE,
)
_BEGINNING = re.compile(r"(?:the )?(?:start|beginning|top|first step|over|again|anew|scratch).*", re.IGNORECASE)


@dataclass(slots=True)
class Draft:
    """A flow as far as it has been read."""

    nodes: list[Node] = field(default_factory=list)
    again: int | None = None  # where the way goes back to after the newest node
    again_text: str = ""
    asked: int | None = None  # the newest question
    check: str = ""  # its words, if it was told as a check
    past: dict[int, int] = field(default_factory=dict)  # by question: the node after what its yes leads to
    waiting: Means | None = None  # YES, NO: the next clause tells what this answer leads to
    beside: int | None = None  # the question whose second answer the newest clause told

    def add(self, text: str, role: Role = Role.STEP) -> None:
        if not text:
            return
        if self.again is not None:  # the way went on after all
            self.nodes.append(Node(self.again_text))
            self.again = None
        if role is Role.QUESTION:
            self.asked, self.check = len(self.nodes), ""
        self.nodes.append(Node(text, role))

    def ask(self, check: str) -> None:
        self.add(from_check(check, self.nodes[-1].text if self.nodes else ""), Role.QUESTION)
        self.check = check

    def branch(self, at: int, branch: Branch) -> None:
        self.nodes[at] = replace(self.nodes[at], branch=branch)
        self.beside = at

    def open_question(self) -> int | None:
        """The newest question whose second answer nobody has told yet."""
        if self.asked is None or self.nodes[self.asked].branch:
            return None
        return self.asked

    def target(self, wanted: str, before: int) -> int:
        """The node before `before` that these words mean; without such, the step before the question."""
        if _BEGINNING.fullmatch(wanted):
            return BEGINNING
        shared = [len(_words(wanted) & _words(node.text)) for node in self.nodes[:before]]
        if any(shared):
            return shared.index(max(shared))
        steps = [i for i, node in enumerate(self.nodes[:before]) if node.role is Role.STEP]
        return steps[-1] if steps else BEGINNING


def finished(draft: Draft, title: str, success: str, *, named: bool) -> Flow:
    nodes = [_answered(draft, at) if node.role is Role.QUESTION else node for at, node in enumerate(draft.nodes)]
    branches = [node.branch for node in nodes if node.branch]
    beyond = any(branch.to == len(nodes) for branch in branches) or nodes[-1].role is Role.QUESTION
    again = None if beyond or draft.again == len(nodes) - 1 else draft.again
    if beyond or (again is None and (named or branches)):
        _end(nodes, success, one_more=beyond)
    if _BEGINS.fullmatch(nodes[0].text):
        nodes[0] = replace(nodes[0], role=Role.START)
    elif named or branches:
        return _flow(title, [Node("Start", Role.START), *nodes], again, shift=1)
    return _flow(title, nodes, again, shift=0)


def _answered(draft: Draft, at: int) -> Node:
    """A question with a second answer: if nobody told it, past what yes leads to, or back a step, or a stop."""
    node = draft.nodes[at]
    if node.branch:
        return node
    if at in draft.past:
        return replace(node, branch=Branch(to=draft.past[at]))
    before = draft.nodes[at - 1] if at else None
    if before and before.role is Role.STEP:
        return replace(node, branch=Branch(to=at - 1))
    return replace(node, branch=Branch(side=(Node("Stop", Role.BAD),)))


def _end(nodes: list[Node], success: str, *, one_more: bool) -> None:
    """A good end: the last step if it sounds like one, else one node more."""
    last = nodes[-1]
    if last.role is Role.STEP and _ENDS_WELL.fullmatch(last.text) and not one_more:
        nodes[-1] = replace(last, role=Role.GOOD)
    else:
        nodes.append(Node(success, Role.GOOD))


def _flow(title: str, nodes: list[Node], again: int | None, *, shift: int) -> Flow:
    """The flow when `shift` nodes stand before the first that was read."""

    def there(to: int | None) -> int | None:
        return None if to is None else max(0, to + shift)

    branched = (
        replace(node, branch=replace(node.branch, to=there(node.branch.to), retry_to=there(node.branch.retry_to)))
        if node.branch
        else node
        for node in nodes
    )
    return Flow(title, tuple(branched), there(again))


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) > 2} - {"the", "and"}  # noqa: PLR2004
