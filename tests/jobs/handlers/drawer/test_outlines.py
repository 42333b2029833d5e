import pytest
from hypothesis import given, settings

from jobs.handlers.drawer.outlines import outline
from jobs.handlers.drawer.phrases import cleaned
from jobs.handlers.drawer.plans import Item
from tests.jobs.handlers.geometry import instructions


def written(items: tuple[Item, ...]) -> str:
    return ", ".join(item.text + (f"({written(item.children)})" if item.children else "") for item in items)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("sleep, food (breakfast, lunch, dinner), sport", "Sleep, Food(Breakfast, Lunch, Dinner), Sport"),
        ("todo: a, b; doing: c; done: d", "Todo(A, B), Doing(C), Done(D)"),
        ("todo: a, b, doing: c, done: d", "Todo(A, B), Doing(C), Done(D)"),
        ("Todo: a, b. Doing: c. Done: d.", "Todo(A, B), Doing(C), Done(D)"),
        ("- a\n  - b\n  - c\n- d", "A(B, C), D"),
        ("Todo:\n- a\n- b\nDoing:\n- c", "Todo(A, B), Doing(C)"),
        ("# One\n## Two\n- x\n# Three", "One(Two(X)), Three"),
        ("a [b, c], d {e, f}", "A(B, C), D(E, F)"),
        ("food - breakfast, lunch; sport", "Food(Breakfast, Lunch), Sport"),
        ("sport (running)", "Sport (running)"),
        ("a:", "A"),
        (": :", ""),
    ],
)
def test_lists_within_lists_are_read_however_they_are_written(text, items):
    assert written(outline(cleaned(text))) == items


@settings(derandomize=True, deadline=None, max_examples=80)
@given(instructions)
def test_no_entry_is_without_text(text):
    waiting = list(outline(cleaned(text)))
    while waiting:
        item = waiting.pop()
        assert item.text
        waiting += item.children


def test_brackets_without_end_do_not_exhaust_the_stack():
    assert outline("(" * 400 + "a, b" + ")" * 400)
    assert outline("x(" * 300 + "a, b" + ")" * 300)
