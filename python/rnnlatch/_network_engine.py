"""Forward calls of networks to the compiled core: one network in matrices, many in lanes."""

from typing import Any

from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch._engine import check_threads
from rnnlatch._sequences import Sequences

__all__ = ["forward", "in_shape"]


def forward(sequences: Sequences, threads: Any = None) -> dict[str, NDArray[Any]]:
    """Run networks over their inputs: ``h``, for an LSTM ``c``, ``output``; many have their axis in front."""
    threads = check_threads(threads)
    structure = sequences.cell.structure()
    if sequences.in_lanes:
        s = sequences.as_many()
        found = core.network_forward(structure, s.parameters, s.inputs, s.lengths, s.initial, threads, s.same_step)
        return found if sequences.many else {name: value[0] for name, value in found.items()}
    s = sequences.contiguous()
    return core.matrix_forward(structure, s.parameters, s.inputs, s.lengths, s.initial, threads)


def in_shape(sequences: Sequences, value: NDArray[Any]) -> NDArray[Any]:
    """Give an array of many networks the axes that their parameters came with."""
    lead = sequences.networks.shape
    return value.reshape(*lead, *value.shape[1:]) if len(lead) > 1 else value
