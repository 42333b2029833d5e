import pytest

from jobs.handlers.drawer.phrases import cleaned
from jobs.handlers.drawer.wishes import Kind, wish


@pytest.mark.parametrize(
    ("text", "kind", "title", "content"),
    [
        ("login flowchart: a, b", Kind.FLOW, "Login flowchart", "a, b"),
        ("Please draw me a flowchart for resetting a password", Kind.FLOW, "Resetting a password", ""),
        ("Org chart [CEO, CTO]", Kind.TREE, "Org chart", "CEO, CTO"),
        ("kanban board: todo: a; done: b", Kind.BOARD, "Kanban board", "todo: a; done: b"),
        ("Roadmap 2025: Q1 a, Q2 b", Kind.TIMELINE, "Roadmap 2025", "Q1 a, Q2 b"),
        ("wireframe of a shop with header, list and footer", Kind.PAGE, "Shop", "header, list and footer"),
        ("Mind map:\n  - a\n  - b", Kind.MIND_MAP, "Mind map", "  - a\n  - b"),
        ("mind map of trips, hotels, food, sights", Kind.MIND_MAP, "Trips", "hotels, food, sights"),
        ("Draw a flowchart. First a. Then b.", Kind.FLOW, "Flowchart", "First a. Then b."),
        ("flowchart a -> b", Kind.FLOW, "Flowchart", "a -> b"),
        ("R&D pipeline", Kind.FLOW, "R&D pipeline", ""),
        ("Show system architecture", Kind.TREE, "System architecture", ""),
        ("a -> b -> c", None, "", "a -> b -> c"),
        ("todo: a; done: b", None, "", "todo: a; done: b"),
        ("healthy week: sleep, food", None, "Healthy week", "sleep, food"),
        ("2021: founded, 2022: sold", None, "", "2021: founded, 2022: sold"),
        ("Healthy week\n- Sleep\n- Food", None, "Healthy week", "- Sleep\n- Food"),
        ("Zeichne ein Flussdiagramm: a, b", Kind.FLOW, "Flussdiagramm", "a, b"),
        ("登录流程图：输入，检查", Kind.FLOW, "登录流程图", "输入, 检查"),
        ("2021: founded", None, "2021: founded", ""),
        ("flowchart a -> b. Then c", Kind.FLOW, "Flowchart", "a -> b. Then c"),
        ("hello", None, "Hello", ""),
    ],
)
def test_instructions_are_taken_apart(text, kind, title, content):
    asked = wish(cleaned(text))
    assert (asked.kind, asked.title, asked.content) == (kind, title, content)


def test_a_proper_name_counts_more_than_a_word_that_hints_at_a_kind():
    asked = wish("timeline of our release process")
    assert (asked.kind, asked.named) == (Kind.TIMELINE, True)
    assert not wish("our release process").named


def test_the_first_of_several_names_counts():
    assert wish("wireframe of a timeline page").kind is Kind.PAGE


def test_the_topic_is_without_the_name_of_the_drawing():
    assert wish("healthy week mind map").topic == "Healthy week"
    assert wish("how to make coffee").topic == "Make coffee"


def test_an_article_is_only_taken_from_the_beginning():
    assert wish("history of the internet").title == "History of the internet"
