"""What the datasets of dynamics have in common: names of coordinates, eigenvalues in one order, where it all comes from."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch._dispatch import isa
from rnnlatch._record import canonical_json
from rnnlatch._variables import provenance, quantity
from rnnlatch.dynamics.systems import NetworkSystem, System

__all__ = [
    "assemble",
    "counted",
    "eigenvalues",
    "quantity",
    "spectrum",
    "states",
    "unit",
]

_MODULUS = 1e-9  # relative: eigenvalues whose moduli are closer are in the order of their real and imaginary parts


def counted(dim: str, size: int, long_name: str) -> dict[str, xr.Variable]:
    """Give the coordinate of a dimension whose places have numbers only."""
    return {dim: quantity(dim, np.arange(size), long_name)}


def unit(system: System) -> dict[str, xr.Variable]:
    """Give the coordinate ``unit``: what the numbers of a state are called; of an LSTM, whose h and c share it, 0, 1, …."""
    size = len(system.labels) // _parts(system)
    names = np.array(system.labels) if size == system.dimension else np.arange(size)
    words = "number of the state" if not isinstance(system, NetworkSystem) else "hidden unit"
    return {"unit": quantity("unit", names, words)}


def states(system: System, values: ArrayLike, dims: Iterable[Hashable], what: str) -> dict[str, xr.Variable]:
    """Give states as the variables of a dataset.

    Parameters
    ----------
    system : System
        What they are states of.
    values : array_like, shape (…, dimension)
        The states.
    dims : iterable of str
        The dimensions in front.
    what : str
        What they are, for names in words: "of the fixed point".

    Returns
    -------
    dict of Variable
        ``state`` (…, unit) in the form that the system has, which is pre-activations where its `variable` says so; of
        an LSTM ``state``, h, and ``cell_state``, c.
    """
    array = np.asarray(values, np.float64)
    dims = (*dims, "unit")
    if _parts(system) == 2:
        h, c = np.split(array, 2, axis=-1)
        return {"state": quantity(dims, h, f"state h {what}"), "cell_state": quantity(dims, c, f"cell state c {what}")}
    word = "pre-activation" if _variable(system) == "pre_activation" else "state"
    return {"state": quantity(dims, array, f"{word} {what}")}


def eigenvalues(matrices: ArrayLike) -> NDArray[np.complex128]:
    """Give the eigenvalues of matrices, shape (…, n, n), by falling modulus.

    Those of one modulus, such as a conjugate pair, are in the order of their real and then of their imaginary part, the
    largest first, so that the order does not depend on the last digit. Of a matrix that is not finite they are NaN.

    Examples
    --------
    >>> eigenvalues([[0.0, -0.5], [0.5, 0.0]]) * 2
    array([0.+1.j, 0.-1.j])
    """
    array = np.asarray(matrices, np.float64)
    whole = np.asarray(np.isfinite(array).all(axis=(-2, -1)))
    found = np.asarray(np.linalg.eigvals(np.where(whole[..., None, None], array, 0.0)), np.complex128)
    modulus = np.abs(found)
    # Moduli that differ by rounding only count as one: what they are rounded to is relative to the largest.
    grain = _MODULUS * np.maximum(modulus.max(axis=-1, keepdims=True, initial=0.0), np.finfo(float).tiny)
    with np.errstate(invalid="ignore"):  # where a modulus is beyond all numbers
        keys = (-found.imag, -np.round(found.real / grain), -np.round(modulus / grain))
    order = np.lexsort(keys, axis=-1)
    found = np.take_along_axis(found, order, axis=-1)
    return np.where(whole[..., None], found, complex(np.nan, np.nan))


def spectrum(
    values: NDArray[np.complex128], dims: Iterable[Hashable], what: str, name: str = "eigenvalue"
) -> dict[str, xr.Variable]:
    """Give eigenvalues, shape (…, n), as two real variables over `dims` and ``eigenvalue``.

    `name` is what they are called in the dataset, `what` in words: "eigenvalue of the Jacobian".
    """
    dims = (*dims, "eigenvalue")
    return {
        f"{name}_real": quantity(dims, values.real, f"real part of the {what}"),
        f"{name}_imag": quantity(dims, values.imag, f"imaginary part of the {what}"),
    }


def assemble(
    system: System,
    source: str,
    data: Mapping[str, xr.Variable],
    coords: Mapping[str, xr.Variable],
    *,
    rng: str = "none",
    settings: Mapping[str, Any] | None = None,
    **attrs: Any,
) -> xr.Dataset:
    """Put a dataset together.

    Parameters
    ----------
    system : System
        What was analysed.
    source : str
        The function and the papers.
    data, coords : mapping of str to Variable
        What was found, and over what.
    rng : str
        The seed as JSON, or "none".
    settings : mapping, optional
        What was asked: numbers, text, or lists of them.
    **attrs
        More attributes: numbers or text.

    Returns
    -------
    Dataset
        With attributes ``source``, ``rnnlatch_version``, ``numerics_version``, ``rng``, ``isa``, ``system`` (a line),
        ``variable`` and ``parameters`` (the settings as JSON).
    """
    cell = {"cell": system.cell.to_dict()} if isinstance(system, NetworkSystem) else {}
    own = {
        "isa": isa,
        "system": system.describe(),
        "variable": _variable(system),
        "parameters": canonical_json(cell | dict(settings or {})),
    }
    return xr.Dataset(dict(data), dict(coords), provenance(source, rng) | own | attrs)


def _parts(system: System) -> int:
    """How many numbers a unit has."""
    return len(system.cell.states) if isinstance(system, NetworkSystem) else 1


def _variable(system: System) -> str:
    return system.variable if isinstance(system, NetworkSystem) else "state"
