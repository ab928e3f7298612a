"""Each plot looks as it did when somebody last looked at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter, shift

from plotting import images, pictures
from plotting.pictures import PICTURES, PROJECTIONS
from rnnlatch import plotting


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_stored_one(name: str, tmp_path: Path) -> None:
    if name in PROJECTIONS and mpl.__version_info__ < (3, 9):
        pytest.skip("the axes of a relief were a little larger before matplotlib 3.9")
    drawn = images.render(PICTURES[name], PROJECTIONS.get(name))
    mean, largest = images.compare(drawn, images.baseline(name))
    if not images.alike(drawn, images.baseline(name)):
        images.write(tmp_path / f"{name}.png", drawn)
        pytest.fail(
            f"{name} differs from tests/plotting/baseline/{name}.png by {mean:.4f} in the mean (allowed: "
            f"{images.MEAN_TOLERANCE}) and {largest:.3f} at most ({images.TOLERANCE}). It is in {tmp_path}; if it is right, "
            "draw it anew with tests/plotting/draw_baselines.py"
        )


def test_the_stored_pictures_are_few_and_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in images.BASELINES.iterdir()}
    assert sizes.keys() == PICTURES.keys()
    assert max(sizes.values()) < 30_000
    assert sum(sizes.values()) < 300_000


def test_a_stored_picture_is_what_was_drawn(tmp_path: Path) -> None:
    drawn = images.render(PICTURES["cobweb"])
    for name in ("one.png", "two.png"):
        images.write(tmp_path / name, drawn)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    np.testing.assert_array_equal(drawn, images.render(PICTURES["cobweb"]))


@pytest.mark.parametrize("name", PICTURES)
def test_smoothing_and_letters_make_no_difference(name: str) -> None:
    stored = images.baseline(name)
    assert images.alike(gaussian_filter(stored, (0.5, 0.5, 0)), stored)
    assert images.alike(shift(stored, (0.1, 0.1, 0), order=1, mode="nearest"), stored)

    def with_letters(ax: Axes) -> None:
        PICTURES[name](ax)
        ax.set_title("another title")
        ax.set_xlabel("another label")
        ax.legend(["a legend"], loc="center")

    assert images.compare(images.render(with_letters, PROJECTIONS.get(name)), stored)[1] < 0.02


def without_one(found: xr.Dataset, dim: str) -> xr.Dataset:
    return found.isel({dim: slice(1, None)})


def changed(found: xr.Dataset, variable: str, at: Any, value: Any) -> xr.Dataset:
    copy = found.copy(deep=True)
    copy[variable].values[at] = value
    return copy


def portrait(**changes: xr.Dataset) -> Callable[[Axes], Axes]:
    parts = pictures.portrait() | changes
    field, points, orbits = (parts[name] for name in ("field", "fixed_points", "orbits"))
    return lambda ax: plotting.phase_portrait(field, ax, fixed_points=points, orbits=orbits)


WRONG: dict[str, tuple[str, Callable[[Axes], Axes]]] = {
    "a fixed point is missing": (
        "phase-portrait",
        portrait(fixed_points=without_one(pictures.portrait()["fixed_points"], "fixed_point")),
    ),
    "a saddle is drawn as stable": (
        "phase-portrait",
        portrait(fixed_points=changed(pictures.portrait()["fixed_points"], "stable", 4, True)),
    ),
    "an orbit is missing": (
        "phase-portrait",
        portrait(orbits=without_one(pictures.portrait()["orbits"], "trajectory")),
    ),
    "arrows point back": ("phase-portrait", portrait(field=-pictures.portrait()["field"])),
    "one state of a basin is wrong": (
        "basin-map",
        lambda ax: plotting.basin_map(changed(pictures.basins(), "basin", (3, 3), 0), ax),
    ),
    "basins have each other's colours": (
        "basin-map",
        lambda ax: plotting.basin_map(changed(pictures.basins(), "basin", pictures.basins()["basin"] == 0, 1), ax),
    ),
    "rows are columns": (
        "basin-map",
        lambda ax: plotting.basin_map(
            changed(pictures.basins(), "basin", ..., pictures.basins()["basin"].values.T), ax
        ),
    ),
    "times are not drawn": ("basin-map-shaded", lambda ax: plotting.basin_map(pictures.basins(), ax)),
    "a stable end is dashed": (
        "bifurcation-diagram",
        lambda ax: plotting.bifurcation_diagram(
            changed(pictures.bifurcation(), "stable", (0, slice(-9, None)), False), ax
        ),
    ),
    "a saddle-node is missing": (
        "bifurcation-diagram",
        lambda ax: plotting.bifurcation_diagram(without_one(pictures.bifurcation(), "special"), ax),
    ),
    "a descent is missing": (
        "error-surface",
        lambda ax: plotting.error_surface(
            pictures.surface()[0], ax, paths=without_one(pictures.surface()[1], "start"), colorbar=False
        ),
    ),
    "the loss is another": (
        "error-surface",
        lambda ax: plotting.error_surface(pictures.surface()[0] ** 2, ax, paths=pictures.surface()[1], colorbar=False),
    ),
}


@pytest.mark.parametrize("change", WRONG)
def test_another_picture_is_told_apart(change: str) -> None:
    name, draw = WRONG[change]
    _, largest = images.compare(images.render(draw), images.baseline(name))
    assert largest > 2 * images.TOLERANCE
