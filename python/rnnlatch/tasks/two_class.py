"""What the tasks of two classes have in common: noise, and a target for each class."""

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import LONGEST, MOST_SEQUENCES, DrawnTask, Length, span

__all__ = ["TwoClassTask"]


class TwoClassTask(DrawnTask):
    """Base of the tasks of two classes with noise: sequence i is of class i mod 2, and each class has a target.

    Examples
    --------
    >>> from rnnlatch.tasks import Parity
    >>> Parity(length=5, noise_variance=0.04).std
    0.2
    """

    set_field: ClassVar[str] = "sequences_per_class"

    noise_std: float | None
    noise_variance: float | None
    noise: str
    sequences_per_class: int | None
    tolerance: float | None

    @property
    def std(self) -> float:
        """Standard deviation of the noise, whichever way it was given."""
        if self.noise_std is not None:
            return self.noise_std
        assert self.noise_variance is not None
        return math.sqrt(self.noise_variance)

    @property
    def prefix_range(self) -> tuple[int, int]:
        """The fewest and the most steps that tell the class; (0, 0) where all do."""
        return (0, 0)

    @property
    def class_targets(self) -> tuple[float, float]:
        """The targets of class 0 and class 1."""
        raise NotImplementedError

    @property
    def training_set(self) -> int | None:
        """Number of sequences in the training set, both classes together; None where sequences are always fresh."""
        return None if self.sequences_per_class is None else 2 * self.sequences_per_class

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        prefix_low, prefix_high = self.prefix_range
        return super().structure() | {
            "prefix_low": prefix_low,
            "prefix_high": prefix_high,
            "uniform_noise": int(self.noise == "uniform"),
            "given_prototypes": int("prototypes" in self.arrays()),
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        low, high = self.class_targets
        return {
            "noise_std": self.std,
            "prefix_noise_std": 0.0,
            "target_low": low,
            "target_high": high,
            "tolerance": self.tolerance or 0.0,
        }

    def classes_of(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Give the classes of the sequences with these targets."""
        return np.asarray(targets[:, 0] == self.class_targets[1], np.int64)

    def _check_drawn(self) -> None:
        """Check the fields that all of them have."""
        put = object.__setattr__
        put(self, "length", span("length", self.length, at_most=LONGEST))
        if (self.noise_std is None) == (self.noise_variance is None):
            given = "neither" if self.noise_std is None else "both"
            raise ValueError(
                f"noise_std is {self.noise_std} and noise_variance is {self.noise_variance}; exactly one of the "
                f"two must be given, not {given}"
            )
        for name in ("noise_std", "noise_variance"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, validation.number(name, value, at_least=0))
        put(self, "noise", validation.choice("noise", self.noise, ("gaussian", "uniform")))
        if self.sequences_per_class is not None:
            checked = validation.integer(
                "sequences_per_class", self.sequences_per_class, at_least=1, at_most=MOST_SEQUENCES
            )
            put(self, "sequences_per_class", checked)
        put(self, "order", validation.choice("order", self.order, ("cyclic", "random")))
        if self.tolerance is not None:
            put(self, "tolerance", validation.number("tolerance", self.tolerance, above=0))

    def _check_prefix(self, prefix: Length) -> None:
        """Check that even the longest prefix fits into the shortest sequence."""
        longest, shortest = max(prefix) if isinstance(prefix, tuple) else prefix, self.length_range[0]
        if longest > shortest:
            words = "the length" if isinstance(self.length, int) else "the shortest length"
            raise validation.fail("prefix", prefix, f"at most {words}, which is {shortest}")
