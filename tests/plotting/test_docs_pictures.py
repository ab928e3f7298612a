"""The examples of docs/gradients.md run, and draw the pictures that the page shows."""

import re
import runpy
from pathlib import Path

import matplotlib.image
import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_draws_its_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(DOCS / "figures" / "draw_gradients.py"))["draw"](tmp_path)
    shown = re.findall(r"\(figures/(.*?\.png)\)", (DOCS / "gradients.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in tmp_path.iterdir())
    assert float(capsys.readouterr().out) > 1  # what the page prints: the largest eigenvalue
    for name in shown:
        # Fonts differ from machine to machine, and with them every pixel.
        drawn, kept = (matplotlib.image.imread(folder / name).shape for folder in (tmp_path, DOCS / "figures"))
        assert drawn == kept, f"docs/figures/{name} is of another time: draw it again with draw_gradients.py"
