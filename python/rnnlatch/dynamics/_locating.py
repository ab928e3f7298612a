"""Where the fixed points of a system are, by proof or by search: what is asked, and what comes of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch.dynamics import _results
from rnnlatch.dynamics._groups import in_order
from rnnlatch.dynamics._results import quantity
from rnnlatch.dynamics._system import Floats, System, check_box, check_states, is_count
from rnnlatch.dynamics.complete import Complete, complete
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.newton import chao1, default_starts, search, starting_states
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, Seed, normalise

__all__ = ["BOUND", "Located", "Question", "ask", "box_variables", "locate", "members"]

PROVEN_DIMENSIONS = 2
_MOST_STARTS = 10**7
_OF_BOX, _OF_START = 64, 100  # bytes for each of their numbers
_LEAST_TOLERANCE = 1e-13


@dataclass(frozen=True)
class Question:
    """What is asked of a search, checked.

    Parameters
    ----------
    box : ndarray, shape (dimension, 2), or None
        Where to look; None: everywhere.
    proof : bool
        Whether all fixed points in the box are to be enclosed.
    starts : ndarray, shape (starts, dimension)
        Where Newton's method begins; none for a proof.
    tolerance : float
        Solutions that are closer count as one, and boxes are not cut further.
    max_boxes : int
        How many boxes a proof may look at.
    seed : Seed
        What was drawn is drawn from it.
    drawn : bool
        Whether anything was.
    given : ndarray or None
        The box that the caller gave.
    """

    box: Floats | None
    proof: bool
    starts: Floats
    tolerance: float
    max_boxes: int
    seed: Seed
    drawn: bool
    given: Floats | None

    def rng(self, *located: "Located") -> str:
        """Give the seed for the attributes of a dataset, if anything was drawn from it."""
        return self.seed.to_json() if self.drawn or any(one.drew for one in located) else "none"

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked, for the attributes of a dataset."""
        asked: dict[str, Any] = {
            "box": None if self.given is None else self.given.tolist(),
            "complete": self.proof,
            "tolerance": self.tolerance,
        }
        return asked | ({"max_boxes": self.max_boxes} if self.proof else {"starts": len(self.starts)})


@dataclass(frozen=True)
class Located:
    """Fixed points of a system, in the order of their places.

    Parameters
    ----------
    states : ndarray, shape (points, dimension)
        Where they are.
    certified : ndarray of bool, shape (points,)
        Whether it is proven that there is one, and one only, within `bounds`.
    bounds, alone : Interval, shape (points, dimension)
        Where each of them is for sure, and where it is the only one; NaN where nothing is certain.
    found : ndarray of int, shape (points,)
        How many starts of a search led there; 0 where there was none.
    undecided : Interval, shape (boxes, dimension)
        Where a proof could not tell.
    outcome : str
        "complete", "incomplete: …" or "searched".
    examined : int
        How many boxes a proof looked at.
    converged : int
        How many starts of a search led to a fixed point, in the box or not.
    drew : bool
        Whether random numbers were drawn after a proof had come to its end.
    """

    states: Floats
    certified: NDArray[np.bool_]
    bounds: Interval
    alone: Interval
    found: NDArray[np.int64]
    undecided: Interval
    outcome: str
    examined: int
    converged: int
    drew: bool = False

    def vague(self, tolerance: float) -> Interval:
        """Give the undecided boxes, a little wider."""
        slack = tolerance * np.maximum(1.0, self.undecided.magnitude)
        return Interval(self.undecided.low - slack, self.undecided.high + slack)

    @property
    def unseen(self) -> float:
        """About how many fixed points no start of the search has led to."""
        return chao1(self.found)


def ask(
    system: System,
    *,
    box: ArrayLike | None,
    complete: bool | None,
    starts: ArrayLike | int | None,
    tolerance: float,
    max_boxes: int,
    rng: RNGLike | None,
) -> Question:
    """Check what is asked; see `rnnlatch.dynamics.fixed_points`."""
    given = None if box is None else check_box("box", box, system.dimension)
    tolerance = validation.number("tolerance", tolerance, at_least=_LEAST_TOLERANCE)
    max_boxes = validation.integer("max_boxes", max_boxes, at_least=1)
    asked = None if complete is None else validation.flag("complete", complete)
    seed = normalise(rng)
    region = system.box if given is None else given
    if asked is None:
        proof = system.encloses and system.dimension <= PROVEN_DIMENSIONS and starts is None and region is not None
    else:
        proof = asked
    none = np.zeros((0, system.dimension))
    if proof:
        if starts is not None:
            raise ValueError("starts is given and complete is True, which needs none; leave one of them out")
        if not system.encloses:
            raise ValueError(f"complete is True, and {system.describe()} gives no bounds over boxes; search instead")
        if region is None:
            raise ValueError(_boundless(system))
        check_memory(_OF_BOX * system.dimension * max_boxes, f"a proof with {max_boxes} boxes", "use smaller max_boxes")
        return Question(region, True, none, tolerance, max_boxes, seed, False, given)
    if starts is not None and not is_count(starts):
        begun = check_states("starts", starts, system.dimension)
        return Question(given, False, begun, tolerance, max_boxes, seed, False, given)
    count = default_starts(system.dimension)
    if starts is not None:
        count = validation.integer("starts", starts, at_least=1, at_most=_MOST_STARTS)
    check_memory(_OF_START * system.dimension * count, f"a search from {count} starts", "use fewer starts")
    around = system.usual if given is None else given
    if around is None:
        raise ValueError(_boundless(system) + ", or starts as an array")
    return Question(given, False, starting_states(system, around, count, seed), tolerance, max_boxes, seed, True, given)


def _boundless(system: System) -> str:
    return f"box is None, and the states of {system.describe()} have no bounds; give a box"


def locate(system: System, question: Question) -> Located:
    """Find the fixed points."""
    nothing = Interval(np.zeros((0, system.dimension)), np.zeros((0, system.dimension)))
    if not question.proof:
        points = search(system, question.starts, question.box, question.tolerance)
        count = len(points.states)
        unknown = Interval.of(np.full(points.states.shape, np.nan))
        outcome = "searched" if count else "searched: nothing found"
        return Located(
            points.states, np.zeros(count, bool), unknown, unknown, points.found, nothing, outcome, 0, points.converged
        )
    assert question.box is not None
    proven = complete(system, question.box, tolerance=question.tolerance, max_boxes=question.max_boxes)
    count = len(proven.points)
    located = Located(
        proven.points,
        np.ones(count, bool),
        proven.bounds,
        proven.alone,
        np.zeros(count, np.int64),
        proven.undecided,
        _outcome(proven, question.max_boxes),
        proven.examined,
        0,
    )
    return _with_unproven(system, question, located, proven.exhausted) if len(proven.undecided.low) else located


def _outcome(proven: Complete, budget: int) -> str:
    count = len(proven.undecided.low)
    if not count:
        return "complete"
    boxes = f"{count} undecided box{'es' * (count > 1)}"
    return f"incomplete: {boxes}" + (
        f", the budget of {budget} box{'es' * (budget > 1)} is spent" if proven.exhausted else ""
    )


def _with_unproven(system: System, question: Question, located: Located, exhausted: bool) -> Located:
    """Search for points in the undecided boxes: a degenerate one is the reason, or there was too little time."""
    assert question.box is not None
    low, high = located.undecided.low, located.undecided.high
    starts = 0.5 * (low + high)
    if exhausted:
        drawn = starting_states(system, question.box, default_starts(system.dimension), question.seed)
        starts = np.concatenate([starts, drawn])
    points = search(system, starts, question.box, question.tolerance)
    known = members(points.states, located.alone).any(axis=1)
    more, residual = points.states[~known], points.residual[~known]
    near = members(more, located.vague(question.tolerance))
    # Around a degenerate point Newton's method ends here and there: in a box that is as small as can be, one is enough.
    best = np.where(near, residual[:, None], np.inf).argmin(axis=0)[near.any(axis=0)] if len(more) else []
    more = more[near.any(axis=1)] if exhausted else more[np.unique(best).astype(np.int64)]
    unknown = np.full(more.shape, np.nan)
    states = np.concatenate([located.states, more])
    order = in_order(states, 1e-12 * np.maximum(1.0, np.abs(states).max(axis=1, initial=0.0)))
    return replace(
        located,
        states=states[order],
        certified=np.concatenate([located.certified, np.zeros(len(more), bool)])[order],
        bounds=_with(located.bounds, unknown)[order],
        alone=_with(located.alone, unknown)[order],
        found=np.zeros(len(states), np.int64),
        drew=exhausted,
    )


def members(states: Floats, boxes: Interval) -> NDArray[np.bool_]:
    """Say which states are in which boxes, shape (states, boxes)."""
    place = states[:, None]
    return np.asarray(((place >= boxes.low) & (place <= boxes.high)).all(axis=2))


def _with(bounds: Interval, more: Floats) -> Interval:
    return Interval(np.concatenate([bounds.low, more]), np.concatenate([bounds.high, more]))


def box_variables(system: System, boxes: Interval, dim: str, prefix: str) -> dict[str, xr.Variable]:
    """Give boxes, named `prefix`, as variables over `dim`, ``unit`` and ``bound``."""
    ends = np.stack([boxes.low, boxes.high], axis=1)
    words = (
        "of the box in which nothing could be proven" if dim == "undecided" else "within which the point is for sure"
    )
    parts = _results.states(system, ends, (dim, "bound"), words)
    return {f"{prefix}_{name}": part.transpose(dim, "unit", "bound") for name, part in parts.items()}


BOUND = {"bound": quantity("bound", np.array(["low", "high"]), "end of the interval")}
