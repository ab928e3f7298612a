"""Tasks: a distribution over sequences, with a target and a cost.

Frozen dataclasses: they say what to draw; the engine draws it.
"""

import math
from dataclasses import dataclass, field

from rnnlatch import validation
from rnnlatch._record import Record

__all__ = ["MinimalLatch"]


@dataclass(frozen=True, kw_only=True)
class MinimalLatch(Record):
    """The minimal latching task: two classes told apart by their first steps, then noise.

    A sequence of class 0 or 1 begins with `prefix` steps of input that are trainable parameters of the cell, one set
    for each class; then `length - prefix` steps of zero-mean noise follow. At the last step the state is to be
    -target for class 0 and +target for class 1; the cost is half the squared error there. The two classes alternate.

    Parameters
    ----------
    length : int
        T, the length of a sequence in steps, 1 to 1,000,000.
    prefix : int
        L, the steps at the beginning whose inputs are trainable, 1 to `length`. With 1 and a trained w this is the
        paper's latch problem of three parameters.
    noise_std : float
        Standard deviation of the noise; not negative. Exactly one of this and `noise_variance` is given.
    noise_variance : float
        Variance of the noise; not negative. The paper calls its s a variance; see the notes.
    noise : {"gaussian", "uniform"}
        The distribution of the noise. Uniform noise lies in (-sqrt(3) std, sqrt(3) std).
    sequences_per_class : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation
        has fresh noise. Not given in the paper.
    order : {"cyclic", "random"}
        Which sequence is shown next: one after the other with alternating classes, or any with equal probability.
    target : float
        d, the size of the wanted last state; positive.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section III. The paper writes its noise level s as a
    variance; its figures are compatible with s as a standard deviation. Hence the two names here, and no default.

    Examples
    --------
    >>> MinimalLatch(length=20, prefix=3, noise_std=0.2).std
    0.2
    >>> MinimalLatch(length=20, prefix=3, noise_variance=0.25).std
    0.5
    """

    length: int = field(default=20, metadata={"long_name": "sequence length T", "units": "steps"})
    prefix: int = field(default=3, metadata={"long_name": "prefix length L", "units": "steps"})
    noise_std: float | None = field(
        default=None, metadata={"long_name": "standard deviation of the noise", "units": "1"}
    )
    noise_variance: float | None = field(default=None, metadata={"long_name": "variance of the noise", "units": "1"})
    noise: str = field(default="gaussian", metadata={"long_name": "distribution of the noise"})
    sequences_per_class: int | None = field(
        default=None, metadata={"long_name": "training sequences for each class", "units": "sequences"}
    )
    order: str = field(default="cyclic", metadata={"long_name": "order of presentation"})
    target: float = field(default=0.8, metadata={"long_name": "size of the wanted last state", "units": "1"})

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "length", validation.integer("length", self.length, at_least=1, at_most=1_000_000))
        put(self, "prefix", validation.integer("prefix", self.prefix, at_least=1))
        if self.prefix > self.length:
            raise validation.fail("prefix", self.prefix, f"at most the length, which is {self.length}")
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
            checked = validation.integer("sequences_per_class", self.sequences_per_class, at_least=1, at_most=2**30)
            put(self, "sequences_per_class", checked)
        put(self, "order", validation.choice("order", self.order, ("cyclic", "random")))
        put(self, "target", validation.number("target", self.target, above=0))

    @property
    def std(self) -> float:
        """Standard deviation of the noise, whichever way it was given."""
        if self.noise_std is not None:
            return self.noise_std
        assert self.noise_variance is not None
        return math.sqrt(self.noise_variance)

    @property
    def training_set(self) -> int | None:
        """Number of sequences in the training set, both classes together; None where noise is always fresh."""
        return None if self.sequences_per_class is None else 2 * self.sequences_per_class

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return {
            "task": "MinimalLatch",
            "length": self.length,
            "prefix": self.prefix,
            "sequences_per_class": self.sequences_per_class or 0,
            "random_order": int(self.order == "random"),
            "uniform_noise": int(self.noise == "uniform"),
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {"noise_std": self.std, "target": self.target}
