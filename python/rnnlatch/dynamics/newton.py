"""Newton's method for s = F(s), from many states at once; where searches start, and how many points they may have missed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnlatch.dynamics._groups import distinct
from rnnlatch.dynamics._system import Floats, System
from rnnlatch.rng import Seed

__all__ = ["Converged", "chao1", "default_starts", "newton", "search", "starting_states"]

_AT_ONCE = 2**26  # bytes of the Jacobians that are in memory at once
_STEPS = 100
_HALVINGS = 12
_LEAST_GAIN = 1e-4  # Armijo's condition
_LONGEST = 2.0  # a step, relative to the larger of 1 and the state
_ROUNDING = 2.0**-50  # of the residual, relative to the same: no step is worth while
_CONVERGED = 2.0**-40  # the same, where sums of a thousand terms have been rounded
_NEAR = 2.0**-10  # where the next step is longer the map is slow there, and no fixed point is near
_VAGUE = 100.0  # how far the tolerance stretches where a fixed point is nearly degenerate, and so not known well
_LONGEST_WALK = 128


@dataclass(frozen=True)
class Converged:
    """What Newton's method came to, one entry for each start.

    Parameters
    ----------
    states : ndarray, shape (starts, dimension)
        Where it ended.
    residual : ndarray, shape (starts,)
        The largest number of F(s) - s without its sign; NaN where it left the numbers.
    error : ndarray, shape (starts,)
        The step that would come next, in the maximum norm: about how far off the state is.
    converged : ndarray of bool, shape (starts,)
        Whether the residual is what rounding leaves, and the step that would come next is small.
    """

    states: Floats
    residual: Floats
    error: Floats
    converged: NDArray[np.bool_]


def newton(system: System, starts: Floats, *, max_steps: int = _STEPS) -> Converged:
    """Solve s = F(s) from each start.

    Each step (I - dF/ds) d = F(s) - s is cut to twice the size of the state and halved until the Euclidean norm of
    F(s) - s falls. It ends where the residual is at the level of rounding, or does not fall any more.

    Parameters
    ----------
    system : System
        The map.
    starts : ndarray, shape (starts, dimension)
        Where to begin.
    max_steps : int
        After how many steps to give up.

    Returns
    -------
    Converged

    Examples
    --------
    >>> from rnnlatch.cells import LatchNeuron
    >>> from rnnlatch.dynamics.systems import system
    >>> found = newton(system(LatchNeuron(w=2.0)), np.array([[0.9], [-0.1], [-2.0]]))
    >>> found.states.round(6).ravel() + 0.0, found.converged.all()
    (array([ 0.957504,  0.      , -0.957504]), np.True_)
    """
    parts = max(_AT_ONCE // (8 * system.dimension**2), 1)
    found = [_newton(system, starts[i : i + parts], max_steps) for i in range(0, len(starts), parts)]
    if not found:
        return Converged(starts, np.zeros(0), np.zeros(0), np.zeros(0, bool))
    return Converged(
        np.concatenate([part.states for part in found]),
        np.concatenate([part.residual for part in found]),
        np.concatenate([part.error for part in found]),
        np.concatenate([part.converged for part in found]),
    )


def _newton(system: System, starts: Floats, max_steps: int) -> Converged:
    states = np.array(starts, np.float64)
    error = np.full(len(states), np.inf)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        gap = system.step(states) - states
        active = np.flatnonzero(np.isfinite(gap).all(axis=1))
        for _ in range(max_steps):
            if not active.size:
                break
            step = system.newton_step(states[active], gap[active])
            size = np.abs(step).max(axis=1)
            error[active] = size
            scale = np.maximum(1.0, np.abs(states[active]).max(axis=1))
            step *= np.minimum(1.0, _LONGEST * scale / np.maximum(size, 1e-300))[:, None]
            # One more step is taken at the level of rounding: it costs nothing now.
            last = np.abs(gap[active]).max(axis=1) <= _ROUNDING * scale
            moved = _walk(system, states, gap, active, step, last)
            active = active[moved & ~last & np.isfinite(step).all(axis=1)]
    residual = np.abs(gap).max(axis=1)
    scale = np.maximum(1.0, np.abs(states).max(axis=1))
    with np.errstate(invalid="ignore"):
        return Converged(states, residual, error, (residual <= _CONVERGED * scale) & (error <= _NEAR * scale))


def _walk(
    system: System, states: Floats, gap: Floats, active: NDArray[np.int64], step: Floats, once: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Take as much of each step as makes the gap smaller, and say where that was possible; `once`: all of it or nothing."""
    moved = np.zeros(len(active), bool)
    left = np.arange(len(active))
    share = 1.0
    for _ in range(_HALVINGS):
        here = active[left]
        tried = states[here] + share * step[left]
        new = system.step(tried) - tried
        before, after = (gap[here] ** 2).sum(axis=1), (new**2).sum(axis=1)
        better = after < (1.0 - 2.0 * _LEAST_GAIN * share) * before
        states[here[better]], gap[here[better]] = tried[better], new[better]
        moved[left[better]] = True
        left = left[~better & ~once[left]]
        if not left.size:
            break
        share *= 0.5
    return moved


@dataclass(frozen=True)
class Points:
    """Fixed points that a search found, in the order of their places.

    Parameters
    ----------
    states : ndarray, shape (points, dimension)
        Where they are.
    residual : ndarray, shape (points,)
        The largest number of F(s) - s without its sign.
    found : ndarray of int, shape (points,)
        How many starts led to each.
    converged : int
        How many starts led to a fixed point at all, inside the box or not.
    """

    states: Floats
    residual: Floats
    found: NDArray[np.int64]
    converged: int


def search(system: System, starts: Floats, box: Floats | None, tolerance: float) -> Points:
    """Solve s = F(s) from each start, and tell which solutions are the same.

    Parameters
    ----------
    system : System
        The map.
    starts : ndarray, shape (starts, dimension)
        Where to begin. Their order has no influence.
    box : ndarray, shape (dimension, 2), or None
        Only solutions in it count.
    tolerance : float
        Solutions that are closer in each number, relative to the larger of 1 and the state, count as one.
    """
    found = newton(system, starts)
    good = found.converged
    states, residual, error = found.states[good], found.residual[good], found.error[good]
    least = 0.5 * tolerance * np.maximum(1.0, np.abs(states).max(axis=1, initial=0.0))
    radius = np.clip(4.0 * error, least, _VAGUE * least)
    if box is not None:
        slack = least[:, None]
        inside = ((states >= box[:, 0] - slack) & (states <= box[:, 1] + slack)).all(axis=1)
        states, residual, radius = states[inside], residual[inside], radius[inside]
    chosen, label = distinct(states, radius, residual)
    return Points(states[chosen], residual[chosen], np.bincount(label, minlength=len(chosen)), int(good.sum()))


def chao1(found: NDArray[np.int64]) -> float:
    """Estimate how many points no start has led to, from how many starts have led to each.

    Returns
    -------
    float
        Chao's estimate of the classes that a sample has not seen, in the form without bias where all are found alike:
        (n - 1) / n f1 (f1 - 1) / (2 (f2 + 1)), with f1 classes found once and f2 twice. It is a lower bound on average.

    Notes
    -----
    Source: A. Chao, "Nonparametric estimation of the number of classes in a population", Scandinavian Journal of
    Statistics 11(4):265-270, 1984.

    Examples
    --------
    >>> round(chao1(np.array([17, 1, 1, 1, 2, 9])), 4)
    1.4516
    """
    once, twice, total = int((found == 1).sum()), int((found == 2).sum()), int(found.sum())
    return (total - 1) / total * once * (once - 1) / (2 * (twice + 1)) if once > 1 else 0.0


def starting_states(system: System, box: Floats, count: int, seed: Seed) -> Floats:
    """Draw states to start searches from: every other one uniform in a box, and the rest on orbits that begin so.

    Those on orbits are taken after 1 to 128 steps, with equal chances for each factor of 2. The first ones are the same
    whatever `count` is.
    """
    uniform, steps = (np.random.default_rng(child) for child in seed.sequence().spawn(2))
    states = box[:, 0] + (box[:, 1] - box[:, 0]) * uniform.random((count, system.dimension))
    walks = np.floor(np.exp2(np.log2(_LONGEST_WALK) * steps.random(count))).astype(np.int64)
    walks[::2] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(int(walks.max(initial=0))):
            walking = np.flatnonzero(walks > step)
            new = system.step(states[walking])
            whole = np.isfinite(new).all(axis=1)  # one that diverges stays where it was
            states[walking[whole]] = new[whole]
    return states


def default_starts(dimension: int) -> int:
    """How many starts are taken where nothing is said: a thousand, fewer where one takes long."""
    return int(np.clip(10**9 // dimension**3, 32, 1000))
