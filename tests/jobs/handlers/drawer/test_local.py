from itertools import product
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer.local import draw
from jobs.handlers.palettes import SCHEMES, STYLES
from jobs.handlers.svg import render
from tests.jobs.handlers import geometry

texts = st.one_of(geometry.instructions, st.text(min_size=1, max_size=1000))
LOGIN = "login flowchart: enter password, check, locked after 3 tries"
EXAMPLES = [
    LOGIN,
    "draw a login flowchart",
    "mind map of a healthy week: sleep, food (breakfast, lunch, dinner), sport, friends",
    "timeline: 2021 founded, 2022 first customer, 2024 profitable",
    "Org chart [CEO, CTO, CFO]",
    "Org chart: CEO > CTO, CFO; CTO > dev lead, ops lead",
    "kanban board: todo: a, b; doing: c; done: d",
    "wireframe of a landing page",
    "Show system architecture",
    "R&D pipeline",
    "a -> b -> c",
    "First open the app, then choose a product, if it is in stock pay, otherwise show a message",
    "登录流程图：输入密码，检查，三次失败后锁定",
    "Zeichne ein Flussdiagramm: Passwort eingeben, prüfen, gesperrt nach drei Versuchen",
    "🚀🎉",
    "one",
]
PICTURES = Path(__file__).parents[4] / "docs" / "pictures"
SHOWN = {
    "login-flowchart": (LOGIN, "modern", "default"),
    "mind-map": (
        (
            "mind map of a healthy week: sleep (8 hours, same time), food (breakfast, lunch, dinner), "
            "sport (running, swimming), friends (dinner, phone calls)"
        ),
        "creative",
        "pastel",
    ),
    "timeline": (
        (
            "History of the internet: 1969 ARPANET, 1983 TCP/IP, 1991 World Wide Web, 1998 Google, 2004 Facebook, "
            "2007 iPhone, 2022 ChatGPT"
        ),
        "modern",
        "default",
    ),
}


def picture(name: str) -> str:
    text, style, scheme = SHOWN[name]
    drawing = draw(text, style=style, color_scheme=scheme)
    return render({"title": drawing.title, "objects": drawing.objects})


def drawn(text: str, style: str = "modern", color_scheme: str = "default") -> list[geometry.Object]:
    return draw(text, style=style, color_scheme=color_scheme).objects


@settings(derandomize=True, deadline=None, max_examples=120)
@given(texts)
def test_any_instructions_give_a_drawing_within_the_contract(text):
    drawing = draw(text, style="modern", color_scheme="default")
    assert 1 <= len(drawing.title) <= 200
    geometry.kept_within_the_contract(drawing.objects)
    geometry.no_shapes_overlap(drawing.objects, 20)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(texts, st.sampled_from(sorted(STYLES)), st.sampled_from(sorted(SCHEMES)))
def test_the_same_instructions_always_give_the_same_drawing(text, style, scheme):
    assert draw(text, style=style, color_scheme=scheme) == draw(text, style=style, color_scheme=scheme)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_are_drawn_by_the_rules(text):
    objects = drawn(text)
    geometry.no_shapes_overlap(objects, 20)
    if "wireframe" not in text:
        geometry.texts_fit(objects)
        assert len(objects) >= 5


@pytest.mark.parametrize(("style", "scheme"), sorted(product(STYLES, SCHEMES)))
def test_style_and_scheme_change_the_colours_and_nothing_else(style, scheme):
    plain, styled = drawn(LOGIN), drawn(LOGIN, style, scheme)
    assert [_without_paint(obj) for obj in styled] == [_without_paint(obj) for obj in plain]
    assert (styled == plain) == ((style, scheme) == ("modern", "default"))


def _without_paint(obj: geometry.Object) -> geometry.Object:
    paint = {"fill", "stroke", "strokeWidth", "color"}
    return {**obj, "properties": {k: v for k, v in obj["properties"].items() if k not in paint}}


@settings(derandomize=True, deadline=None, max_examples=40)
@given(texts)
def test_any_drawing_becomes_a_picture(text):
    drawing = draw(text, style="creative", color_scheme="vibrant")
    ET.fromstring(render({"title": drawing.title, "objects": drawing.objects}))


def test_frames_lie_under_lines_under_shapes_under_text():
    layers = {obj["object_type"]: obj["z_index"] for obj in drawn(LOGIN)}
    assert layers["line"] == layers["arrow"] < layers["rectangle"] == layers["diamond"] < layers["text"]


def test_a_text_says_its_colour_in_both_ways_that_clients_know():
    text = next(obj["properties"] for obj in drawn(LOGIN) if obj["object_type"] == "text")
    assert text["fill"] == text["color"]


@pytest.mark.parametrize(
    ("text", "title"),
    [(LOGIN, "Login flowchart"), ("mind map of trips: sea, hills", "Trips"), ("org chart: a > b", "Org chart")],
)
def test_the_title_says_what_is_drawn(text, title):
    assert draw(text, style="modern", color_scheme="default").title == title


@pytest.mark.parametrize("name", SHOWN)
def test_the_pictures_of_the_readme_are_what_is_drawn_today(name):
    """After a wanted change write them anew: (PICTURES / f"{name}.svg").write_text(picture(name))."""
    assert (PICTURES / f"{name}.svg").read_text(encoding="utf-8") == picture(name)
