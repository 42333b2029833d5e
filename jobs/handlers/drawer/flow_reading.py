"""Reads the description of a process into a Flow: a main way with questions and their second answers."""

import re
from dataclasses import replace

from jobs.handlers.drawer.clauses import Clause, Means, clauses, reread
from jobs.handlers.drawer.flow_draft import Draft, finished
from jobs.handlers.drawer.phrases import label
from jobs.handlers.drawer.plans import Branch, Flow, Node, Role
from jobs.handlers.drawer.questions import answer_named, from_condition, is_plain_check

MOST_CLAUSES = 40

_TELLS = re.compile(r"\b(?:error|warning|message|hint|notice|fehler|erreur)\w*", re.IGNORECASE)


def read_flow(title: str, content: str, *, named: bool, success: str = "Done") -> Flow | None:
    """The flow that the content describes, or None if it names no step.

    `named`: somebody asked for a flowchart, so it gets a start and an end even if nothing in it branches.
    """
    draft = Draft()
    for clause in clauses(content)[:MOST_CLAUSES]:
        beside, draft.beside = draft.beside, None
        _take(draft, clause, beside)
    return finished(draft, title, success, named=named) if draft.nodes else None


def _take(draft: Draft, clause: Clause, beside: int | None) -> None:
    waiting, draft.waiting = draft.waiting, None
    if waiting and clause.means not in {Means.OTHERWISE, Means.CONDITION, Means.YES, Means.NO}:
        _answer(draft, waiting, clause)
    else:
        _place(draft, clause, beside)


def _place(draft: Draft, clause: Clause, beside: int | None) -> None:
    match clause.means:
        case Means.CONDITION:
            _condition(draft, clause)
        case Means.YES | Means.NO | Means.OTHERWISE:
            _tell(draft, Means.YES if clause.means is Means.YES else Means.NO, clause.rest)
        case Means.BACK:
            _back(draft, clause, beside)
        case Means.LIMIT:
            _limit(draft, clause)
        case Means.FAILURE if (at := draft.open_question()) is not None:
            draft.branch(at, Branch(side=(Node(label(clause.text), Role.BAD),)))
        case Means.QUESTION:
            draft.ask(clause.text)
        case _:
            draft.add(label(clause.text))


def _condition(draft: Draft, clause: Clause) -> None:
    """A new question, unless it only names an answer to the one just asked, or says what is checked there."""
    if draft.open_question() == len(draft.nodes) - 1:
        if (good := answer_named(clause.text)) is not None:
            _tell(draft, Means.YES if good else Means.NO, clause.rest)
            return
        if is_plain_check(draft.check):
            draft.nodes[-1] = Node(label(draft.check))
    draft.add(from_condition(clause.text), Role.QUESTION)
    _tell(draft, Means.YES, clause.rest)


def _tell(draft: Draft, answer: Means, rest: str) -> None:
    """What an answer leads to; without words for it the next clause tells."""
    if label(rest):
        _answer(draft, answer, reread(rest))
    else:
        draft.waiting = answer


def _answer(draft: Draft, answer: Means, clause: Clause) -> None:
    (_consequence if answer is Means.YES else _alternative)(draft, clause)


def _consequence(draft: Draft, clause: Clause) -> None:
    """What happens when the newest question is answered with yes: usually the main way goes on with it."""
    at = draft.open_question()
    if at is not None and (branch := _leading_away(draft, clause, at)):
        draft.branch(at, replace(branch, label="yes", straight_label="no"))
        return
    _place(draft, clause, None)
    if at is not None:
        draft.past[at] = len(draft.nodes)


def _alternative(draft: Draft, clause: Clause) -> None:
    """What happens when it is answered with no; the main way, if yes has led away from it."""
    at = draft.open_question()
    if at is None:
        _place(draft, clause, None)
    elif clause.means is Means.CONDITION:
        _else_if(draft, at)
        _condition(draft, clause)
    elif clause.means is Means.LIMIT:
        _limit(draft, clause)
    elif branch := _leading_away(draft, clause, at):
        draft.branch(at, branch)
    else:
        draft.branch(at, Branch(side=(Node(label(clause.text)),), to=len(draft.nodes)))


def _leading_away(draft: Draft, clause: Clause, at: int) -> Branch | None:
    """The branch of an answer that goes back or ends badly; None for one that goes on."""
    if clause.means is Means.BACK:
        return Branch(to=draft.target(clause.rest, at))
    if clause.means is Means.FAILURE:
        return Branch(side=(Node(label(clause.text), Role.BAD),))
    if clause.means is Means.STEP and _TELLS.search(clause.text) and at > 0:
        return Branch(side=(Node(label(clause.text)),), to=draft.target("", at))
    return None


def _else_if(draft: Draft, at: int) -> None:
    """What yes leads to moves beside the main way, which goes on to the next question."""
    beside = tuple(draft.nodes[at + 1 :])
    del draft.nodes[at + 1 :]
    if beside:
        draft.branch(at, Branch(side=beside[:2], label="yes", straight_label="no"))


def _back(draft: Draft, clause: Clause, beside: int | None) -> None:
    at = draft.open_question()
    if beside is not None and (branch := draft.nodes[beside].branch) and branch.side:
        draft.branch(beside, replace(branch, to=draft.target(clause.rest, beside), retry_to=None))
    elif at is not None:
        draft.branch(at, Branch(to=draft.target(clause.rest, at)))
    elif draft.nodes:
        draft.again = max(0, draft.target(clause.rest or "start", len(draft.nodes) - 1))
        draft.again_text = label(clause.text)


def _limit(draft: Draft, clause: Clause) -> None:
    """A second question beside the first: enough tries, or once more."""
    if draft.open_question() is None and draft.nodes:
        draft.ask("check")
    at = draft.open_question()
    end = Node(label(clause.rest), Role.BAD)
    if not at:
        draft.add(label(clause.text))
    else:
        tries = Node(f"{label(clause.count)}?", Role.QUESTION)
        draft.branch(at, Branch(side=(tries, end), retry_to=draft.target("", at)))
