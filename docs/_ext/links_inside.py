"""Looks whether the links within the built site lead somewhere: to a file that is there, and to a place within it.

Sphinx looks at the links that it makes itself; those in HTML that it is given, and those to places within downloads and
examples, it takes as they are.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What scripts of the theme put into the page, or take out of the address.
MADE_BY_SCRIPTS = {"", "top"}


class Links(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.targets: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what is a place, and what is a link."""
        given = {name: value for name, value in attrs if value is not None}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.targets.append(given["href"])
        self.targets += [given["src"] for _ in range(tag in ("img", "script")) if "src" in given]

    handle_startendtag = handle_starttag


def dead(site: Path) -> Iterator[str]:
    """Give a sentence for each link that leads nowhere."""
    found = (path for path in sorted(site.rglob("*.html")) if "_static" not in path.relative_to(site).parts)
    pages = {path: Links(path) for path in found}
    for page, links in pages.items():
        for target in dict.fromkeys(links.targets):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            name = page.relative_to(site)
            if not there.is_relative_to(site.resolve()) or not there.is_file():
                yield f"{name} links to {target}, and there is no such file"
            elif there in pages and unquote(parts.fragment) not in pages[there].places | MADE_BY_SCRIPTS:
                yield f"{name} links to {target}, and there is no such place in it"


def look(app: "Sphinx", exception: Exception | None) -> None:
    """Warn of every one."""
    from sphinx.util import logging

    if exception is not None or app.builder.name != "html":
        return
    for sentence in dead(Path(app.outdir).resolve()):
        logging.getLogger(__name__).warning(sentence)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Look when everything has been written."""
    app.connect("build-finished", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
