"""The examples of pages of the guide run as they stand, one after the other."""

import re
from pathlib import Path

import numpy as np
import pytest

import rnnlatch as rl

DOCS = Path(__file__).parents[1] / "docs"


def few_pieces() -> tuple[rl.data.PianoRoll, ...]:
    """Random ones, quicker to have than the chorales."""
    rng = np.random.default_rng(0)
    return tuple(rl.data.PianoRoll(rng.random((20, 88)) < 0.05) for _ in range(10))


HOW_TO = sorted(page.name for page in DOCS.glob("how-to-*.md"))


@pytest.mark.parametrize("page", ["clusters.md", "natural-data.md", "stores.md", "training.md", "watching.md", *HOW_TO])
def test_the_examples_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rl.data, "chorales", few_pieces)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    if page == "clusters.md":
        pytest.importorskip("distributed")
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
