"""The colours of a drawing, computed from its style and colour scheme.

A style chooses the hues and the weight of the strokes, a scheme how strong and how light the colours are.
"""

from colorsys import hls_to_rgb
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

WHITE = "#FFFFFF"


@dataclass(frozen=True, slots=True)
class Tone:
    """How one shape is coloured: a light fill, a dark stroke, and text that reads well on the fill."""

    fill: str
    stroke: str
    text: str
    stroke_width: int


@dataclass(frozen=True, slots=True)
class Palette:
    """The tones of one drawing, every colour #RRGGBB.

    `tones` tell neighbours apart (branches, events, columns); `step`, `question`, `terminal`, `good` and `bad`
    have a meaning; `plain` is for what should stay in the background.  `line` and `text` stand on white.
    """

    tones: tuple[Tone, ...]
    step: Tone
    question: Tone
    terminal: Tone
    good: Tone
    bad: Tone
    plain: Tone
    line: str
    text: str
    stroke_width: int

    @property
    def fills(self) -> tuple[str, ...]:
        """The fill of every tone, without repeats."""
        named = (self.step, self.question, self.terminal, self.good, self.bad, self.plain)
        return tuple(dict.fromkeys(tone.fill for tone in (*self.tones, *named)))


class _Style(NamedTuple):
    hues: tuple[int, ...]  # degrees; the first is the leading colour
    strength: float  # multiplies every saturation
    stroke_width: int


class _Scheme(NamedTuple):
    fill_lightness: float
    fill_saturation: float
    stroke_lightness: float
    stroke_saturation: float


STYLES = {
    "modern": _Style(hues=(217, 262, 189, 330, 35, 152), strength=1.0, stroke_width=2),
    "corporate": _Style(hues=(214, 198, 236, 174, 42, 256), strength=0.7, stroke_width=2),
    "creative": _Style(hues=(338, 268, 28, 172, 48, 204), strength=1.0, stroke_width=3),
    "minimal": _Style(hues=(220, 200, 250, 170, 40, 300), strength=0.3, stroke_width=1),
}
SCHEMES = {
    "default": _Scheme(0.94, 0.85, 0.45, 0.65),
    "pastel": _Scheme(0.90, 0.70, 0.55, 0.38),
    "vibrant": _Scheme(0.84, 1.00, 0.40, 0.90),
    "monochrome": _Scheme(0.95, 0.30, 0.35, 0.25),
}
GREEN, AMBER, RED = 146, 42, 4  # what people read as good, think about it, and bad
MONOCHROME_STEP = 0.025  # how much darker each further tone is where hue may not tell them apart


@cache
def palette(style: str, color_scheme: str) -> Palette:
    """The palette of a style and a scheme; an unknown name means modern, or default."""
    chosen = STYLES.get(style, STYLES["modern"])
    scheme = SCHEMES.get(color_scheme, SCHEMES["default"])
    one_hue = scheme is SCHEMES["monochrome"]
    lead = chosen.hues[0]

    def tone(hue: int, depth: int) -> Tone:
        return _tone(chosen, scheme, lead, depth) if one_hue else _tone(chosen, scheme, hue, 0)

    return Palette(
        tones=tuple(tone(hue, depth) for depth, hue in enumerate(chosen.hues)),
        step=tone(lead, 0),
        question=tone(AMBER, 2),
        terminal=tone(chosen.hues[1], 4),
        good=tone(GREEN, 3),
        bad=tone(RED, 5),
        plain=_tone(chosen, _Scheme(0.975, 0.2, 0.6, 0.15), lead, 0),
        line=_rgb(lead, 0.38, 0.18 * chosen.strength),
        text=_rgb(lead, 0.17, 0.30 * chosen.strength),
        stroke_width=chosen.stroke_width,
    )


def _tone(style: _Style, scheme: _Scheme, hue: int, depth: int) -> Tone:
    return Tone(
        fill=_rgb(hue, scheme.fill_lightness - depth * MONOCHROME_STEP, scheme.fill_saturation * style.strength),
        stroke=_rgb(hue, scheme.stroke_lightness, scheme.stroke_saturation * style.strength),
        text=_rgb(hue, 0.16, 0.40 * style.strength),
        stroke_width=style.stroke_width,
    )


def _rgb(hue: int, lightness: float, saturation: float) -> str:
    parts = hls_to_rgb(hue / 360, lightness, min(1.0, saturation))
    return "#" + "".join(f"{round(part * 255):02X}" for part in parts)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two #RRGGBB colours, 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    dim = 0.04045  # below it the sRGB curve is a straight line
    return part / 12.92 if part <= dim else ((part + 0.055) / 1.055) ** 2.4
