"""States that change slowly: minima of the speed of a system, of which fixed points are those where it is 0."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._groups import distinct
from rnnlatch.dynamics._locating import ask
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics.stationary import point_variables
from rnnlatch.dynamics.systems import Floats, System, Variable, system
from rnnlatch.rng import RNGLike

__all__ = ["slow_points"]

_AT_ONCE = 2**25  # bytes of the matrices that are in memory at once
_FIRST_DAMPING = 1e-3
_MOST_DAMPING = 1e12  # relative to the largest curvature: no step makes q smaller
_SMALL_STEP = 1e-12
_NOTHING = 1e-33  # q at which rounding has the word


def slow_points(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    starts: ArrayLike | int | None = None,
    tolerance: float = 1e-5,
    fixed_below: float = 1e-20,
    max_steps: int = 1000,
    rng: RNGLike | None = 0,
) -> xr.Dataset:
    """Find states at which a network with constant input is slow: local minima of q = ``½ |F(s) - s|²``.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``, and None stands for its own w. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        What is called the state, as in `rnnlatch.dynamics.system`; q is not the same function in both forms.
    box : array_like, shape (dimension, 2) or (2,), optional
        Only minima in it count, and initial states are drawn there. None: where the system can come to.
    starts : int or array_like, shape (starts, dimension), optional
        How many initial states to draw, half of them uniformly in the box and half on orbits that begin so; or the
        initial states. None: 1000, of large networks fewer.
    tolerance : float
        Minima that are closer, relative to the larger of 1 and the state, count as one.
    fixed_below : float
        What q is at most where a minimum is called a fixed point.
    max_steps : int
        After how many steps to take what there is.
    rng : int, SeedSequence, Generator, …
        What initial states are drawn from.

    Returns
    -------
    Dataset
        Over ``slow_point``, by rising q, and ``unit``: ``state`` and so on, ``eigenvalue_real``, ``eigenvalue_imag``,
        ``stable``, ``index``, ``topological_index`` and ``residual`` of the linear map there, as
        `rnnlatch.dynamics.fixed_points` gives them; ``q``; ``speed``, the Euclidean norm of F(s) - s, per
        step; ``gradient``, the largest number of the gradient of q without its sign, which tells how good the minimum is;
        ``fixed``, whether q is at most `fixed_below`; ``found``, how many starts led there. ``outcome`` is "searched", or
        "searched: nothing found". All but the speed are dimensionless.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the states have no bounds and neither box nor starts are given.
    MemoryError
        If so many starts do not fit.

    Notes
    -----
    Levenberg and Marquardt's method with the exact Jacobian of F(s) - s, from all starts at once; the damping as
    K. Madsen, H. B. Nielsen and O. Tingleff, Methods for non-linear least squares problems, 2nd ed., 2004, section 3.2.
    Where q does not become 0 it converges linearly only.

    Source: D. Sussillo and O. Barak, "Opening the black box: low-dimensional dynamics in high-dimensional recurrent
    neural networks", Neural Computation 25(3):626-649, 2013.

    Examples
    --------
    A tanh unit just beyond h*, where two fixed points have met and gone: what is left of them is slow.

    >>> from rnnlatch.cells import LatchNeuron
    >>> found = slow_points(LatchNeuron(w=2.0), input=0.54, variable="pre_activation")
    >>> found["state"].values.ravel().round(3), found["fixed"].values, found["speed"].values.round(5)
    (array([ 2.514, -0.881]), array([ True, False]), array([0.     , 0.00716]))
    """
    one = system(cell, params, input=input, variable=variable)
    fixed_below = validation.number("fixed_below", fixed_below, at_least=0)
    max_steps = validation.integer("max_steps", max_steps, at_least=1)
    question = ask(one, box=box, complete=False, starts=starts, tolerance=tolerance, max_boxes=1, rng=rng)
    region = one.box if question.given is None else question.given
    parts = max(_AT_ONCE // (8 * one.dimension**2), 1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ends = np.concatenate(
            [_descend(one, question.starts[i : i + parts], max_steps) for i in range(0, len(question.starts), parts)]
        )
        q, slope = _measure(one, ends)
        scale = np.maximum(1.0, np.abs(ends).max(axis=1))
        good = np.isfinite(q) & np.isfinite(slope)
        if region is not None:
            slack = question.tolerance * scale[:, None]
            good &= ((ends >= region[:, 0] - slack) & (ends <= region[:, 1] + slack)).all(axis=1)
        ends, q, slope, scale = ends[good], q[good], slope[good], scale[good]
        chosen, label = distinct(ends, 0.5 * question.tolerance * scale, q)
        found = np.bincount(label, minlength=len(chosen))
        order = np.argsort(np.where(q[chosen] <= fixed_below, 0.0, q[chosen]), kind="stable")
        chosen, found = chosen[order], found[order]
        q = q[chosen]
        data = point_variables(one, ends[chosen], "slow_point", "of the slow point", None)
    data |= {
        "q": quantity("slow_point", q, "half the squared speed"),
        "speed": quantity("slow_point", np.sqrt(2 * q), "speed |F(s) - s|", "1/step"),
        "gradient": quantity("slow_point", slope[chosen], "largest number of the gradient of q"),
        "fixed": quantity("slow_point", q <= fixed_below, "whether it is a fixed point"),
        "found": quantity("slow_point", found, "starts that led to the slow point", "starts"),
        "outcome": quantity((), "searched" if len(chosen) else "searched: nothing found", "outcome of the search"),
    }
    coords = _results.unit(one) | _results.counted("slow_point", len(chosen), "slow point")
    coords |= _results.counted("eigenvalue", one.dimension, "rank of the eigenvalue, the largest modulus first")
    settings = question.settings | {"fixed_below": fixed_below, "max_steps": max_steps}
    del settings["complete"]
    source = "rnnlatch.dynamics.slow_points; Sussillo and Barak (2013)"
    return _results.assemble(one, source, data, coords, rng=question.rng(), settings=settings)


def _measure(system: System, states: Floats) -> tuple[Floats, Floats]:
    """Give q, and the largest number of its gradient."""
    gap = system.step(states) - states
    slope = np.empty(len(states))
    parts = max(_AT_ONCE // (8 * system.dimension**2), 1)
    for i in range(0, len(states), parts):
        here = slice(i, i + parts)
        slope[here] = np.abs(_linearise(system, states[here], gap[here])[0]).max(axis=1)
    return 0.5 * (gap**2).sum(axis=1), slope


def _linearise(system: System, states: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """Give the gradient of q, and the part of its second derivative that has no second derivative of F."""
    derivative = system.jacobian(states)
    units = np.arange(system.dimension)
    derivative[:, units, units] -= 1.0
    turned = derivative.swapaxes(1, 2)
    return (turned @ gap[:, :, None])[:, :, 0], turned @ derivative


def _descend(system: System, starts: Floats, max_steps: int) -> Floats:
    """Go down to a minimum of q from each start."""
    states = np.array(starts)
    gap = system.step(states) - states
    q = 0.5 * (gap**2).sum(axis=1)
    gradient, curvature = _linearise(system, states, gap)
    units = np.arange(system.dimension)
    largest = np.maximum(curvature[:, units, units].max(axis=1), 1e-300)
    damping, growth = _FIRST_DAMPING * largest, np.full(len(states), 2.0)
    active = np.flatnonzero(np.isfinite(q) & np.isfinite(gradient).all(axis=1))
    for _ in range(max_steps):
        active = active[(q[active] > _NOTHING) & (damping[active] <= _MOST_DAMPING * largest[active])]
        if not active.size:
            break
        damped = curvature[active]
        damped[:, units, units] += damping[active, None]
        step = -_solved(damped, gradient[active])
        tried = states[active] + step
        new_gap = system.step(tried) - tried
        new_q = 0.5 * (new_gap**2).sum(axis=1)
        promised = 0.5 * (step * (damping[active, None] * step - gradient[active])).sum(axis=1)
        ratio = (q[active] - new_q) / promised
        better = (new_q < q[active]) & (promised > 0)
        moved = active[better]
        states[moved], gap[moved], q[moved] = tried[better], new_gap[better], new_q[better]
        if moved.size:
            gradient[moved], curvature[moved] = _linearise(system, states[moved], gap[moved])
            largest[moved] = np.maximum(curvature[moved][:, units, units].max(axis=1), 1e-300)
        damping[moved] *= np.maximum(1 / 3, 1 - (2 * ratio[better] - 1) ** 3)
        growth[moved] = 2.0
        stuck = active[~better]
        damping[stuck] *= growth[stuck]
        growth[stuck] *= 2.0
        small = np.abs(step).max(axis=1) <= _SMALL_STEP * np.maximum(1.0, np.abs(states[active]).max(axis=1))
        active = active[~small]
    return states


def _solved(matrices: Floats, right: Floats) -> Floats:
    """Solve with damped matrices, which are singular only where a start has come to an end."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        return np.stack([np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(matrices, right, strict=True)])
