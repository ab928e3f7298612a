"""Pages in one HTML file that needs nothing else: what they have in common."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

__all__ = ["as_json", "render", "source"]


def source(name: str) -> str:
    """Give the text of a file of this package: a template, a style or a script."""
    return (files("rnnlatch._pages") / name).read_text(encoding="utf-8")


def as_json(value: Any) -> str:
    """Give a value as JSON that may stand in a page."""
    return safe(json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def safe(text: str) -> str:
    """Give JSON so that nothing in it can end the element that it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def render(template: str, *, scripts: Sequence[str] = (), **values: Any) -> str:
    """Give a page.

    Nothing outside the page is asked for, and no other script runs than those given: the page says so to the browser.

    Parameters
    ----------
    template : str
        The file of the template, which extends ``base.html.jinja``.
    scripts : sequence of str
        Sources, in the order in which they run, after the one that switches between light and dark.
    **values
        What the template is about.
    """
    theme = source("theme.js")
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in (theme, *scripts))
    text = (
        _environment()
        .get_template(template)
        .render(
            style=source("style.css"),
            theme=theme,
            scripts=scripts,
            policy=(
                f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
                "base-uri 'none'; form-action 'none'"
            ),
            **values,
        )
    )
    return text.encode("utf-8", "backslashreplace").decode()


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
