import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.handlers.drawer.phrases import capitalised, cleaned, label, listed, split


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_a_cleaned_text_and_its_labels_can_be_printed(text):
    result = cleaned(text)
    assert all(line.isprintable() for line in result.split("\n"))
    assert len(label(result)) <= 122
    result.encode()


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\u0000b\ud800c", "a b c"),
        ("a \u202eb\u200b c", "a b c"),
        ("登录：输入，检查。", "登录: 输入, 检查."),
        ("a → b => c --> d", "a -> b -> c -> d"),
        ("a\r\n\r\n\tb", "a\n    b"),
        ("  a   b ", "  a b"),
    ],
)
def test_variants_of_signs_are_folded_and_nothing_invisible_stays(raw, clean):
    assert cleaned(raw) == clean


def test_a_separator_inside_brackets_does_not_split():
    assert split("a (b, c), d", ",") == ["a (b, c)", "d"]
    assert split("a (b, c, d", ",") == ["a (b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("a, b and c", ["a", "b", "c"]),
        ("a, b, and c", ["a", "b", "c"]),
        ("a, b; c, d", ["a, b", "c, d"]),
        ("1. a 2. b 3. c", ["a", "b", "c"]),
        ("1,000 users, 2,000,000 more", ["1,000 users", "2,000,000 more"]),
        ("salt and pepper", ["salt and pepper"]),
        ("2021 a,2022 b", ["2021 a", "2022 b"]),
    ],
)
def test_a_list_in_one_line_is_taken_apart(text, entries):
    assert listed(text) == entries


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- “hello world.”", "Hello world"),
        ("2) [CEO, CTO]", "CEO, CTO"),
        ("Step 3: go on", "Go on"),
        ("[x] done", "Done"),
        ("#1 priority", "#1 priority"),
        ("eBay", "eBay"),
        ("(a) (b)", "(a) (b)"),
        (" ,;. ", ""),
    ],
)
def test_a_label_is_bare_and_begins_with_a_capital(text, shown):
    assert label(text) == shown


def test_a_long_label_ends_at_a_word_with_an_ellipsis():
    assert label("word " * 50).endswith("word…")


def test_a_word_spelled_its_own_way_keeps_its_first_letter():
    assert [capitalised(text) for text in ("iOS app", "app", "")] == ["iOS app", "App", ""]
