"""Steps that are scaled by the curvature of the loss."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from rnnlatch import validation
from rnnlatch.algorithms.base import (
    GradientAlgorithm,
    check_batch_size,
    described,
    pick_batch_size,
)
from rnnlatch.cells import NetworkCell
from rnnlatch.tasks import Task

__all__ = ["Newton", "PseudoNewton"]

LARGEST_HESSIAN = 200


@dataclass(frozen=True, kw_only=True)
class PseudoNewton(GradientAlgorithm):
    """On-line descent in which each weight has its own step, from the diagonal of Becker and LeCun's curvature.

    After each presentation, with g_i the gradient of its cost and h_i its curvature (`rnnlatch.gradients.curvature`,
    never negative): ``theta_i -= learning_rate g_i / (|h_i| + mu)``. Time-weighted, every step t of the sequence is divided by
    its own: ``theta_i -= learning_rate sum_t g_it / (|h_it| + mu)``.

    Before the step mu is adapted, so that the largest step of all weights, max ``|Delta|``, stays within bounds. A
    presentation whose gradient is 0 changes nothing.

    Parameters
    ----------
    time_weighted : bool
        Whether each time instance of a weight has a curvature of its own: equation 6 of the paper, else equation 5.
    learning_rate : float
        eta, not negative. The paper has 0.01.
    largest_step, smallest_step : float
        The bounds of max ``|Delta|``, 0.3 and 0.001 in the paper; 0 <= smallest_step < largest_step.
    momentum : float
        How much of mu is kept from one presentation to the next, 0 < momentum <= 1; the paper has 0.8.
    mu : float
        Where mu starts, above 0.
    mu_rule : {"decay", "average"}
        ``"decay"``: mu is multiplied by `momentum`; then, while max ``|Delta|`` is above `largest_step`, by 1.25, or, while
        it is below `smallest_step`, by 0.8, at most 400 times. ``"average"``: such a mu is looked for from the last
        one, the new mu is momentum times the last one plus 1 - momentum times what was found, and all steps are scaled
        so that the largest is at most `largest_step`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    It trains every cell but those with ``activation="sign"``, with every loss; for the gates of an LSTM or a GRU see
    `rnnlatch.gradients.curvature`. The paper does not print how mu is adapted; both rules fit its text.

    Sources: S. Becker and Y. LeCun, "Improving the convergence of back-propagation learning with second order methods",
    Proc. 1988 Connectionist Models Summer School; Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies
    with gradient descent is difficult", IEEE Transactions on Neural Networks 5(2):157-166, 1994, section V, equations 5
    and 6.

    Examples
    --------
    >>> PseudoNewton(time_weighted=True).largest_step
    0.3
    """

    needs: ClassVar[str] = "gradients and curvature"

    time_weighted: bool = described(False, "whether each time instance of a weight has its own curvature", None)
    learning_rate: float = described(0.01, "learning rate")
    largest_step: float = described(0.3, "largest step of a weight")
    smallest_step: float = described(0.001, "least of the largest step of a weight")
    momentum: float = described(0.8, "momentum of mu")
    mu: float = described(1.0, "initial mu")
    mu_rule: str = described("decay", "rule by which mu is adapted", None)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "time_weighted", validation.flag("time_weighted", self.time_weighted))
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        put(self, "largest_step", validation.number("largest_step", self.largest_step, above=0))
        put(self, "smallest_step", validation.number("smallest_step", self.smallest_step, at_least=0))
        if self.smallest_step >= self.largest_step:
            raise validation.fail(
                "smallest_step", self.smallest_step, f"below largest_step, which is {self.largest_step}"
            )
        put(self, "momentum", validation.number("momentum", self.momentum, above=0, at_most=1))
        put(self, "mu", validation.number("mu", self.mu, above=0))
        put(self, "mu_rule", validation.choice("mu_rule", self.mu_rule, ("decay", "average")))

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {"mu_rule": int(self.mu_rule == "average")}


@dataclass(frozen=True, kw_only=True)
class Newton(GradientAlgorithm):
    """Newton's method with the exact Hessian, for small networks.

    After each batch, with G and H gradient and Hessian of its mean cost, over all that is trained:
    theta -= learning_rate (H + damping I)^-1 G. Undamped it goes to the nearest point where the gradient is 0, be it a
    minimum, a saddle or a maximum.

    Parameters
    ----------
    damping : float
        Added to the diagonal, not negative; 0: the undamped method.
    learning_rate : float
        The part of the step that is taken, not negative.
    largest_step : float, optional
        The step is scaled so that no weight changes by more than this, above 0; None: it is not.
    batch_size : int or "all"
        Presentations between two updates: 1 is on-line; ``"all"`` is the whole of a fixed training set.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    It trains every cell but those with ``activation="sign"``, with every loss, as long as at most 200 numbers are
    trained. A run whose matrix is singular ends as `rnnlatch.Outcome.DIVERGED`.

    Source of the Hessian: B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation
    6(1):147-160, 1994.

    Examples
    --------
    >>> Newton(damping=0, batch_size="all")
    Newton(damping=0.0, learning_rate=1.0, largest_step=None, batch_size='all')
    """

    needs: ClassVar[str] = "gradients and second derivatives"

    damping: float = described(1e-3, "damping of the Hessian")
    learning_rate: float = described(1.0, "learning rate")
    largest_step: float | None = described(None, "largest step of a weight")
    batch_size: int | Literal["all"] = described(1, "batch size", "presentations")

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "damping", validation.number("damping", self.damping, at_least=0))
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        if self.largest_step is not None:
            put(self, "largest_step", validation.number("largest_step", self.largest_step, above=0))
        put(self, "batch_size", check_batch_size(self.batch_size))

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations between two updates, for a training set of so many sequences (None: always fresh).

        Raises
        ------
        ValueError
            If the batch is to be the whole training set and there is none.
        """
        return pick_batch_size(self.batch_size, training_set)

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where there are no second derivatives, or too many."""
        super().check(cell, task, trained)
        if trained > LARGEST_HESSIAN:
            raise ValueError(
                f"algorithm is Newton and the cell has {trained} numbers that are trained; they must be at most "
                f"{LARGEST_HESSIAN}, or the algorithm PseudoNewton, which needs no matrix"
            )
