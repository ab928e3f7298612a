"""Pages in a real browser, headless."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["browser", "opened", "until"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium; what needs it is skipped where it, or playwright, is missing."""
    try:
        playwright: Any = importlib.import_module("playwright.sync_api")
    except ImportError:
        pytest.skip("playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--enable-unsafe-swiftshader"], timeout=120_000
        )
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: Any, path: Path, *, width: int = 1200, dark: bool = False) -> Iterator[Any]:
    """Open a file; afterwards nothing may stand on the console, and nothing but the file may have been asked for."""
    page = chromium.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    page.set_default_timeout(120_000)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert said == []
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {path.as_uri()}
    page.close()


def until(page: Any, expression: str, given: Any = None) -> None:
    """Wait until something is true. Playwright's own way would need a page that lets texts be run."""
    for _ in range(3000):
        if page.evaluate(expression, given):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"it does not come true: {expression}")
