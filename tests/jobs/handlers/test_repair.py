import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.handlers.canvas import accept_all
from jobs.handlers.palettes import contrast
from jobs.handlers.text_fit import TYPICAL, height, width
from tests.fake_openai.drawing import canvas_json

PAINT = {"fill": "#DBEAFE", "stroke": "#1E3A8A", "strokeWidth": 2}


def shape(kind="rectangle", x=400, y=400, wide=160, tall=60, **more: object):
    size = {"radius": wide / 2} if kind == "circle" else {"width": wide, "height": tall}
    return {"object_type": kind, "properties": {"x": x, "y": y, **size, **PAINT, **more}}


def label(text, x, y, size=16, fill="#1F2937"):
    return {"object_type": "text", "properties": {"x": x, "y": y, "text": text, "fontSize": size, "fill": fill}}


def repaired_text(*raws: object):
    return next(obj["properties"] for obj in accept_all(raws) if obj["object_type"] == "text")


def middle(its):
    lines = its["text"].count("\n") + 1
    half_width = width(its["text"], its["fontSize"]) * TYPICAL / 2
    return its["x"] + half_width, its["y"] + height(lines, its["fontSize"]) / 2


def test_a_text_too_long_for_its_shape_gets_a_smaller_font_or_more_lines_and_stays_inside():
    its = repaired_text(shape(), label("Check the password against the stored hash", 410, 420, size=24))
    lines = its["text"].split("\n")
    assert its["fontSize"] < 24
    assert width(its["text"], its["fontSize"]) <= 160
    assert height(len(lines), its["fontSize"]) <= 60
    assert middle(its) == pytest.approx((480, 430), abs=1)
    assert " ".join(lines) == "Check the password against the stored hash"


def test_a_label_that_was_placed_by_its_middle_is_put_there():
    its = repaired_text(shape(), label("Enter password", 480, 430))
    assert (its["fontSize"], middle(its)) == (16, pytest.approx((480, 430), abs=1))


def test_a_text_that_sticks_out_of_a_shared_frame_is_pushed_inside():
    texts = [label("Backend services", 520, 405), label("API", 410, 430)]
    objects = accept_all([shape(), *texts])
    pushed, kept = (obj["properties"] for obj in objects[1:])
    assert pushed["x"] == pytest.approx(560 - width("Backend services", 16), abs=1)
    assert pushed["y"] == 405
    assert (kept["x"], kept["y"]) == (410, 430)


def test_a_label_almost_in_the_middle_is_put_there():
    assert middle(repaired_text(shape(), label("Enter", 448, 424))) == pytest.approx((480, 430), abs=1)


@pytest.mark.parametrize("kind", ["diamond", "circle", "star", "heart"])
def test_a_label_alone_on_a_shape_without_corners_is_centred(kind):
    its = repaired_text(shape(kind, x=500, y=500, wide=160, tall=160), label("OK?", 440, 480))
    assert middle(its) == pytest.approx((500, 500), abs=1)


def test_left_aligned_text_that_fits_is_left_alone():
    its = repaired_text(shape(wide=400), label("Email", 420, 420))
    assert (its["x"], its["y"], its["fontSize"]) == (420, 420, 16)


def test_texts_that_share_a_frame_keep_their_places():
    frame = shape(x=100, y=100, wide=400, tall=300)
    texts = [label("Backend", 240, 110, 20), label("API", 280, 230), label("Queue", 120, 330)]
    objects = accept_all([frame, *texts])
    places = [(obj["properties"]["x"], obj["properties"]["y"]) for obj in objects[1:]]
    assert places == [(240, 110), (280, 230), (120, 330)]


def test_a_text_on_the_canvas_itself_keeps_its_place():
    its = repaired_text(label("Login", 450, 480, 24))
    assert (its["x"], its["y"], its["fontSize"]) == (450, 480, 24)


@pytest.mark.parametrize("ground", ["#0F172A", "#FDE047", "#FFFFFF", "#777777", "#1D4ED8"])
@pytest.mark.parametrize("fill", ["#FFFFFF", "#000000", "#FDE047"])
def test_text_can_be_read_on_its_ground(ground, fill):
    its = repaired_text(shape(fill=ground), label("Enter", 420, 420, fill=fill))
    assert contrast(its["fill"], ground) >= min(4.5, contrast("#1E293B", ground))
    if contrast(fill, ground) >= 4.5:
        assert its["fill"] == fill


def test_white_text_on_the_bare_canvas_becomes_dark():
    assert repaired_text(label("Login", 450, 60, fill="#FFFFFF"))["fill"] == "#1E293B"


def test_a_frame_goes_behind_what_it_frames_and_lines_go_behind_shapes():
    arrow = {"object_type": "arrow", "properties": {"x": 480, "y": 460, "points": [0, 0, 0, 80], **PAINT}}
    inner, frame, arrow, text = accept_all([shape(), shape(x=300, y=300, wide=400, tall=400), arrow, label("A", 1, 1)])
    assert frame["z_index"] < arrow["z_index"] < inner["z_index"] < text["z_index"]


def test_a_layer_that_was_given_is_kept():
    frame = {**shape(x=300, y=300, wide=400, tall=400), "z_index": 7}
    assert accept_all([shape(), frame])[1]["z_index"] == 7


def test_a_good_drawing_is_not_moved():
    raws = json.loads(canvas_json("T", 24))["objects"]
    kept = [obj["properties"] for obj in accept_all(raws) if obj["object_type"] != "text"]
    given = [raw["properties"] for raw in raws if raw["object_type"] != "text"]
    assert [{**its, "fill": its.get("fill")} | {"fill": None} for its in kept] == [
        {**its, "fill": None} for its in given
    ]


@given(
    text=st.text(alphabet="abcdefgh mW", min_size=1, max_size=120).filter(str.strip),
    kind=st.sampled_from(["rectangle", "diamond", "circle", "star", "heart"]),
    wide=st.integers(60, 400),
    tall=st.integers(50, 300),
    size=st.integers(8, 24),
)
def test_a_text_alone_on_a_shape_ends_up_within_the_shapes_box(text, kind, wide, tall, size):
    tall = wide if kind == "circle" else tall
    its = repaired_text(shape(kind, x=500, y=500, wide=wide, tall=tall), label(text, 505, 505, size))
    left, top = (500, 500) if kind == "rectangle" else (500 - wide / 2, 500 - tall / 2)
    lines = its["text"].count("\n") + 1
    assert left <= its["x"] + 1
    assert top <= its["y"] + 1
    assert its["x"] + width(its["text"], its["fontSize"]) * TYPICAL <= left + wide + 1
    assert its["y"] + height(lines, its["fontSize"]) <= top + tall + 1
