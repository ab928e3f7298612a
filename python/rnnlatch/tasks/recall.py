"""Recall: the symbols at the beginning of a sequence are to be given again at its end."""

import math
from dataclasses import dataclass

import numpy as np

from rnnlatch import validation
from rnnlatch.tasks.base import described
from rnnlatch.tasks.long_lag import LongLagTask

__all__ = ["CopyMemory", "NoiselessMemorization", "RecallTask"]

MOST_POSITIONS = 100_000
MOST_SYMBOLS = 100_000


@dataclass(frozen=True, kw_only=True, repr=False)
class RecallTask(LongLagTask):
    """Base of `NoiselessMemorization` and `CopyMemory`."""

    positions: int = described(10, "symbols to be recalled", "symbols")
    reduction: str = described("mean", "how the loss of a sequence is taken over its steps")

    loss = "softmax_cross_entropy"
    at = "every"

    def __post_init__(self) -> None:
        put = object.__setattr__
        super().__post_init__()
        checked = validation.integer("positions", self.positions, at_least=1, at_most=MOST_POSITIONS)
        put(self, "positions", checked)
        put(self, "reduction", validation.choice("reduction", self.reduction, ("mean", "sum")))

    @property
    def kinds(self) -> int:
        """How many symbols there are to be recalled."""
        raise NotImplementedError

    @property
    def features(self) -> int:
        """How many symbols there are, with the blank and the cue."""
        return self.kinds + 2

    @property
    def outputs(self) -> int:
        """How many classes there are, with that of no answer."""
        return self.kinds + 1

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest sequence, in steps."""
        low, high = self.drawn_range
        return low + 2 * self.positions, high + 2 * self.positions

    @property
    def baseline(self) -> float:
        """The smallest mean loss of a network without memory: silent until the cue, then any symbol alike."""
        low, high = self.length_range
        steps = 1.0 if self.reduction == "sum" else float(np.mean(1.0 / np.arange(low, high + 1)))
        return self.positions * math.log(self.kinds) * steps

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {
            "positions": self.positions,
            "mean_over_steps": int(self.reduction == "mean"),
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class NoiselessMemorization(RecallTask):
    """A pattern of symbols, a long time of blanks, a cue: to give the pattern again from the cue on, and nothing before.

    One symbol is shown at each step, as a 1 among zeros: columns 0 to values - 1 are those of the pattern, column `values` is
    the blank, column values + 1 the cue. The first `positions` steps show the pattern, the next `length` blanks, then comes
    the cue, then positions - 1 more blanks. The class is `values`, no answer, at all steps but the last `positions`, whose
    classes are the symbols of the pattern in their order: the first one together with the cue. The loss is
    softmax_cross_entropy at every step.

    Parameters
    ----------
    length : int or pair of int
        Steps between the pattern and the cue, up to 1,000,000; or an inclusive range that they are drawn from uniformly. A
        sequence has ``length + 2 * positions`` steps.
    values : int
        Symbols that a pattern is made of, 2 to 100,000.
    positions : int
        Symbols in a pattern, 1 to 100,000.
    reduction : {"mean", "sum"}
        The loss of a sequence: the mean over its steps, or their sum.
    length_shared_by : int
        So many consecutive sequences have the same length: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    All patterns are equally likely. A sequence is wrong if any step is, and a step if any other output is as large as that of
    its class.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, and the
    authors' code, whose defaults, 5 values at 10 positions, are ours; the mean over the steps is the code's cost. That the
    paper's pattern of 5 bits has 2 values at 5 positions is our reading. The problem is that of J. Martens and I. Sutskever,
    "Learning recurrent neural networks with Hessian-free optimization", ICML 2011.

    Examples
    --------
    >>> five_bits = NoiselessMemorization(length=4, values=2, positions=5)
    >>> shown = five_bits.sample(1, rng=0)
    >>> [int(symbol) for symbol in shown.inputs[0].argmax(axis=1)]
    [1, 1, 0, 0, 0, 2, 2, 2, 2, 3, 2, 2, 2, 2]
    >>> [int(each) for each in shown.targets[0]]
    [2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 0, 0, 0]
    """

    values: int = described(5, "symbols that a pattern is made of", "symbols")

    def __post_init__(self) -> None:
        super().__post_init__()
        checked = validation.integer("values", self.values, at_least=2, at_most=MOST_SYMBOLS)
        object.__setattr__(self, "values", checked)

    @property
    def kinds(self) -> int:
        """How many symbols there are to be recalled."""
        return self.values

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {"values": self.values}


@dataclass(frozen=True, kw_only=True, repr=False)
class CopyMemory(RecallTask):
    """Symbols to copy, a long time of blanks, a marker: to give the symbols again after the marker, and nothing before.

    One symbol is shown at each step, as a 1 among zeros: column 0 is the blank, columns 1 to `symbols` are those to copy,
    column symbols + 1 is the marker. The first `positions` steps show symbols, the next length - 1 blanks, then comes the
    marker, then `positions` blanks. The class is 0 at all steps but the last `positions`, whose classes are the symbols, in
    their order. The loss is softmax_cross_entropy at every step.

    Parameters
    ----------
    length : int or pair of int
        T, the steps from the last symbol to the marker, up to 1,000,000; or an inclusive range that they are drawn from
        uniformly. A sequence has ``length + 2 * positions`` steps.
    symbols : int
        Symbols that there are to copy, 2 to 100,000.
    positions : int
        How many are copied, 1 to 100,000.
    reduction : {"mean", "sum"}
        The loss of a sequence: the mean over its steps, or their sum.
    length_shared_by : int
        So many consecutive sequences have the same length: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    A sequence is wrong if any step is, and a step if any other output is as large as that of its class. `baseline` is the loss
    of a network that has understood all but what the symbols were.

    Source: M. Arjovsky, A. Shah and Y. Bengio, "Unitary evolution recurrent neural networks", ICML 2016, and the authors' code,
    whose 8 symbols at 10 positions, and mean over the steps, are the defaults; there the training set is
    ``sequences=100_000``. After S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation
    9(8):1735-1780, 1997.

    Examples
    --------
    >>> task = CopyMemory(length=100)
    >>> task.length_range, round(task.baseline, 4)
    ((120, 120), 0.1733)
    >>> shown = CopyMemory(length=3, positions=2).sample(1, rng=0)
    >>> [int(symbol) for symbol in shown.inputs[0].argmax(axis=1)], [int(each) for each in shown.targets[0]]
    ([5, 7, 0, 0, 9, 0, 0], [0, 0, 0, 0, 0, 5, 7])
    """

    symbols: int = described(8, "symbols that there are to copy", "symbols")

    def __post_init__(self) -> None:
        super().__post_init__()
        checked = validation.integer("symbols", self.symbols, at_least=2, at_most=MOST_SYMBOLS)
        object.__setattr__(self, "symbols", checked)

    @property
    def kinds(self) -> int:
        """How many symbols there are to be recalled."""
        return self.symbols

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {"symbols": self.symbols}
