"""How the parameters of a network start."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import random, validation
from rnnlatch._record import Record

__all__ = ["Constant", "Identity", "Initialiser", "Normal", "Orthogonal", "Source", "Sparse", "Uniform"]

Float64 = NDArray[np.float64]

_SECOND = 256  # places of second draws begin here
_LARGEST = {random.uniform53: 2**25, random.normal: 2**26}  # numbers of a parameter: they have 2**26 words


@dataclass(frozen=True)
class Source:
    """Where one parameter of many networks comes from: its random numbers (see `rnnlatch.random`) and the network."""

    name: str
    key: NDArray[np.uint32]
    streams: NDArray[np.uint64]
    place: int
    hidden: int
    mask: NDArray[np.float64] | None

    def uniform(self, *shape: int, second: bool = False) -> Float64:
        """Draw uniform numbers in [0, 1), shape (runs, *shape)."""
        return self._draw(random.uniform53, shape, second)

    def normal(self, *shape: int) -> Float64:
        """Draw standard normal numbers, shape (runs, *shape)."""
        return self._draw(random.normal, shape, False)

    def _draw(self, kind: Any, shape: tuple[int, ...], second: bool) -> Float64:
        place, count = self.place + _SECOND * second, math.prod(shape)
        if count > _LARGEST[kind]:
            raise ValueError(
                f"{self.name} has {count} numbers, and hidden is {self.hidden}; at most {_LARGEST[kind]} can be drawn, "
                "start larger ones from Constant or Identity"
            )
        numbers = kind(self.key, self.streams, random.Purpose.INITIAL, place, count)
        return np.asarray(numbers.reshape(len(self.streams), *shape), np.float64)


class Initialiser(Record):
    """Base of the distributions that parameters start from.

    Examples
    --------
    >>> isinstance(Orthogonal(), Initialiser)
    True
    """

    def check(self, name: str, rows: int, columns: int) -> None:
        """Raise where matrices of this shape cannot be drawn; `name` is the argument for the message."""

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter.

        Parameters
        ----------
        source : Source
            The random numbers, the mask, the number of hidden units.
        shape : tuple of int
            (blocks, rows, columns): matrices that are drawn independently, one for each gate.

        Returns
        -------
        ndarray of float64, shape (runs, blocks, rows, columns)
            Not yet masked, except where the mask matters.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Uniform(Initialiser):
    """Uniform in (-limit, limit).

    Parameters
    ----------
    limit : float, optional
        Not negative; None: 1/sqrt(hidden), as PyTorch's recurrent layers and the linear layer behind them start.

    Examples
    --------
    >>> Uniform(0.5)
    Uniform(limit=0.5)
    """

    limit: float | None = None

    def __post_init__(self) -> None:
        if self.limit is not None:
            object.__setattr__(self, "limit", validation.number("limit", self.limit, at_least=0))

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        limit = source.hidden**-0.5 if self.limit is None else self.limit
        return (2 * source.uniform(*shape) - 1) * limit


@dataclass(frozen=True)
class Normal(Initialiser):
    """Normal with mean 0.

    Parameters
    ----------
    std : float
        Standard deviation (not variance), not negative.

    Examples
    --------
    >>> Normal(0.01)
    Normal(std=0.01)
    """

    std: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", validation.number("std", self.std, at_least=0))

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        return source.normal(*shape) * self.std


@dataclass(frozen=True)
class Orthogonal(Initialiser):
    """A random orthogonal matrix (orthonormal rows or columns where it is not square), uniform among all; one a gate.

    Parameters
    ----------
    gain : float
        It is multiplied by this.

    Notes
    -----
    Source: F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS
    54(5):592-604, 2007: QR of a normal matrix, with the signs of R's diagonal moved into Q.

    Examples
    --------
    >>> Orthogonal()
    Orthogonal(gain=1.0)
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", validation.number("gain", self.gain))

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        numbers = source.normal(*shape)
        wide = shape[1] < shape[2]
        q, r = np.linalg.qr(np.swapaxes(numbers, -1, -2) if wide else numbers)
        q = q * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)[..., None, :]
        return np.asarray(self.gain * (np.swapaxes(q, -1, -2) if wide else q))


@dataclass(frozen=True)
class Identity(Initialiser):
    """The identity times a factor; with ReLU units the network of Le, Jaitly and Hinton ("IRNN").

    Parameters
    ----------
    scale : float
        The factor.

    Notes
    -----
    Source: Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", arXiv:1504.00941, 2015. There the biases start at 0 and the other weights from a normal distribution with
    standard deviation 0.001.

    Examples
    --------
    >>> Identity(0.5)
    Identity(scale=0.5)
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", validation.number("scale", self.scale))

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        return np.broadcast_to(self.scale * np.eye(*shape[1:]), (len(source.streams), *shape)).copy()


@dataclass(frozen=True)
class Constant(Initialiser):
    """The same number everywhere.

    Parameters
    ----------
    value : float
        The number.

    Examples
    --------
    >>> Constant(1)
    Constant(value=1.0)
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", validation.number("value", self.value))

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        return np.full((len(source.streams), *shape), self.value)


@dataclass(frozen=True)
class Sparse(Initialiser):
    """A few normal weights into each unit, the others 0, scaled to a spectral radius.

    Parameters
    ----------
    per_unit : int
        Connections into each unit, at least 1, at most as many as there are units to read; they are drawn without
        repetition from those that the cell's mask leaves.
    std : float
        Standard deviation before the matrix is scaled, above 0.
    spectral_radius : float, optional
        The largest modulus of an eigenvalue, not negative; None: not scaled. Square matrices only.

    Notes
    -----
    Pascanu, Mikolov and Bengio call ``Sparse(15, spectral_radius=0.95)``, with ``Normal(0.01)`` into the network and
    out of it and biases of 0, "smart tanh". The connections that are 0 are trained like the others.

    Sources: J. Martens and I. Sutskever, "Learning recurrent neural networks with Hessian-free optimization", ICML
    2011; R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> Sparse(15, spectral_radius=0.95)
    Sparse(per_unit=15, std=1.0, spectral_radius=0.95)
    """

    per_unit: int
    std: float = 1.0
    spectral_radius: float | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "per_unit", validation.integer("per_unit", self.per_unit, at_least=1))
        put(self, "std", validation.number("std", self.std, above=0))
        if self.spectral_radius is not None:
            radius = validation.number("spectral_radius", self.spectral_radius, at_least=0)
            put(self, "spectral_radius", radius)

    def check(self, name: str, rows: int, columns: int) -> None:
        """Raise where matrices of this shape cannot be drawn; see `Initialiser.check`."""
        if self.per_unit > columns:
            raise ValueError(f"{name} has per_unit={self.per_unit}; it must be at most {columns}, the units to read")
        if self.spectral_radius is not None and rows != columns:
            raise ValueError(
                f"{name} has a spectral radius; a matrix of shape {(rows, columns)} has none, leave it out"
            )

    def draw(self, source: Source, shape: tuple[int, int, int]) -> Float64:
        """Draw the matrices of one parameter; see `Initialiser.draw`."""
        # The blocks are the gates, which have one mask, and of a diagonal the units, which have one each.
        mask = np.ones(shape) if source.mask is None else source.mask.reshape(shape)
        # The smallest of random numbers are a random choice; absent connections come last.
        order = np.argsort(source.uniform(*shape, second=True) + (mask == 0), axis=-1, kind="stable")
        there = np.zeros(order.shape)
        np.put_along_axis(there, order[..., : self.per_unit], 1.0, axis=-1)
        weights = source.normal(*shape) * self.std * there * mask
        if self.spectral_radius is None:
            return np.asarray(weights)
        radius = np.abs(np.linalg.eigvals(weights)).max(axis=-1)
        # Units of a diagonal that do not feed back have nothing to scale, as long as others do.
        absent = ~mask.any(axis=(-2, -1))
        if absent.all() or (radius[:, ~absent] < 1e-100).any():
            raise ValueError(
                f"spectral_radius is {self.spectral_radius}, and a sparse matrix was drawn that has no cycles; "
                "it cannot be scaled, spectral_radius must be None"
            )
        return np.asarray(weights * (self.spectral_radius / np.where(absent, 1.0, radius))[..., None, None])
