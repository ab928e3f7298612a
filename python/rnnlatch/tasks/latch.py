"""The minimal latching task: the first steps, which are trained, tell the class."""

from dataclasses import dataclass, field

from rnnlatch import validation
from rnnlatch.tasks.base import described
from rnnlatch.tasks.two_class import TwoClassTask

__all__ = ["MinimalLatch"]


@dataclass(frozen=True, kw_only=True, repr=False)
class MinimalLatch(TwoClassTask):
    """The minimal latching task: two classes told apart by their first steps, then noise.

    A sequence of class 0 or 1 begins with `prefix` steps of input that are trainable parameters of the cell, one set
    for each class; then `length - prefix` steps of zero-mean noise follow. At the last step the state is to be
    -target for class 0 and +target for class 1; the cost is half the squared error there. The two classes alternate.

    Parameters
    ----------
    length : int or pair of int
        T, the length of a sequence in steps, 1 to 1,000,000; or an inclusive range that each sequence's length is drawn
        from uniformly.
    prefix : int
        L, the steps at the beginning whose inputs are trainable, 1 to the shortest length. With 1 and a trained w this
        is the paper's latch problem of three parameters.
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
    tolerance : float, optional
        A sequence is right if its last state is nearer to its target than this, above 0; None: if it has the sign of
        its target.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    A `rnnlatch.cells.LatchNeuron` has the trained inputs as its own. Another network, with ``inputs=2 * prefix + 1``,
    is shown a 1 in column class * prefix + k at step k of the prefix, and the noise in the last column after it.

    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section III. The paper writes its noise level s as a
    variance; its figures are compatible with s as a standard deviation. Hence the two names here, and no default.

    Examples
    --------
    >>> MinimalLatch(length=20, prefix=3, noise_std=0.2).std
    0.2
    >>> MinimalLatch(length=(10, 20), prefix=3, noise_variance=0.25).std
    0.5
    """

    length: int | tuple[int, int] = described(20, "sequence length T", "steps")
    prefix: int = described(3, "prefix length L", "steps")
    noise_std: float | None = described(None, "standard deviation of the noise", "1")
    noise_variance: float | None = described(None, "variance of the noise", "1")
    noise: str = described("gaussian", "distribution of the noise")
    sequences_per_class: int | None = described(None, "training sequences for each class", "sequences")
    order: str = described("cyclic", "order of presentation")
    target: float = described(0.8, "size of the wanted last state", "1")
    tolerance: float | None = field(
        default=None, metadata={"long_name": "error below which a sequence is right", "units": "1", "later": True}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_drawn()
        put(self, "prefix", validation.integer("prefix", self.prefix, at_least=1))
        self._check_prefix(self.prefix)
        put(self, "target", validation.number("target", self.target, above=0))

    def __repr__(self) -> str:
        return self._described(self._written())

    @property
    def features(self) -> int:
        """How many numbers a network other than the `LatchNeuron` is shown at each step: 2 prefix + 1."""
        return 2 * self.prefix + 1

    @property
    def prefix_range(self) -> tuple[int, int]:
        """The fewest and the most steps that tell the class: `prefix`, twice."""
        return (self.prefix, self.prefix)

    @property
    def class_targets(self) -> tuple[float, float]:
        """The targets of class 0 and class 1."""
        return (-self.target, self.target)

    def latch_structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine of the `LatchNeuron` share; sequences of one length only."""
        assert isinstance(self.length, int)
        return {
            "task": "MinimalLatch",
            "length": self.length,
            "prefix": self.prefix,
            "sequences_per_class": self.sequences_per_class or 0,
            "random_order": int(self.order == "random"),
            "uniform_noise": int(self.noise == "uniform"),
        }

    def latch_columns(self) -> dict[str, float]:
        """Give what may differ from run to run in the engine of the `LatchNeuron`."""
        return {"noise_std": self.std, "target": self.target}
