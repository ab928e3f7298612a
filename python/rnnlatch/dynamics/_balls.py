"""Balls of states in one norm or another, and bounds of the derivative of a map over them.

A norm is |T x|, Euclidean, with a matrix T of its own, or the largest number. What bounds the slopes rounds outward; the
norms of matrices that are made of them are enlarged by far more than rounding can be.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_discrete_lyapunov, solve_triangular

from rnnlatch.dynamics import _enclosures, intervals
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.systems import Floats, NetworkSystem, System

__all__ = ["EUCLIDEAN", "MAXIMUM", "Neighbourhood", "Norm", "adapted_norms", "largest_factors", "neighbourhood"]

_ROUNDING = 1e-10  # relative: of norms, and of T against its inverse
_SHARE = 0.5  # of the way from the spectral radius to 1: the factor that an adapted norm is made for
_FACTOR = 0.999  # of a neighbourhood, at most: a rest that is left for where the attractor is off by rounding
_HALVINGS = 60
_SAMPLES = 64

_SLOPES = {"tanh": intervals.tanh_slope, "logistic": intervals.logistic_slope, "relu": intervals.relu_slope}


@dataclass(frozen=True)
class Norm:
    """A norm of states.

    Parameters
    ----------
    kind : {"euclidean", "max"}
        Which.
    transform : ndarray, shape (dimension, dimension), or None
        T, upper triangular; None: the identity.
    """

    kind: str = "euclidean"
    transform: Floats | None = None

    def of(self, vectors: Floats) -> Floats:
        """Give the norms of vectors, shape (…, dimension)."""
        if self.kind == "max":
            return np.asarray(np.abs(vectors).max(axis=-1))
        moved = vectors if self.transform is None else vectors @ self.transform.T
        return np.asarray(np.linalg.norm(moved, axis=-1))

    @cached_property
    def inverse(self) -> Floats | None:
        """The inverse of T."""
        if self.transform is None:
            return None
        return np.asarray(solve_triangular(self.transform, np.eye(len(self.transform))))

    @cached_property
    def widths(self) -> Floats | float:
        """Half the sides of the smallest box that holds the ball of radius 1, one number where they are equal."""
        if self.inverse is None:
            return 1.0
        return np.asarray(np.linalg.norm(self.inverse, axis=1) * (1 + _ROUNDING))

    def largest_of_box(self, columns: Floats) -> float:
        """Bound the norm of A u over all u whose numbers are at most 1, for a matrix A."""
        if self.kind == "max":
            return float(np.abs(columns).sum(axis=1).max()) * (1 + _ROUNDING)
        moved = columns if self.transform is None else self.transform @ columns
        return float(np.linalg.norm(np.abs(moved).sum(axis=1))) * (1 + _ROUNDING)


EUCLIDEAN, MAXIMUM = Norm(), Norm("max")


@dataclass(frozen=True)
class Neighbourhood:
    """Balls around the points of an attractor, each of which the map contracts into the next one.

    Parameters
    ----------
    norms : list of Norm
        One for each point; none of them is below the Euclidean norm.
    radius : float
        Of all balls; 0 where none was found.
    factor : float
        A bound of the derivative over them, from norm to norm: below 1.
    proven : bool
        Whether the bound is one; else it is the largest of a sample.
    """

    norms: list[Norm]
    radius: float
    factor: float
    proven: bool


def adapted_norms(system: System, attractor_points: Floats, share: float = _SHARE) -> list[Norm]:
    """Give norms in which the derivative on an attractor is below 1, one for each of its points.

    With A_i the derivative at point i they are P_i = 1 + A_i^T P_(i+1) A_i / f^2, around the orbit, for a factor f between
    the p-th root of the spectral radius and 1: then |A_i x| in the next norm is at most f |x| in this one.
    """
    derivatives = system.jacobian(attractor_points)
    period, dimension = len(derivatives), system.dimension
    product = np.eye(dimension)
    for derivative in derivatives:
        product = derivative @ product
    spectral = float(np.abs(np.linalg.eigvals(product)).max()) ** (1 / period)
    factor = spectral + share * (1 - spectral)
    scaled = derivatives / factor
    total, product = np.zeros((dimension, dimension)), np.eye(dimension)
    for derivative in scaled:
        total, product = total + product.T @ product, derivative @ product
    first = np.asarray(solve_discrete_lyapunov(product.T, total))
    squares = [first]
    for derivative in scaled[:0:-1]:  # backwards, from the last point to the second
        squares.append(np.eye(dimension) + derivative.T @ squares[-1] @ derivative)
    squares = [first, *squares[:0:-1]]
    return [
        Norm("euclidean", np.asarray(np.linalg.cholesky((square + square.T) / 2).T, np.float64)) for square in squares
    ]


def neighbourhood(system: System, attractor_points: Floats) -> Neighbourhood:
    """Find balls around the points of an attractor that the map contracts."""
    norms = adapted_norms(system, attractor_points)
    after = [*norms[1:], norms[0]]

    def factor(radius: float) -> float:
        bounds = [
            largest_factors(system, point[None], radius, norm, norm_after)[0]
            for point, norm, norm_after in zip(attractor_points, norms, after, strict=True)
        ]
        return float(max(bounds))

    low, high = 0.0, float(max(norm.of(np.ones(system.dimension)) for norm in norms))
    high *= 4 * max(1.0, float(np.abs(attractor_points).max()))
    found = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        bound = factor(middle)
        if bound <= _FACTOR:
            low, found = middle, bound
        else:
            high = middle
        if high - low < 0.01 * low:
            break
    return Neighbourhood(norms, low, found, system.encloses)


def largest_factors(
    system: System, centres: Floats, radius: float, before: Norm = EUCLIDEAN, after: Norm | None = None
) -> Floats:
    """Bound the norm of dF/ds over balls.

    Parameters
    ----------
    system : System
        The map. One that gives no bounds over boxes is sampled.
    centres : ndarray, shape (n, dimension)
        Where the balls are.
    radius : float
        In the norm `before`.
    before, after : Norm
        From which norm to which: the bound is of |dF/ds x| after over |x| before.

    Returns
    -------
    ndarray, shape (n,)
    """
    after = before if after is None else after
    if not system.encloses:
        return _sampled_factors(system, centres, radius, before, after)
    half = radius * before.widths * (1 + _ROUNDING)
    box = Interval(np.nextafter(centres - half, -np.inf), np.nextafter(centres + half, np.inf))
    plain = before.transform is None and after.transform is None
    if plain and isinstance(system, NetworkSystem) and system.cell.kind == "VanillaRNN":
        # W D and D W are the larger in either norm the larger the slopes D are.
        slope = _slopes(system, box).high
        weight = system.params["weight_hh_l0"]
        if system.cell.diagonal:
            return np.asarray(np.abs(weight * slope).max(axis=1) * (1 + _ROUNDING))
        factors = slope[:, None, :] if system.variable == "pre_activation" else slope[:, :, None]
        return _norms(weight * factors, before.kind) * (1 + _ROUNDING)
    _, _, low, high = system.enclose(box.low, box.high)
    if before.kind == "max":
        return _norms(np.maximum(np.abs(low), np.abs(high)), "max") * (1 + _ROUNDING)
    middle, spread = (low + high) / 2, (high - low) / 2
    inverse, transform = before.inverse, after.transform
    if inverse is not None:
        middle, spread = middle @ inverse, spread @ np.abs(inverse)
    if transform is not None:
        middle, spread = transform @ middle, np.abs(transform) @ spread
    return (_norms(middle, "euclidean") + _norms(spread, "euclidean")) * (1 + _ROUNDING)


def _slopes(system: NetworkSystem, box: Interval) -> Interval:
    sums = box if system.variable == "pre_activation" else _enclosures.gate(system, box, 0)
    return Interval.of(np.ones(sums.shape)) if system.activation == "linear" else _SLOPES[system.activation](sums)


def _sampled_factors(system: System, centres: Floats, radius: float, before: Norm, after: Norm) -> Floats:
    """Take the largest norm over a sample of each ball, its centre among them."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(_SAMPLES, system.dimension))
    directions *= (radius * rng.uniform(0, 1, (_SAMPLES, 1)) ** 0.25) / before.of(directions)[:, None]
    directions[0] = 0
    found = np.empty(len(centres))
    inverse, transform = before.inverse, after.transform
    for number, centre in enumerate(centres):
        matrices = system.jacobian(centre + directions)
        if inverse is not None:
            matrices = matrices @ inverse
        if transform is not None:
            matrices = transform @ matrices
        found[number] = _norms(matrices, before.kind).max()
    return found


def _norms(matrices: Floats, kind: str) -> Floats:
    return np.asarray(np.linalg.norm(matrices, np.inf if kind == "max" else 2, axis=(1, 2)))
