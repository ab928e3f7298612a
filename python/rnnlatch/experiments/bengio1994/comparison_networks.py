"""The three problems of section V: their networks, of tanh or of threshold units, and their tasks.

All networks have the same parameter names, so that one sweep holds all of them: where there are no biases, these are fixed
at 0.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlatch.cells import Constant, Uniform, VanillaRNN
from rnnlatch.tasks import MinimalLatch, Parity, TwoSequence
from rnnlatch.tasks.base import DrawnTask

__all__ = ["LatchNetwork", "five_units", "latch", "latch_task", "parity_network", "parity_task", "two_sequence_task"]

Activation = Literal["tanh", "logistic", "sign"]

INITIAL = 0.5  # the paper's: all parameters start uniform in (-0.5, 0.5)
PREFIX = 3  # N of the two-sequence problem; ours
TARGET = 0.8


@dataclass(frozen=True, kw_only=True, repr=False)
class LatchNetwork(VanillaRNN):
    """A network whose last input is noise, which comes in with the weight 1."""

    kind: ClassVar[str] = "VanillaRNN"

    @classmethod
    def type_name(cls) -> str:
        """Give what records call the class: where it is imported from."""
        return f"{cls.__module__}:{cls.__qualname__}"

    def _drawn(self, name: str, key: NDArray[np.uint32], streams: NDArray[np.uint64]) -> NDArray[np.float64]:
        value = super()._drawn(name, key, streams)
        if name == "weight_ih_l0":
            value[..., -1] = 1
        return value


def latch(activation: Activation = "tanh") -> LatchNetwork:
    """Return the unit of the latch problem: three numbers are trained, w and an input for each class.

    Examples
    --------
    >>> latch().trainable_count
    3
    """
    fixed = ("bias_ih_l0", "bias_hh_l0", ("weight_ih_l0", ((0, 0, 1),)))
    return LatchNetwork(inputs=3, hidden=1, read_unit=0, activation=activation, **_without_biases(fixed=fixed))


def five_units(activation: Activation = "tanh") -> VanillaRNN:
    """Return the network for the two-sequence problem: five units, all connected, 25 weights.

    Examples
    --------
    >>> five_units().trainable_count
    25
    """
    return VanillaRNN(
        inputs=1,
        hidden=5,
        read_unit=4,
        activation=activation,
        mask_ih=[[1], [0], [0], [0], [0]],
        **_without_biases(init_ih=Constant(1), fixed=("weight_ih_l0", "bias_ih_l0", "bias_hh_l0")),
    )


def parity_network(activation: Activation = "tanh") -> VanillaRNN:
    """Return the network for parity: the output reads the hidden unit at the same step; 7 numbers are trained.

    Examples
    --------
    >>> parity_network().trainable_count
    7
    """
    start = Uniform(INITIAL)
    return VanillaRNN(
        inputs=1,
        hidden=2,
        read_unit=1,
        activation=activation,
        mask_hh=[[0, 1], [1, 1]],
        same_step=[[0, 0], [1, 0]],
        fixed=("bias_hh_l0",),
        init_ih=start,
        init_hh=start,
        init_bias=start,
    )


def lengths(longest: int) -> tuple[int, int] | int:
    """Return the lengths of sequences for a largest length T: uniform from T/2, rounded up, to T."""
    return (math.ceil(longest / 2), longest)


def latch_task(length: int, noise: float, sequences_per_class: int, target: float = TARGET) -> DrawnTask:
    """Return the latch problem: L = 1, and noise uniform in (-noise, noise) after it."""
    return MinimalLatch(prefix=1, target=target, **_common(length, noise, sequences_per_class))


def two_sequence_task(length: int, noise: float, sequences_per_class: int, target: float = TARGET) -> DrawnTask:
    """Return the two-sequence problem: N = 3, and noise on all steps; without noise the steps after N are 0."""
    return TwoSequence(
        prefix=PREFIX,
        prefix_noise_std=noise / math.sqrt(3),
        targets=(-target, target),
        **_common(length, noise, sequences_per_class),
    )


def parity_task(length: int, noise: float, sequences_per_class: int, target: float = TARGET) -> DrawnTask:
    """Return parity, with noise on all steps."""
    return Parity(targets=(-target, target), **_common(length, noise, sequences_per_class))


def _common(length: int, noise: float, sequences_per_class: int) -> dict[str, Any]:
    return {
        "length": lengths(length),
        "noise": "uniform",
        "noise_std": noise / math.sqrt(3),
        "sequences_per_class": sequences_per_class,
    }


def _without_biases(**more: Any) -> dict[str, Any]:
    start = Uniform(INITIAL)
    return {"init_ih": start, "init_hh": start, "fixed": ("bias_ih_l0", "bias_hh_l0")} | more
