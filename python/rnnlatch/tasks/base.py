"""What all tasks have in common, and what those have whose sequences are drawn."""

import math
from dataclasses import field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch import random, validation
from rnnlatch import rng as seeds
from rnnlatch._dispatch import core
from rnnlatch._record import Record
from rnnlatch.rng import RNGLike

__all__ = ["DrawnTask", "Length", "Sample", "Task", "check_targets", "described", "shown", "span"]

LONGEST = 1_000_000  # steps
MOST_SEQUENCES = 2**30  # for each class

# The engine draws for networks of some size; which one does not matter.
_ANY_NETWORK: dict[str, int | str] = {
    "cell": "VanillaRNN",
    "activation": "tanh",
    "diagonal": 0,
    "hidden": 1,
    "outputs": 0,
    "read_unit": 0,
    "bias": 0,
    "bias_out": 0,
}

Length = int | tuple[int, int]
"""A number of steps, or the inclusive range that it is drawn from."""


class Sample(NamedTuple):
    """Sequences as arrays, in the form that `rnnlatch.gradients` and `rnnlatch.simulate` take.

    Parameters
    ----------
    inputs : ndarray of float64, shape (n, time, features)
        The sequences, aligned at their end; 0 before one begins.
    targets : ndarray
        What the loss compares with: of a drawn task float64, shape (n, 1).
    lengths : ndarray of int64, shape (n,)
        How many of the last steps belong to each sequence.
    classes : ndarray of int64, shape (n,), or None
        0 or 1 for a sequence of a drawn task; None for a `DatasetTask`.
    mask : ndarray of float64, or None
        Weights of the terms of the loss, where a `DatasetTask` has them.
    """

    inputs: NDArray[np.float64]
    targets: NDArray[Any]
    lengths: NDArray[np.int64]
    classes: NDArray[np.int64] | None
    mask: NDArray[np.float64] | None = None


class Task(Record):
    """Base of the tasks: what every one of them tells about its sequences."""

    loss: str = "half_squared_error"
    at: str = "last"
    fresh: ClassVar[bool] = True
    """Whether test sequences can be drawn that no training has seen."""

    @property
    def features(self) -> int:
        """How many numbers a sequence has at each step."""
        raise NotImplementedError

    @property
    def outputs(self) -> int:
        """How many numbers a target has; for softmax_cross_entropy the least number of outputs."""
        return 1

    @property
    def sideless(self) -> float | None:
        """A target that is on neither side of the middle, which no output can be right for; None where there is none."""
        return None

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length, in steps."""
        raise NotImplementedError

    @property
    def training_set(self) -> int | None:
        """Number of sequences in the training set; None where every presentation draws a fresh one."""
        raise NotImplementedError

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        raise NotImplementedError

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        raise NotImplementedError

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the arrays that the engine needs, for all runs the same."""
        return {}

    def sample(self, n: int, rng: RNGLike | None = None, *, test: bool = False) -> Sample:
        """Draw sequences as the engine does.

        Parameters
        ----------
        n : int
            How many, at least 1.
        rng : {None, int, sequence of int, SeedSequence, Generator}
            Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.
        test : bool
            False: the first presentations of run 0 of ``rnnlatch.train(…, rng=rng)``. True: the sequences on which
            `rnnlatch.evaluate` with this `rng` tests run 0.

        Returns
        -------
        Sample
            ``inputs``, ``targets``, ``lengths``, ``classes``.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not as above.
        """
        n = validation.integer("n", n, at_least=1, at_most=2**32 - 1)
        test = validation.flag("test", test)
        seed = seeds.normalise(rng)
        return self._draw(n, seed.key(), seeds.stream_base({}), test)

    def _draw(self, count: int, key: NDArray[np.uint32], stream: int, test: bool, first: int = 0) -> Sample:
        """Give `count` presentations of a stream, from number `first` on."""
        raise NotImplementedError


class DrawnTask(Task):
    """Base of the tasks whose sequences are drawn: two classes, noise, a target for each class."""

    length: Length
    noise_std: float | None
    noise_variance: float | None
    noise: str
    sequences_per_class: int | None
    order: str
    tolerance: float | None

    @property
    def std(self) -> float:
        """Standard deviation of the noise, whichever way it was given."""
        if self.noise_std is not None:
            return self.noise_std
        assert self.noise_variance is not None
        return math.sqrt(self.noise_variance)

    @property
    def sideless(self) -> float | None:
        """A target that is on neither side of the middle, which no output can be right for; None where there is none."""
        return None

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length, in steps."""
        return self.length if isinstance(self.length, tuple) else (self.length, self.length)

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
        (length_low, length_high), (prefix_low, prefix_high) = self.length_range, self.prefix_range
        return {
            "task": type(self).__name__,
            "length_low": length_low,
            "length_high": length_high,
            "prefix_low": prefix_low,
            "prefix_high": prefix_high,
            "sequences": self.training_set or 0,
            "random_order": int(self.order == "random"),
            "uniform_noise": int(self.noise == "uniform"),
            "given_prototypes": int("prototypes" in self.arrays()),
            "features": self.features,
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

    def _draw(self, count: int, key: NDArray[np.uint32], stream: int, test: bool, first: int = 0) -> Sample:
        index, begin = np.arange(count), first
        if self.training_set is not None and not test:
            index, begin = shown(self.training_set, self.order, key, stream, index + first), 0
        columns = {name: np.array([value]) for name, value in self.columns().items()}
        network = _ANY_NETWORK | {"inputs": self.features, "loss": self.loss, "at": self.at}
        drawn = core.sample_task(
            network | self.structure(), columns, key, stream, int(index.max()) + 1, test, self.arrays(), begin
        )
        targets = drawn["targets"].reshape(-1, 1)[index]
        classes = (targets[:, 0] == self.class_targets[1]).astype(np.int64)
        return Sample(drawn["inputs"][index], targets, drawn["lengths"][index], classes)

    def _check_drawn(self) -> None:
        """Check the fields that all drawn tasks have."""
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


def shown(
    sequences: int, order: str, key: NDArray[np.uint32], stream: int, presentation: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give the sequences of a fixed training set that presentations of a run show."""
    if order == "cyclic":
        return presentation % sequences
    streams = np.full(len(presentation), stream, np.uint64)
    word = random.words(key, streams, random.Purpose.ORDER, presentation, 1)[:, 0].astype(np.uint64)
    return np.asarray(word * np.uint64(sequences) >> np.uint64(32), np.int64)


def span(name: str, value: object, *, at_most: int | None = None) -> Length:
    """Check a number of steps: an integer of at least 1, or a pair of them, the range that it is drawn from.

    Examples
    --------
    >>> span("length", [25, 50])
    (25, 50)
    >>> span("length", (20, 20))
    20
    """
    if not isinstance(value, tuple | list | np.ndarray) or np.ndim(value) == 0:
        return validation.integer(name, value, at_least=1, at_most=at_most)
    allowed = "an integer of at least 1, or a pair of them: the shortest and the longest"
    if len(value) != 2:
        raise validation.fail(name, value, allowed)
    low, high = (
        validation.integer(f"{name}, {words},", item, at_least=1, at_most=at_most)
        for words, item in zip(("the shortest", "the longest"), value, strict=True)
    )
    if low > high:
        raise validation.fail(name, (low, high), allowed)
    return low if low == high else (low, high)


def described(default: Any, long_name: str, units: str | None = None) -> Any:
    """Make a field of a dataclass with its name in words, which axes of that name get in a sweep's dataset."""
    return field(default=default, metadata={"long_name": long_name} | ({} if units is None else {"units": units}))


def check_targets(given: object) -> tuple[float, float]:
    """Check the targets of the two classes.

    Examples
    --------
    >>> check_targets([-1, 1])
    (-1.0, 1.0)
    """
    allowed = "a pair of numbers, the target of class 0 and a larger one of class 1"
    if not isinstance(given, tuple | list | np.ndarray) or len(given) != 2:
        raise validation.fail("targets", given, allowed)
    low, high = (validation.number("targets", value) for value in given)
    if low >= high:
        raise validation.fail("targets", (low, high), allowed)
    return low, high
