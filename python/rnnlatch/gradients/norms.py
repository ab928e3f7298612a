"""The norm of a gradient, and clipping it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch._arrays import floats
from rnnlatch._state_dict import check_names, listed

__all__ = ["clip_norm", "global_norm"]

Gradient = Mapping[str, NDArray[Any]]


def global_norm(gradient: Gradient) -> Any:
    """Give the Euclidean norm of all parameters together.

    Parameters
    ----------
    gradient : mapping of arrays
        A gradient as `loss_and_gradient` returns it, of one network or many.

    Returns
    -------
    float, or ndarray of float, shape (run,)
        The norm; it neither overflows nor underflows where the gradient does not.

    Raises
    ------
    TypeError, ValueError
        If `gradient` is not a mapping of arrays of equally many networks, with ``weight_ih_l0`` among them.

    Examples
    --------
    >>> import numpy as np
    >>> float(global_norm({"weight_ih_l0": np.array([[3.0]]), "bias_ih_l0": np.array([4.0])}))
    5.0
    """
    return _norm(_checked(gradient))[()]


def clip_norm(gradient: Gradient, threshold: ArrayLike) -> dict[str, NDArray[Any]]:
    """Scale a gradient whose norm is above a threshold back to it.

    Parameters
    ----------
    gradient : mapping of arrays
        A gradient as `loss_and_gradient` returns it, of one network or many.
    threshold : float, or array_like of float, shape (run,)
        The largest norm allowed, above 0; infinity: not clipped.

    Returns
    -------
    dict of ndarray
        New arrays: g threshold / ‖g‖ where ‖g‖ > threshold, else g, for each network by itself. The norm is taken over
        all parameters together. A gradient that is not finite stays as it is.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> clip_norm({"weight_ih_l0": np.array([[3.0]]), "bias_ih_l0": np.array([4.0])}, 1.0)
    {'weight_ih_l0': array([[0.6]]), 'bias_ih_l0': array([0.8])}
    """
    arrays = _checked(gradient)
    norm = _norm(arrays)
    limit = floats("threshold", threshold, "a number above 0, or one for each run")
    if limit.shape not in ((), norm.shape):
        raise ValueError(f"threshold has shape {limit.shape}; it must be () or {norm.shape}, one for each run")
    if not (limit > 0).all():
        raise ValueError(f"threshold is {limit.min()}; it must be above 0")
    above = (norm > limit) & np.isfinite(norm)
    factor = np.where(above, limit / np.where(above, norm, 1), 1)
    return {
        name: value * factor.reshape(*norm.shape, *(1,) * (value.ndim - norm.ndim)).astype(value.dtype)
        for name, value in arrays.items()
    }


def _checked(gradient: Gradient) -> dict[str, NDArray[Any]]:
    """Give the arrays, without or with an axis of networks in front, which is that of the input weights."""
    check_names("gradient", gradient)
    if "weight_ih_l0" not in gradient:
        raise ValueError(f"gradient has {listed(gradient)}; weight_ih_l0 must be among it")
    arrays = {name: floats(name, value, "an array of real numbers") for name, value in gradient.items()}
    shape = arrays["weight_ih_l0"].shape
    if len(shape) < 2:
        raise ValueError(f"weight_ih_l0 has shape {shape}; it must be (rows, inputs), or (run, rows, inputs)")
    lead = shape[:-2]
    for name, array in arrays.items():
        if array.size == 0 or array.shape[: len(lead)] != lead:
            wanted = f"begin with {lead} as that of weight_ih_l0, and not be empty" if lead else "not be empty"
            raise ValueError(f"{name} has shape {array.shape}; it must {wanted}")
    return arrays


def _norm(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    lead = arrays["weight_ih_l0"].shape[:-2]
    flat = np.concatenate([array.reshape(*lead, -1) for array in arrays.values()], axis=-1)
    largest = np.abs(flat).max(axis=-1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)
    with np.errstate(over="ignore"):  # where there is an infinity, the norm is one too
        return np.asarray(scale[..., 0] * np.sqrt(((flat / scale) ** 2).sum(axis=-1)))
