from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import orgchart
from jobs.handlers.drawer.plans import Item, Tree
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("minimal", "default")
names = st.sampled_from(["CEO", "Head of a rather large department", "登录流程", "x" * 40, "word " * 20])
trees = st.recursive(
    st.builds(Item, names),
    lambda inner: st.builds(Item, names, st.lists(inner, max_size=6).map(tuple)),
    max_leaves=30,
)


def tree(text: str, *below: Item | str) -> Item:
    return Item(text, tuple(Item(item) if isinstance(item, str) else item for item in below))


def boxes(objects: list[geometry.Object]) -> dict[str, geometry.Area]:
    """By text: the box in which it stands."""
    found = [obj for obj in objects if obj["object_type"] in {"rectangle", "text"}][1:]
    pairs = zip(found[::2], found[1::2], strict=True)
    return {text["properties"]["text"]: geometry.area(shape) for shape, text in pairs}


@settings(derandomize=True, deadline=None, max_examples=80)
@given(trees, st.booleans())
def test_any_tree_is_drawn_by_the_rules(root, arrows):
    objects = orgchart.draw(Tree("Team", root, arrows), PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 30)
    geometry.texts_fit(objects)
    geometry.no_way_runs_through_a_shape(objects)
    assert all(box.within(geometry.Area(50, 50, 950, 950)) for _, box in geometry.closed(objects))


def test_each_parent_is_centred_over_its_children():
    found = boxes(orgchart.draw(Tree("Team", tree("CEO", tree("CTO", "Dev", "Ops"), "CFO")), PALETTE))
    middle = {name: box.left + box.right for name, box in found.items()}
    assert 2 * middle["CEO"] == middle["CTO"] + middle["CFO"]
    assert 2 * middle["CTO"] == middle["Dev"] + middle["Ops"]


def test_a_level_has_one_height():
    found = boxes(orgchart.draw(Tree("Team", tree("CEO", tree("CTO", "Dev"), "CFO")), PALETTE))
    assert found["CTO"].top == found["CFO"].top > found["CEO"].bottom
    assert found["Dev"].top > found["CTO"].bottom


def test_shapes_stand_on_the_grid():
    root = tree("a", tree("b", "c", tree("d", "e", "f")), tree("g", "h"))
    objects = orgchart.draw(Tree("Team", root), PALETTE)
    shapes = [obj["properties"] for obj in objects if obj["object_type"] == "rectangle"]
    assert all(its["x"] % 10 == its["y"] % 10 == 0 for its in shapes)


def test_arrows_lead_down_to_the_middle_of_a_child():
    objects = orgchart.draw(Tree("System", tree("Browser", "Server", "Cache"), arrows=True), PALETTE)
    found = boxes(objects)
    tips = {
        (
            obj["properties"]["x"] + obj["properties"]["points"][2],
            obj["properties"]["y"] + obj["properties"]["points"][3],
        )
        for obj in objects
        if obj["object_type"] == "arrow"
    }
    tops = {((found[name].left + found[name].right) / 2, found[name].top) for name in ("Server", "Cache")}
    assert tips == tops


def test_an_org_chart_has_lines_without_heads():
    objects = orgchart.draw(Tree("Team", tree("CEO", "CTO", "CFO")), PALETTE)
    assert "arrow" not in {obj["object_type"] for obj in objects}
    assert "line" in {obj["object_type"] for obj in objects}


def test_siblings_share_a_box_where_there_is_not_room_for_all():
    root = tree("CEO", *[f"Person {n}" for n in range(10)])
    (shared,) = [text for text in boxes(orgchart.draw(Tree("Team", root), PALETTE)) if text != "CEO"]
    assert shared.split("\n") == [f"Person {n}" for n in range(10)]


def test_a_tree_of_too_many_nodes_is_drawn_within_the_contract():
    chain = tree("a", tree("b", tree("c", "d")))
    geometry.kept_within_the_contract(orgchart.draw(Tree("Team", tree("root", *[chain] * 6)), PALETTE))


def test_a_tree_with_too_many_ways_has_straight_ones():
    half = tree("a", tree("b", "x"), tree("c", "y"), tree("d", "z"))
    objects = orgchart.draw(Tree("Team", tree("root", half, half)), PALETTE)
    geometry.kept_within_the_contract(objects)
    assert sum(obj["object_type"] == "line" for obj in objects) == 14


def test_what_is_too_deep_is_named_in_the_box_above():
    root = tree("a", tree("b", tree("c", tree("d", tree("e", "f", "g")))))
    assert "e\nf\ng" in boxes(orgchart.draw(Tree("Team", root), PALETTE))
