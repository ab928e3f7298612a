"""The report in Chromium: it is drawn, asks for nothing, and its figures respond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser import opened, until
from reported import invented
from rnnlatch.report._page import written

FIRST = '[data-figure="invented-1"]'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    html = written([invented(directory)], ["short-spans: data.nc is missing"], directory, directory)
    (directory / "report.html").write_text(html, encoding="utf-8")
    return directory / "report.html"


def ranges(page: Any) -> Any:
    return page.eval_on_selector(FIRST, "plot => [plot.layout.xaxis.range, plot.layout.yaxis.range]")


def test_figures_are_drawn_and_respond(chromium: Any, report: Path) -> None:
    with opened(chromium, report) as page:
        page.evaluate("rnnlatchReport.drawAll()")
        drawn = page.eval_on_selector_all(".plot", "plots => plots.map(plot => plot.dataset.drawn)")
        assert len(drawn) == 3
        assert set(drawn) <= {"yes", "still"}  # a scene is a still where there is no WebGL
        plot = page.locator(FIRST)
        plot.scroll_into_view_if_needed()
        # Where the middle point is, so that it can be pointed at.
        x, y = page.eval_on_selector(
            FIRST,
            """plot => {
              const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
              return [box.x + xaxis._offset + xaxis.d2p(10), box.y + yaxis._offset + yaxis.d2p(0.5)];
            }""",
        )
        page.mouse.move(x - 3, y - 3)
        page.mouse.move(x, y)
        page.wait_for_selector(f"{FIRST} .hoverlayer .hovertext")
        told = page.locator(f"{FIRST} .hoverlayer").text_content()
        assert "lag (steps): 10" in told
        assert "share of runs: 0.5" in told
        before = ranges(page)
        page.mouse.move(x - 60, y - 60)
        page.mouse.down()
        page.mouse.move(x + 20, y + 20, steps=4)
        page.mouse.up()
        until(page, f"before => document.querySelector('{FIRST}').layout.xaxis.range[0] !== before[0]", before[0])
        after = ranges(page)
        assert before[0][0] < after[0][0] < after[0][1] < before[0][1]
        until(page, f"document.querySelector('{FIRST}').layout.xaxis.tickmode === 'auto'")
        # A name in the legend hides what it names, by keyboard too.
        name = page.get_by_role("button", name="a control")
        assert name.get_attribute("aria-pressed") == "true"
        name.focus()
        page.keyboard.press("Enter")
        until(page, f"document.querySelector('{FIRST}').data.some(trace => trace.visible === false)")
        assert name.get_attribute("aria-pressed") == "false"


def test_buttons_stand_above_the_axes_and_send_nothing_away(chromium: Any, report: Path) -> None:
    buttons = """plot => {
        const boxes = [...plot.querySelectorAll(".modebar-btn")].map(each => each.getBoundingClientRect().bottom);
        const titles = [...plot.querySelectorAll(".modebar-btn")].map(each => each.dataset.title);
        return [titles, Math.max(...boxes) - plot.getBoundingClientRect().y, plot._fullLayout.yaxis._offset];
    }"""
    with opened(chromium, report) as page:
        page.evaluate("rnnlatchReport.drawAll()")
        titles, bottom, axes = page.eval_on_selector(FIRST, buttons)
        assert bottom <= axes
        assert [title.split(" ")[0] for title in titles] == ["Download", "Zoom", "Pan", "Zoom", "Zoom", "Reset"]


def test_light_and_dark(chromium: Any, report: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    line = f"document.querySelector('{FIRST}').layout.xaxis.linecolor"
    with opened(chromium, report, dark=True) as page:
        page.evaluate("rnnlatchReport.drawAll()")
        assert page.evaluate(ground) == "rgb(20, 24, 28)"
        dark = page.evaluate(line)
        # Paper is light.
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(line) == "#000000"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 35, 43)"
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen", color_scheme="dark")
        assert page.evaluate(line) == dark
        page.get_by_role("button", name="Light page").click()
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        assert page.evaluate(line) == "#000000" != dark
        # What was chosen is kept.
        page.reload()
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        assert page.evaluate("rnnlatchColours.toDark('#0072b2')") != "#0072b2"


def test_on_a_phone(chromium: Any, report: Path) -> None:
    with opened(chromium, report, width=360) as page:
        page.evaluate("rnnlatchReport.drawAll()")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        lefts = page.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.getBoundingClientRect().x)")
        assert len(set(lefts)) == 1  # below each other
        # Nothing reaches out of its panel.
        wide = page.eval_on_selector_all(".plot", "plots => plots.map(plot => plot.scrollWidth - plot.clientWidth)")
        assert max(wide) <= 0


def test_on_paper_figures_are_as_wide_as_their_columns(chromium: Any, report: Path) -> None:
    shapes = """plots => plots.map(plot => {
        const svg = plot.querySelector("svg.main-svg").getBoundingClientRect();
        return [svg.width - plot.clientWidth, svg.height - plot.clientHeight, svg.width / svg.height];
    })"""
    with opened(chromium, report, width=1400) as page:
        page.evaluate("rnnlatchReport.drawAll()")
        plots = page.locator(".plot[data-drawn=yes]")
        before = plots.evaluate_all(shapes)
        # A page is narrower than the window, and nothing is told of it.
        page.emulate_media(media="print")
        page.evaluate("document.body.style.width = '600px'")
        after = plots.evaluate_all(shapes)
        assert len(after) == len(before) > 0
        for (_, _, ratio), (wide, high, printed) in zip(before, after, strict=True):
            assert abs(wide) <= 1  # pixels are whole in one of the two
            assert abs(high) <= 1
            assert printed == pytest.approx(ratio, rel=0.01)
