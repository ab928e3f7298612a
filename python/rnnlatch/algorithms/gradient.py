"""Descent along the gradient."""

from dataclasses import dataclass, field
from typing import Literal

from rnnlatch import validation
from rnnlatch.algorithms.base import (
    BatchSize,
    GradientAlgorithm,
    check_batch_size,
    described,
    pick_batch_size,
)
from rnnlatch.cells import NetworkCell
from rnnlatch.tasks import Task

__all__ = ["Adam", "GradientDescent", "RMSprop"]


class _InBatches(GradientAlgorithm):
    """Base of those that add the gradients of a batch of presentations up."""

    learning_rate: float
    batch_size: BatchSize
    reduction: str
    clip_norm: float | None

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations between two updates, for a training set of so many sequences (None: always fresh).

        Raises
        ------
        ValueError
            If the batch is to be the whole training set and there is none.
        """
        return pick_batch_size(self.batch_size, training_set)

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share; `rnnlatch.Run` adds the size of the batch."""
        return super().structure() | {"mean_gradient": int(self.reduction == "mean")}

    def _check_batches(self) -> None:
        put = object.__setattr__
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        put(self, "batch_size", check_batch_size(self.batch_size))
        put(self, "reduction", validation.choice("reduction", self.reduction, ("mean", "sum")))
        if self.clip_norm is not None:
            put(self, "clip_norm", validation.number("clip_norm", self.clip_norm, above=0))


@dataclass(frozen=True, kw_only=True)
class GradientDescent(_InBatches):
    """Gradient descent by back-propagation through time, on-line or in batches.

    After each batch, with G the gradient of the cost, mean or sum over the batch's presentations, and theta the
    parameters: G += l2 theta + l1 sign(theta); where |G| > clip_norm, G is scaled to that norm;
    v = momentum v + G; theta -= learning_rate v.

    Parameters
    ----------
    learning_rate : float
        Not negative; with 0 the parameters stay where they start. Not given in the paper.
    momentum : float
        0 <= momentum < 1.
    batch_size : int or "all"
        Presentations between two updates: 1 is on-line; ``"all"`` is the whole of a fixed training set.
    reduction : {"mean", "sum"}
        Whether the gradient of a batch is the mean or the sum over its presentations. For on-line descent they are the
        same.
    clip_norm : float, optional
        Largest Euclidean norm of the gradient, all parameters together; positive. None: no clipping.
    l1, l2 : float
        Weights of the penalty l1 sum|theta| + l2/2 sum theta^2, over the trained parameters; not negative. The penalty
        is no part of the cost that is reported.
    omega : float
        Weight of the regulariser Omega of each sequence, not negative; its immediate gradient, see
        `rnnlatch.gradients.omega`, is added before the gradient is clipped. For `VanillaRNN` and `DiagonalRNN`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source of the clipping and of Omega: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
    neural networks", ICML 2013, algorithm 1, equations 9 and 10.

    Examples
    --------
    >>> GradientDescent(learning_rate=0.05, clip_norm=1.0).batch_size
    1
    """

    learning_rate: float = described(0.1, "learning rate")
    momentum: float = described(0.0, "momentum")
    batch_size: int | Literal["all"] = described(1, "batch size", "presentations")
    reduction: str = described("mean", "reduction of the gradient over a batch", None)
    clip_norm: float | None = described(None, "largest norm of the gradient")
    l1: float = described(0.0, "weight of the L1 penalty")
    l2: float = described(0.0, "weight of the L2 penalty")
    omega: float = field(
        default=0.0, metadata={"long_name": "weight of the regulariser Omega", "units": "1", "later": True}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_batches()
        put(self, "momentum", validation.number("momentum", self.momentum, at_least=0, below=1))
        put(self, "l1", validation.number("l1", self.l1, at_least=0))
        put(self, "l2", validation.number("l2", self.l2, at_least=0))
        put(self, "omega", validation.number("omega", self.omega, at_least=0))

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where there is no gradient, or a regulariser for cells that have it not."""
        super().check(cell, task, trained)
        if self.omega and (cell.kind != "VanillaRNN" or getattr(cell, "same_step", None) is not None):
            raise ValueError(
                f"omega is {self.omega} and the cell {cell!r}; it must be 0 there, the regulariser is one of a VanillaRNN or "
                "DiagonalRNN whose units read the step before only"
            )


@dataclass(frozen=True, kw_only=True)
class Adam(_InBatches):
    """Gradient descent with a step of its own for each parameter, from running means of the gradient and its square.

    After each batch number t = 1, 2, …, with G its gradient, clipped as by `GradientDescent`:
    m = beta_1 m + (1 - beta_1) G; v = beta_2 v + (1 - beta_2) G^2;
    theta -= learning_rate m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Parameters
    ----------
    learning_rate : float
        Not negative; about the size of a step.
    beta_1, beta_2 : float
        How much of the running means is kept; 0 <= beta < 1.
    epsilon : float
        Added to the root, above 0.
    batch_size, reduction, clip_norm
        As in `GradientDescent`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.

    Examples
    --------
    >>> Adam(learning_rate=0.01).beta_2
    0.999
    """

    learning_rate: float = described(0.001, "learning rate")
    beta_1: float = described(0.9, "decay of the mean gradient")
    beta_2: float = described(0.999, "decay of the mean squared gradient")
    epsilon: float = described(1e-8, "added to the root of the mean squared gradient")
    batch_size: int | Literal["all"] = described(1, "batch size", "presentations")
    reduction: str = described("mean", "reduction of the gradient over a batch", None)
    clip_norm: float | None = described(None, "largest norm of the gradient")

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_batches()
        for name in ("beta_1", "beta_2"):
            put(self, name, validation.number(name, getattr(self, name), at_least=0, below=1))
        put(self, "epsilon", validation.number("epsilon", self.epsilon, above=0))


@dataclass(frozen=True, kw_only=True)
class RMSprop(_InBatches):
    """Gradient descent with each parameter's step divided by the root of its mean squared gradient.

    After each batch, with G its gradient, clipped as by `GradientDescent`: v = decay v + (1 - decay) G^2;
    theta -= learning_rate G / (sqrt(v) + epsilon).

    Parameters
    ----------
    learning_rate : float
        Not negative; about the size of a step.
    decay : float
        How much of the running mean is kept; 0 <= decay < 1.
    epsilon : float
        Added to the root, above 0.
    batch_size, reduction, clip_norm
        As in `GradientDescent`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", COURSERA: Neural Networks for Machine Learning, 2012.

    Examples
    --------
    >>> RMSprop(clip_norm=1).clip_norm
    1.0
    """

    learning_rate: float = described(0.01, "learning rate")
    decay: float = described(0.9, "decay of the mean squared gradient")
    epsilon: float = described(1e-8, "added to the root of the mean squared gradient")
    batch_size: int | Literal["all"] = described(1, "batch size", "presentations")
    reduction: str = described("mean", "reduction of the gradient over a batch", None)
    clip_norm: float | None = described(None, "largest norm of the gradient")

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_batches()
        put(self, "decay", validation.number("decay", self.decay, at_least=0, below=1))
        put(self, "epsilon", validation.number("epsilon", self.epsilon, above=0))
