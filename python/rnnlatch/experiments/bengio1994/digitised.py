"""Fig. 2 of Bengio, Simard & Frasconi (1994), measured on a scan. These are not printed numbers.

Reading error of Fig. 2b is about 0.01. Of Fig. 2a only what is plainly white or plainly black on the scan is given; cells between
the two, and the patchy right-hand side at small s, are marked as not readable.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLACK",
    "FIG_2A_INITIAL_WEIGHT",
    "FIG_2A_NOISE_LEVEL",
    "FIG_2B_EFFECTIVE_RUNS",
    "FIG_2B_FREQUENCY",
    "FIG_2B_LENGTH",
    "FIG_2B_OUTLIER",
    "UNREADABLE",
    "WHITE",
    "fig_2a_region",
]

WHITE, BLACK, UNREADABLE = 1, 0, -1

# The scan shows 20 x 20 cells that fill w0 = 0.5..2.5 and s = 0..1. The paper does not say at which values inside its cells it
# trained; we take the centres.
FIG_2A_INITIAL_WEIGHT: NDArray[np.float64] = np.round(np.linspace(0.55, 2.45, 20), 3)
FIG_2A_NOISE_LEVEL: NDArray[np.float64] = np.round(np.linspace(0.025, 0.975, 20), 4)

FIG_2B_LENGTH: NDArray[np.int64] = np.arange(5, 61)
# fmt: off
FIG_2B_FREQUENCY: NDArray[np.float64] = np.array([
    1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 0.99, 1.00, 0.99,  # T = 5..14
    0.98, 0.95, 0.955, 0.88, 0.83, 0.81, 0.80, 0.75, 0.67, 0.52,  # 15..24
    0.59, 0.44, 0.39, 0.46, 0.37, 0.30, 0.35, 0.24, 0.22, 0.23,  # 25..34
    0.26, 0.21, 0.15, 0.17, 0.19, 0.45, 0.16, 0.085, 0.08, 0.14,  # 35..44
    0.12, 0.08, 0.055, 0.08, 0.08, 0.05, 0.03, 0.05, 0.055, 0.045,  # 45..54
    0.05, 0.04, 0.055, 0.055, 0.045, 0.05,  # 55..60
])
# fmt: on

# One bar stands far above its neighbours; it is drawn, but left out of every likelihood.
FIG_2B_OUTLIER = 40

# The paper does not say how many runs stand behind a bar. Their scatter about a smooth curve is that of about this many.
FIG_2B_EFFECTIVE_RUNS = 110


def fig_2a_region() -> NDArray[np.int8]:
    """Return what each cell of Fig. 2a looks like: `WHITE` (dense convergence), `BLACK` (none) or `UNREADABLE`.

    Returns
    -------
    ndarray of int8, shape (20, 20)
        Axes (noise level, initial weight), both ascending, as `FIG_2A_NOISE_LEVEL` and `FIG_2A_INITIAL_WEIGHT`.

    Examples
    --------
    >>> region = fig_2a_region()
    >>> bool(region[2, 9] == WHITE), bool(region[15, 9] == BLACK)
    (True, True)
    """
    s, w = np.meshgrid(FIG_2A_NOISE_LEVEL, FIG_2A_INITIAL_WEIGHT, indexing="ij")
    region = np.full(s.shape, UNREADABLE, dtype=np.int8)
    white_up_to = np.select([w < 1.1, w < 1.3, w < 1.8, w < 2.0], [0.0, 0.20, 0.30, 0.25], default=0.0)
    black_from = np.where(w > 2.1, 0.40, 0.35)
    region[s < white_up_to] = WHITE
    region[(s > black_from) | (w < 1.1)] = BLACK
    return region
