"""The pictures whose look is tested, by name: functions that draw into axes. Their datasets are made by the reference."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reference import dynamics
from reference.cells import logistic
from rnnlatch import plotting

__all__ = ["PICTURES", "PROJECTIONS", "basins", "bifurcation", "fixed_points", "orbits"]

WEIGHT = np.array([[1.5, 0.2], [0.2, 1.5]])


def step(h: Any) -> Any:
    """Two tanh units; states in rows."""
    return np.tanh(h @ WEIGHT.T)


def jacobian(h: Any) -> Any:
    return (1 - step(h) ** 2)[..., None] * WEIGHT


def fixed_points(states: Any, jacobians: Any) -> xr.Dataset:
    """As rnnlatch.dynamics.fixed_points has them."""
    moduli = np.abs(np.linalg.eigvals(jacobians))
    found = xr.Dataset({"state": (("fixed_point", "unit"), states)})
    found["stable"] = ("fixed_point", (moduli < 1).all(axis=1))
    found["index"] = ("fixed_point", (moduli > 1).sum(axis=1))
    return found


def orbits(function: dynamics.Map, starts: Any, steps: int) -> xr.Dataset:
    """As rnnlatch.dynamics.orbit has them."""
    paths = np.stack([dynamics.orbit(function, np.asarray(start), steps) for start in starts])
    return xr.Dataset({"state": (("trajectory", "step", "unit"), paths)})


@cache
def portrait() -> dict[str, xr.Dataset]:
    """The phase plane of the two units."""
    h = np.linspace(-1, 1, 40)
    grid = np.stack(np.meshgrid(h, h, indexing="ij"), axis=-1)
    coords = {"h0": h, "h1": h}
    few = np.linspace(-1, 1, 11)
    there = np.stack(np.meshgrid(few, few, indexing="ij"), axis=-1)
    field = xr.Dataset({"displacement": (("h0", "h1", "component"), step(there) - there)}, {"h0": few, "h1": few})
    # By Newton's method from a coarse grid.
    points = grid[::4, ::4].reshape(-1, 2)
    for _ in range(60):
        gap = np.eye(2) - jacobian(points)
        points = points - np.linalg.solve(gap, (points - step(points))[..., None])[..., 0].clip(-0.1, 0.1)
    points = np.unique(points[np.abs(step(points) - points).max(axis=1) < 1e-12].round(6) + 0.0, axis=0)
    found = fixed_points(points, jacobian(points))
    stable = points[found["stable"].values]
    reached, steps = dynamics.basins(step, grid.reshape(-1, 2) + 1e-9, stable, 1e-3, 500)
    states = xr.Dataset({"state": (("attractor", "phase", "unit"), stable[:, None])}, coords)
    states["basin"] = (("h0", "h1"), reached.reshape(40, 40))
    states["steps"] = (("h0", "h1"), steps.reshape(40, 40), {"long_name": "time to the attractor", "units": "steps"})
    return {
        "field": field,
        "fixed_points": found,
        "orbits": orbits(step, [[0.1, -0.2], [-0.1, 0.12], [0.95, -0.2], [-0.98, 0.6]], 40),
        "basins": states,
    }


@cache
def basins() -> xr.Dataset:
    """Two units of which one alternates: a fixed point, an orbit of period 2, and what comes to neither."""
    h = np.linspace(-1, 1, 40)
    x, y = np.meshgrid(h, h, indexing="ij")
    basin = np.where(y > 0.3 * np.sin(3 * x), 0, 1)
    basin[(x**2 + y**2) < 0.1] = -1
    basin[(x > 0.6) & (y < -0.6)] = -2
    steps = np.where(basin >= 0, np.ceil(3 / (0.02 + np.abs(y - 0.3 * np.sin(3 * x)))), -1).astype(int)
    nothing = [np.nan, np.nan]
    found = xr.Dataset(
        {
            "basin": (("h0", "h1"), basin),
            "steps": (("h0", "h1"), steps, {"long_name": "time to the attractor", "units": "steps"}),
            "state": (("attractor", "phase", "unit"), [[[0.1, 0.8], nothing], [[-0.7, -0.6], [0.4, -0.5]]]),
            "period": ("attractor", [1, 2]),
            "kind": ("attractor", ["fixed point", "periodic orbit"]),
        },
        {"h0": h, "h1": h},
    )
    found["h0"].attrs = {"long_name": "state h of unit 0", "units": "1"}
    return found


@cache
def bifurcation() -> xr.Dataset:
    """The unit x -> 5 sigma(x) + b of Pascanu et al. (2013): its branch, its saddle-nodes, and where it settles."""
    x = np.linspace(-3.5, 4, 301)
    s = 1 / (1 + np.exp(-x))
    attrs = {"long_name": "bias b", "units": "1"}
    found = xr.Dataset(
        {
            "value": (("branch", "point"), [x - 5 * s], attrs),
            "state": (("branch", "point", "unit"), x[None, :, None]),
            "stable": (("branch", "point"), [5 * s * (1 - s) < 1]),
        },
        {"unit": ["a0"]},
    )
    turns = dynamics.logistic_saddle_nodes(5.0)
    found["special_value"] = ("special", turns[:, 1])
    found["special_state"] = (("special", "unit"), turns[:, :1])
    found["special_kind"] = ("special", ["saddle-node", "saddle-node"])
    found["special_branch"] = ("special", [0, 0])
    found["special_point"] = ("special", [int((x < turn).sum()) - 1 for turn in turns[:, 0]])
    b = np.linspace(-3.4, -1.6, 25)
    ends = [[dynamics.orbit(dynamics.logistic_map(5.0, at), np.array(a), 60)[-1] for a in (-4.0, 2.0)] for at in b]
    found["parameter"] = ("parameter", b)
    found["settled_state"] = (("parameter", "start", "phase", "unit"), np.array(ends)[:, :, None, None])
    return found


@cache
def regimes() -> xr.Dataset:
    """The latch over its weight and its input, in closed form."""
    w, h = np.linspace(-2, 2.5, 40), np.linspace(-1, 1, 40)
    wide, high = np.meshgrid(w, h, indexing="ij")
    two = (wide > 1) & (np.abs(high) < dynamics.escape_threshold(np.maximum(wide, 1)))
    # With a negative weight the fixed point loses its stability where |w| (1 - tanh^2 a) = 1.
    x = np.sqrt(1 - 1 / np.maximum(-wide, 1))
    doubled = (wide < -1) & (np.abs(high) < np.arctanh(x) - wide * x)
    words = {"flag_values": [1, 2, 3, 4], "flag_meanings": "one_fixed_point two_fixed_points period_2 unsettled"}
    regime = np.where(two, 2, np.where(doubled, 3, 1))
    regime[:6, 30:] = 4
    found = xr.Dataset({"regime": (("x", "y"), regime, words)}, {"x": w, "y": h})
    at = np.linspace(1, 2.5, 60)
    found["edge_x"] = (("edge", "edge_point"), [[*at[::-1], *at]])
    found["edge_y"] = found["edge_x"].copy(
        data=dynamics.escape_threshold(found["edge_x"].values) * np.repeat([-1, 1], 60)
    )
    found["edge_kind"] = ("edge", ["saddle-node"])
    found["x"].attrs, found["y"].attrs = {"long_name": "weight w"}, {"long_name": "input h"}
    return found


@cache
def spectrum() -> xr.Dataset:
    """Five tanh units that come to rest."""
    weight = np.random.default_rng(3).normal(0, 0.55, (5, 5))
    states = dynamics.orbit(lambda h: np.tanh(weight @ h), np.full(5, 0.8), 30)
    values = np.linalg.eigvals((1 - np.tanh(states @ weight.T) ** 2)[..., None] * weight)
    values = np.take_along_axis(values, np.argsort(-np.abs(values), axis=1, kind="stable"), axis=1)
    dims = ("step", "eigenvalue")
    found = xr.Dataset({"eigenvalue_real": (dims, values.real), "eigenvalue_imag": (dims, values.imag)})
    found["step"] = ("step", np.arange(31), {"long_name": "time step", "units": "steps"})
    return found


@cache
def lyapunov() -> xr.Dataset:
    """The Hénon map, whose exponents add up to ln 0.3."""
    state, q, total, running = np.array([0.1, 0.1]), np.eye(2), np.zeros(2), []
    for step_number in range(1, 1001):
        q, r = np.linalg.qr(np.array([[-2.8 * state[0], 1.0], [0.3, 0.0]]) @ q)
        total += np.log(np.abs(np.diag(r)))
        state = np.array([1 - 1.4 * state[0] ** 2 + state[1], 0.3 * state[0]])
        running.append(total / step_number)
    units = {"long_name": "Lyapunov exponent", "units": "nats per step"}
    found = xr.Dataset({"running": (("step", "exponent"), running, units)}, {"step": np.arange(1, 1001)})
    found["lyapunov_exponent"] = ("exponent", running[-1], units)
    found["standard_error"] = ("exponent", [0.03, 0.03])
    found["step"].attrs = {"long_name": "steps", "units": "1"}
    return found


@cache
def surface() -> tuple[xr.Dataset, xr.Dataset]:
    """The error surface of Pascanu et al. (2013), figure 6, and two descents on it: (sigma(x_50) - 0.7)^2 over w and b."""
    w, b = np.linspace(4, 6, 40), np.linspace(-3, -2, 40)
    x = np.full((40, 40), 0.5)
    for _ in range(50):
        x = w[:, None] * logistic(x) + b
    found = xr.Dataset({"loss": (("x", "y"), (logistic(x) - 0.7) ** 2, {"long_name": "loss"})}, {"x": w, "y": b})
    # One that goes down in the picture, and one that is thrown out of it.
    places = np.array([[[5.5, -2.2], [5.2, -2.4], [4.9, -2.45]], [[4.6, -2.2], [4.8, -2.35], [9.0, 1.0]]])
    paths = xr.Dataset(
        {
            "x": (("start", "step"), places[..., 0]),
            "y": (("start", "step"), places[..., 1]),
            "loss": (("start", "step"), [[0.06, 0.03, 0.01], [0.05, 0.03, 0.09]]),
            "clip_norm": ("start", [1.0, np.inf]),
        }
    )
    return found, paths


def draw_cobweb(ax: Axes | None = None) -> Axes:
    latch = dynamics.latch_map(2.0, 0.3)
    a = np.linspace(-2.5, 2.5, 101)
    rest = dynamics.fixed_points(latch, -3.0, 3.0, 3001)
    slopes = 2 * (1 - np.tanh(rest) ** 2)
    return plotting.cobweb(
        xr.Dataset({"image": ("a0", latch(a))}, {"a0": a}),
        ax,
        fixed_points=fixed_points(rest[:, None], slopes[:, None, None]),
        orbit=orbits(latch, [[-0.4], [-0.2]], 12),
    )


def draw_phase_portrait(ax: Axes | None = None) -> Axes:
    parts = portrait()
    return plotting.phase_portrait(parts["field"], ax, fixed_points=parts["fixed_points"], orbits=parts["orbits"])


def draw_portrait_on_basins(ax: Axes | None = None) -> Axes:
    field, *others = (portrait()[name] for name in ("field", "fixed_points", "orbits", "basins"))
    return plotting.phase_portrait(field, ax, fixed_points=others[0], orbits=others[1], basins=others[2])


PICTURES: dict[str, Callable[..., Axes]] = {
    "basin-map": lambda ax=None: plotting.basin_map(basins(), ax),
    "basin-map-shaded": lambda ax=None: plotting.basin_map(basins(), ax, shade=True, colorbar=False),
    "bifurcation-diagram": lambda ax=None: plotting.bifurcation_diagram(bifurcation(), ax),
    "cobweb": draw_cobweb,
    "error-surface": lambda ax=None: plotting.error_surface(surface()[0], ax, paths=surface()[1], colorbar=False),
    "error-surface-relief": lambda ax=None: plotting.error_surface_relief(surface()[0], ax, paths=surface()[1]),
    "lyapunov-convergence": lambda ax=None: plotting.lyapunov_convergence(lyapunov(), ax),
    "phase-portrait": draw_phase_portrait,
    "phase-portrait-on-basins": draw_portrait_on_basins,
    "regime-map": lambda ax=None: plotting.regime_map(regimes(), ax),
    "spectrum-over-time": lambda ax=None: plotting.spectrum_over_time(spectrum(), ax),
    "spectrum-in-the-plane": lambda ax=None: plotting.spectrum_over_time(spectrum(), ax, show="plane"),
}

PROJECTIONS = {"error-surface-relief": "3d"}
