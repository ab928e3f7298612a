"""How far back the state depends on what was: the lag at which a gradient, or a nudge, falls under a share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats, integers
from rnnlatch._dispatch import core
from rnnlatch._network_parameters import Params
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients import jacobian_products
from rnnlatch.gradients._analysis import Bundle, Floats, Integers, analyse, begin, bundle, one_by_one, sequence_dims
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["memory_horizon"]

_ALL_LAGS = 200  # up to here a nudge is tried at all lags
_SOME_LAGS = 100
_AT_ONCE = 2**20  # numbers of the states that are in memory at once

REACHED, BEYOND, NOTHING, NOT_FINITE = "reached", "beyond the sequence", "nothing at lag 0", "not finite"

_KINDS = {
    "horizon": ("log_spectral", "lag", "the spectral norm of ds_T / ds_{T-lag}"),
    "gradient_horizon": ("log_loss_gradient", "lag", "the norm of dE_T / ds_{T-lag}"),
    "perturbation_horizon": ("log_perturbation", "perturbed_lag", "the distance that a nudge at lag has become"),
}


def memory_horizon(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    shares: ArrayLike = (0.5, 0.1, 0.01),
    perturbed_lags: ArrayLike | None = None,
    perturbation: float = 0.01,
    directions: int = 8,
    loss: str = "half_squared_error",
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Find the lags from which on less than a share of the last state's dependence on earlier ones is left.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM or GRU
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters; those of many networks are taken one after another.
    inputs : array_like, shape (batch, time, inputs)
        The sequences. Where each network has its own, with ``run`` in front.
    targets : array_like, shape (batch, outputs), optional
        Given, the gradient of the loss at the last step is followed too.
    shares : array_like of float
        Shares of what there is at lag 0, between 0 and 1.
    perturbed_lags : array_like of int, optional
        Lags at which the state is nudged, from 1 to the number of steps. None: all up to 200 steps, of longer sequences
        about 100, evenly on a logarithmic scale.
    perturbation : float
        The size of the nudge, relative to the root mean square of the norm of the sequence's states; where those are all
        zero, relative to 1.
    directions : int
        How many nudges there are at each lag, in directions that are drawn; the same ones at all lags.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        The loss of a sequence at its last step.
    lengths : array_like of int, shape (batch,), optional
        How many of the last steps belong to each sequence. Lags beyond are NaN.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it.
    rng : int, SeedSequence, Generator, …
        What the directions are drawn from.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    Dataset
        Over ``share``, and ``sequence`` where there are several: ``horizon``, the smallest lag from which on the spectral
        norm of ds_T / ds_{T-lag} stays below the share of its value at lag 0, which is 1, up to the sequence's length;
        ``gradient_horizon``, with targets, the same of the norm of dE_T / ds_{T-lag}; and ``perturbation_horizon``, of the
        distance at the end between two runs on the same inputs, one of them nudged at the lag, over the size of the nudge;
        the root mean square over the directions, at the lags that are tried. Each is infinite where it is not reached
        within the sequence, and NaN where there is nothing to take a share of; ``horizon_outcome`` and so on say which:
        "reached", "beyond the sequence", "nothing at lag 0" (no error at the last step), "not finite" (the state is
        not). ``median_horizon`` and so on, over ``share``: the medians over the sequences that have one, finite or not.
        Over ``lag``, ``log_spectral`` and ``log_loss_gradient``, and over ``perturbed_lag``, ``log_perturbation``: the natural
        logarithms of what is left.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    The state s is h, for an LSTM (h, c). The first two are of infinitely small nudges, the third is of one of a size that
    occurs: it may carry the state over to another attractor, where it stays for good, while every derivative vanishes; or
    the nonlinearity may swallow it. A spectral norm is that of the nudge which lasts best; one that is drawn lasts
    less long.

    Examples
    --------
    A unit that keeps 0.9 of its state at every step has forgotten half of it after 7 steps, as 0.9^6 = 0.53:

    >>> import numpy as np
    >>> from rnnlatch.cells import VanillaRNN
    >>> cell = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)
    >>> leaky = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.array([[0.9]])}
    >>> found = memory_horizon(cell, leaky, np.ones((1, 30, 1)))
    >>> found["horizon"].values, found["perturbation_horizon"].values
    (array([ 7., 22., inf]), array([ 7., 22., inf]))
    >>> found["horizon_outcome"].values.tolist()
    ['reached', 'reached', 'beyond the sequence']
    """
    sequences, _, _ = begin(cell, params, inputs, targets, loss=loss, lengths=lengths, initial_state=initial_state)
    parts, tried = _check_shares(shares), _check_lags(perturbed_lags, sequences.time)
    size = validation.number("perturbation", perturbation, above=0)
    count = validation.integer("directions", directions, at_least=1)
    networks, seed = bundle(sequences, threads=threads), normalise(rng)
    lags = np.arange(sequences.time + 1)
    kinds = {name: kind for name, kind in _KINDS.items() if targets is not None or name != "gradient_horizon"}
    front = sequence_dims(sequences)

    def compute() -> Mapping[str, Any]:
        check_memory(
            8 * networks.count * networks.batch * (3 * lags.size + tried.size) + 40 * _AT_ONCE,
            f"memory_horizon of {networks.count} networks on {networks.batch} sequences of {networks.time} steps",
            "use fewer networks or sequences at once",
        )
        products = jacobian_products(
            cell,
            params,
            inputs,
            targets,
            norms="spectral",
            bounds=False,
            loss=loss,
            lengths=lengths,
            initial_state=initial_state,
            threads=threads,
        )
        shape = (networks.count, networks.batch, lags.size)
        logs = {"log_spectral": products["log_spectral"].values.reshape(shape)}
        if targets is not None:
            gradient = products["log_loss_gradient"].values.reshape(shape)
            with np.errstate(invalid="ignore"):  # no error at all
                logs["log_loss_gradient"] = gradient - gradient[..., :1]
        drawn = _directions(networks, count, seed.sequence())
        nudged = one_by_one(networks, lambda i: {"left": _nudge(networks, i, tried, size, drawn)}, ["left"])
        logs["log_perturbation"] = nudged["left"]
        found: dict[str, Any] = dict(logs)
        for name, (curve, over, _) in kinds.items():
            horizon, outcome = _horizons(logs[curve], lags if over == "lag" else tried, networks, parts)
            found |= {name: horizon, f"{name}_outcome": outcome, f"median_{name}": _medians(horizon)}
        return found

    described: dict[str, tuple[tuple[str, ...], str, str]] = {}
    for name, (curve, over, words) in kinds.items():
        what = f"{words}, over that at lag 0"
        described[curve] = ((*front, over), f"natural logarithm of {what}", "1")
        described[name] = ((*front, "share"), f"lag from which on {what}, is below the share", "steps")
        described[f"{name}_outcome"] = ((*front, "share"), f"what became of the {name.replace('_', ' ')}", "1")
        described[f"median_{name}"] = (
            ("share",),
            f"median over the sequences of the {name.replace('_', ' ')}",
            "steps",
        )
    found = analyse(
        sequences,
        compute,
        described,
        {
            "share": (parts, "share of what there is at lag 0", "1"),
            "lag": (lags, "time lag", "steps"),
            "perturbed_lag": (tried, "time lag at which the state is nudged", "steps"),
        },
        "rnnlatch.dynamics.memory_horizon; Pascanu, Mikolov and Bengio (2013), section 2.1",
        {"loss": loss if targets is not None else None, "perturbation": size, "directions": count},
    )
    found.attrs["rng"] = seed.to_json()
    return found


def _directions(networks: Bundle, count: int, sequence: np.random.SeedSequence) -> Floats:
    """Directions of length 1, shape (count, states, hidden)."""
    shape = (count, len(networks.cell.states), networks.cell.hidden)
    drawn = np.random.default_rng(sequence).standard_normal(shape)
    return np.asarray(drawn / np.sqrt((drawn**2).sum(axis=(1, 2), keepdims=True)))


def _nudge(networks: Bundle, index: int, lags: Integers, size: float, directions: Floats) -> Floats:
    """Logarithms of the distance at the end over that at the lag, (batch, lags); NaN beyond a sequence's length."""
    structure, params, inputs, initial = networks.arguments(index)
    lengths = networks.lengths_of(index)
    structure = structure | {"outputs": 0, "bias_out": 0, "read_unit": -1}
    own = {name: value for name, value in params.items() if name.endswith("_l0")}
    names = networks.cell.states
    start = _start(networks, params, initial)

    def run(given: Floats, many: Integers | None, states: Floats) -> Floats:
        """Give the states, (sequences, steps, states, hidden)."""
        first = {name: np.ascontiguousarray(states[:, place]) for place, name in enumerate(names)}
        found = core.matrix_forward(structure, own, np.ascontiguousarray(given), many, first, networks.threads)
        return np.stack([found[name[0]] for name in names], axis=2)

    path = np.concatenate([start[:, None], run(inputs, lengths, start)], axis=1)
    left = np.full((networks.batch, lags.size), np.nan)
    count, time = len(directions), networks.time
    for b in range(networks.batch):
        length = time if lengths is None else int(lengths[b])
        inside = np.flatnonzero(lags <= length)
        squares = (path[b, time - length :] ** 2).sum(axis=(1, 2))
        nudge = size * (float(np.sqrt(squares.mean())) or 1.0)
        rows = max(_AT_ONCE // (count * time * (path[0, 0].size * 6 + inputs.shape[-1])), 1)
        for first in range(0, inside.size, rows):
            some = lags[inside[first : first + rows]]
            farthest = int(some[-1])
            states = path[b, time - some][:, None] + nudge * directions
            given = np.broadcast_to(inputs[b, time - farthest :], (some.size * count, farthest, inputs.shape[-1]))
            ends = run(given, np.repeat(some, count), states.reshape(-1, *start.shape[1:]))[:, -1]
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                moved = (ends - path[b, -1]).reshape(some.size, count, -1) / nudge
                left[b, inside[first : first + rows]] = np.log((moved**2).sum(axis=2).mean(axis=1)) / 2
    return left


def _start(networks: Bundle, params: Mapping[str, Floats], initial: Floats | None) -> Floats:
    """The states before the first step, (batch, states, hidden)."""
    if initial is not None:
        return initial
    names = networks.cell.states
    zero = np.zeros(networks.cell.hidden)
    one = np.stack([params.get(name, zero) for name in names])
    return np.broadcast_to(one, (networks.batch, *one.shape))


def _horizons(logs: Floats, lags: Integers, networks: Bundle, shares: Floats) -> tuple[Floats, NDArray[Any]]:
    """The lag from which on each row stays below each share, and in words what became of it: (networks, batch, share)."""
    found = np.full((*logs.shape[:2], shares.size), np.inf)
    outcome = np.full(found.shape, BEYOND, dtype=np.dtype(f"<U{max(map(len, (REACHED, BEYOND, NOTHING, NOT_FINITE)))}"))
    for i in range(logs.shape[0]):
        lengths = networks.lengths_of(i)
        for b in range(logs.shape[1]):
            inside = lags <= (networks.time if lengths is None else lengths[b])
            row = logs[i, b, inside]
            if np.isnan(row).any():
                # Relative to nothing at lag 0, all of a row are NaN; what has overflowed is so somewhere.
                found[i, b] = np.nan
                outcome[i, b] = NOTHING if np.isnan(row).all() and lags[0] == 0 else NOT_FINITE
                continue
            for s, share in enumerate(shares):
                above = np.flatnonzero(row >= np.log(share))
                last = int(above[-1]) if above.size else -1
                if last + 1 < row.size:
                    found[i, b, s], outcome[i, b, s] = lags[inside][last + 1], REACHED
    return found, outcome


def _medians(horizons: Floats) -> Floats:
    """Over the sequences that have a horizon, (networks, share); NaN where none has."""
    found = np.full((horizons.shape[0], horizons.shape[2]), np.nan)
    for i, one in enumerate(horizons):
        for s, row in enumerate(one.T):
            there = row[~np.isnan(row)]
            if there.size:
                found[i, s] = np.median(there)
    return found


def _check_shares(shares: Any) -> Floats:
    allowed = "numbers between 0 and 1, at least one"
    given = np.atleast_1d(floats("shares", shares, allowed, np.dtype(np.float64)))
    if given.ndim != 1 or not given.size:
        raise ValueError(f"shares has shape {given.shape}; it must be {allowed}")
    check_finite("shares", given)
    wrong = given[(given <= 0) | (given >= 1)]
    if wrong.size:
        raise ValueError(f"shares has {wrong[0]:g}; it must be {allowed}")
    if np.unique(given).size < given.size:
        raise ValueError("shares has a number twice")
    return given


def _check_lags(lags: Any, time: int) -> Integers:
    if lags is None:
        if time <= _ALL_LAGS:
            return np.arange(1, time + 1)
        return np.unique(np.geomspace(1, time, _SOME_LAGS).round().astype(np.int64))
    allowed = f"integers from 1 to {time}, the number of steps"
    given = integers("perturbed_lags", lags, allowed)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"perturbed_lags has shape {given.shape}; it must be one row of {allowed}")
    wrong = given[(given < 1) | (given > time)]
    if wrong.size:
        raise ValueError(f"perturbed_lags has {wrong[0]}; it must have {allowed}")
    return np.unique(given)
