"""The pages of the documentation: in the navigation, and complete, without building them."""

import re
from pathlib import Path

from rnnlatch import experiments

DOCS = Path(__file__).parents[1] / "docs"


def test_every_page_is_in_the_navigation_once() -> None:
    trees = [
        entry
        for page in DOCS.glob("*.md")
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for entry in tree.splitlines()
        if entry and not entry.startswith(":") and "*" not in entry
    ]
    listed = sorted(entry.split("<")[-1].rstrip(">") for entry in trees)
    pages = [page.stem for page in DOCS.glob("*.md") if page.stem != "index"]
    assert listed == sorted([*pages, "examples/index"])  # which is written as the documentation is built


def test_every_experiment_has_its_deviations() -> None:
    text = (DOCS / "deviations.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^### (\S+)$", text, re.MULTILINE)) == sorted(experiments.names())
