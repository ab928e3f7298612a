"""The page of the latch: its mathematics is that of rnnlatch.dynamics, and it follows its sliders."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from browser import opened, until
from rnnlatch.cli import main


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explore") / "latch.html"
    assert main(["explore", "--out", str(path)]) == 0
    return path


def test_where_it_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("which is a directory; it must be a file to write\n")


def test_its_numbers_are_those_of_the_package(chromium: Any, page_file: Path) -> None:
    with opened(chromium, page_file) as page:
        for w in (1.05, 1.25, 2.0, 3.0):
            threshold = float(rl.dynamics.escape_threshold(w))
            # A difference of numbers of size w.
            assert page.evaluate("w => rnnlatchLatch.escapeThreshold(w)", w) == pytest.approx(
                threshold, abs=8 * w * 2**-52
            )
            for h in (0.0, 0.5 * threshold, -0.5 * threshold, 2 * threshold):
                found = page.evaluate("([w, h]) => rnnlatchLatch.fixedPoints(w, h)", [w, h])
                wanted = np.asarray(rl.dynamics.latch_fixed_points(w, h))
                wanted = np.sort(wanted[np.isfinite(wanted)])
                slopes = np.asarray(rl.dynamics.latch_slope(w, wanted))
                # An error of the map of a few roundings is divided by the distance of its slope from 1.
                bound = 16 * w * 2**-52 / np.abs(1 - slopes)
                assert len(found) == len(wanted)
                assert (np.abs([each["a"] for each in found] - wanted) <= bound + 1e-15).all()
                assert [each["stable"] for each in found] == (slopes < 1).tolist()
        assert len(page.evaluate("rnnlatchLatch.fixedPoints(0.8, 0.1)")) == 1
        states = page.evaluate("Array.from(rnnlatchLatch.trajectory(1.25, 0.01, 0.1, 50, 7, -0.5))")
        again = page.evaluate("Array.from(rnnlatchLatch.trajectory(1.25, 0.01, 0.1, 50, 7, -0.5))")
        assert states == again
        found = page.evaluate("states => Array.from(rnnlatchLatch.gradients(1.25, Float64Array.from(states)))", states)
        slopes = 1.25 * (1 - np.tanh(np.array(states[:-1])) ** 2)
        wanted = np.concatenate([[0], np.cumsum(np.log10(slopes[::-1]))])
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
        steps = np.array(states[1:]) - 1.25 * np.tanh(np.array(states[:-1])) - 0.01
        assert 0.05 < steps.std() < 0.2


def test_how_much_of_the_gradient_is_left_is_told(chromium: Any, page_file: Path) -> None:
    with opened(chromium, page_file) as page:
        until(page, "document.getElementById('told').textContent.includes('of the gradient')")
        told = page.locator("#told").inner_text()
        states = page.evaluate(
            """() => {
                const { w, h, s, length, seed } = rnnlatchExplore.settings, start = rnnlatchLatch.fixedPoints(w, h)[0].a;
                return Array.from(rnnlatchLatch.trajectory(w, h, s, length, seed, start));
            }"""
        )
        slopes = rl.dynamics.latch_slope(page.evaluate("rnnlatchExplore.settings.w"), np.array(states[:-1]))
        factor, exponent = told.split("of the gradient ")[1].split(" is left")[0].split(" · 10⁻")
        unit = 10.0 ** -int(unicodedata.normalize("NFKC", exponent))
        assert float(factor) * unit == pytest.approx(slopes.prod(), abs=0.0501 * unit)
        for logarithm, wanted in (
            (0.0, "1"),
            (-0.30103, "0.5"),
            (-3.0, "1.0 · 10⁻³"),
            (-11.52288, "3.0 · 10⁻¹²"),
            (-4.001, "1.0 · 10⁻⁴"),  # 9.98 · 10⁻⁵
            (-400.5, "3.2 · 10⁻⁴⁰¹"),  # no double is as small
        ):
            assert page.evaluate("logarithm => rnnlatchExplore.power(logarithm)", logarithm) == wanted


def test_it_follows_its_sliders(chromium: Any, page_file: Path) -> None:
    with opened(chromium, page_file, width=360) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        until(page, "document.getElementById('told').textContent.includes('two attractors')")
        page.get_by_label("recurrent weight w").focus()
        page.keyboard.press("Home")
        until(page, "document.getElementById('told').textContent.includes('one attractor')")
        assert page.locator("#w-value").inner_text() == "0.5"
        page.get_by_role("button", name="At the fold").click()
        until(page, "location.hash.startsWith('#w=2&h=0.53')")
        before = page.evaluate("document.getElementById('path').toDataURL()")
        page.get_by_role("button", name="w = 2, more noise").click()
        until(page, "before => document.getElementById('path').toDataURL() !== before", before)
        # The address keeps the settings.
        until(page, "location.hash.includes('s=0.25')")
        page.reload()
        assert page.locator("#s-value").inner_text() == "0.25"
        page.get_by_role("button", name="Dark page").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
