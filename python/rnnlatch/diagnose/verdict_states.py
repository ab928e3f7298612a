"""What is said of the states: where they go, and what they hold."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from rnnlatch.diagnose.diagnosis import Evidence, Finding
from rnnlatch.diagnose.driven import Driven
from rnnlatch.diagnose.wording import count, number

__all__ = ["about_states"]

LARGE, TENFOLD = 1e3, 10.0  # a state that is so large, and still grows so much over the second half


def about_states(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    """Give what follows from trajectories, exponents and fixed points."""
    if not driven.overflow.any():
        yield from _growing(driven, data)


def _growing(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    size = data["largest_state"].values
    middle, last = size[:, (driven.time - 1) // 2], size[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        growing = (last > LARGE) & (last > TENFOLD * middle)
    if not growing.any():
        return
    largest = float(last.max())
    yield Finding(
        "state-grows",
        "problem",
        f"The state grows and grows: in {int(growing.sum())} of {count(driven.batch, 'sequence')} it is more than ten times as "
        f"large after {count(driven.time, 'step')} as half-way, and reaches {number(largest)}.",
        (Evidence("largest number of the state at the last step", largest, "1", f"largest_state[step={driven.time}]"),),
        "Recurrent weights with a spectral radius of at most 1, or tanh instead of relu or linear units.",
    )
