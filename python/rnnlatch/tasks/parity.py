"""Parity: whether the number of ones is odd."""

from dataclasses import dataclass

from rnnlatch.tasks.base import check_targets, described
from rnnlatch.tasks.two_class import TwoClassTask

__all__ = ["Parity"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Parity(TwoClassTask):
    """Sequences of +1 and -1: class 1 where the number of +1 is odd, class 0 where it is even.

    One number is shown at each step, +1 or -1 with equal probability, plus noise; only the first step's sign is set so
    that the classes alternate. At the last step the output is compared with its class' target; the cost is half the
    squared error there.

    Parameters
    ----------
    length : int or pair of int
        T, the length of a sequence in steps, 1 to 1,000,000; or an inclusive range that each sequence's length is drawn
        from uniformly.
    noise_std : float
        Standard deviation of the noise that is added at every step; not negative. Exactly one of this and
        `noise_variance` is given.
    noise_variance : float
        Variance of the noise; not negative.
    noise : {"gaussian", "uniform"}
        The distribution of the noise. Uniform noise lies in (-sqrt(3) std, sqrt(3) std).
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
    >>> Parity(length=(10, 20), noise_std=0)
    Parity(length=(10, 20), noise_std=0.0)
    """

    length: int | tuple[int, int] = described(20, "sequence length T", "steps")
    noise_std: float | None = described(None, "standard deviation of the noise", "1")
    noise_variance: float | None = described(None, "variance of the noise", "1")
    noise: str = described("gaussian", "distribution of the noise")
    sequences_per_class: int | None = described(None, "training sequences for each class", "sequences")
    order: str = described("cyclic", "order of presentation")
    targets: tuple[float, float] = described((-0.8, 0.8), "targets of class 0 and class 1", "1")
    tolerance: float | None = described(None, "error below which a sequence is right", "1")

    def __post_init__(self) -> None:
        self._check_drawn()
        object.__setattr__(self, "targets", check_targets(self.targets))

    def __repr__(self) -> str:
        return self._described(self._given())

    @property
    def features(self) -> int:
        """How many numbers a sequence has at each step: 1."""
        return 1

    @property
    def class_targets(self) -> tuple[float, float]:
        """The targets of class 0 and class 1."""
        return self.targets
