"""The page, the summary and the JSON of a diagnosis."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from diagnosed import diagnose, gated, orthogonal, plain
from rnnlatch.diagnose import Diagnosis
from rnnlatch.diagnose.page import page, pictures

CASES: dict[str, Any] = {
    "LSTM": gated("LSTM", f=4.0),
    "GRU": gated("GRU"),
    "tanh": plain(1.2 * orthogonal(5), drive=1.0),
    "relu": plain(1.2 * np.eye(5), "relu", drive=1.0, bias=-0.1),
    "sign": plain(np.eye(1), "sign"),
    "overflow": plain(1e200 * np.eye(2), "linear", drive=1e200),
}
each_case = pytest.mark.parametrize("case", CASES)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@cache
def found(case: str) -> Diagnosis:
    return rl.diagnose(*CASES[case], length=60, threads=1, name=f"{case} & <co>")


@cache
def page_of(case: str) -> str:
    return page(found(case))


class Reader(HTMLParser):
    """What a page has: open tags, attributes, text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "source", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@each_case
def test_the_page_says_everything_and_needs_nothing(case: str) -> None:
    diagnosis = found(case)
    text_of_page = page_of(case)
    reader = read(text_of_page)
    text = " ".join("".join(reader.text).split())
    assert f"Diagnosis of {case} & <co>" in text
    for finding in diagnosis.findings:
        assert " ".join(finding.sentence.split()) in text
        assert " ".join(finding.advice.split()) in text
    for tag, attrs in reader.tags:
        assert tag not in ("link", "iframe", "object", "form")
        for name in ("src", "srcset", "href"):
            if name in attrs:
                assert str(attrs[name]).startswith(("data:image/svg+xml;base64,", "#"))
        assert not [name for name in attrs if name.startswith("on")]
    assert "url(" not in text_of_page
    assert "@import" not in text_of_page
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(text_of_page)
    pictures = [attrs for tag, attrs in reader.tags if tag == "img"]
    assert all(len(str(attrs["alt"])) > 20 for attrs in pictures)
    assert bool(pictures) == bool(len(diagnosis.data))
    assert 'name="viewport"' in text_of_page
    assert "prefers-color-scheme: dark" in text_of_page
    assert len(text_of_page) < 2e6


def test_the_page_as_a_file(tmp_path: Path) -> None:
    found("sign").to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page_of("sign")


def test_pictures_name_no_address_and_run_no_code() -> None:
    for case in CASES:
        for _, attrs in read(page_of(case)).tags:
            for name in ("src", "srcset"):
                if name in attrs:
                    svg = base64.b64decode(str(attrs[name]).partition(",")[2]).decode()
                    assert "<script" not in svg
                    for address in re.findall(r'(?:href|src)="([^"]*)"', svg):
                        assert address.startswith(("#", "data:image/png;base64,"))


def test_the_page_is_the_same_each_time() -> None:
    assert page_of("LSTM") == page(found("LSTM"))


def test_dark_pictures_differ_in_colours_only() -> None:
    for picture in pictures(found("GRU").data):
        light, dark = (base64.b64decode(each.partition(",")[2]).decode() for each in (picture.light, picture.dark))
        assert "#000000" not in dark
        assert re.sub("#[0-9a-f]{6}", "", light) == re.sub("#[0-9a-f]{6}", "", dark)


@pytest.mark.parametrize("width", [40, 72, 100])
@each_case
def test_the_summary_keeps_to_its_width(case: str, width: int) -> None:
    diagnosis = found(case)
    lines = diagnosis.summary(width).splitlines()
    assert max(map(len, lines)) <= width
    joined = " ".join(" ".join(lines).split())
    for finding in diagnosis.findings:
        assert " ".join(finding.sentence.split()) in joined


def test_a_width_that_is_too_small() -> None:
    with pytest.raises(ValueError, match=r"width is 39; it must be an integer of at least 40"):
        found("GRU").summary(39)


@each_case
def test_the_json_is_strict_and_whole(case: str, tmp_path: Path) -> None:
    diagnosis = found(case)
    diagnosis.to_json(tmp_path / "found.json")

    def fail(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (tmp_path / "found.json").read_text(encoding="ascii")
    read_back = json.loads(text, parse_constant=fail)
    assert read_back == diagnosis.to_dict()
    assert [each["name"] for each in read_back["findings"]] == [each.name for each in diagnosis.findings]
    for name, values in diagnosis.data.variables.items():
        stored = read_back["variables"].get(name)
        assert (stored is None) == (values.size > 5000)
        if stored is not None and values.dtype.kind == "f":
            numbers = [np.nan if each is None else float(each) for each in np.ravel(np.array(stored["values"], object))]
            np.testing.assert_array_equal(numbers, values.values.ravel())


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    for write in (found("GRU").to_json, found("GRU").to_html):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            write(tmp_path / "nowhere" / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_findings_are_found_by_name() -> None:
    diagnosis = diagnose(CASES["GRU"])
    assert diagnosis["vanishes"].name == "vanishes"
    assert "nothing" not in diagnosis
    with pytest.raises(KeyError):
        diagnosis["nothing"]
    assert "vanishes" in repr(diagnosis)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, False), (1200, True)])
def test_the_page_in_a_browser(tmp_path: Path, width: int, dark: bool) -> None:
    """It is drawn without a message on the console, fits the width of a phone, and follows the colours of the system."""
    # What is asked of the browser is added to a copy of the page.
    probe = (
        "<script>addEventListener('load', () => { const look = getComputedStyle(document.body).backgroundColor;"
        "const drawn = [...document.images].every(each => each.complete && each.naturalWidth > 0);"
        "document.title = [document.documentElement.scrollWidth, innerWidth, drawn, look].join('|'); });</script>"
    )
    # The page itself lets no script run but its own.
    probed = page_of("LSTM").replace("Content-Security-Policy", "X-Probed").replace("</body>", f"{probe}</body>")
    (tmp_path / "page.html").write_text(probed, encoding="utf-8")
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--virtual-time-budget=5000",
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        "--dump-dom",
        (tmp_path / "page.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>([^<]*)</title>", done.stdout)
    assert title is not None
    scroll, inner, drawn, colour = title[1].split("|")
    assert int(scroll) <= int(inner)
    assert drawn == "true"
    assert (colour == "rgb(255, 255, 255)") == (not dark)
    assert "CONSOLE" not in done.stderr
