"""What all tasks have in common, and what those have whose sequences are drawn."""

from dataclasses import field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlatch import random, validation
from rnnlatch import rng as seeds
from rnnlatch._dispatch import core
from rnnlatch._record import Record
from rnnlatch.rng import RNGLike

__all__ = ["DataTask", "DrawnTask", "Length", "Sample", "Task", "check_targets", "described", "shown", "span"]

LONGEST = 1_000_000  # steps
MOST_SEQUENCES = 2**30  # for each class

# The engine draws for networks of some size; which one does not matter.
_ANY_NETWORK: dict[str, int | str] = {
    "cell": "VanillaRNN",
    "activation": "tanh",
    "diagonal": 0,
    "hidden": 1,
    "read_unit": -1,
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
        What the loss compares with: float64, shape (n, outputs) or with ``at="every"`` (n, time, outputs); the classes of
        a softmax_cross_entropy are int64, without the last axis.
    lengths : ndarray of int64, shape (n,)
        How many of the last steps belong to each sequence.
    classes : ndarray of int64, shape (n,), or None
        The class of each sequence, where the task has classes of sequences; None for a `DataTask`.
    mask : ndarray of float64, or None
        Weights of the terms of the loss, where they are not all 1: shape (n, time) for a drawn task with ``at="every"``;
        for a `DatasetTask` its own.

    Examples
    --------
    >>> from rnnlatch.tasks import Parity
    >>> shown = Parity(length=(3, 5), noise_std=0).sample(4, rng=0)
    >>> shown.inputs.shape, shown.classes
    ((4, 5, 1), array([0, 1, 0, 1]))
    """

    inputs: NDArray[np.float64]
    targets: NDArray[Any]
    lengths: NDArray[np.int64]
    classes: NDArray[np.int64] | None
    mask: NDArray[np.float64] | None = None


class Task(Record):
    """Base of the tasks: what every one of them tells about its sequences.

    Examples
    --------
    >>> from rnnlatch.tasks import TemporalOrder
    >>> task = TemporalOrder(length=20)
    >>> task.features, task.outputs, task.loss, task.at
    (6, 4, 'softmax_cross_entropy', 'last')
    """

    loss: str = "half_squared_error"
    at: str = "last"
    fresh: ClassVar[bool] = True
    """Whether test sequences can be drawn that no training has seen."""
    carry_state: bool = False
    """Whether a sequence begins in the state in which the one that it goes on with ended."""
    set_field: ClassVar[str] = "sequences"
    """The field that gives a drawn task a fixed training set, for messages."""

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
            ``inputs``, ``targets``, ``lengths``, ``classes``, ``mask``.

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


class DataTask(Task):
    """Base of the tasks that show data of the user's own; of these a store keeps what `content` says.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlatch.tasks import DatasetTask
    >>> isinstance(DatasetTask(inputs=np.zeros((2, 5, 1)), targets=[[-1], [1]]), DataTask)
    True
    """

    content: Any
    """What is known of the data without them, a record; their hash is part of it."""

    fresh = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataTask) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.content)


class DrawnTask(Task):
    """Base of the tasks whose sequences are drawn.

    Examples
    --------
    >>> from rnnlatch.tasks import Parity
    >>> Parity(length=(3, 5), noise_std=0).drawn_range
    (3, 5)
    """

    length: Length
    order: str

    @property
    def drawn_range(self) -> tuple[int, int]:
        """The range that `length` is drawn from."""
        return self.length if isinstance(self.length, tuple) else (self.length, self.length)

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length, in steps."""
        return self.drawn_range

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        length_low, length_high = self.length_range
        return {
            "task": type(self).__name__,
            "length_low": length_low,
            "length_high": length_high,
            "sequences": self.training_set or 0,
            "random_order": int(self.order == "random"),
            "features": self.features,
        }

    def classes_of(self, targets: NDArray[Any]) -> NDArray[np.int64] | None:  # noqa: ARG002
        """Give the classes of the sequences with these targets; None where there are no classes."""
        return None

    def _draw(self, count: int, key: NDArray[np.uint32], stream: int, test: bool, first: int = 0) -> Sample:
        index, begin = np.arange(count), first
        if self.training_set is not None and not test:
            index, begin = shown(self.training_set, self.order, key, stream, index + first), 0
        columns = {name: np.array([value]) for name, value in self.columns().items()}
        network = _ANY_NETWORK | {"inputs": self.features, "outputs": self.outputs, "loss": self.loss, "at": self.at}
        drawn = core.sample_task(
            network | self.structure(), columns, key, stream, int(index.max()) + 1, test, self.arrays(), begin
        )
        targets, mask = drawn["targets"][index], None
        if self.loss == "softmax_cross_entropy":
            targets = targets[..., 0].astype(np.int64)
        if self.at == "last":
            targets = targets[:, 0]
        else:
            mask = drawn["weights"][index]
        return Sample(drawn["inputs"][index], targets, drawn["lengths"][index], self.classes_of(targets), mask)


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
