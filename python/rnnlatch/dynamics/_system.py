"""What the analyses of dynamics ask of a system."""

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._parameter_axes import Axis, AxisLike

__all__ = ["MOST_STEPS", "VARIABLES", "Floats", "System", "Variable", "check_box", "check_states", "is_count", "solve"]

Floats = NDArray[np.float64]
Variable = Literal["state", "pre_activation"]
VARIABLES = ("state", "pre_activation")

MOST_STEPS = 2**53
"""Of a trajectory: all counts up to it are floating-point numbers, and the sum of two is an integer of 64 bits."""


class System(ABC):
    """A map s -> F(s) of states with `dimension` numbers; states are rows of arrays.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> isinstance(rl.dynamics.system(rl.cells.LatchNeuron(w=1.25)), rl.dynamics.System)
    True
    """

    dimension: int

    @abstractmethod
    def step(self, states: Floats) -> Floats:
        """Give F(s), shape (states, dimension), of so many states."""

    @abstractmethod
    def jacobian(self, states: Floats) -> Floats:
        """Give dF/ds, shape (states, dimension, dimension): row i is the derivative of the i-th new number."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """What the numbers of a state are called."""

    @property
    def box(self) -> Floats | None:
        """Bounds (dimension, 2) of all states that F gives, or None where there are none."""
        return None

    @property
    def usual(self) -> Floats | None:
        """Bounds (dimension, 2) of the states that searches start from, or None where there are none."""
        return self.box

    @property
    def encloses(self) -> bool:
        """Whether `enclose` is there."""
        return False

    @property
    def smooth(self) -> bool:
        """Whether F has a derivative that tells where it is going: a threshold has not."""
        return True

    def enclose(self, low: Floats, high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Bound F and its Jacobian over boxes: whatever they are for a state of a box lies within, all bounds rounded outward.

        Parameters
        ----------
        low, high : ndarray, shape (boxes, dimension)
            The boxes.

        Returns
        -------
        step_low, step_high : ndarray, shape (boxes, dimension)
        jacobian_low, jacobian_high : ndarray, shape (boxes, dimension, dimension)
        """
        raise NotImplementedError(f"{type(self).__name__} gives no bounds over boxes")

    def corners(self, states: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Say at which states F has a corner and no derivative, and give the largest slopes there, without their signs.

        Returns
        -------
        at : ndarray of bool, shape (states,)
        slopes : ndarray, shape (states, dimension, dimension)
            Bounds: near the state, numbers that differ by e have images that differ by at most ``slopes @ e``.
        """
        return np.zeros(len(states), bool), np.abs(self.jacobian(states))

    def attracts(self, states: Floats, values: NDArray[np.complex128], below: float = 1.0) -> NDArray[np.bool_]:
        """Say which states at rest attract, by the eigenvalues of the derivative there, and at a corner by the largest slopes."""
        inside = np.asarray((np.abs(values) < below).all(axis=-1))
        if not len(states):
            return inside
        at, slopes = self.corners(states)
        sharp = np.flatnonzero(at & inside)
        if sharp.size:
            inside[sharp] = np.abs(np.linalg.eigvals(slopes[sharp])).max(axis=1) < below
        return inside

    def newton_step(self, states: Floats, gap: Floats) -> Floats:
        """Give d with (I - dF/ds) d = gap, shape (states, dimension): the shortest of the best ones where there is no d."""
        return solve(np.eye(self.dimension) - self.jacobian(states), gap)

    def split(self, states: Floats) -> dict[str, Floats]:
        """Give the numbers of states by name: ``state``, and what else a cell has."""
        return {"state": states}

    @abstractmethod
    def parameter(self, axis: AxisLike, name: str = "parameter") -> Axis:
        """Find a parameter that `with_parameter` can change; `name` is what the caller's own parameter is called."""

    @abstractmethod
    def with_parameter(self, axis: Axis, value: float) -> "System":
        """Give the same system with another value of one parameter."""

    @abstractmethod
    def describe(self) -> str:
        """Say in one line what the system is, for the attributes of a dataset."""


def solve(matrices: Floats, right: Floats) -> Floats:
    """Solve A x = b for many A, shape (n, d, d), and b, shape (n, d); in the sense of least squares where A is singular."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        found = np.empty_like(right)
        for i, (matrix, column) in enumerate(zip(matrices, right, strict=True)):
            try:
                found[i] = np.linalg.solve(matrix, column)
            except np.linalg.LinAlgError:
                found[i] = np.linalg.lstsq(matrix, column, rcond=None)[0] if np.isfinite(matrix).all() else np.nan
        return found


def is_count(value: object) -> bool:
    """Say whether something that can be a number of things or an array of them has no length."""
    return (
        not hasattr(value, "__len__") or (isinstance(value, np.ndarray) and value.ndim == 0) or isinstance(value, str)
    )


def check_states(name: str, value: ArrayLike, dimension: int) -> Floats:
    """Check states: finite, shape (states, dimension), or (states,) where they are single numbers."""
    allowed = f"states: finite numbers, shape (states, {dimension})"
    array = floats(name, value, allowed, np.dtype(np.float64))
    if array.ndim == 1 and dimension == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != dimension or not len(array):
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    return np.array(array)


def check_box(name: str, value: ArrayLike, dimension: int) -> Floats:
    """Check bounds of states: shape (dimension, 2), or (2,) for all alike; low below high, finite, and their difference too."""
    allowed = f"finite numbers, low below high, shape ({dimension}, 2) or (2,)"
    array = floats(name, value, allowed, np.dtype(np.float64))
    if array.shape not in ((2,), (dimension, 2)):
        raise ValueError(f"{name} has shape {array.shape}; it must be {allowed}")
    check_finite(name, array)
    box = np.array(np.broadcast_to(array, (dimension, 2)))
    if not (box[:, 0] < box[:, 1]).all():
        raise ValueError(f"{name} is {validation.show(array.tolist())}; it must be {allowed}")
    with np.errstate(over="ignore"):
        wide = ~np.isfinite(box[:, 1] - box[:, 0])
    if wide.any():
        raise ValueError(f"{name} is {validation.show(array.tolist())}; its ends must be less than 1.8e308 apart")
    return box
