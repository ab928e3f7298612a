"""A network in float64, and the sequences that run through it: a user's own, or noise with a stated law."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._engine import check_threads
from rnnlatch._network_parameters import Params, check_network_parameters
from rnnlatch._sequences import LOSSES, TIMES
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics.systems import System, system
from rnnlatch.gradients._analysis import Bundle, Floats, Partials, begin, bundle
from rnnlatch.gradients.memory import check_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["DIRECTIONS", "NUDGES", "STARTS", "Driven", "logistic", "prepare"]

LENGTH, SEQUENCES = 500, 8  # of noise, and the most of a user's sequences, unless other numbers are given
_LARGEST = 2**20

NOISE, DIRECTIONS, STARTS, NUDGES = range(4)  # places of random numbers


@dataclass(frozen=True)
class Driven:
    """A network and its sequences, all in float64.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : dict of ndarray
        Its parameters.
    inputs : ndarray, shape (sequence, time, inputs)
        The sequences, as far as the states are finite.
    targets : ndarray or None
        What the outputs after the last step are compared with.
    loss : str
        By which loss.
    law : str
        Where the sequences come from, in words.
    noise_std : float
        Of noise; 0 where the sequences are a user's own.
    overflow : ndarray of int, shape (sequence,)
        The step at which each sequence's state ceases to be finite, from 1; 0 where it does not.
    asked : int
        How many steps there would be if the states stayed finite.
    entropy : SeedSequence
        What random numbers are made from.
    rng : str
        The same, as JSON.
    threads : int
        Threads of the engine.
    """

    cell: NetworkCell
    params: dict[str, Floats]
    inputs: Floats
    targets: NDArray[Any] | None
    loss: str
    law: str
    noise_std: float
    overflow: NDArray[np.int64]
    asked: int
    entropy: np.random.SeedSequence
    rng: str
    threads: int

    @property
    def batch(self) -> int:
        """How many sequences there are."""
        return int(self.inputs.shape[0])

    @property
    def time(self) -> int:
        """How many steps they have, which may be none where the states overflow at once."""
        return int(self.inputs.shape[1])

    @property
    def dimension(self) -> int:
        """The numbers of a state."""
        return len(self.cell.states) * self.cell.hidden

    @property
    def own_data(self) -> bool:
        """Whether the sequences are a user's."""
        return self.noise_std == 0

    @cached_property
    def networks(self) -> Bundle:
        """The network as the analyses of gradients take it."""
        sequences, targets, _ = begin(self.cell, self.params, self.inputs, self.targets, loss=self.loss)
        return bundle(sequences, targets, threads=self.threads)

    @cached_property
    def partials(self) -> Partials:
        """The states, and the derivatives of the cell at each step, with an axis of one network in front."""
        return self.networks.partials()

    @cached_property
    def pre_activations(self) -> dict[str, Floats]:
        """The pre-activations by gate, (sequence, time, hidden); of a GRU's candidate with the reset gate applied."""
        cell, params = self.cell, self.params
        h = self.partials.state[0, :, :-1, 0]
        by_input = self.inputs @ params["weight_ih_l0"].T + params.get("bias_ih_l0", 0.0)
        weight = params["weight_hh_l0"]
        by_state = (h * weight if cell.diagonal else h @ weight.T) + params.get("bias_hh_l0", 0.0)
        n = cell.hidden
        parts = {
            gate: (by_input[..., i * n : (i + 1) * n], by_state[..., i * n : (i + 1) * n])
            for i, gate in enumerate(cell.gates)
        }
        if cell.kind == "GRU":
            reset = logistic(sum(parts["r"]))
            parts["n"] = (parts["n"][0], reset * parts["n"][1])
        return {gate: np.asarray(sum(both)) for gate, both in parts.items()}

    def system_at(self, input: Floats) -> System:
        """The network as a map of states, with an input that stays."""
        return system(self.cell, self.params, input=input)

    def state(self, sequence: int, step: int) -> Floats:
        """The state after a step, as one vector; step 0 is the initial one."""
        return np.ascontiguousarray(self.partials.state[0, sequence, step].reshape(-1))

    def draw(self, place: int) -> np.random.Generator:
        """Random numbers of one of the places."""
        return generator(self.entropy, place)


def generator(entropy: np.random.SeedSequence, place: int) -> np.random.Generator:
    """Random numbers of a place, whatever is drawn at the others."""
    return np.random.default_rng(
        np.random.SeedSequence(entropy.entropy, spawn_key=(*entropy.spawn_key, place), pool_size=entropy.pool_size)
    )


def logistic(x: Any) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, e) / (1.0 + e))


def prepare(
    cell: NetworkCell,
    params: Params,
    inputs: Any,
    targets: Any,
    *,
    loss: str,
    at: str,
    length: int | None,
    sequences: int | None,
    noise_std: float,
    rng: RNGLike | None,
    threads: int | None,
) -> Driven:
    """Check everything that `rnnlatch.diagnose` takes, choose the sequences, and run the network along them."""
    validation.instance("cell", cell, NetworkCell, "a network: rnnlatch.cells.VanillaRNN(…), DiagonalRNN, LSTM or GRU")
    found = check_network_parameters(cell, params)
    if found.shape:
        raise ValueError(
            f"params has {found.count} networks; a diagnosis is of one: choose it, as with .isel(run=0) or [0]"
        )
    wide = {name: np.ascontiguousarray(value, np.float64) for name, value in found.arrays.items()}
    loss, at = validation.choice("loss", loss, LOSSES), validation.choice("at", at, TIMES)
    if length is not None:
        length = validation.integer("length", length, at_least=1, at_most=_LARGEST)
    if sequences is not None:
        sequences = validation.integer("sequences", sequences, at_least=1, at_most=_LARGEST)
    noise_std = validation.number("noise_std", noise_std, above=0)
    seed, count = normalise(rng), check_threads(threads)
    if inputs is None:
        if targets is not None:
            raise ValueError("targets is given and inputs None; targets belong to the inputs that they were given for")
        size = (sequences or SEQUENCES, length or LENGTH)
        _check_size(cell, *size)
        chosen = generator(seed.sequence(), NOISE).normal(0.0, noise_std, (*size, cell.inputs))
        law = f"Gaussian noise, mean 0, standard deviation {noise_std:g}, independent over steps and inputs"
        wanted = None
    else:
        chosen, wanted, law = _own(cell, wide, inputs, targets, loss, at, length, sequences)
        _check_size(cell, *chosen.shape[:2])
    driven = Driven(
        cell=cell,
        params=wide,
        inputs=np.ascontiguousarray(chosen),
        targets=wanted,
        loss=loss,
        law=law,
        noise_std=noise_std if inputs is None else 0.0,
        overflow=np.zeros(len(chosen), np.int64),
        asked=chosen.shape[1],
        entropy=seed.sequence(),
        rng=seed.to_json(),
        threads=count,
    )
    return _finite(driven)


def _check_size(cell: NetworkCell, sequences: int, length: int) -> None:
    states, gates = len(cell.states), len(cell.gates) + 1
    numbers = cell.inputs + cell.hidden * (2 * states + 3 * gates + states * gates + states**2)
    check_memory(
        8 * sequences * (length + 1) * numbers,
        f"a diagnosis of {cell.hidden} units with {cell.inputs} inputs on {sequences} sequences of {length} steps",
        "use fewer or shorter sequences",
    )


def _own(
    cell: NetworkCell,
    params: dict[str, Floats],
    inputs: Any,
    targets: Any,
    loss: str,
    at: str,
    length: int | None,
    sequences: int | None,
) -> tuple[Floats, NDArray[Any] | None, str]:
    """Choose among a user's sequences: inputs, targets at the last step, and in words what was chosen."""
    allowed = f"(time, {cell.inputs}) or (batch, time, {cell.inputs})"
    given = floats("inputs", inputs, f"an array of real numbers, shape {allowed}").astype(np.float64)
    if given.ndim not in (2, 3) or given.shape[-1] != cell.inputs or given.size == 0:
        raise ValueError(f"inputs has shape {given.shape}; it must be {allowed}")
    check_finite("inputs", given)
    single = given.ndim == 2
    given = given[None] if single else given
    most, time = sequences or SEQUENCES, given.shape[1]
    if targets is None:
        steps = min(length or LENGTH, time)
        if single and time >= 2 * steps:  # one long recording
            pieces = min(most, time // steps)
            starts = np.linspace(0, time - steps, pieces).astype(int)
            chosen = np.stack([given[0, start : start + steps] for start in starts])
            words = f"your recording of {time} steps: {pieces} pieces of {steps} steps, each from the initial state"
            return chosen, None, words
        return given[:most, :steps], None, _words(given.shape, min(most, len(given)), steps)
    wanted = np.asarray(targets.detach() if hasattr(targets, "detach") else targets)  # a tensor that carries a gradient
    if single and wanted.ndim < (2 if at == "every" else 1) + (loss != "softmax_cross_entropy"):
        wanted = wanted[None]
    steps = time if length is None else min(length, time)
    if steps < time and at == "last":
        raise ValueError(
            f"length is {steps}, and the targets belong to the last of {time} steps; leave it out, or give at='every'"
        )
    if wanted.dtype.kind == "f":
        wanted = wanted.astype(np.float64)
    _, checked, _ = begin(cell, params, given, wanted, loss=loss, at=at)
    assert checked is not None
    last = checked[:most, steps - 1] if at == "every" else checked[:most]
    return given[:most, :steps], last, _words(given.shape, min(most, len(given)), steps)


def _words(shape: tuple[int, ...], sequences: int, steps: int) -> str:
    which = f"{sequences} of your {shape[0]} sequences" if sequences < shape[0] else f"your {_count(sequences)}"
    if steps == shape[1]:
        return f"{which}, all {steps} steps"
    return f"{which}, the first {steps} of {shape[1]} steps"


def _count(sequences: int) -> str:
    return "sequence" if sequences == 1 else f"{sequences} sequences"


def _finite(driven: Driven) -> Driven:
    """Keep the steps at which all states are finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        state = driven.partials.state[0]
    wrong = ~np.isfinite(state).all(axis=(2, 3))
    if not wrong.any():
        return driven
    first = np.where(wrong.any(axis=1), wrong.argmax(axis=1), 0)
    kept = int(first[first > 0].min()) - 1
    return dataclasses.replace(
        driven, inputs=np.ascontiguousarray(driven.inputs[:, :kept]), targets=None, overflow=first
    )
