import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import templates
from jobs.handlers.drawer.plans import Board, Flow, MindMap, Page, Role, Timeline, Tree
from jobs.handlers.drawer.reading import read
from tests.jobs.handlers.geometry import instructions


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("login flowchart: enter password, check, locked after 3 tries", Flow),
        ("draw a login flowchart", Flow),
        ("mind map of a healthy week: sleep, food (breakfast, lunch), sport", MindMap),
        ("timeline: 2021 founded, 2022 first customer", Timeline),
        ("Org chart [CEO, CTO, CFO]", Tree),
        ("Org chart: CEO > CTO, CFO; CTO > dev lead, ops lead", Tree),
        ("kanban board: todo: a, b; doing: c; done: d", Board),
        ("wireframe of a landing page", Page),
        ("Show system architecture", Tree),
        ("R&D pipeline", Flow),
        ("a -> b -> c", Flow),
        ("a -> b, c; c -> d", Tree),
        ("start -> valid? -> no: stop, yes: go on", Flow),
        ("2021 founded, 2022 first customer", Timeline),
        ("todo: a; doing: b; done: c", Board),
        ("CEO\n  CTO\n  CFO", Tree),
        ("Healthy week\n- Sleep\n- Food", MindMap),
        ("healthy week: sleep, food, sport", MindMap),
        ("1. open\n2. read\n3. close", Flow),
        ("First open it, then read it, finally close it", Flow),
        ("登录流程图：输入密码，检查，三次失败后锁定", Flow),
        ("Photosynthesis", MindMap),
        ("login", Flow),
        ("🚀🎉", MindMap),
        ("\u0000\ud800", MindMap),
    ],
)
def test_the_drawing_that_suits_the_text_is_chosen(text, plan):
    assert isinstance(read(text), plan)


def test_the_content_is_what_was_said():
    plan = read("mind map of a healthy week: sleep, food (breakfast, lunch, dinner), sport, friends")
    assert isinstance(plan, MindMap)
    assert plan.topic == "Healthy week"
    assert [branch.text for branch in plan.branches] == ["Sleep", "Food", "Sport", "Friends"]
    assert [leaf.text for leaf in plan.branches[1].children] == ["Breakfast", "Lunch", "Dinner"]


def test_a_list_under_one_heading_has_it_as_its_topic():
    plan = read("mind map:\n- Food\n  - Bread\n  - Jam")
    assert isinstance(plan, MindMap)
    assert (plan.topic, len(plan.branches)) == ("Food", 2)


def test_a_heading_over_people_is_the_one_above_them():
    plan = read("CEO\n  CTO\n  CFO")
    assert isinstance(plan, Tree)
    assert (plan.root.text, [item.text for item in plan.root.children]) == ("CEO", ["CTO", "CFO"])
    team = read("Team blue: CEO, CTO, CFO")
    assert isinstance(team, Tree)
    assert (team.title, team.root.text) == ("Team blue", "CEO")


def test_several_at_the_top_without_a_heading_stand_below_the_title():
    plan = read("  a > b; c > d")
    assert isinstance(plan, Tree)
    assert plan.root.text == plan.title == "Org chart"


def test_cards_without_columns_are_still_to_do():
    plan = read("kanban board: write the letter, call Bob, buy milk")
    assert isinstance(plan, Board)
    assert [column.text for column in plan.columns] == ["To do", "In progress", "Done"]
    assert len(plan.columns[0].children) == 3


def test_an_org_chart_has_no_arrows_and_an_architecture_has():
    for text, arrows in (("org chart: a > b", False), ("system architecture", True), ("a -> b, c", True)):
        plan = read(text)
        assert isinstance(plan, Tree)
        assert plan.arrows is arrows


@pytest.mark.parametrize("topic", ["login", "checkout", "sign-up", "password reset", "order processing"])
def test_a_well_known_process_has_its_own_questions(topic):
    plan = read(f"{topic} flowchart")
    assert isinstance(plan, Flow)
    assert any(node.role is Role.QUESTION for node in plan.nodes)
    assert "Get ready" not in [node.text for node in plan.nodes]


@pytest.mark.parametrize("content", templates.FLOWS.values())
def test_every_known_process_ends_well(content):
    plan = read(f"flowchart: {content}")
    assert isinstance(plan, Flow)
    assert plan.nodes[-1].role is Role.GOOD


def test_an_unknown_process_is_drawn_with_its_own_words():
    plan = read("flowchart of whale watching")
    assert isinstance(plan, Flow)
    assert "Whale watching" in [node.text for node in plan.nodes]


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.one_of(instructions, st.text(max_size=1000)))
def test_any_text_is_read_and_always_the_same_way(text):
    assert read(text) == read(text)


@pytest.mark.parametrize(
    "junk", ["(" * 1000, "a" * 1000, "if " * 333, "a:" * 500, "-> " * 333, "1. " * 333, "> " * 500]
)
def test_a_thousand_characters_of_junk_are_read(junk):
    assert read(junk)
