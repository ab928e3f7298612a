"""Looks whether the built site fetches anything from elsewhere: scripts, styles, fonts, pictures. Links may lead anywhere."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

FETCHED = {
    ".html": re.compile(
        r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc(?:set)?\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
        r"""|<link\b(?![^>]*\brel="(?:canonical|author|license)")[^>]*?\bhref\s*=\s*["']?(?:https?:)?//[^"'\s>]+""",
        re.IGNORECASE,
    ),
    ".css": re.compile(r"""(?:@import\s+["']?|url\(\s*["']?)(?:https?:)?//[^"')\s]+""", re.IGNORECASE),
}

logger = logging.getLogger(__name__)


def look(app: Sphinx, exception: Exception | None) -> None:
    """Warn of everything that a page or a style would fetch."""
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        pattern = FETCHED.get(path.suffix)
        if pattern is None:
            continue
        for found in pattern.findall(path.read_text(encoding="utf-8", errors="replace")):
            logger.warning("%s fetches from elsewhere: %s", path.relative_to(app.outdir), found)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look when everything has been written."""
    app.connect("build-finished", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
