"""How a learning rate is chosen: by some of the runs, of which the others know nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_rate", "of_rate"]


def best_rate(succeeded: NDArray[np.bool_], cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give which learning rate succeeds most often, of equal ones the one with the smallest cost; (…, rate, run).

    A cost, such as an error or the share of a budget, is at most 1; what is not finite counts as 1.

    Examples
    --------
    >>> int(best_rate(np.array([[True, False], [False, True]]), np.array([[0.2, 0.5], [0.1, 0.5]])))
    1
    """
    cost = np.where(np.isfinite(cost), cost, 1.0).mean(-1)
    best: NDArray[np.intp] = (succeeded.sum(-1) - cost / 2).argmax(-1)  # so counts go first
    return best


def of_rate(values: NDArray[Any], best: NDArray[np.intp]) -> NDArray[Any]:
    """Take the rate that was chosen, out of (…, rate, run).

    Examples
    --------
    >>> of_rate(np.array([[[1, 2], [3, 4]]]), np.array([1]))
    array([[3, 4]])
    """
    return np.take_along_axis(values, best[..., None, None], axis=-2)[..., 0, :]
