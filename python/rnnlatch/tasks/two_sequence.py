"""Two sequences: which of two prototypes the sequence began with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import check_targets, described, span
from rnnlatch.tasks.two_class import TwoClassTask

__all__ = ["TwoSequence"]


@dataclass(frozen=True, kw_only=True, repr=False)
class TwoSequence(TwoClassTask):
    """Sequences that begin with one of two prototypes, and then are noise: to tell which of the two it was.

    One number is shown at each step: the elements of the prototype of the class, plus noise of their own; after them
    noise. At the last step the output is compared with its class' target; the cost is half the squared error there.
    The two classes alternate.

    Parameters
    ----------
    length : int or pair of int
        T, the length of a sequence in steps, 1 to 1,000,000; or an inclusive range that each sequence's length is drawn
        from uniformly.
    prefix : int or pair of int
        N, the steps at the beginning that show the prototype, 1 to the shortest length; or an inclusive range: then a
        sequence shows the first elements only.
    noise_std : float
        Standard deviation of the noise after the prefix; not negative. Exactly one of this and `noise_variance` is given.
    noise_variance : float
        Variance of the noise after the prefix; not negative.
    prefix_noise_std : float
        Standard deviation of the noise on the prefix, not negative.
    noise : {"gaussian", "uniform"}
        The distribution of both noises. Uniform noise lies in (-sqrt(3) std, sqrt(3) std).
    sequences_per_class : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is
        a fresh sequence.
    order : {"cyclic", "random"}
        Which sequence is shown next: one after the other with alternating classes, or any with equal probability.
    targets : pair of float
        The targets of class 0 and class 1, the lower one first; for threshold units (-1, 1).
    tolerance : float, optional
        A sequence is right if the output is nearer to its target than this, above 0; None: if it is on its target's side
        of the middle between both.
    prototypes : array_like, shape (2, longest prefix), optional
        The prototypes, for all runs; None: uniform in (-1, 1), drawn once for each run, for its test sequences the same.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section V. Its noise, where there is any, is uniform in
    (-0.2, 0.2), which is ``noise="uniform", noise_std=0.2 / 3**0.5``; its lengths are uniform from T/2 to T.

    Examples
    --------
    >>> TwoSequence(length=(25, 50), prefix=3, noise_std=0.2)
    TwoSequence(length=(25, 50), noise_std=0.2)
    """

    length: int | tuple[int, int] = described(20, "sequence length T", "steps")
    prefix: int | tuple[int, int] = described(3, "prefix length N", "steps")
    noise_std: float | None = described(None, "standard deviation of the noise", "1")
    noise_variance: float | None = described(None, "variance of the noise", "1")
    prefix_noise_std: float = described(0.0, "standard deviation of the noise on the prefix", "1")
    noise: str = described("gaussian", "distribution of the noise")
    sequences_per_class: int | None = described(None, "training sequences for each class", "sequences")
    order: str = described("cyclic", "order of presentation")
    targets: tuple[float, float] = described((-0.8, 0.8), "targets of class 0 and class 1", "1")
    tolerance: float | None = described(None, "error below which a sequence is right", "1")
    prototypes: Any = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_drawn()
        put(self, "prefix", span("prefix", self.prefix))
        self._check_prefix(self.prefix)
        put(self, "prefix_noise_std", validation.number("prefix_noise_std", self.prefix_noise_std, at_least=0))
        put(self, "targets", check_targets(self.targets))
        if self.prototypes is not None:
            put(self, "prototypes", _check_prototypes(self.prototypes, self.prefix_range[1]))

    def __repr__(self) -> str:
        return self._described(self._given())

    @property
    def features(self) -> int:
        """How many numbers a sequence has at each step: 1."""
        return 1

    @property
    def prefix_range(self) -> tuple[int, int]:
        """The fewest and the most steps that tell the class."""
        return self.prefix if isinstance(self.prefix, tuple) else (self.prefix, self.prefix)

    @property
    def class_targets(self) -> tuple[float, float]:
        """The targets of class 0 and class 1."""
        return self.targets

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return super().columns() | {"prefix_noise_std": self.prefix_noise_std}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the prototypes, if they are not drawn."""
        return {} if self.prototypes is None else {"prototypes": np.array(self.prototypes)}


def _check_prototypes(given: object, prefix: int) -> tuple[tuple[float, ...], ...]:
    """Check the prototypes, and give them as nested tuples: hashable, comparable, canonical."""
    allowed = f"an array of finite numbers with shape (2, prefix) = (2, {prefix})"
    try:
        array = np.asarray(given)
    except ValueError:
        raise validation.fail("prototypes", given, allowed) from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"prototypes has dtype {array.dtype}; it must be {allowed}")
    if array.shape != (2, prefix):
        raise ValueError(f"prototypes has shape {array.shape}; it must be {allowed}")
    if not np.isfinite(array).all():
        raise ValueError(f"prototypes has a number that is NaN or infinite; it must be {allowed}")
    return tuple(tuple(map(float, row + 0.0)) for row in array.astype(np.float64))
