"""Only the plainest YAML is read."""

import pytest

from config.plain_yaml import YamlError, parsed


def test_mappings_lists_and_scalars_are_read():
    text = "a: {b: [1, -2.5, true, null, text, 'quoted']}\nc-1.x: 0x10\n"
    assert parsed(text) == {"a": {"b": [1, -2.5, True, None, "text", "quoted"]}, "c-1.x": 16}
    assert parsed("# a comment only") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "line 1, column 5: expected the node content, but found '<stream end>'"),
        ("a:\n  b: 1\n  b: 2", "line 3, column 3: b is set twice"),
        ("a: &x 1\nb: *x", "line 1, column 4: anchors and aliases are not allowed"),
        ("a: *x", "line 1, column 4: anchors and aliases are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "line 1, column 4: tags are not allowed"),
        ("a: !!int ''", "line 1, column 4: tags are not allowed"),
        ("{a: {<<: {b: c}}}", "line 1, column 6: a setting's name must be one plain word"),
        ("{[1]: 2}", "line 1, column 2: a setting's name must be one plain word"),
        ('"\\ud800": 2', "line 1, column 1: a setting's name must be one plain word"),
        ("a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
        ("a:\n  b: \0", "line 2, column 6: a control character"),
        ("\x07", "line 1, column 1: a control character"),
        ("a: " + "[" * 3000 + "]" * 3000, "line 1, column 23: more than 20 levels"),
        ("a: 2026-99-99", "line 1, column 4: cannot be read as a value; text needs quotes"),
        ("a: 0b_", "line 1, column 4: cannot be read as a value; text needs quotes"),
        ("a: 0x" + "f" * 9000, "line 1, column 4: a number with too many digits"),
        ("a: =", "line 1, column 4: cannot be read as a value; text needs quotes"),
    ],
    ids=lambda value: value[:20],
)
def test_everything_else_is_refused_with_its_place(text, fault):
    with pytest.raises(YamlError) as refusal:
        parsed(text)
    assert str(refusal.value) == fault
