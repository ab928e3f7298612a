"""Writes the tables of deviations.md from the one that claims name the rows of: `python docs/_ext/deviations_page.py`.

The page stays in the repository, to be read there; a test compares it with the table. Its rows are anchors, which in the
repository are elements of HTML: as Sphinx reads the page they become targets, so that it knows of links that lead nowhere.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlatch.experiments import Deviation, deviations

if TYPE_CHECKING:  # the test of the page does without Sphinx
    from sphinx.application import Sphinx

PAGE = Path(__file__).parents[1] / "deviations.md"
SECTION = re.compile(r"^### (?P<name>\S+)\n\n(?:\|.*\n)+", re.MULTILINE)
ANCHOR = re.compile(r'<a id="(?P<name>[\w-]+)"></a>(?P<words>.*?) \|')


def anchor(experiment: str, row: Deviation) -> str:
    """Give what a row is linked by."""
    return f"{experiment}-{row.name}"


def tables(text: str) -> str:
    """Write the table of each experiment that a page has a heading of."""
    return SECTION.sub(lambda found: f"### {found['name']}\n\n" + table(found["name"]), text)


def table(experiment: str) -> str:
    """Write the table of an experiment."""
    lines = ["| left out | our choice | what differs |", "| --- | --- | --- |"]
    for row in deviations(experiment):
        name = f'<a id="{anchor(experiment, row)}"></a>{row.left_out}'
        lines.append(f"| {name} | {row.chosen} | {row.differs} |".replace("|  |", "| |"))
    return "\n".join([*lines, ""])


def targets(app: "Sphinx", page: str, source: list[str]) -> None:  # noqa: ARG001
    """Let rows be what links can lead to."""
    if page == PAGE.stem:
        source[0] = ANCHOR.sub(lambda found: f"[{found['words']}]{{#{found['name']}}} |", source[0])


def setup(app: "Sphinx") -> dict[str, bool]:
    """Read the page so."""
    app.connect("source-read", targets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    PAGE.write_text(tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
