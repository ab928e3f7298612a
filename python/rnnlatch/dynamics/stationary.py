"""States that a system keeps: where they are, whether they are all, and what the linear map around them does."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._locating import BOUND, ask, box_variables, locate
from rnnlatch.dynamics._results import eigenvalues, quantity
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System, Variable, system
from rnnlatch.rng import RNGLike

__all__ = ["fixed_points", "point_variables"]

_AT_ONCE = 2**26  # bytes of the Jacobians that are in memory at once
_DEGENERATE = 1e-6  # 1 minus an eigenvalue: about what rounding makes of 0 at a double point


def fixed_points(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
    box: ArrayLike | None = None,
    complete: bool | None = None,
    starts: ArrayLike | int | None = None,
    tolerance: float = 1e-8,
    max_boxes: int = 100_000,
    rng: RNGLike | None = 0,
) -> xr.Dataset:
    """Find the fixed points of a network with constant input: all of them, with a proof, or as many as a search finds.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``, and None stands for its own w. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step; None: 0.
    variable : {"state", "pre_activation"}
        What is called the state, as in `rnnlatch.dynamics.system`.
    box : array_like, shape (dimension, 2) or (2,), optional
        Where to look. None: wherever the system can come to; of units without bounds, such as relu, it must be given.
    complete : bool, optional
        True: enclose all fixed points in the box. False: search. None: enclose them where the system gives bounds over
        boxes and has one or two numbers, unless `starts` is given. In more dimensions it takes many more boxes.
    starts : int or array_like, shape (starts, dimension), optional
        Of a search, how many initial states to draw, half of them uniformly in the box and half on orbits that begin so;
        or the initial states. None: 1000, of large networks fewer.
    tolerance : float
        Boxes narrower than this are given up as undecided, and solutions of a search that are closer count as one;
        relative to the larger of 1 and the state.
    max_boxes : int
        How many boxes to look at. What is left then is undecided.
    rng : int, SeedSequence, Generator, …
        What initial states are drawn from.

    Returns
    -------
    Dataset
        Over ``fixed_point``, in the order of their first numbers, and ``unit``: ``state``, of an LSTM also ``cell_state``,
        of other states of vanilla networks also ``pre_activation``; ``eigenvalue_real`` and ``eigenvalue_imag`` of the
        Jacobian over ``eigenvalue``, by falling modulus; ``stable``, whether all are inside the unit circle; ``index``, how
        many are outside; ``topological_index``, the sign of det(I - J), 0 where that is degenerate; ``residual``, the
        largest number of F(s) - s without its sign; ``certified``, whether existence and uniqueness are proven. With a proof
        ``bounds_state`` over ``bound``, within which the point is for sure, and ``undecided_state`` over ``undecided``, if
        there are any. Of a search ``found``, how many starts led there, and ``unseen``, an estimate of the points that it
        missed (`rnnlatch.dynamics.newton.chao1`). ``outcome`` is "complete", "incomplete: …" with the reason, "searched",
        or "searched: nothing found". All are dimensionless.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the states have no bounds and no box is given.
    MemoryError
        If so many boxes or starts do not fit.

    Notes
    -----
    What is proven, where the outcome is "complete": the box has as many fixed points as there are, each of them within its
    ``bounds_state``; see `rnnlatch.dynamics.complete.complete`. It holds for the map in real numbers, and rests on the
    measured errors of the core's tanh and logistic function. The eigenvalues and what is said of stability are computed
    in double precision, not proven. At a saddle-node or a pitchfork the point is degenerate and stays undecided; it is
    given all the same, not certified. So is a state at which a rectified unit is between off and on: the eigenvalues are
    those of the side on which it is off, and ``stable`` says whether it is sure to attract from all sides.

    The sum of ``topological_index`` over all fixed points in a box that the map takes into itself is 1 (Lefschetz); a
    search with another sum has missed some.

    Sources: R. E. Moore, "A test for existence of solutions to nonlinear systems", SIAM J. Numer. Anal. 14(4):611-615,
    1977; D. Sussillo and O. Barak, "Opening the black box", Neural Computation 25(3):626-649, 2013, for the search.

    Examples
    --------
    The three fixed points of a tanh unit that can keep a bit, w = 2:

    >>> from rnnlatch.cells import LatchNeuron
    >>> found = fixed_points(LatchNeuron(w=2.0))
    >>> found["state"].values.round(4).ravel() + 0.0, found["stable"].values, str(found["outcome"].values)
    (array([-0.9575,  0.    ,  0.9575]), array([ True, False,  True]), 'complete')
    """
    one = system(cell, params, input=input, variable=variable)
    question = ask(one, box=box, complete=complete, starts=starts, tolerance=tolerance, max_boxes=max_boxes, rng=rng)
    with np.errstate(over="ignore", invalid="ignore"):
        located = locate(one, question)
        data = point_variables(
            one, located.states, "fixed_point", "of the fixed point", located.certified if question.proof else None
        )
    data |= {
        "certified": quantity(
            "fixed_point", located.certified, "whether existence and uniqueness are proven within the bounds"
        ),
        "outcome": quantity((), located.outcome, "outcome of the search"),
    }
    coords = _results.unit(one) | _results.counted("fixed_point", len(located.states), "fixed point")
    coords |= _results.counted("eigenvalue", one.dimension, "rank of the eigenvalue, the largest modulus first")
    if question.proof:
        data |= box_variables(one, located.bounds, "fixed_point", "bounds")
        coords |= BOUND
        if len(located.undecided.low):
            data |= box_variables(one, located.undecided, "undecided", "undecided")
    else:
        data |= {
            "found": quantity("fixed_point", located.found, "starts that led to the fixed point", "starts"),
            "unseen": quantity((), located.unseen, "Chao's estimate of the fixed points that no start led to"),
        }
    source = "rnnlatch.dynamics.fixed_points; " + (
        "Krawczyk (1969), Moore (1977)" if question.proof else "Newton's method"
    )
    counts: dict[str, Any] = {"boxes": located.examined} if question.proof else {"converged_starts": located.converged}
    return _results.assemble(one, source, data, coords, rng=question.rng(located), settings=question.settings, **counts)


def point_variables(
    one: System, states: Floats, dim: str, what: str, certified: NDArray[np.bool_] | None
) -> dict[str, xr.Variable]:
    """Give what is computed of each of some states at rest: their coordinates, and the linear map around them."""
    parts = max(_AT_ONCE // (8 * one.dimension**2), 1)
    values = np.concatenate(
        [eigenvalues(one.jacobian(states[i : i + parts])) for i in range(0, max(len(states), 1), parts)]
    )
    data = _results.states(one, states, (dim,), what)
    if isinstance(one, NetworkSystem) and one.cell.kind == "VanillaRNN" and one.variable == "state":
        sums = one.pre_activations(states)
        data["pre_activation"] = quantity((dim, "unit"), sums, f"pre-activation {what}")
    data |= _results.spectrum(values, (dim,), "eigenvalue of the Jacobian")
    residual = np.abs(one.step(states) - states).max(axis=1, initial=0.0)
    index = topological_index(values, certified)
    if certified is None and len(states):
        index = np.where(one.corners(states)[0], 0, index)
    return data | {
        "stable": quantity(dim, one.attracts(states, values), "whether all eigenvalues are inside the unit circle"),
        "index": quantity(dim, (np.abs(values) > 1.0).sum(axis=1), "eigenvalues outside the unit circle"),
        "topological_index": quantity(dim, index, "sign of det(I - J)"),
        "residual": quantity(dim, residual, "largest number of |F(s) - s|"),
    }


def topological_index(values: NDArray[np.complex128], certified: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Give the sign of det(I - J) from the eigenvalues, shape (…, dimension), and 0 where it cannot be told.

    That is where an eigenvalue is nearly 1; after a proof it is told of all points that are certified, and of no others.

    Examples
    --------
    >>> topological_index(np.array([[0.5, -2.0], [1.5, 0.5], [1.0, 0.0]], complex))
    array([ 1, -1,  0])
    """
    # Pairs of conjugate values make no sign.
    beyond = ((values.imag == 0) & (values.real > 1)).sum(axis=-1)
    certain = (np.abs(1 - values) > _DEGENERATE).all(axis=-1) if certified is None else certified
    return np.where(certain, 1 - 2 * (beyond % 2), 0)
