"""Initial states that are the same at all values of a parameter."""

from collections.abc import Sequence

import numpy as np

from rnnlatch import validation
from rnnlatch.dynamics._starts import make_starts
from rnnlatch.dynamics._system import is_count
from rnnlatch.dynamics.systems import Floats, System
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["common_starts"]

_MOST = 10**7
_SPREAD = 8  # numbers of a state; of more the powers are too much alike


def common_starts(
    one: System, ends: Sequence[System], starts: object, region: Floats | None, rng: RNGLike | None
) -> Floats:
    """Give the states from which orbits are followed at all values of some parameters.

    Parameters
    ----------
    one : System
        In whose form they are.
    ends : sequence of System
        The same with the parameters at their ends.
    starts : int or array_like, shape (starts, dimension)
        How many, or which.
    region : ndarray, shape (dimension, 2), or None
        Where they lie; None: where states of the ends are.
    rng : int, SeedSequence, Generator, …
        What they are drawn from.

    Returns
    -------
    ndarray, shape (starts, dimension)
        Evenly spaced for states of one number, evenly spread from a random place for up to eight, else drawn.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or nothing says where states are.
    """
    if not is_count(starts):
        found = make_starts(one, starts=starts, rng=rng)
        return found.states(np.arange(found.count))
    count = validation.integer("starts", starts, at_least=1, at_most=_MOST)
    usual = [end.usual for end in ends]
    if region is None and any(bound is None for bound in usual):
        raise ValueError(
            f"box is None, and the states of {one.describe()} have no bounds; say where to look, or give starts as states"
        )
    if region is None:  # of pre-activations it moves with the parameter
        both = np.stack([bound for bound in usual if bound is not None])
        region = np.stack([both[:, :, 0].min(axis=0), both[:, :, 1].max(axis=0)], axis=1)
    if one.dimension == 1:
        # Never on the middle: what is symmetric has a fixed point there, and orbits that begin on it stay.
        return region[:, 0] + (region[:, 1] - region[:, 0]) * ((np.arange(count) + 0.5 - 0.01) / count)[:, None]
    if one.dimension > _SPREAD:
        found = make_starts(one, starts=count, box=region, rng=rng)
        return found.states(np.arange(found.count))
    check_memory(24 * count * one.dimension, f"a sample of {count} states", "use fewer starts")
    shares = _spread(count, one.dimension, np.random.default_rng(normalise(rng).sequence()))
    return region[:, 0] + (region[:, 1] - region[:, 0]) * shares


def _spread(count: int, dimension: int, rng: np.random.Generator) -> Floats:
    """Spread points over the unit cube: a Kronecker sequence of powers of the root of x^(d + 1) = x + 1, from a random place.

    Of 16 points in a square none of the quarters goes without, as it would with one in 25 samples that are drawn.
    """
    root = 2.0
    for _ in range(64):
        root = (1.0 + root) ** (1.0 / (dimension + 1))
    steps = root ** -(1.0 + np.arange(dimension))
    return np.asarray((rng.random(dimension) + np.arange(count)[:, None] * steps) % 1.0)
