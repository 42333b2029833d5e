import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.text_fit import LARGEST, SMALLEST, Room, fit, fitted, height, shared_size, width

rooms = st.builds(
    Room,
    st.integers(40, 300),
    st.integers(30, 200),
    st.sampled_from(["rectangle", "diamond"]),
)
circles = st.integers(40, 200).map(lambda size: Room(size, size, "circle"))
words = st.lists(
    st.sampled_from(["a", "of", "step", "password", "Überweisung", "登录流程", "🚀", "x-ray"]), max_size=12
)
texts = st.one_of(words.map(" ".join), st.text(max_size=80).filter(lambda text: "\n" not in text))


@settings(derandomize=True, deadline=None, max_examples=150)
@given(texts, st.one_of(rooms, circles))
def test_what_is_fitted_is_inside_its_room(text, room):
    result = fit(text, room)
    assert SMALLEST <= result.font_size <= LARGEST
    assert result.width <= room.line_width(result.height) or result.lines == ("…",)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(words, rooms)
def test_nothing_is_lost_unless_an_ellipsis_says_so(parts, room):
    text = " ".join(parts)
    result = fit(text, room)
    if not result.text.endswith("…"):
        assert "".join(result.lines).replace(" ", "") == text.replace(" ", "")


def test_the_largest_size_that_fits_is_taken():
    room = Room(140, 48)
    chosen = fit("Enter password", room, 24)
    assert chosen.font_size < 24
    larger = fitted(chosen.lines, chosen.font_size + 1)
    assert larger.width > room.width or larger.height > room.height


def test_a_long_text_is_shortened_only_at_the_smallest_size():
    result = fit("word " * 200, Room(100, 40))
    assert result.font_size == SMALLEST
    assert result.text.endswith("…")
    assert result.text.startswith("word word")


def test_words_stay_whole_while_that_leaves_them_readable():
    assert fit("Donaudampfschiff", Room(120, 60), 24).lines == ("Donaudampfschiff",)
    assert len(fit("x" * 60, Room(120, 60)).lines) > 1


def test_lines_are_balanced():
    assert fit("Enter email and password", Room(140, 48), 16).lines == ("Enter email", "and password")


def test_a_given_line_end_stays():
    assert fit("one\ntwo", Room(200, 100)).lines == ("one", "two")


def test_wide_scripts_break_anywhere_and_take_a_full_em():
    assert width("登录", 10) >= 20
    assert len(fit("输入密码然后检查", Room(70, 60), 16).lines) > 1


@pytest.mark.parametrize(("wide", "narrow"), [("W", "i"), ("M", "l"), ("🚀", "登"), ("登", "a"), ("﷽", "登")])
def test_width_follows_the_class_of_the_character(wide, narrow):
    assert width(wide, 16) > width(narrow, 16)


def test_marks_and_joiners_take_no_width():
    assert width("e\u0301", 16) == width("e", 16)
    assert width("\u200d", 16) == 0


def test_width_is_that_of_the_widest_line():
    assert width("a\nlonger\nb", 12) == width("longer", 12)
    assert height(3, 10) == pytest.approx(36)


def test_a_diamond_and_a_circle_have_less_room_for_taller_text():
    for room in (Room(100, 80, "diamond"), Room(80, 80, "circle")):
        assert room.line_width(10) > room.line_width(40) > 0
        assert room.line_width(81) == 0


def test_a_role_shares_the_size_that_its_longest_text_needs_but_not_less_than_the_smallest():
    room = Room(140, 48)
    assert shared_size([("short", room), ("a text that needs three lines or so to fit in", room)]) < 16
    assert shared_size([("short", room), ("word " * 60, room)]) == 12
    assert shared_size([]) == 16
