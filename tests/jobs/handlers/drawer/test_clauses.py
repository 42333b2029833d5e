import pytest
from hypothesis import given, settings

from jobs.handlers.drawer.clauses import Means, clauses, reread
from jobs.handlers.drawer.phrases import cleaned
from tests.jobs.handlers.geometry import instructions


def means(text: str) -> list[tuple[str, str]]:
    return [(clause.means.name, clause.text) for clause in clauses(cleaned(text))]


@pytest.mark.parametrize(
    "text",
    ["open, read, close", "open; read; close", "open -> read -> close", "open\nread\nclose", "1. open 2. read 3. close"]
    + ["First open, then read, finally close", "- open\n- read\n- close", "open then read and then close"],
)
def test_the_steps_are_the_same_whatever_separates_them(text):
    assert means(text) == [("STEP", "open"), ("STEP", "read"), ("STEP", "close")]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("check stock", Means.QUESTION),
        ("is it ready", Means.QUESTION),
        ("ready?", Means.QUESTION),
        ("prüfen", Means.QUESTION),
        ("检查", Means.QUESTION),
        ("if it rains, stay", Means.CONDITION),
        ("if ok show the page", Means.CONDITION),
        ("otherwise stop", Means.OTHERWISE),
        ("yes: ship", Means.YES),
        ("no -> refund", Means.NO),
        ("go back to the form", Means.BACK),
        ("try again", Means.BACK),
        ("locked after 3 tries", Means.LIMIT),
        ("三次失败后锁定", Means.LIMIT),
        ("rejected", Means.FAILURE),
        ("open the box", Means.STEP),
        ("backup the data", Means.STEP),
    ],
)
def test_each_clause_is_understood(text, meaning):
    assert reread(text).means is meaning


def test_a_limit_names_its_count_and_its_end():
    clause = reread("locked after three failed attempts")
    assert (clause.count, clause.rest) == ("three failed attempts", "locked")


def test_a_condition_without_comma_ends_where_its_verb_is():
    clause = reread("if the user exists show the profile")
    assert (clause.text, clause.rest) == ("the user exists", "show the profile")


def test_prose_keeps_the_commas_inside_its_sentences():
    assert means("She picks a size, a colour and pays. He waits.") == [
        ("STEP", "She picks a size, a colour and pays"),
        ("STEP", "He waits"),
    ]


def test_an_answer_in_brackets_is_a_clause_of_its_own():
    assert means("check stock (no: order more), pack") == [
        ("QUESTION", "check stock"),
        ("NO", "no: order more"),
        ("STEP", "pack"),
    ]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(instructions)
def test_any_text_has_clauses_with_words(text):
    assert all(clause.text for clause in clauses(cleaned(text)))
