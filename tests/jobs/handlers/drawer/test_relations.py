import pytest
from hypothesis import given, settings

from jobs.handlers.drawer.phrases import cleaned
from jobs.handlers.drawer.plans import Item
from jobs.handlers.drawer.relations import MOST_NODES, has_relations, tree
from tests.jobs.handlers.geometry import instructions


def written(item: Item | None) -> str:
    if item is None:
        return "nobody"
    return item.text + (f"({', '.join(map(written, item.children))})" if item.children else "")


def count(item: Item | None) -> int:
    return 0 if item is None else 1 + sum(map(count, item.children))


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("CEO, CTO, CFO", "CEO(CTO, CFO)"),
        ("CEO > CTO, CFO; CTO > dev lead, ops lead", "CEO(CTO(Dev lead, Ops lead), CFO)"),
        ("CEO > CTO > Dev", "CEO(CTO(Dev))"),
        ("CEO: CTO, CFO; CTO: dev", "CEO(CTO(Dev), CFO)"),
        ("CEO\n  CTO\n    Dev\n  CFO", "CEO(CTO(Dev), CFO)"),
        ("Ann manages Bob, Carl; Dora reports to Bob", "Ann(Bob(Dora), Carl)"),
        ("a -> b; a -> c; b -> d; c -> d", "A(B(D), C(D))"),
        ("x > y; z > w", "Topic(X(Y), Z(W))"),
        (" ,", "nobody"),
    ],
)
def test_who_stands_above_whom_is_read_however_it_is_written(text, drawn):
    assert written(tree("Topic", cleaned(text))) == drawn


def test_a_circle_is_cut_where_it_closes():
    assert written(tree("Topic", "a > b; b > c; c > a")) == "A(B(C))"


def test_names_are_the_same_in_any_case():
    assert written(tree("Topic", "CEO > cto; CTO > dev")) == "CEO(Cto(Dev))"


def test_what_is_reached_in_many_ways_does_not_grow_without_limit():
    layers = "; ".join(f"a{n} > a{n + 1}, b{n + 1}; b{n} > a{n + 1}, b{n + 1}" for n in range(12))
    assert 1 < count(tree("Topic", layers)) <= MOST_NODES


def test_a_plain_list_says_nothing_about_who_is_above_whom():
    assert not has_relations("CEO, CTO")
    assert has_relations("CEO > CTO")
    assert has_relations("Ann reports to Bob")


@settings(derandomize=True, deadline=None, max_examples=80)
@given(instructions)
def test_any_text_gives_a_tree_of_bounded_size(text):
    assert count(tree("Topic", cleaned(text))) <= MOST_NODES + 1
