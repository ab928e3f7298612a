"""Words and lines can be told from their ground, light and dark: contrast as WCAG 2.2 has it."""

from __future__ import annotations

import itertools
import re

import pytest

from rnnlatch._pages import source

WORDS, GRAPHICS = 4.5, 3.0
STYLE = source("style.css")
THEMES = {"light": 0, "dark": 1}
NAMED = {name: pair for name, *pair in re.findall(r"--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", STYLE)}


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def used(*properties: str) -> set[str]:
    """The named colours that rules give to these properties; what a mark is, the marks say."""
    names = "|".join(map(re.escape, properties))
    return set(re.findall(rf"(?<![\w-])(?:{names}):[^;}}]*?var\(--(\w+)\)", STYLE))


def test_the_formula_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
def test_words_on_every_ground(theme: str) -> None:
    at = THEMES[theme]
    words, grounds = (used("color") | used("--mark")) - {"mark"}, used("background")
    assert words >= {"ink", "quiet", "link", "problem", "caution", "note", "good"}
    assert grounds == {"ground", "raised"}
    for word, ground in itertools.product(sorted(words), sorted(grounds)):
        assert contrast(NAMED[word][at], NAMED[ground][at]) >= WORDS, f"{word} on {ground}"
    # What shows where a control is, and which has the focus.
    for line, ground in itertools.product(("quiet", "link"), sorted(grounds)):
        assert contrast(NAMED[line][at], NAMED[ground][at]) >= GRAPHICS
    # Colours stand in the list of names and nowhere else.
    rules = STYLE[STYLE.index("* { box-sizing") :]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{}]*;)|rgb", rules)


@pytest.mark.parametrize("theme", THEMES)
def test_what_scripts_draw(theme: str) -> None:
    at = THEMES[theme]
    # Of a report: the words that are shown where somebody points, and Plotly's buttons.
    pairs = re.findall(r'(\w+): dark \? "(#[0-9a-f]{6})" : "(#[0-9a-f]{6})"', source("report.js"))
    found = {name: (light, dark)[at] for name, dark, light in pairs[:3]}
    assert list(found) == ["bgcolor", "bordercolor", "color"]
    assert contrast(found["color"], found["bgcolor"]) >= WORDS
    buttons = {name: (light, dark)[at] for name, dark, light in pairs[3:]}
    assert list(buttons) == ["color", "activecolor"]
    # Of the latch: lines.
    dark, light = (
        dict(re.findall(r'(\w+): "(#[0-9a-f]{6})"', line))
        for line in re.findall(r"^ +[?:] (\{ map: .*?\})", source("explore.js"), re.MULTILINE)
    )
    lines = (light, dark)[at]
    assert set(lines) == {"map", "way", "quiet"}
    for each in (*buttons.values(), *lines.values()):
        assert contrast(each, NAMED["ground"][at]) >= GRAPHICS
    assert contrast(lines["quiet"], NAMED["ground"][at]) >= WORDS  # it is the colour of words, too
