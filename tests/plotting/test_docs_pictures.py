"""The examples of the guide's pages run, and draw the pictures that the pages show."""

import re
import runpy
from pathlib import Path

import matplotlib.image
import pytest

DOCS = Path(__file__).parents[2] / "docs"
DRAWN = runpy.run_path(str(DOCS / "figures" / "draw_pages.py"))
PRINTED = {"gradients.md": 1, "dynamics.md": 0}  # how many lines the page prints


@pytest.mark.parametrize("page", DRAWN["PAGES"])
def test_the_page_draws_its_pictures(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DRAWN["draw"](page, tmp_path)
    own = rf"\(figures/({Path(page).stem}-.*?\.png)\)"  # those of experiments are theirs
    shown = re.findall(own, (DOCS / page).read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in tmp_path.iterdir())
    printed = len(capsys.readouterr().out.splitlines())
    assert printed == PRINTED.get(page, printed)
    for name in shown:
        # Fonts differ from machine to machine, and with them every pixel.
        drawn, kept = (matplotlib.image.imread(folder / name).shape for folder in (tmp_path, DOCS / "figures"))
        assert drawn == kept, f"docs/figures/{name} is of another time: draw it again with draw_pages.py"
