"""Which kind of dynamics a system has over two of its parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import Axis, AxisLike
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _one_unit
from rnnlatch.dynamics._results import assemble, quantity
from rnnlatch.dynamics._settled_along import moved, orbits_along, settle_along
from rnnlatch.dynamics._settled_starts import common_starts
from rnnlatch.dynamics.attraction import check_settings
from rnnlatch.dynamics.systems import Floats, System, Variable, check_box, system
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["regimes"]

SOURCE = "rnnlatch.dynamics.regimes"

_OF_POINT = 400  # bytes
_AT_ONCE = 2**15  # orbits
_SAME = 1e-5  # orbits that are closer, relative to the larger of 1 and the box, have settled on one attractor
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def regimes(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None,
    parameters: tuple[AxisLike, AxisLike],
    values: tuple[ArrayLike, ArrayLike],
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    starts: ArrayLike = 16,
    box: ArrayLike | None = None,
    tolerance: float = 1e-9,
    max_period: int = 64,
    max_steps: int = 2000,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Count the attractors over a grid of two parameters, by where orbits from many starts settle.

    Parameters
    ----------
    cell, params, input, variable
        As in `rnnlatch.dynamics.continuation`.
    parameters : pair of str or mapping of arrays
        What changes along x and along y, each as `rnnlatch.dynamics.continuation` takes it.
    values : pair of array_like, shapes (x,) and (y,)
        Their values, ascending.
    starts, box, tolerance, max_period, max_steps, rng, threads
        As in `rnnlatch.dynamics.bifurcation`; the same starts at all grid points.

    Returns
    -------
    Dataset
        Over (x, y): ``regime``, a number whose meaning the attributes ``flag_values`` and ``flag_meanings`` have, such as
        "two_fixed_points", "period_2", "one_fixed_point_and_unsettled"; ``attractors`` that orbits settled on,
        ``fixed_points`` and ``periodic`` (orbits) among them; ``largest_period``; ``unsettled`` and ``diverged``, the starts
        that did not settle in `max_steps` or left the numbers; ``all_fixed_points``, stable or not, counted exactly for one
        tanh or logistic unit and -1 for others. Over (edge, edge_point), for such a unit where one axis is of its weight and
        the other of its biases or inputs: ``edge_x``, ``edge_y``, the curves on which fixed points appear or double their
        period in closed form, through the cusp in their middle, and over ``edge`` ``edge_kind``: "saddle-node" or
        "period-doubling".

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If a grid of so many points does not fit.

    Notes
    -----
    Attractors that no start leads to are not counted; they were searched for. ``all_fixed_points`` is exact but for rounding:
    with the pre-activation a, the two solutions of w phi'(a) = 1 and the signs of w phi(a) + c - a at them tell the number.
    The curves are w = ± 1 / phi'(a), c = a - w phi(a).

    Examples
    --------
    >>> from rnnlatch import cells, dynamics
    >>> found = dynamics.regimes(cells.LatchNeuron(), None, ("weight", "input"), ([-2.0, 0.5, 2.0], [0.0, 3.0]))
    >>> words = found["regime"].attrs["flag_meanings"].split()
    >>> [[words[code] for code in row] for row in found["regime"].values]
    [['period_2', 'one_fixed_point'], ['one_fixed_point', 'one_fixed_point'], ['two_fixed_points', 'one_fixed_point']]
    >>> found["all_fixed_points"].values.tolist()
    [[1, 1], [1, 1], [3, 1]]
    """
    one = system(cell, params, input=input, variable=variable)
    axes = _axes(one, parameters)
    grid = _grid(values)
    region = None if box is None else check_box("box", box, one.dimension)
    limits = check_settings(max_steps, tolerance, max_period)
    max_steps, tolerance, max_period = limits["max_steps"], limits["tolerance"], limits["max_period"]
    count = grid[0].size * grid[1].size
    check_memory(_OF_POINT * count, f"a grid of {count} points", "use fewer values")
    seed, threads = normalise(rng), check_threads(threads)
    pairs = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 2)
    corners = [moved(one, axes, np.array([x, y])) for x in grid[0][[0, -1]] for y in grid[1][[0, -1]]]
    begin = common_starts(one, corners, starts, region, rng)
    size = 1.0 if one.usual is None else max(1.0, float(np.abs(one.usual).max()))
    parts = []
    rows = max(_AT_ONCE // len(begin), 1)
    for first in range(0, len(pairs), rows):
        here = pairs[first : first + rows]
        settled = settle_along(
            one, axes, here, begin, tolerance=tolerance, max_period=max_period, max_steps=max_steps, threads=threads
        )
        orbits, period = orbits_along(one, axes, here, settled, tolerance=tolerance, unsettled=1, threads=threads)
        parts.append(_counted(orbits, period, _SAME * size))
    fixed, periodic, largest, unsettled, diverged = (np.concatenate(part) for part in zip(*parts, strict=True))
    names = [_name(*row) for row in zip(fixed, periodic, largest, unsettled > 0, diverged > 0, strict=True)]
    meanings = sorted(set(names), key=lambda name: (name[1], name[0]))
    code = {name: number for number, name in enumerate(meanings)}
    unit = _one_unit.as_one_unit(one)
    exact = np.full(len(pairs), -1) if unit is None else _one_unit.count_fixed_points(unit, axes, pairs)
    shape = (grid[0].size, grid[1].size)
    words = {
        "attractors": (fixed + periodic, "attractors that orbits settled on"),
        "fixed_points": (fixed, "fixed points that orbits settled on"),
        "periodic": (periodic, "periodic orbits that orbits settled on"),
        "largest_period": (largest, "longest period among them"),
        "unsettled": (unsettled, "starts that did not settle"),
        "diverged": (diverged, "starts that diverged"),
        "all_fixed_points": (exact, "fixed points, stable or not"),
    }
    data = {name: quantity(("x", "y"), array.reshape(shape), text) for name, (array, text) in words.items()}
    regime = quantity(("x", "y"), np.array([code[name] for name in names]).reshape(shape), "regime")
    regime.attrs |= {"flag_values": list(range(len(meanings))), "flag_meanings": " ".join(n for n, _ in meanings)}
    data = {"regime": regime} | data | _edges(unit, axes, grid)
    coords = {dim: quantity(dim, array, axis.label) for dim, array, axis in zip("xy", grid, axes, strict=True)}
    settings: dict[str, Any] = {
        "parameters": [axis.label for axis in axes],
        "starts": len(begin),
        "box": None if region is None else region.tolist(),
        "tolerance": tolerance,
        "max_period": max_period,
        "max_steps": max_steps,
    }
    return assemble(one, SOURCE, data, coords, rng=seed.to_json(), settings=settings)


def _axes(one: System, parameters: object) -> list[Axis]:
    if isinstance(parameters, str) or not isinstance(parameters, Sequence) or len(parameters) != 2:
        raise TypeError(f"parameters is {validation.show(parameters)}; it must be two of them, for x and for y")
    x, y = (one.parameter(axis, f"parameters[{number}]") for number, axis in enumerate(parameters))
    if x.element is not None and x.element == y.element:
        raise ValueError(f"parameters has {x.label!r} twice; x and y must be two parameters")
    return [x, y]


def _grid(values: object) -> tuple[Floats, Floats]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        raise TypeError(f"values is {validation.show(values)}; it must be two arrays, for x and for y")
    found = []
    for number, given in enumerate(values):
        allowed = "ascending finite numbers along one axis"
        array = floats(f"values[{number}]", given, allowed, np.dtype(np.float64))
        if array.ndim != 1 or not array.size:
            raise ValueError(f"values[{number}] has shape {array.shape}; it must be {allowed}")
        check_finite(f"values[{number}]", array)
        if not (array[1:] > array[:-1]).all():
            raise ValueError(f"values[{number}] is {validation.show(array.tolist())}; it must be {allowed}")
        found.append(array)
    return found[0], found[1]


def _counted(orbits: Floats, period: NDArray[np.int32], same: float) -> tuple[NDArray[np.int64], ...]:
    """Count fixed points, periodic orbits, the longest period, and starts that did not settle or diverged, per grid point."""
    count, many = period.shape
    new = np.zeros((count, many), bool)
    for start in range(many):
        known = np.zeros(count, bool)
        for other in range(start):
            # NaN after the period is near nothing
            near = (np.abs(orbits[:, other] - orbits[:, start, :1]).max(axis=2) <= same).any(axis=1)
            known |= new[:, other] & near & (period[:, other] == period[:, start])
        new[:, start] = (period[:, start] > 0) & ~known
    fixed = (new & (period == 1)).sum(axis=1)
    periodic = (new & (period > 1)).sum(axis=1)
    largest = np.where(new, period, 0).max(axis=1)
    return fixed, periodic, largest, (period == 0).sum(axis=1), (period < 0).sum(axis=1)


def _name(fixed: int, periodic: int, largest: int, unsettled: bool, diverged: bool) -> tuple[str, tuple[int, ...]]:
    """Say in words what there is, and give what to sort by."""
    parts = []
    if fixed:
        parts.append(f"{_word(fixed)}_fixed_point{'s' if fixed > 1 else ''}")
    if periodic == 1:
        parts.append(f"period_{largest}")
    elif periodic:
        parts.append(f"{_word(periodic)}_orbits_up_to_period_{largest}")
    parts += ["unsettled"] * bool(unsettled) + ["diverging"] * bool(diverged)
    return "_and_".join(parts), (int(diverged), int(unsettled), int(largest), int(periodic), int(fixed))


def _word(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)


def _edges(unit: Any, axes: list[Axis], grid: tuple[Floats, Floats]) -> dict[str, xr.Variable]:
    curves = [] if unit is None else _one_unit.edges(unit, axes, grid)
    if not curves:
        return {}
    dims = ("edge", "edge_point")
    return {
        "edge_x": quantity(dims, np.array([x for _, x, _ in curves]), axes[0].label),
        "edge_y": quantity(dims, np.array([y for _, _, y in curves]), axes[1].label),
        "edge_kind": quantity("edge", np.array([kind for kind, _, _ in curves]), "what happens there"),
    }
