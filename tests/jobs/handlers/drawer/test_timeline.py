import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer import timeline
from jobs.handlers.drawer.plans import Event, Timeline
from jobs.handlers.palettes import palette
from tests.jobs.handlers import geometry

PALETTE = palette("corporate", "pastel")
dates = st.sampled_from(["", "2021", "September 2024", "late autumn 2023 until early 2024"])
deeds = st.sampled_from(["Founded", "A first customer in another country", "登录流程", "x" * 60, "word " * 25])
timelines = st.builds(
    Timeline, st.just("History"), st.lists(st.builds(Event, dates, deeds), min_size=1, max_size=18).map(tuple)
)


def plan(count: int) -> Timeline:
    return Timeline("History", tuple(Event(str(2000 + n), f"Event {n}") for n in range(count)))


def cards(objects: list[geometry.Object]) -> list[geometry.Area]:
    return [box for kind, box in geometry.closed(objects) if kind == "rectangle"]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(timelines)
def test_any_timeline_is_drawn_by_the_rules(drawn):
    objects = timeline.draw(drawn, PALETTE)
    geometry.kept_within_the_contract(objects)
    geometry.no_shapes_overlap(objects, 30)
    geometry.texts_fit(objects)
    assert all(box.within(geometry.Area(50, 50, 950, 950)) for _, box in geometry.closed(objects))


@pytest.mark.parametrize("count", range(1, 13))
def test_events_run_from_left_to_right_on_one_axis(count):
    objects = timeline.draw(plan(count), PALETTE)
    markers = [obj["properties"] for obj in objects if obj["object_type"] == "circle"]
    assert len(markers) == count
    assert [marker["x"] for marker in markers] == sorted({marker["x"] for marker in markers})
    axis = next(obj["properties"] for obj in objects if obj["object_type"] == "arrow")
    assert {marker["y"] for marker in markers} == {axis["y"]}
    assert axis["points"][2] > 0 == axis["points"][3]


def test_cards_stand_above_and_below_in_turn_each_over_its_marker():
    objects = timeline.draw(plan(4), PALETTE)
    axis_y = next(obj["properties"]["y"] for obj in objects if obj["object_type"] == "arrow")
    assert [card.bottom < axis_y for card in cards(objects)] == [True, False, True, False]
    markers = [obj["properties"]["x"] for obj in objects if obj["object_type"] == "circle"]
    assert [(card.left + card.right) / 2 for card in cards(objects)] == markers


def test_a_date_stands_at_its_marker_on_the_other_side_of_the_axis():
    objects = timeline.draw(plan(3), PALETTE)
    axis_y = next(obj["properties"]["y"] for obj in objects if obj["object_type"] == "arrow")
    tops = [obj["properties"]["y"] for obj in objects if obj["properties"].get("text", "").startswith("20")]
    assert [top > axis_y for top in tops] == [True, False, True]


def test_an_event_without_date_has_no_empty_text():
    objects = timeline.draw(Timeline("History", (Event("", "Founded"),)), PALETTE)
    assert [obj["properties"]["text"] for obj in objects if obj["object_type"] == "text"] == ["History", "Founded"]


def test_what_is_too_much_is_counted():
    objects = timeline.draw(plan(20), PALETTE)
    assert "9 more" in [obj["properties"].get("text") for obj in objects]
