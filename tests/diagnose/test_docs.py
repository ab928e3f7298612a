"""The guide to diagnoses: its examples run, and it says of every finding when it is said."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from rnnlatch.diagnose import verdict, verdict_states, verdict_units

PAGE = Path(__file__).parents[2] / "docs" / "diagnose.md"


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)


def test_the_page_lists_every_finding() -> None:
    source = "".join(inspect.getsource(module) for module in (verdict, verdict_states, verdict_units))
    table = PAGE.read_text(encoding="utf-8").partition("## What is said, and when")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert len(set(listed)) == len(listed)
    said = set(re.findall(r'Finding\(\s*"([a-z-]+)"', source)) | {name for name in listed if f'"{name}"' in source}
    computed = {"saturated-g", "saturated-n", "saturated-c"}
    assert said | computed == set(listed)
