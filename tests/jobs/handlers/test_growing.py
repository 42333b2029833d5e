"""What is shown while a canvas is drawn is, in the end, what its result holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.handlers import create_canvas
from jobs.handlers.growing import Growing
from jobs.outcomes import Done
from jobs.testing import FakeLlm, run_inline
from tests.fake_openai.drawing import canvas_json

REQUEST = {"instructions": "a flow"}


class Shown:
    """Puts together what is shown, as a client does."""

    def __init__(self) -> None:
        self.objects: dict[str, object] = {}
        self.calls: list[tuple[int, bool]] = []

    def __call__(self, objects, *, anew=False):
        if anew:
            self.objects = {}
        self.calls.append((len(objects), anew))
        self.objects |= {obj["id"]: obj for obj in objects}


def growing(shown):
    return Growing("board-1", "ann", shown)


def pieces(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_what_was_shown_is_the_result_whatever_the_pieces(size):
    shown = Shown()
    canvas, answer = growing(shown), canvas_json("A", 9)
    for piece in pieces(answer, size):
        canvas.feed(piece)
    title, objects = create_canvas._read(answer)
    assert title == "A"
    assert list(shown.objects.values()) == canvas.whole(objects)
    assert shown.calls[0][1]
    assert not any(anew for _, anew in shown.calls[1:])


def test_a_text_that_a_later_shape_moves_is_shown_again_in_its_place():
    """The label comes first and does not fit the shape that comes after it."""
    label = {"x": 100, "y": 100, "text": "a label that is far too long for it", "fontSize": 24, "fill": "#000000"}
    box = {"x": 90, "y": 80, "width": 120, "height": 60, "fill": "#FFFFFF", "stroke": "#000000", "strokeWidth": 1}
    raws = [{"object_type": "text", "properties": label}, {"object_type": "rectangle", "properties": box}]
    answer, shown = json.dumps({"title": "A", "objects": raws}), Shown()
    canvas = growing(shown)
    for piece in pieces(answer, 10):
        canvas.feed(piece)
    assert shown.calls == [(1, True), (2, False)]
    assert list(shown.objects.values()) == canvas.whole(create_canvas._read(answer)[1])


def test_no_more_than_fits_the_canvas_is_shown():
    shown = Shown()
    canvas = growing(shown)
    assert canvas.feed(canvas_json("A", 80)) == 80
    assert len(shown.objects) == 50


def test_what_cannot_be_drawn_is_not_shown():
    shown = Shown()
    canvas = growing(shown)
    assert canvas.feed('{"objects": [{"object_type": "cube"}, {"a": 1}]}') == 2
    assert shown.calls == []


def test_a_second_answer_begins_anew():
    llm = FakeLlm([canvas_json("A", 6)[:-2] + "!", canvas_json("A", 3)])
    inline = run_inline(create_canvas.build(llm), REQUEST)
    assert isinstance(inline.outcome, Done)
    assert inline.drawn == inline.outcome.result["objects"]
    assert len(inline.drawn) == 3


@given(st.integers(1, 60))
def test_whatever_is_drawn_the_result_is_what_was_shown(count):
    inline = run_inline(create_canvas.build(FakeLlm([canvas_json("A", count)])), REQUEST)
    assert isinstance(inline.outcome, Done)
    assert inline.drawn == inline.outcome.result["objects"]
