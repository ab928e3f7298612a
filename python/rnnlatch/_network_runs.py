"""Runs of the engine for networks: what it trains, from where, and what comes out."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import random
from rnnlatch.cells import Constant, LatchNeuron, NetworkCell, VanillaRNN

__all__ = ["initial", "latch_parameters", "network_of", "results_of", "trainable", "trained_count"]

Float64 = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


def network_of(cell: LatchNeuron | NetworkCell, prefix: int) -> NetworkCell:
    """Give the network that is trained: a `LatchNeuron` as one unit that is shown the prefix step by step.

    Its inputs are a 1 in column class * prefix + step, with the trained input as the weight, and in the last column the
    noise, with the weight 1; see `rnnlatch.tasks.MinimalLatch`.
    """
    return cell if isinstance(cell, NetworkCell) else _network_of_latch(cell.w, cell.train_w, prefix)


@lru_cache(maxsize=1024)
def _network_of_latch(w: float, train_w: bool, prefix: int) -> NetworkCell:
    """Make the network of a `LatchNeuron`; many grid points of a sweep share one."""
    return VanillaRNN(
        inputs=2 * prefix + 1,
        hidden=1,
        read_unit=0,
        bias=False,
        fixed=() if train_w else ("weight_hh_l0",),
        init_hh=Constant(w),
    )


def trained_count(cell: LatchNeuron | NetworkCell, network: NetworkCell) -> int:
    """Give how many numbers are trained."""
    return network.trainable_count - isinstance(cell, LatchNeuron)  # the weight of the noise is not


def trainable(cell: LatchNeuron | NetworkCell, network: NetworkCell) -> dict[str, NDArray[np.uint8]]:
    """Give 1 for each number that is trained, else 0, by the name of the parameter."""
    trained = {}
    for name, shape in network.parameter_shapes.items():
        trained[name] = np.ascontiguousarray(np.broadcast_to(network.trained.get(name, 1.0), shape)).astype(np.uint8)
    if isinstance(cell, LatchNeuron):
        trained["weight_ih_l0"][0, -1] = 0
    return trained


def initial(
    cell: LatchNeuron | NetworkCell, prefix: int, key: NDArray[np.uint32], streams: NDArray[np.uint64]
) -> dict[str, Float64]:
    """Give the parameters that the runs with these streams start from."""
    if isinstance(cell, NetworkCell):
        return {name: np.ascontiguousarray(value) for name, value in cell.draw_parameters(key, streams).items()}
    runs, given = len(streams), cell.starting_input(prefix)
    if given is None:
        uniform = random.uniform53(key, streams, random.Purpose.INITIAL, 0, 2 * prefix)
        given = ((2 * uniform - 1) * cell.initial_input).reshape(runs, 2, prefix)
    return latch_parameters(np.full(runs, cell.w), np.broadcast_to(given, (runs, 2, prefix)))


def latch_parameters(weight: Float64, input: Float64) -> dict[str, Float64]:
    """Give the parameters of latch neurons, shapes (runs,) and (runs, 2, prefix), the names of a network."""
    flat = input.reshape(len(weight), -1)
    by_column = np.concatenate([flat, np.ones((len(weight), 1))], axis=1)
    return {"weight_ih_l0": by_column[:, None, :], "weight_hh_l0": np.ascontiguousarray(weight)[:, None, None]}


def results_of(cell: LatchNeuron | NetworkCell, prefix: int, found: Mapping[str, Any]) -> Arrays:
    """Give what the engine returned under the names of a dataset's variables."""
    results: Arrays = {
        name: found[name] for name in ("outcome", "presentations", "presentations_computed", "loss", "error")
    }
    parameters = found["parameters"]
    if isinstance(cell, NetworkCell):
        return results | {name: np.asarray(parameters[name]) for name in cell.parameter_shapes}
    weights = parameters["weight_ih_l0"]
    return results | {
        "weight": np.ascontiguousarray(parameters["weight_hh_l0"][:, 0, 0]),
        "input": np.ascontiguousarray(weights[:, 0, :-1]).reshape(len(weights), 2, prefix),
    }
