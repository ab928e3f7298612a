"""All singular values of products of Jacobians, as logarithms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch._arrays import integers
from rnnlatch._dispatch import core
from rnnlatch._network_parameters import Params
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import analyse, begin, bundle, one_by_one, sequence_dims
from rnnlatch.gradients.memory import check_memory, trajectory_memory

__all__ = ["singular_spectrum"]

_ALL_LAGS = 200  # up to here all lags are taken
_SOME_LAGS = 100


def singular_spectrum(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    *,
    lags: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Compute the logarithms of all singular values of ∂s_T/∂s_{T−lag}, for sequences of any length.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters; those of many networks are taken one after another.
    inputs : array_like, shape (batch, time, inputs)
        The sequences. Where each network has its own, with ``run`` in front.
    lags : array_like of int, optional
        Which lags, from 0 to the number of steps. None: all up to 200 steps, of longer sequences about 100, evenly on
        a logarithmic scale.
    lengths : array_like of int, shape (batch,), optional
        How many of the last steps belong to each sequence. Lags beyond are NaN.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it.
    threads : int, optional
        Threads, each with sequences of its own; None: all processors.

    Returns
    -------
    Dataset
        Over ``lag`` and ``index``, and ``sequence`` where there are several: ``log_singular_value``, the natural
        logarithm, falling along ``index``; minus infinity for a singular value 0. Divided by the lag, they tend to the
        Lyapunov exponents.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    A product of a thousand Jacobians is a matrix that no floating-point number holds, and whose smaller singular values
    drown in the rounding of the larger ones. Here each factor is split by a QR decomposition, the triangular factor is
    kept as logarithms of its scales times a well-conditioned rest, and one-sided Jacobi rotations find the singular
    values from those two: each is right relative to itself, whether it is 1 or 1e-40000. For gated cells, a
    singular value of a single step that is below about 1e-15 of that step's largest counts as 0.

    Sources: S. Oliveira and D. E. Stewart, "Exponential splittings of products of matrices and accurately computing
    singular values of long products", Linear Algebra and its Applications 309:175-190, 2000; J. Demmel and K. Veselić,
    "Jacobi's method is more accurate than QR", SIAM J. Matrix Anal. Appl. 13(4):1204-1245, 1992.

    Examples
    --------
    A diagonal network whose units are far from saturation: 0.9^100000 and 0.5^100000.

    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.DiagonalRNN(inputs=1, hidden=2, bias=False)
    >>> params = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([0.5, 0.9])}
    >>> found = rl.gradients.singular_spectrum(cell, params, np.zeros((1, 100_000, 1)), lags=[100_000])
    >>> (found["log_singular_value"] / np.log(10)).values.round(3)
    array([[ -4575.749, -30103.   ]])
    """
    sequences, _, _ = begin(cell, params, inputs, lengths=lengths, initial_state=initial_state)
    wanted = _check_lags(lags, sequences.time)
    networks = bundle(sequences, threads=threads)
    size = len(cell.states) * cell.hidden

    def one(i: int) -> Mapping[str, Any]:
        found = core.singular_spectrum(*networks.arguments(i), wanted, networks.threads, networks.lengths_of(i))
        return {"log_singular_value": found}

    def compute() -> Mapping[str, Any]:
        walked = trajectory_memory(cell, batch=networks.batch, time=networks.time, threads=networks.threads)
        check_memory(
            8 * networks.count * networks.batch * wanted.size * size + walked,
            f"singular_spectrum of {networks.count} networks on {networks.batch} sequences at {wanted.size} lags",
            "use fewer networks, sequences, lags or threads at once",
        )
        return one_by_one(networks, one, ["log_singular_value"])

    words = "natural logarithm of the singular values of ds_T / ds_{T-lag}"
    return analyse(
        sequences,
        compute,
        {"log_singular_value": ((*sequence_dims(sequences), "lag", "index"), words, "1")},
        {
            "lag": (wanted, "time lag", "steps"),
            "index": (np.arange(size), "rank of the singular value, the largest first", "1"),
        },
        "rnnlatch.gradients.singular_spectrum; Oliveira and Stewart (2000); Demmel and Veselić (1992)",
        {},
    )


def _check_lags(lags: Any, time: int) -> NDArray[np.int64]:
    if lags is None:
        if time <= _ALL_LAGS:
            return np.arange(time + 1)
        return np.unique(np.concatenate([[0], np.geomspace(1, time, _SOME_LAGS).round()]).astype(np.int64))
    allowed = f"integers from 0 to {time}, the number of steps"
    given = integers("lags", lags, allowed)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"lags has shape {given.shape}; it must be one row of {allowed}")
    wrong = given[(given < 0) | (given > time)]
    if wrong.size:
        raise ValueError(f"lags has {wrong[0]}; it must have {allowed}")
    return np.unique(given)
