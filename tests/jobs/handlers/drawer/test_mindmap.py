import math

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import mindmap
from jobs.handlers.drawer.plans import Item, MindMap
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("modern", "default")
names = st.sampled_from(["Food", "A longer branch of several words", "登录流程", "x" * 50, "word " * 20])
leaves = st.builds(Item, names, st.lists(st.builds(Item, names), max_size=2).map(tuple))
branches = st.builds(Item, names, st.lists(leaves, max_size=9).map(tuple))
maps = st.builds(MindMap, names, st.lists(branches, min_size=1, max_size=18).map(tuple))


def items(*texts: str) -> tuple[Item, ...]:
    return tuple(Item(text) for text in texts)


def texts(objects: list[geometry.Object]) -> list[str]:
    return [obj["properties"]["text"].replace("\n", " ") for obj in objects if obj["object_type"] == "text"]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(maps)
def test_any_mind_map_is_drawn_by_the_rules(plan):
    objects = mindmap.draw(plan, PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 30)
    geometry.texts_fit(objects)
    geometry.no_way_runs_through_a_shape(objects)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(maps)
def test_everything_keeps_the_margin(plan):
    boxes = geometry.closed(mindmap.draw(plan, PALETTE))
    assert all(box.within(geometry.Area(50, 50, 950, 950)) for _, box in boxes)


def test_the_topic_stands_where_the_contract_wants_it():
    topic = mindmap.draw(MindMap("Week", items("a", "b", "c")), PALETTE)[0]
    assert (topic["object_type"], topic["properties"]["x"], topic["properties"]["y"]) == ("circle", 500, 400)


def test_branches_surround_the_topic_clockwise_from_the_top_right():
    objects = mindmap.draw(MindMap("Week", items("a", "b", "c", "d", "e", "f")), PALETTE)
    boxes = [box for kind, box in geometry.closed(objects) if kind == "rectangle"]
    turns = [math.atan2(box.left + box.right - 1000, 800 - box.top - box.bottom) % math.tau for box in boxes]
    assert turns == sorted(turns)
    assert turns[0] < math.pi / 2
    assert turns[-1] > 1.5 * math.pi


def test_a_leaf_stands_further_out_than_its_branch():
    objects = mindmap.draw(MindMap("Week", (Item("Food", items("Bread")), Item("Sport", items("Ball")))), PALETTE)
    food, bread, sport, ball = (box for kind, box in geometry.closed(objects) if kind == "rectangle")
    assert bread.left > food.right
    assert ball.right < sport.left


def test_nothing_is_left_out_while_there_is_room():
    plan = MindMap("Week", tuple(Item(name, items(f"{name} 1", f"{name} 2")) for name in ("A", "B", "C", "D", "E")))
    shown = texts(mindmap.draw(plan, PALETTE))
    assert len(shown) == 1 + 5 + 10


def test_too_many_leaves_share_a_box_and_the_rest_is_counted():
    plan = MindMap("Week", tuple(Item(f"B{n}", items(*"abcdefghij")) for n in range(8)))
    shown = texts(mindmap.draw(plan, PALETTE))
    assert "a b c d e f g 3 more" in shown
    assert sum(text.startswith("B") for text in shown) == 8


def test_too_many_branches_are_counted():
    assert "7 more" in texts(mindmap.draw(MindMap("Week", items(*"abcdefghijklmnopqrst")), PALETTE))


def test_a_branch_and_its_leaves_have_one_colour():
    objects = mindmap.draw(MindMap("Week", (Item("Food", items("Bread")), Item("Sport"))), PALETTE)
    fills = [obj["properties"]["fill"] for obj in objects if obj["object_type"] == "rectangle"]
    assert fills[0] == fills[1] != fills[2]
