"""How products of Jacobians grow or shrink with the time lag, and the bounds of Pascanu, Mikolov and Bengio."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._dispatch import core
from rnnlatch._network_parameters import Params
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import Bundle, Floats, analyse, begin, bundle, one_by_one, sequence_dims
from rnnlatch.gradients._losses import loss_by_state
from rnnlatch.gradients.memory import check_memory, trajectory_memory

__all__ = ["jacobian_products"]

# The largest slope of each activation.
_GAMMA = {"tanh": 1.0, "logistic": 0.25, "relu": 1.0, "linear": 1.0, "sign": 0.0}

_WORDS = {
    "frobenius": "Frobenius norm of ds_T / ds_{T-lag}",
    "spectral": "spectral norm of ds_T / ds_{T-lag}",
    "loss_gradient": "norm of dE_T / ds_{T-lag}, for the sequence's own loss at its last step",
    "singular_value_bound": "(γ × largest singular value of the recurrent weights)^lag, never below the spectral norm",
    "spectral_radius_power": "(γ × spectral radius of the recurrent weights)^lag, no bound",
}


def jacobian_products(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    norms: str | Sequence[str] = ("frobenius", "spectral"),
    bounds: bool = True,
    loss: str = "half_squared_error",
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Measure ∂s_T/∂s_{T−lag}, the product of the last `lag` Jacobians, for every lag.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters; those of many networks are taken one after another.
    inputs : array_like, shape (batch, time, inputs)
        The sequences. Where each network has its own, with ``run`` in front.
    targets : array_like, shape (batch, outputs), optional
        Given, the products are applied to the gradient of the loss at the last step, too: how much of the error signal
        arrives `lag` steps earlier.
    norms : {"frobenius", "spectral"} or several of them
        Which norms of the products; none is allowed too.
    bounds : bool
        Whether to compute the bounds too, which takes the eigenvalues of the recurrent weights: for a single sequence as
        long as the products.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        The loss of a sequence at its last step; not averaged over the batch.
    lengths : array_like of int, shape (batch,), optional
        How many of the last steps belong to each sequence. Lags beyond are NaN.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it.
    threads : int, optional
        Threads, each with sequences of its own; None: all processors.

    Returns
    -------
    Dataset
        Over the dimension ``lag`` = 0 … T, and ``sequence`` where there are several: ``frobenius``, ``spectral``, with
        targets ``loss_gradient``, and of each the natural logarithm, ``log_frobenius`` and so on, which neither overflows
        nor underflows. For `VanillaRNN` and `DiagonalRNN` the bounds beside them, over ``lag``: ``singular_value_bound``,
        ``spectral_radius_power`` and their logarithms; and ``gamma``, ``largest_singular_value``, ``spectral_radius``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    The state s is h, for an LSTM (h, c), so that the products have 2 hidden × 2 hidden numbers. With γ the largest slope
    of the activation (1 for tanh, relu and linear, 1/4 for logistic, 0 for sign), ‖∂s_T/∂s_{T−lag}‖ ≤ (γ ‖W‖)^lag: the
    gradient is certain to vanish if the largest singular value of W is below 1/γ, and can explode only if it is above.
    The spectral radius tells how a linear network behaves in the long run, not what happens at first.

    Derivatives are taken from the pre-activations: a saturated unit has a tiny slope, not 0. All is computed in float64;
    spectral norms are right to 1e-10 relative. Memory: time × hidden × threads numbers, several times over.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    section 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    >>> params = {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": np.array([[0.9, 3.0], [0.0, 0.9]])}
    >>> found = rl.gradients.jacobian_products(cell, params, np.zeros((1, 200, 1)))
    >>> found["spectral"].values[[0, 1, 10, 200]].round(3)
    array([ 1.   ,  3.249, 11.633,  0.   ])

    It grows first and vanishes later; the spectral radius alone, 0.9, does not tell.
    """
    wanted = _check_norms(norms)
    sequences, given, _ = begin(cell, params, inputs, targets, loss=loss, lengths=lengths, initial_state=initial_state)
    networks = bundle(sequences, given, threads=threads)
    inner = (*sequence_dims(sequences), "lag")
    measured = [*wanted, *(["loss_gradient"] if given is not None else [])]
    plain = validation.flag("bounds", bounds) and cell.kind == "VanillaRNN"
    lags = np.arange(sequences.time + 1)
    of_lags = _with_logarithms(measured)
    described = {name: (inner, words, "1") for name, words in of_lags.items()}
    if plain:
        of_bounds = _with_logarithms(["singular_value_bound", "spectral_radius_power"])
        described |= {name: (("lag",), words, "1") for name, words in of_bounds.items()}
        described |= {
            "gamma": ((), "γ, the largest slope of the activation", "1"),
            "largest_singular_value": ((), "largest singular value of the recurrent weights", "1"),
            "spectral_radius": ((), "spectral radius of the recurrent weights", "1"),
        }
    kind = "both" if len(wanted) == 2 else wanted[0] if wanted else "none"

    def compute() -> Mapping[str, Any]:
        numbers = networks.count * lags.size * (networks.batch * len(of_lags) + 4 * plain)
        walked = trajectory_memory(cell, batch=networks.batch, time=networks.time, threads=networks.threads)
        partials = 2 * networks.at_once * networks.partials_memory if given is not None else 0
        check_memory(
            8 * numbers + walked + partials,
            f"jacobian_products of {networks.count} networks on {networks.batch} sequences of {networks.time} steps",
            "use fewer networks, sequences or threads at once",
        )
        seed = None if given is None else _seeds(networks, loss)

        def one(i: int) -> dict[str, Any]:
            start = None if seed is None else seed[i]
            return core.jacobian_norms(*networks.arguments(i), kind, networks.threads, networks.lengths_of(i), start)

        found: dict[str, Any] = one_by_one(networks, one, of_lags)
        return found | (_bounds(networks, lags) if plain else {})

    return analyse(
        sequences,
        compute,
        described,
        {"lag": (lags, "time lag", "steps")},
        "rnnlatch.gradients.jacobian_products; Pascanu, Mikolov and Bengio (2013), section 2.1",
        {"loss": loss} if given is not None else {},
    )


def _seeds(networks: Bundle, loss: str) -> Floats:
    """The derivative of each sequence's own loss by its last state, (networks, batch, states, hidden)."""
    seeds = np.empty((networks.count, networks.batch, len(networks.cell.states), networks.cell.hidden))
    for here, some in networks.parts():
        _, by_state = loss_by_state(some, some.partials().state, loss, "last")
        seeds[here] = by_state[:, :, 0] * networks.batch
    return seeds


def _check_norms(norms: object) -> list[str]:
    names = ("frobenius", "spectral")
    given = (norms,) if isinstance(norms, str) else norms
    if not isinstance(given, tuple | list):
        raise TypeError(f"norms is {validation.show(norms)}; it must be 'frobenius', 'spectral' or both")
    chosen = {validation.choice("norms", name, names) for name in given}
    return [name for name in names if name in chosen]


def _with_logarithms(names: list[str]) -> dict[str, str]:
    return {name: _WORDS[name] for name in names} | {
        f"log_{name}": f"natural logarithm of: {_WORDS[name]}" for name in names
    }


def _bounds(networks: Bundle, lags: Any) -> dict[str, Any]:
    weight, count = networks.parameters["weight_hh_l0"], networks.count
    gamma = _GAMMA[str(networks.structure["activation"])]
    if networks.cell.diagonal:
        largest = radius = np.abs(weight).max(axis=-1)
    else:
        largest = np.linalg.norm(weight, 2, axis=(-2, -1))
        radius = np.abs(np.linalg.eigvals(weight)).max(axis=-1)
    largest, radius = np.broadcast_to(largest, count), np.broadcast_to(radius, count)
    found: dict[str, Any] = {
        "gamma": np.full(count, gamma),
        "largest_singular_value": largest.copy(),
        "spectral_radius": radius.copy(),
    }
    for name, base in (("singular_value_bound", gamma * largest), ("spectral_radius_power", gamma * radius)):
        found[f"log_{name}"] = _log_power(base[:, None], lags)
        with np.errstate(over="ignore", under="ignore"):
            found[name] = base[:, None] ** lags
    return found


def _log_power(base: Floats, lags: Any) -> Floats:
    """The logarithm of base^lag; 0^0 is 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lags == 0, 0.0, lags * np.log(base))
