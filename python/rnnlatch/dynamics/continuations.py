"""Branches of fixed points and periodic orbits along a parameter, stable or not, through their folds, with special points."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import AxisLike
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics._branches import (
    LONGEST,
    Branch,
    branch_of,
    branch_variables,
    check_interval,
    check_steps,
    outcome_of,
)
from rnnlatch.dynamics._curves import NO_CURVE, NO_START, Trace, first_point, is_start
from rnnlatch.dynamics._families import family
from rnnlatch.dynamics._results import assemble, quantity, unit
from rnnlatch.dynamics.systems import Floats, System, Variable, system

__all__ = ["continuation"]

SOURCE = "rnnlatch.dynamics.continuation; pseudo-arclength, H. B. Keller (1977)"


def continuation(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None,
    parameter: AxisLike,
    interval: ArrayLike,
    *,
    start: ArrayLike,
    at: float | None = None,
    period: int = 1,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    step: float = 0.005,
    max_step: float = 0.02,
    min_step: float = 1e-7,
    max_points: int = 2000,
) -> xr.Dataset:
    """Follow fixed points, or the points of periodic orbits, along a parameter, and locate where they change.

    A branch is followed from where it is at one value of the parameter, both ways, through folds and whether it is stable or
    not, until it leaves the interval or closes. Between points the step adapts to how the curve bends. Special points are
    noticed by signs and counts that change from one point to the next, and located by solving the equations that define them.

    Parameters
    ----------
    cell : NetworkCell, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, or None
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``; None for a map.
    parameter : str or mapping of arrays
        What changes: an element such as ``"bias_ih_l0[0]"`` or ``"input[0]"``, of a latch ``"weight"`` or ``"input"``, a
        parameter of a map; or a direction, arrays named and shaped like the parameters, whose values are steps from `params`.
    interval : array_like, shape (2,)
        Its smallest and its largest value.
    start : array_like, shape (dimension,) or (branches, dimension)
        States near those to begin with, in the form that `variable` says.
    at : float, optional
        The value of the parameter at which they are; None: the one that the system has.
    period : int
        1: fixed points. p: points of orbits of period p, as fixed points of the map applied p times; each branch then is of one
        of their points, and goes over to the next one where it passes a period-doubling. At most 1000.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        Whether states are those after the nonlinearity or the sums before it, see `rnnlatch.dynamics.system`.
    step, max_step, min_step : float
        Lengths of the first, the longest and the shortest step, in shares of the interval and of the box of states together.
    max_points : int
        Points of a branch each way from its start.

    Returns
    -------
    Dataset
        Over (branch, point), NaN (False, -1) after the ``points`` of a branch: ``value`` of the parameter; ``state``
        (branch, point, unit), of an LSTM ``cell_state`` too; ``eigenvalue_real``, ``eigenvalue_imag`` (branch, point,
        eigenvalue) of the Jacobian of the map applied `period` times; ``stable``; ``index``, the eigenvalues outside the unit
        circle; ``residual``. Over ``branch``: ``period``, ``first_end`` and ``last_end``: "end of the interval", "closed",
        or what stopped it: "points used up", "no step leads on", "out of bounds", "no fixed point at the start", or
        "no single curve at the start", as where fixed points are not isolated.
        Over ``special``: ``special_value``, ``special_state``, ``special_kind`` ("saddle-node", "pitchfork", "branch point",
        "period-doubling", "Neimark-Sacker"), ``special_branch``, ``special_point`` that it comes after, ``special_period``,
        ``special_accuracy``, an estimate from the rounding of the equations of how far its value is off, and
        ``special_angle`` of the eigenvalues at a Neimark-Sacker point. ``outcome`` is "complete" if every
        branch was followed to the end of the interval or around, or says which was not.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the units are thresholds, which have no derivatives to follow.

    Notes
    -----
    Two special points of one kind within one step can cancel and go unnoticed; `max_step` bounds the step. Where several
    happen at one value, as in a network with symmetries, the step shrinks to `min_step` and each is reported by itself.
    Of two curves that come closer than a step, one may be left for the other. Branches of rectified units have corners, at
    which they end with "no step leads on"; a start beyond goes on.

    Examples
    --------
    A logistic unit of Pascanu et al. (2013), x = 5 σ(x) + b, has two saddle-nodes:

    >>> from rnnlatch import cells, dynamics
    >>> unit = cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
    >>> params = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [0.0], "bias_hh_l0": [0.0]}
    >>> found = dynamics.continuation(unit, params, "bias_ih_l0[0]", (-3, -2), start=[-3.0], at=-3, variable="pre_activation")
    >>> found["special_kind"].values.tolist()
    ['saddle-node', 'saddle-node']
    >>> found["special_value"].values.round(10)
    array([-2.34438966, -2.65561034])
    """
    one = system(cell, params, input=input, variable=variable)
    if not one.smooth:
        raise ValueError("cell has thresholds, activation 'sign'; continuation needs units with a derivative")
    axis = one.parameter(parameter)
    bounds = check_interval(interval)
    period = validation.integer("period", period, at_least=1, at_most=LONGEST)
    steps = check_steps(step, max_step, min_step, max_points)
    starts = check_starts("start", start, one.dimension)
    value = check_value("at", axis.value if at is None else at, bounds, at is None)
    curves = family(one, axis, bounds, period, starts)
    branches = []
    with np.errstate(all="ignore"):  # what is not finite is refused point by point
        for state in starts:
            point = first_point(curves, state, value)
            if point is None:
                why = NO_CURVE if is_start(curves, state, value) else NO_START
                branches.append(Branch(curves, Trace([], (why, why)), []))
            else:
                branches.append(branch_of(curves, point, steps))
    specials = [(row, number, special) for row, one in enumerate(branches) for number, special in one.specials]
    data, coords = branch_variables(one, axis, branches, specials)
    settings: dict[str, Any] = {
        "parameter": axis.label,
        "interval": list(bounds),
        "at": value,
        "period": period,
        "step": steps.step,
        "max_step": steps.max_step,
        "min_step": steps.min_step,
        "max_points": steps.max_points,
    }
    data["outcome"] = quantity((), outcome_of(branches), "how the branch ended")
    return assemble(one, SOURCE, data, coords | unit(one), settings=settings)


def check_starts(name: str, value: object, dimension: int) -> Floats:
    """Check states, one or many; give them as rows."""
    allowed = f"an array of finite numbers, shape ({dimension},) or (n, {dimension})"
    array = floats(name, value, allowed, np.dtype(np.float64))
    if array.ndim == 0 and dimension == 1:
        array = array[None]
    if array.ndim not in (1, 2) or array.shape[-1] != dimension or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    return np.array(array.reshape(-1, dimension))


def check_value(name: str, value: object, bounds: tuple[float, float], own: bool) -> float:
    """Check a value of the parameter, the system's own or one that was given."""
    number = validation.number(name, value)
    if not bounds[0] <= number <= bounds[1]:
        whose = "; the system is there, name a value in the interval at which start is" if own else ""
        raise ValueError(f"{name} is {number!r}{whose}; it must be within interval, {list(bounds)}")
    return number
