import re
from itertools import product

import pytest

from jobs.handlers.palettes import SCHEMES, STYLES, WHITE, Palette, Tone, contrast, palette

ALL = sorted(product(STYLES, SCHEMES))


def tones_of(chosen: Palette) -> list[Tone]:
    named = [chosen.step, chosen.question, chosen.terminal, chosen.good, chosen.bad, chosen.plain]
    return [*chosen.tones, *named]


def test_there_are_four_styles_and_four_schemes():
    assert set(STYLES) == {"modern", "corporate", "creative", "minimal"}
    assert set(SCHEMES) == {"default", "pastel", "vibrant", "monochrome"}


@pytest.mark.parametrize(("style", "scheme"), ALL)
def test_text_reads_well_on_every_fill(style, scheme):
    for tone in tones_of(palette(style, scheme)):
        assert contrast(tone.text, tone.fill) >= 4.5


@pytest.mark.parametrize(("style", "scheme"), ALL)
def test_lines_and_free_text_read_well_on_white(style, scheme):
    chosen = palette(style, scheme)
    assert contrast(chosen.text, WHITE) >= 4.5
    assert contrast(chosen.line, WHITE) >= 4.5


@pytest.mark.parametrize(("style", "scheme"), ALL)
def test_strokes_are_darker_than_their_fills(style, scheme):
    assert all(contrast(tone.stroke, tone.fill) > 1.5 for tone in tones_of(palette(style, scheme)))


@pytest.mark.parametrize(("style", "scheme"), ALL)
def test_every_colour_and_width_is_within_the_contract(style, scheme):
    chosen = palette(style, scheme)
    colours = [chosen.line, chosen.text, *chosen.fills]
    colours += [colour for tone in tones_of(chosen) for colour in (tone.fill, tone.stroke, tone.text)]
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)
    assert all(1 <= tone.stroke_width <= 5 for tone in tones_of(chosen))


@pytest.mark.parametrize(("style", "scheme"), ALL)
def test_neighbours_and_meanings_can_be_told_apart(style, scheme):
    chosen = palette(style, scheme)
    assert len({tone.fill for tone in chosen.tones}) == len(chosen.tones)
    assert len({chosen.step.fill, chosen.question.fill, chosen.good.fill, chosen.bad.fill}) == 4


def test_every_combination_looks_different():
    assert len({palette(style, scheme) for style, scheme in ALL}) == len(ALL)


def test_an_unknown_name_means_modern_or_default():
    assert palette("baroque", "neon") == palette("modern", "default")


def test_monochrome_keeps_to_one_hue():
    for tone in palette("modern", "monochrome").tones:
        red, green, blue = (int(tone.fill[i : i + 2], 16) for i in (1, 3, 5))
        assert red < green < blue


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#FFFFFF", "#FFFFFF") == pytest.approx(1)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
