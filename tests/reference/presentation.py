"""A network, the vector of its trainable numbers, and what happens when it is shown a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from reference import networks, tasks
from reference.arithmetic import Array
from reference.tasks import Arrays, Columns, Sequence, Structure

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_out", "bias_out", "h_0", "c_0")
"""Parameters in the order in which their trainable numbers make the vector theta; C order within each."""


class Network:
    """Parameters of one network, of which some are trained."""

    def __init__(
        self,
        structure: Structure,
        parameters: Mapping[str, Array],
        trainable: Mapping[str, Array],
        arrays: Arrays | None = None,
    ) -> None:
        self.structure = structure
        self.parameters = {name: np.array(parameters[name], float) for name in NAMES if name in parameters}
        self.trainable = {name: np.asarray(trainable[name], bool) for name in self.parameters}
        self.arrays = arrays or {}
        self.same_step = self.arrays.get("same_step")

    def flat(self, by_name: Mapping[str, Array]) -> Array:
        """The trainable numbers of arrays shaped like the parameters; axes before theirs stay, as that of time."""
        parts = []
        for name, trained in self.trainable.items():
            array = by_name[name]
            lead = array.shape[: array.ndim - trained.ndim]
            parts.append(array.reshape(*lead, -1)[..., trained.ravel()])
        return np.concatenate(parts, axis=-1)

    @property
    def theta(self) -> Array:
        return self.flat(self.parameters)

    @theta.setter
    def theta(self, values: Array) -> None:
        self.parameters = self.moved(values)

    def moved(self, theta: Array) -> dict[str, Array]:
        """The parameters with other trainable numbers, in the type of those."""
        result, first = {}, 0
        for name, trained in self.trainable.items():
            array = self.parameters[name].astype(theta.dtype)
            count = int(trained.sum())
            array[trained] = theta[first : first + count]
            result[name] = array
            first += count
        return result

    def gradient(self, sequence: Sequence, parameters: Mapping[str, Array] | None = None) -> networks.Trace:
        """Loss and gradient of one sequence, and all that was computed on the way; of other parameters where given."""
        return networks.gradient(
            self.structure,
            self.parameters if parameters is None else parameters,
            sequence.inputs[None],
            sequence.target[None],
            None if sequence.mask is None else np.asarray(sequence.mask)[None],
            np.array([sequence.length]),
            same_step=self.same_step,
        )

    def forward(self, sequence: Sequence) -> tuple[float, Array]:
        """Loss and outputs (T, O) of one sequence."""
        trace = networks.forward(
            self.structure,
            self.parameters,
            sequence.inputs[None],
            np.array([sequence.length]),
            same_step=self.same_step,
        )
        targets, mask = sequence.target[None], None if sequence.mask is None else np.asarray(sequence.mask)[None]
        loss = 0.0
        for row in range(sequence.start, len(sequence.inputs)):
            part = networks.term(self.structure, trace, targets, mask, 0, row)
            loss += 0.0 if part is None else float(part[0])
        return loss, trace.output[0]

    def is_right(self, columns: Columns, sequence: Sequence, outputs: Array) -> bool:
        return tasks.is_right(self.structure, columns, sequence, outputs)


class Presentation(NamedTuple):
    """Presentation p: the sequence, what the network made of it, and its gradient by the trainable numbers."""

    p: int
    sequence: Sequence
    trace: networks.Trace
    wrong: bool
    gradient: Array


def present(network: Network, columns: Columns, key: Array, stream: int, p: int) -> Presentation:
    """Show training presentation p to a network."""
    index = tasks.sequence_shown(network.structure, key, stream, p)
    sequence = tasks.draw(network.structure, columns, key, stream, index, arrays=network.arrays)
    trace = network.gradient(sequence)
    wrong = not network.is_right(columns, sequence, trace.output[0])
    return Presentation(p, sequence, trace, wrong, network.flat(trace.gradient))


def evaluate(network: Network, columns: Columns, key: Array, stream: int, presentations: int) -> dict[str, float]:
    """Mean loss and fraction of wrong answers over test sequences 0, 1, ..., which no training has seen."""
    loss, wrong = 0.0, 0
    for i in range(presentations):
        sequence = tasks.draw(network.structure, columns, key, stream, i, test=True, arrays=network.arrays)
        cost, outputs = network.forward(sequence)
        loss += cost
        wrong += not network.is_right(columns, sequence, outputs)
    return {"loss": loss / presentations, "error": wrong / presentations}
