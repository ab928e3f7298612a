"""Algorithms in Python that several tests share; workers import them from here."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import rnnlatch as rl


@dataclass(frozen=True, kw_only=True)
class PlainDescent(rl.algorithms.PythonAlgorithm):
    """What the engine's GradientDescent does without its extras."""

    learning_rate: float = 0.1

    def train(self, run: rl.Run, parameters: dict[str, Any], sequences: Any) -> None:  # noqa: ARG002
        for batch in sequences:
            _, gradient = batch.loss_and_gradient(parameters)
            for name, value in parameters.items():
                value -= self.learning_rate * gradient[name]


@dataclass(frozen=True, kw_only=True)
class GivesUp(rl.algorithms.PythonAlgorithm):
    """Tries a few random points, and reports the best one."""

    tries: int = 3

    def train(self, run: rl.Run, parameters: dict[str, Any], sequences: Any) -> dict[str, Any]:  # noqa: ARG002
        best, least = {name: value.copy() for name, value in parameters.items()}, np.inf
        for _ in range(self.tries):
            batch = next(sequences)
            loss, _ = batch.loss_and_gradient(parameters)
            if loss < least:
                best, least = {name: value.copy() for name, value in parameters.items()}, loss
            for value in parameters.values():
                value += sequences.rng.normal(size=value.shape)
        return best


@dataclass(frozen=True, kw_only=True)
class Fails(rl.algorithms.PythonAlgorithm):
    """Fails as soon as it is used."""

    def train(self, run: rl.Run, parameters: dict[str, Any], sequences: Any) -> None:  # noqa: ARG002
        raise MemoryError("none left")
