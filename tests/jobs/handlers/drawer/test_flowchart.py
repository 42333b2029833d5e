import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import flowchart
from jobs.handlers.drawer.flow_reading import read_flow
from jobs.handlers.drawer.plans import Branch, Flow, Node, Role
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("modern", "default")
TEXTS = ["Pay", "Enter password", "A longer step that needs two lines", "登录流程", "x" * 70, "word " * 30]


@st.composite
def flows(draw):
    count = draw(st.integers(1, 12))
    nodes = [draw(_nodes(at, count)) for at in range(count)]
    again = draw(st.none() | st.integers(0, count - 1))
    return Flow("A title", tuple(nodes), None if nodes[-1].branch else again)


@st.composite
def _nodes(draw, at: int, count: int):
    text = draw(st.sampled_from(TEXTS))
    role = draw(st.sampled_from([Role.STEP, Role.STEP, Role.QUESTION, Role.START if at == 0 else Role.GOOD]))
    if role is not Role.QUESTION:
        return Node(text, role)
    side = tuple(Node(text, Role.STEP) for _ in range(draw(st.integers(0, 3))))
    if side and draw(st.booleans()) and at:
        tries = (Node("3 tries?", Role.QUESTION), Node("Locked", Role.BAD))
        return Node(text, role, Branch(side=tries, retry_to=draw(st.integers(0, at - 1))))
    to = draw(st.none() | st.integers(0, count - 1)) if side else draw(st.integers(0, count - 1))
    return Node(text, role, Branch(side=side, to=to))


def drawn(text: str) -> list[geometry.Object]:
    flow = read_flow("Login", text, named=True, success="Logged in")
    assert flow is not None
    return flowchart.draw(flow, PALETTE)


def texts(objects: list[geometry.Object]) -> list[str]:
    return [obj["properties"]["text"].replace("\n", " ") for obj in objects if obj["object_type"] == "text"]


@settings(derandomize=True, deadline=None, max_examples=150)
@given(flows())
def test_any_flow_is_drawn_by_the_rules(flow):
    objects = flowchart.draw(flow, PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 30)
    geometry.texts_fit(objects)
    geometry.no_way_runs_through_a_shape(objects)
    geometry.ways_join_edge_middles(objects)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(flows())
def test_shapes_stand_on_the_grid_inside_the_margin_and_alike_by_role(flow):
    objects = flowchart.draw(flow, PALETTE)
    shapes = [obj for obj in objects if obj["object_type"] in geometry.CLOSED]
    assert all(obj["properties"]["x"] % 10 == obj["properties"]["y"] % 10 == 0 for obj in shapes)
    for kind in geometry.CLOSED:
        boxes = [box for found, box in geometry.closed(objects) if found == kind]
        assert len({(box.right - box.left, box.bottom - box.top) for box in boxes}) <= 1
        assert all(box.within(geometry.Area(50, 50, 950, 950)) for box in boxes)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(flows())
def test_steps_and_questions_have_the_sizes_of_the_contract(flow):
    for obj in flowchart.draw(flow, PALETTE):
        if obj["object_type"] in {"rectangle", "diamond"}:
            assert 120 <= obj["properties"]["width"] <= 180
            assert 60 <= obj["properties"]["height"] <= 80


QUESTIONS_THAT_WANT_THE_SAME_PLACE = [
    [Branch(side=(Node("Aside"),) * 3)] * 4,
    [Branch(side=(Node("Aside"),) * 2, to=1), Branch(to=1)],
    [Branch(side=(Node("Aside"),), to=1), Branch(side=(Node("Aside"),), to=2), Branch(side=(Node("Aside"),), to=0)],
    [Branch(side=(Node("Aside"),) * 2, to=1)] * 7,
    [Branch(to=1), Branch(to=0), Branch(to=0)],
]


@pytest.mark.parametrize("branches", QUESTIONS_THAT_WANT_THE_SAME_PLACE)
def test_branches_that_want_the_same_place_do_not_meet(branches):
    questions = [Node("Question?", Role.QUESTION, branch) for branch in branches]
    for end in ((), (Node("Done", Role.GOOD),)):
        objects = flowchart.draw(Flow("Title", (*questions, *end)), PALETTE)
        geometry.no_shapes_overlap(objects, 30)
        geometry.no_way_runs_through_a_shape(objects)
        geometry.ways_join_edge_middles(objects)


def test_no_branch_turns_to_the_left_where_another_column_stands():
    step, aside = Node("Step"), (Node("Aside"),) * 3
    asked = [Branch(side=aside[:1], to=6), Branch(side=aside, to=5), Branch(side=aside, to=2)]
    first, second, third = (Node("Question?", Role.QUESTION, branch) for branch in asked)
    flow = Flow("Title", (step, first, second, step, step, third, step, step), again=0)
    geometry.no_shapes_overlap(flowchart.draw(flow, PALETTE), 30)


def test_a_login_looks_as_expected():
    objects = drawn("enter password, check, locked after 3 tries")
    assert texts(objects) == [
        *("Login", "Start", "Enter password", "Password correct?", "Logged in", "3 tries?", "Locked"),
        *("yes", "no", "yes", "no, try again"),
    ]
    kinds = [obj["object_type"] for obj in objects]
    assert (kinds.count("diamond"), kinds.count("circle"), kinds.count("rectangle")) == (2, 1, 3)


def test_the_main_way_runs_from_the_top_down_in_order():
    objects = drawn("one, two, three")
    ys = [obj["properties"]["y"] for obj in objects if obj["object_type"] == "text"]
    assert ys == sorted(ys)


def test_a_label_stands_near_its_way():
    objects = drawn("enter password, check, locked after 3 tries")
    labels = [geometry.area(o) for o in objects if o["properties"].get("text") in {"yes", "no", "no, try again"}]
    for label in labels:
        near = [geometry.Area(*_box(segment)).gap_to(label) for segment in geometry.segments(objects)]
        assert min(near) <= 10


def _box(segment: tuple[geometry.Point, geometry.Point]) -> tuple[float, float, float, float]:
    (ax, ay), (bx, by) = segment
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def test_a_long_flow_goes_on_in_another_column():
    objects = drawn("; ".join(f"step {n}" for n in range(1, 11)))
    columns = {box.left for kind, box in geometry.closed(objects) if kind == "rectangle"}
    assert len(columns) == 2
    assert "Step 10" in texts(objects)


def test_a_flow_that_is_too_long_says_how_much_is_missing():
    flow = Flow("Long", tuple(Node(f"Step {n}") for n in range(40)))
    objects = flowchart.draw(flow, PALETTE)
    shown = sum(text.startswith("Step") for text in texts(objects))
    assert f"{40 - shown} more steps" in texts(objects)
    assert shown >= 12


def test_what_cannot_be_led_by_a_line_is_said_in_words():
    steps = [Node(f"Step {n}") for n in range(8)]
    last = Node("Good?", Role.QUESTION, Branch(to=0))
    objects = flowchart.draw(Flow("Title", (*steps, last, Node("Done"))), PALETTE)
    assert "Back to: Step 0" in texts(objects)


def test_a_new_column_does_not_part_a_question_from_where_it_leads():
    objects = drawn("ask; send link; valid?; no: go back to send; choose; strong?; no: go back to choose")
    assert len({box.left for kind, box in geometry.closed(objects) if kind == "rectangle"}) == 2
    assert not any("Back to" in text for text in texts(objects))


def test_two_branches_to_the_same_step_come_from_both_sides():
    flow = read_flow("Title", "read; good?; no: go back to read; nice?; no: go back to read", named=True)
    assert flow is not None
    objects = flowchart.draw(flow, PALETTE)
    assert not any("Back to" in text for text in texts(objects))


@pytest.mark.parametrize("count", range(1, 16))
def test_a_plain_chain_of_up_to_fifteen_steps_is_complete(count):
    flow = Flow("Chain", tuple(Node(f"Step {n}") for n in range(count)))
    assert f"Step {count - 1}" in texts(flowchart.draw(flow, PALETTE))


def test_the_whole_stands_in_the_middle():
    boxes = [geometry.area(obj) for obj in drawn("enter password, check, locked after 3 tries")]
    assert abs(min(box.left for box in boxes) + max(box.right for box in boxes) - 1000) <= 20
    assert abs(min(box.top for box in boxes) + max(box.bottom for box in boxes) - 1000) <= 20
