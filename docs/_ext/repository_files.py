"""Files of the repository outside the documentation: some are pages of it, the others that pages link to are downloads.

A page that consists of ``{include} ../FILE.md`` is that file, with links that are right where the page stands. Links to
scripts of `examples/` lead to the pages that sphinx-gallery makes of them.
"""

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

# Files of the repository that are pages of the documentation as well.
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
INCLUDED = re.compile(r"```\{include\} \.\./(?P<file>[\w.]+)\n```\n")
LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<file>[\w./-]+)(?P<anchor>#[\w-]+)?\)")


def rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    """Let the links of a page lead to where its reader can follow them."""
    root = Path(app.srcdir).parent
    here = Path(app.srcdir, page).parent
    found = INCLUDED.fullmatch(source[0])
    text, home = source[0], here
    if found:
        text, home = (root / found["file"]).read_text(encoding="utf-8"), root
        app.env.note_dependency(str(root / found["file"]))

    def link(found: re.Match[str]) -> str:
        target, anchor = Path(os.path.normpath(home / found["file"])), found["anchor"] or ""
        if not target.is_relative_to(root):
            return found[0]
        within = target.relative_to(root)
        if str(within) in PAGES:
            target = Path(app.srcdir, PAGES[str(within)])
        elif within.parts[:1] == ("examples",):
            target = Path(app.srcdir, within.with_suffix(".rst") if within.suffix else within / "index.rst")
        relative = os.path.relpath(target, here)
        if target.is_relative_to(app.srcdir):
            return f"]({relative}{anchor})"
        return f"](<path:{relative}>)" if target.is_file() else found[0]

    source[0] = LINK.sub(link, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Rewrite links as pages are read."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
