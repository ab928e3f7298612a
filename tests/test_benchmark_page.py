"""The page of the benchmarks and the table of the README say what the kept run says; nothing is measured here."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import all_figures
from all_report import markdown, readme

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- begin: bench/all_report.py -->\n\n(.*?)\n\n<!-- end: bench/all_report.py -->", re.DOTALL)
SOURCE = re.compile(r"\]\((?:\.\./)?(bench/results/all-[\w.-]+\.json)\)")


def block_and_record(page: str) -> tuple[str, str, dict[str, Any]]:
    found = BLOCK.search((ROOT / page).read_text(encoding="utf-8"))
    assert found is not None, page
    (source,) = set(SOURCE.findall(found[1]))
    return found[1], source, json.loads((ROOT / source).read_text(encoding="utf-8"))


def test_the_page_is_that_of_its_run() -> None:
    text, source, record = block_and_record("docs/benchmarks.md")
    assert text == "\n".join(markdown(record, f"../{source}", "figures/"))


def test_the_table_of_the_readme_is_that_of_the_same_run() -> None:
    text, source, record = block_and_record("README.md")
    assert text == "\n".join(readme(record, source))
    assert source == block_and_record("docs/benchmarks.md")[1]


def test_the_pictures_are_drawn_from_the_same_run() -> None:
    _, _, record = block_and_record("docs/benchmarks.md")
    pictures = dict(all_figures.pictures(record))
    assert pictures
    for name, digest in pictures.items():
        path = ROOT / "docs" / "figures" / all_figures.file_name(name)
        assert f"digest of the numbers: {digest}" in path.read_text(encoding="utf-8")
        assert path.stat().st_size < 100_000


def test_a_peer_that_is_missing_or_fails_is_named() -> None:
    _, source, record = block_and_record("docs/benchmarks.md")
    record["missing"]["JAX"] = "ModuleNotFoundError: No module named 'jax'"
    record["entries"][0]["problems"]["Numba"] = "its process died"
    text = "\n".join(markdown(record, f"../{source}", "figures/"))
    assert "- **JAX is missing**: ModuleNotFoundError: No module named 'jax'." in text
    assert f"Numba ({record['entries'][0]['key']}" in text
    assert "Not to be relied on: JAX did not take part" in text
    assert "| W1, latch sweep |" not in "\n".join(readme(record, source))


def test_a_quick_run_is_marked_and_has_no_table_in_the_readme() -> None:
    _, source, record = block_and_record("README.md")
    record |= {"finished": True, "only": []}
    for quick in (True, False):
        record["quick"] = quick
        assert ("Not to be relied on: this is a quick run" in "\n".join(markdown(record, source, ""))) == quick
        assert any(line.startswith("| W1, latch sweep |") for line in readme(record, source)) == (not quick)


def test_the_extra_and_the_group_have_the_same_lines() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["optional-dependencies"]["bench"] == project["dependency-groups"]["bench"]
