"""Links to files of the repository outside the documentation: pages of it where there are, downloads of the rest."""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

# Files of the repository that are pages of the documentation as well.
PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"\]\((?:\.\./)+(?P<file>[\w./-]+)(?P<anchor>#[\w-]+)?\)")


def rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    """Let the links of a page lead to where its reader can follow them."""
    here = Path(app.srcdir, page).parent

    def link(found: re.Match[str]) -> str:
        file, anchor = found["file"], found["anchor"] or ""
        if file in PAGES:
            return f"]({os.path.relpath(Path(app.srcdir, PAGES[file]), here)}{anchor})"
        if (Path(app.srcdir).parent / file).is_file():
            return f"](<path:{os.path.relpath(Path(app.srcdir).parent / file, here)}>)"
        return found[0]

    source[0] = LINK.sub(link, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite links as pages are read."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
