from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import kanban
from jobs.handlers.drawer.plans import Board, Item
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("creative", "vibrant")
names = st.sampled_from(["Todo", "A card with quite a few words on it", "登录流程", "x" * 60, "word " * 20])
columns = st.builds(Item, names, st.lists(st.builds(Item, names), max_size=12).map(tuple))
boards = st.builds(Board, st.just("Board"), st.lists(columns, min_size=1, max_size=9).map(tuple))


def column(text: str, *cards: str) -> Item:
    return Item(text, tuple(Item(card) for card in cards))


def texts(objects: list[geometry.Object]) -> list[str]:
    return [obj["properties"]["text"] for obj in objects if obj["object_type"] == "text"]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(boards)
def test_any_board_is_drawn_by_the_rules(board):
    objects = kanban.draw(board, PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 20)
    geometry.texts_fit(objects)
    assert all(box.within(geometry.Area(50, 50, 950, 950)) for _, box in geometry.closed(objects))


def test_every_card_stands_in_its_column_under_the_header():
    objects = kanban.draw(Board("Board", (column("Todo", "a", "b"), column("Done", "c"))), PALETTE)
    frames = [geometry.area(obj) for obj in objects if obj["object_type"] == "rectangle" and obj["z_index"] == 0]
    assert texts(objects) == ["Board", "Todo", "a", "b", "Done", "c"]
    cards = [geometry.area(obj) for obj in objects if obj["object_type"] == "rectangle" and obj["z_index"] != 0]
    header, a, b = cards[:3]
    assert all(card.within(frames[0]) for card in (header, a, b))
    assert header.bottom < a.top < b.top
    assert all(card.within(frames[1]) for card in cards[3:])


def test_columns_are_alike_and_side_by_side():
    objects = kanban.draw(Board("Board", (column("Todo", "a", "b"), column("Doing"), column("Done", "c"))), PALETTE)
    frames = [geometry.area(obj) for obj in objects if obj["object_type"] == "rectangle" and obj["z_index"] == 0]
    assert len({(frame.top, frame.bottom, frame.right - frame.left) for frame in frames}) == 1
    assert [frame.left for frame in frames] == sorted({frame.left for frame in frames})


def test_cards_and_columns_that_have_no_room_are_counted():
    objects = kanban.draw(Board("Board", (column("Todo", *[f"card {n}" for n in range(9)]),)), PALETTE)
    assert texts(objects)[-1] == "4 more"
    many = kanban.draw(Board("Board", tuple(column(f"Column {n}") for n in range(8))), PALETTE)
    assert texts(many)[-1] == "3 more"
