"""Fig. 4 of Bengio, Simard & Frasconi (1994), measured on a scan. These are not printed numbers.

Reading error is 5 to 8 % of an error, 8 % of a number of presentations. The axis of the errors ends at 0.025: what stands
there could be 0. Markers overlap for small T; what cannot be read is NaN, what can hardly be read is given all the same. The
paper does not say whether a point is for inputs with noise, without, or both.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from rnnlatch.experiments.bengio1994.comparison_settings import (
    ANNEALING,
    BACK_PROPAGATION,
    DISCRETE,
    MULTIGRID,
    PSEUDO_NEWTON,
    TIME_WEIGHTED,
)

__all__ = ["FLOOR", "fig_4"]

FLOOR = 0.025
_ = float("nan")
F = FLOOR

Points = Mapping[str, Mapping[str, tuple[float, ...]]]

# fmt: off
_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "latch": (4, 7, 10, 12, 15, 20, 30, 50, 100),
    "two-sequence": (5, 10, 20, 50, 100),
    "parity": (3, 5, 10, 20, 50, 100),
}
_ERRORS: Points = {
    "latch": {
        BACK_PROPAGATION: (0.20, 0.22, 0.28, F, F, 0.45, 0.45, 0.44, 0.60),
        PSEUDO_NEWTON: (0.077, 0.25, 0.23, _, 0.19, 0.36, 0.32, 0.39, 0.47),
        TIME_WEIGHTED: (0.12, _, 0.14, 0.15, 0.17, 0.17, _, 0.31, 0.30),
        DISCRETE: (F, _, F, F, _, 0.06, _, 0.23, 0.195),
        MULTIGRID: (0.037, 0.072, 0.046, F, 0.165, 0.07, F, 0.088, 0.103),
        ANNEALING: (F, F, F, F, F, F, F, F, F),
    },
    "two-sequence": {
        BACK_PROPAGATION: (0.59, 0.57, 0.44, 0.54, 0.52),
        PSEUDO_NEWTON: (F, 0.03, 0.10, 0.26, 0.295),
        TIME_WEIGHTED: (F, F, 0.088, 0.34, 0.135),
        DISCRETE: (0.064, 0.16, 0.285, 0.23, 0.22),
        MULTIGRID: (F, 0.058, F, 0.029, 0.058),
        ANNEALING: (0.064, F, 0.072, 0.039, 0.113),
    },
    "parity": {
        BACK_PROPAGATION: (_, 0.20, 0.41, 0.39, 0.44, _),
        PSEUDO_NEWTON: (F, _, 0.41, 0.44, 0.41, 0.48),
        TIME_WEIGHTED: (_, 0.256, 0.40, 0.45, 0.45, _),
        DISCRETE: (_, F, F, F, 0.051, _),
        MULTIGRID: (_, 0.15, _, 0.45, 0.46, _),
        ANNEALING: (_, 0.029, _, 0.107, F, _),
    },
}
_PRESENTATIONS: Points = {
    "latch": {
        BACK_PROPAGATION: (1460, 1460, _, 560, 270, 2030, 2330, 1600, 3300),
        PSEUDO_NEWTON: (570, _, 1700, _, _, _, 1800, 7700, 7850),
        TIME_WEIGHTED: (860, _, 1300, _, _, 1250, _, 1750, 1670),
        DISCRETE: (100, _, 195, _, _, 750, _, 1650, 1400),
        MULTIGRID: (380, 510, 810, 195, 2500, 1770, 430, 2050, 2900),
        ANNEALING: (3100, 3940, 4200, 9000, 10000, 12000, 12000, 26400, 49000),
    },
    "two-sequence": {
        BACK_PROPAGATION: (2900, 3000, 2950, 2900, 2670),
        PSEUDO_NEWTON: (560, 1200, 2150, 3000, 2600),
        TIME_WEIGHTED: (530, 415, 2050, 2700, 2500),
        DISCRETE: (660, 1340, 2100, 2030, 2070),
        MULTIGRID: (4200, 6000, 2600, 3850, 6400),
        ANNEALING: (91000, 39000, 84000, 78000, 43000),
    },
    "parity": {
        BACK_PROPAGATION: (_, 3800, 8800, 15600, 11000, _),
        PSEUDO_NEWTON: (260, 9800, 8800, 83000, 12300, 129000),
        TIME_WEIGHTED: (_, 45000, 72000, 35000, 84000, _),
        DISCRETE: (_, 5000, 8800, 15600, 57600, _),
        MULTIGRID: (_, 4500, 8800, 15600, 33700, _),
        ANNEALING: (_, 520000, _, 1.25e6, 880000, _),
    },
}
# fmt: on


def fig_4() -> xr.Dataset:
    """Return the digitised points.

    Returns
    -------
    Dataset
        Over ``paper_point``: ``paper_problem``, ``paper_algorithm``, ``paper_length``, ``paper_error``,
        ``paper_presentations``.

    Examples
    --------
    >>> points = fig_4()
    >>> here = (points.paper_problem == "parity") & (points.paper_algorithm == "simulated annealing")
    >>> float(points.paper_presentations[here].sel(paper_point=points.paper_length[here] == 50).item())
    880000.0
    """
    rows = [
        (problem, algorithm, length, error, presentations)
        for problem, of_problem in _ERRORS.items()
        for algorithm, errors in of_problem.items()
        for length, error, presentations in zip(
            _LENGTHS[problem], errors, _PRESENTATIONS[problem][algorithm], strict=True
        )
        if not (np.isnan(error) and np.isnan(presentations))
    ]
    problems, algorithms, lengths, errors, presentations = zip(*rows, strict=True)
    words = "Fig. 4, digitised: "
    return xr.Dataset(
        {
            "paper_problem": ("paper_point", list(problems), {"long_name": words + "problem"}),
            "paper_algorithm": ("paper_point", list(algorithms), {"long_name": words + "algorithm"}),
            "paper_length": ("paper_point", list(lengths), {"long_name": words + "T", "units": "steps"}),
            "paper_error": ("paper_point", list(errors), {"long_name": words + "final error", "units": "1"}),
            "paper_presentations": (
                "paper_point",
                list(presentations),
                {"long_name": words + "sequence presentations", "units": "presentations"},
            ),
        }
    )
