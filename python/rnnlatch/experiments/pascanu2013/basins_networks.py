"""Networks of two units for figures 4 and 5: one with four basins, and its gradient over them, and one that never settles."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Material, ScaleName
from rnnlatch.experiments.results import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["analyse", "draw_growth"]

Floats = NDArray[np.float64]

CELL = VanillaRNN(inputs=1, hidden=2)
WEIGHTS, BIASES = ((2.2, 0.5), (-0.4, 1.9)), (0.0, 0.05)
RESTLESS_WEIGHTS, RESTLESS_BIASES = ((2.8, -4.8), (1.3, -2.2)), (0.4, -0.7)
STEPS = 60
DISTANCES = np.logspace(-12, -1, 111)
RESTLESS_STEPS, RESTLESS_STARTS = 2000, 200
SETTLING = 300  # steps after which it is plain which attractor an orbit comes to
CHUNK = 20_000  # states at once

RESOLUTION: dict[ScaleName, int] = {"quick": 100, "paper": 400, "large": 1000}


def analyse(material: Material) -> tuple[dict[str, xr.Variable], dict[str, xr.Variable]]:
    """Sort the states of one network by their attractors, differentiate from all of them, and watch another that never settles.

    Returns
    -------
    variables, coordinates : dict
        Over (h0, h1): ``basin``, ``steps`` and all else that `dynamics.basins` gives; ``growth``, log10 of the largest spectral
        norm of dh_t/dh_0 of 60 steps, and ``last_norm``, log10 of that at t = 60; ``beside``, whether one of the eight states
        around is in another basin.
        Over ``transect``, lines from one attractor to the next: ``transect_growth`` and ``transect_last`` (transect, distance)
        from where they cross a boundary, and ``transect_slope``, the largest eigenvalue of the saddle on it, and
        ``transect_attractor``, that of the attractor at its end.
        Over ``restless`` starts: ``restless_growth``, log10 of the norm of dh_t/dh_0 per step over 2000 steps, and over ``unit``
        ``restless_mean``, the mean state; ``restless_settled``, how many come to an attractor.
    """
    params = _params(WEIGHTS, BIASES)
    network = dynamics.system(CELL, params)
    found = dynamics.basins(CELL, params, resolution=RESOLUTION[material.scale], threads=material.threads)
    axes = [found[name].values for name in ("h0", "h1")]
    states = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    largest, last = _norms(network, states)
    shape = (axes[0].size, axes[1].size)
    basin = found["basin"].values
    points = found["state"].values[:, 0]
    data: dict[str, xr.Variable] = {str(name): part.variable for name, part in found.data_vars.items()}
    data["basin_outcome"] = data.pop("outcome")
    data |= {
        "growth": quantity(
            ("h0", "h1"), largest.reshape(shape), f"log10 of the largest norm of dh_t/dh_0, t ≤ {STEPS}"
        ),
        "last_norm": quantity(("h0", "h1"), last.reshape(shape), f"log10 of the norm of dh_{STEPS}/dh_0"),
        "beside": quantity(("h0", "h1"), _beside(basin), "whether another basin is one state away"),
    }
    data |= _transects(network, points) | _restless(material)
    coords: dict[str, xr.Variable] = {str(name): part.variable for name, part in found.coords.items()}
    coords["transect_distance"] = quantity("transect_distance", DISTANCES, "distance from the boundary")
    return data, coords


def _params(weights: Any, biases: Any) -> dict[str, Floats]:
    return {
        "weight_ih_l0": np.ones((2, 1)),
        "weight_hh_l0": np.array(weights),
        "bias_ih_l0": np.array(biases),
        "bias_hh_l0": np.zeros(2),
    }


def _norms(network: dynamics.System, states: Floats, steps: int = STEPS) -> tuple[Floats, Floats]:
    """Give log10 of the largest and of the last spectral norm of dh_t/dh_0."""
    largest, last = np.empty(len(states)), np.empty(len(states))
    for first in range(0, len(states), CHUNK):
        part = slice(first, first + CHUNK)
        state, product = states[part], np.broadcast_to(np.eye(2), (len(states[part]), 2, 2))
        most = np.zeros(len(state))
        for _ in range(steps):
            product = network.jacobian(state) @ product
            state = network.step(state)
            norm = _spectral(product)
            most = np.maximum(most, norm)
        largest[part], last[part] = most, norm
    with np.errstate(divide="ignore"):
        return np.log10(largest), np.log10(np.maximum(last, 1e-300))


def _spectral(matrix: Floats) -> Floats:
    """Give the spectral norm of 2 by 2 matrices: half the sum of two lengths."""
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    return np.asarray((np.hypot(a + d, b - c) + np.hypot(a - d, b + c)) / 2)


def _beside(basin: NDArray[np.int64]) -> NDArray[np.bool_]:
    around = np.pad(basin, 1, mode="edge")
    rows, columns = basin.shape
    beside = np.zeros(basin.shape, bool)
    for i in range(3):
        for j in range(3):
            beside |= around[i : i + rows, j : j + columns] != basin
    return beside


def _transects(network: dynamics.System, points: Floats) -> dict[str, xr.Variable]:
    """Cross the boundaries on the way from each attractor to the next one around the middle."""
    fixed = dynamics.fixed_points(CELL, _params(WEIGHTS, BIASES))
    eigenvalue = np.abs(fixed["eigenvalue_real"].values + 1j * fixed["eigenvalue_imag"].values)
    where, saddle = fixed["state"].values, fixed["index"].values == 1
    around = points[np.argsort(np.arctan2(points[:, 1], points[:, 0]))]
    growth, last, slopes, attracting, ends = [], [], [], [], []
    for begin, end in zip(around, np.roll(around, -1, axis=0), strict=True):
        left, right = 0.0, 1.0
        for _ in range(10):
            share = np.linspace(left, right, 101)
            away = _nearest(network, begin + share[:, None] * (end - begin), points) != _nearest(
                network, begin[None], points
            )
            first = int(np.argmax(away))
            left, right = float(share[first - 1]), float(share[first])
        direction = (end - begin) / np.linalg.norm(end - begin)
        crossing = begin + left * (end - begin)
        both = _norms(network, crossing - DISTANCES[:, None] * direction)
        growth.append(both[0])
        last.append(both[1])
        # The saddle is where the orbit from the boundary lingers; it comes from the side of the begin.
        state = crossing[None]
        for _ in range(25):
            state = network.step(state)
        on = int(np.argmin(np.where(saddle, np.linalg.norm(where - state, axis=1), np.inf)))
        home = int(np.argmin(np.linalg.norm(where - begin, axis=1)))
        slopes.append(float(eigenvalue[on].max()))
        attracting.append(float(eigenvalue[home].max()))
        ends.append(crossing)
    by = ("transect", "transect_distance")
    return {
        "transect_growth": quantity(by, growth, f"log10 of the largest norm of dh_t/dh_0, t ≤ {STEPS}"),
        "transect_last": quantity(by, last, f"log10 of the norm of dh_{STEPS}/dh_0"),
        "transect_slope": quantity("transect", slopes, "largest eigenvalue of the saddle on the boundary"),
        "transect_attractor": quantity("transect", attracting, "largest eigenvalue of the attractor"),
        "transect_crossing": quantity(("transect", "unit"), ends, "state h on the boundary"),
    }


def _nearest(network: dynamics.System, states: Floats, points: Floats) -> NDArray[np.int64]:
    """Give the attractor that each state comes to."""
    for _ in range(SETTLING):
        states = network.step(states)
    return np.asarray(np.linalg.norm(states[:, None] - points, axis=2).argmin(axis=1))


def _restless(material: Material) -> dict[str, xr.Variable]:
    """Follow a network that never settles from many states, with one vector of the derivative."""
    params = _params(RESTLESS_WEIGHTS, RESTLESS_BIASES)
    network = dynamics.system(CELL, params)
    rng = np.random.default_rng([material.seed, 5])
    state = rng.uniform(-1, 1, (RESTLESS_STARTS, 2))
    sorted_ = dynamics.basins(CELL, params, starts=state, threads=material.threads)
    vector, grown, mean = (
        np.ones((RESTLESS_STARTS, 2)) / np.sqrt(2),
        np.zeros(RESTLESS_STARTS),
        np.zeros((RESTLESS_STARTS, 2)),
    )
    for _ in range(RESTLESS_STEPS):
        vector = np.einsum("nij,nj->ni", network.jacobian(state), vector)
        state = network.step(state)
        length = np.linalg.norm(vector, axis=1)
        grown += np.log10(length)
        vector /= length[:, None]
        mean += state / RESTLESS_STEPS
    return {
        "restless_growth": quantity("restless", grown / RESTLESS_STEPS, "log10 of the norm of dh_t/dh_0 v, per step"),
        "restless_mean": quantity(("restless", "unit"), mean, f"mean state h over {RESTLESS_STEPS} steps"),
        "restless_settled": quantity((), int((sorted_["basin"] >= 0).sum()), "starts that come to an attractor"),
        "restless_attractors": quantity((), int(sorted_.sizes["attractor"]), "attractors that were found"),
    }


def draw_growth(ax: "Axes", data: xr.Dataset) -> None:
    """Draw the largest norm of the gradient over the initial states."""
    x, y = (data[name].values for name in ("h0", "h1"))
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    mesh = ax.imshow(data["growth"].values.T, origin="lower", aspect="auto", extent=extent, cmap="magma")
    ax.set_xlabel("state $h_{0}$")
    ax.set_ylabel("state $h_{1}$")
    scale = ax.figure.colorbar(mesh, ax=ax, label=f"log10 of the largest norm of dh_t/dh₀, t ≤ {STEPS}", pad=0.02)
    scale.outline.set_linewidth(0.7)
