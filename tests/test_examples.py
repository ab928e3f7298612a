"""The scripts of the gallery run as they stand, and each shows a figure, without a display."""

import runpy
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_script_shows_what_it_has_drawn(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bool] = []

    def show() -> None:
        drawn.extend(ax.has_data() for number in plt.get_fignums() for ax in plt.figure(number).axes)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", show)
    plt.switch_backend("agg")
    try:
        with mpl.rc_context():
            runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    finally:
        plt.close("all")
    assert drawn
    assert all(drawn)
    assert list(tmp_path.iterdir()) == []
