"""Networks of 50 units with one bit: latched, turned again and again by noise, and on the boundary of their two basins.

W is w times the projection on a direction of signs, and a little of everything else. The bit is the sign of the state's
projection on that direction.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch import gradients
from rnnlatch.cells import VanillaRNN
from rnnlatch.dynamics.latch import attractor
from rnnlatch.simulation import simulate

__all__ = ["BOUNDARY", "CASES", "LATCHED", "SEQUENCES", "SPAN", "TURNED", "UNITS", "Course", "draw"]

UNITS, OTHER, WEIGHT, NOISE = 50, 0.3, 1.25, 0.03
SEQUENCES = 4  # of each network
SETTLING, SPAN = 20, 80  # steps in which the network settles, and those that are looked at
LATCHED, TURNED, BOUNDARY = "latched", "bit turned by noise", "on the boundary"
CASES = (LATCHED, TURNED, BOUNDARY)


class Course(NamedTuple):
    """One network in one case.

    Parameters
    ----------
    log_norm : ndarray of float, shape (sequence, lag)
        log10 of the spectral norm of dh_T/dh_(T-lag).
    largest_step : float
        The largest spectral norm of a single Jacobian dh_t/dh_(t-1), over its sequences and the steps looked at.
    fewest_turns : int
        How often the bit turns within the steps looked at, in the sequence in which it does least.
    most_turns : int
        The same from the start, in the sequence in which it does most: 0 if the bit is always kept.
    """

    log_norm: NDArray[np.float64]
    largest_step: float
    fewest_turns: int
    most_turns: int


def draw(rng: np.random.Generator, threads: int | None) -> dict[str, Course]:
    """Draw one network and its noise; give its course in each of `CASES`."""
    signs = rng.choice([-1.0, 1.0], UNITS)
    weight = WEIGHT / UNITS * np.outer(signs, signs) + rng.normal(0, OTHER / np.sqrt(UNITS), (UNITS, UNITS))
    small = rng.uniform(-NOISE, NOISE, (SEQUENCES, SETTLING + SPAN, UNITS))
    small[:, 0] = attractor(WEIGHT) * signs
    # Noise of independent units averages out along the bit; to turn it, it must be common to all.
    common = attractor(WEIGHT) * rng.uniform(-1, 1, small.shape[:2])
    common[:, 0] = 0
    return {
        LATCHED: _course(weight, small, signs, threads),
        TURNED: _course(weight, small + common[:, :, None] * signs, signs, threads),
        BOUNDARY: _course(weight, np.zeros_like(small), signs, threads),
    }


def _course(
    weight: NDArray[np.float64], drive: NDArray[np.float64], signs: NDArray[np.float64], threads: int | None
) -> Course:
    cell = VanillaRNN(inputs=UNITS, hidden=UNITS, activation="tanh", bias=False)
    params = {"weight_ih_l0": np.eye(UNITS), "weight_hh_l0": weight}
    found = gradients.jacobian_products(cell, params, drive, norms=("spectral",), threads=threads)
    states = simulate(cell, params, drive, threads=threads)
    turns = np.diff(np.sign(states @ signs), axis=1) != 0
    steps = (1 - states[:, -SPAN:] ** 2)[..., None] * weight
    return Course(
        found["log_spectral"].values[:, : SPAN + 1] / np.log(10),
        float(np.linalg.norm(steps, 2, axis=(2, 3)).max()),
        int(turns[:, -SPAN:].sum(1).min()),
        int(turns.sum(1).max()),
    )
