import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import wireframe
from jobs.handlers.drawer.plans import Item, Page
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("minimal", "monochrome")
names = st.sampled_from(
    [
        "Header",
        "Welcome",
        "Photo",
        "Login form",
        "Button: save",
        "Posts",
        "Products",
        "Text",
        "登录",
        "word " * 20,
        "x" * 60,
    ]
)
blocks = st.builds(Item, names, st.lists(st.builds(Item, names), max_size=6).map(tuple))
pages = st.builds(Page, st.just("Page"), st.lists(blocks, min_size=1, max_size=14).map(tuple))


def block(text: str, *parts: str) -> Item:
    return Item(text, tuple(Item(part) for part in parts))


def texts(objects: list[geometry.Object]) -> list[str]:
    return [obj["properties"]["text"] for obj in objects if obj["object_type"] == "text"]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(pages)
def test_any_page_is_drawn_by_the_rules(page):
    objects = wireframe.draw(page, PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 20)
    assert all(box.within(geometry.Area(50, 50, 950, 950)) for _, box in geometry.closed(objects))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(pages)
def test_every_text_stands_inside_its_block(page):
    boxed = [obj for obj in wireframe.draw(page, PALETTE) if obj["object_type"] not in {"line", "arrow"}]
    geometry.texts_fit(boxed)


def test_blocks_stand_one_under_the_other_in_their_order():
    objects = wireframe.draw(Page("Page", (block("Intro"), block("Text"), block("Footer"))), PALETTE)
    tops = [geometry.area(obj).top for obj in objects if obj["object_type"] == "rectangle"]
    assert texts(objects) == ["Page", "Intro", "Text", "Footer"]
    assert tops == sorted(set(tops))


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (block("Header", "Shop", "Cart"), ["Logo", "Shop · Cart"]),
        (block("Login form", "Email", "Password"), ["Email", "Password", "Login"]),
        (block("Features", "Fast", "Safe"), ["Fast", "Safe"]),
        (block("Products"), ["Product 1", "Product 2", "Product 3"]),
        (block("Posts", "First", "Second"), ["First", "Second"]),
        (block("Photo"), ["Photo"]),
        (block("Hero"), ["Hero", "Get started"]),
        (block("Save button"), ["Save button"]),
        (block("Contact form"), ["Name", "Email", "Message", "Contact"]),
        (block("About"), ["About"]),
    ],
)
def test_a_block_is_sketched_by_what_its_name_says(item, shown):
    assert texts(wireframe.draw(Page("Page", (item,)), PALETTE)) == ["Page", *shown]


def test_a_page_that_is_too_full_keeps_every_name():
    names = ("Photo", "Hero", "Login form", "Posts", "Products", "Map", "Chart", "Footer")
    shown = texts(wireframe.draw(Page("Page", tuple(map(block, names))), PALETTE))
    assert {"Photo", "Hero", "Map", "Chart", "Footer"} <= set(shown)


def test_blocks_that_have_no_room_are_counted():
    objects = wireframe.draw(Page("Page", tuple(block(f"Part {n}") for n in range(20))), PALETTE)
    assert texts(objects)[-1] == "13 more"


def test_the_page_has_an_edge_around_all_blocks():
    objects = wireframe.draw(Page("Page", (block("Text"), block("Footer"))), PALETTE)
    edges = [geometry.area(obj) for obj in objects if obj["object_type"] == "line"]
    page = geometry.Area(*(pick(edge[i] for edge in edges) for i, pick in enumerate((min, min, max, max))))
    assert all(box.within(page) for _, box in geometry.closed(objects))
