"""Random permutation: to name the first symbol at the end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import described
from rnnlatch.tasks.long_lag import LongLagTask

__all__ = ["RandomPermutation"]

MOST_SYMBOLS = 100_000


@dataclass(frozen=True, kw_only=True, repr=False)
class RandomPermutation(LongLagTask):
    """Symbols in no order: the first one, which is one of two, is to be named at the end.

    One symbol is shown at each step, as a 1 among zeros: column 0 or 1 at the first step, any of the others at every later
    one, all equally likely. The next symbol would be the first one again: its column is the class. The loss is
    softmax_cross_entropy at the last step.

    Parameters
    ----------
    length : int or pair of int
        The length of a sequence in steps, up to 1,000,000; or an inclusive range that it is drawn from uniformly.
    symbols : int
        Symbols and classes, 3 to 100,000; the paper has 100.
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
    There are as many classes as symbols, though only two of them ever come, as in the authors' code. A sequence is wrong if
    any other output is as large as that of its class.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, and the
    authors' code; after S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8):1735-1780, 1997,
    experiment 2.

    Examples
    --------
    >>> shown = RandomPermutation(length=10, symbols=5).sample(1, rng=0)
    >>> symbols = shown.inputs[0].argmax(axis=1)
    >>> bool(symbols[0] == shown.targets[0]), bool((symbols[1:] >= 2).all())
    (True, True)
    """

    symbols: int = described(100, "symbols", "symbols")

    loss = "softmax_cross_entropy"

    def __post_init__(self) -> None:
        super().__post_init__()
        checked = validation.integer("symbols", self.symbols, at_least=3, at_most=MOST_SYMBOLS)
        object.__setattr__(self, "symbols", checked)

    @property
    def features(self) -> int:
        """How many symbols there are."""
        return self.symbols

    @property
    def outputs(self) -> int:
        """How many classes there are: as many as symbols."""
        return self.symbols

    def classes_of(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Give the classes of the sequences with these targets."""
        return targets
