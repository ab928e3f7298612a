"""Descent along the gradient."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from rnnlatch import validation
from rnnlatch.algorithms.base import (
    BatchSize,
    GradientAlgorithm,
    check_batch_size,
    described,
    pick_batch_size,
)
from rnnlatch.algorithms.schedules import Schedule, check_schedule
from rnnlatch.cells import NetworkCell
from rnnlatch.tasks import Task

__all__ = ["Adam", "GradientDescent", "RMSprop"]


_FORMS_OF_OMEGA = {
    "omega_ratio": ("squared", "norm"),
    "omega_reduce": ("sum", "mean"),
    "omega_of": ("pre_activation", "state"),
}


class _InBatches(GradientAlgorithm):
    """Base of those that add the gradients of a batch of presentations up."""

    matrices_only: ClassVar[tuple[str, ...]] = (
        "omega",
        "omega_ratio",
        "omega_reduce",
        "omega_of",
        "clip_value",
        "learning_rate_schedule",
        "omega_schedule",
        "teacher_forcing",
    )

    learning_rate: float
    batch_size: BatchSize
    reduction: str
    clip_norm: float | None
    omega: float
    omega_ratio: str
    omega_reduce: str
    omega_of: str
    clip_value: float | None
    learning_rate_schedule: Schedule | None
    omega_schedule: Schedule | None
    teacher_forcing: bool

    def __repr__(self) -> str:
        return self._described(self._written())

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

    def minibatch_structure(self) -> dict[str, int | str]:
        """Give what the engine in matrices must know besides numbers."""
        return self.structure() | {
            "omega_squared": int(self.omega_ratio == "squared"),
            "omega_mean": int(self.omega_reduce == "mean"),
            "omega_state": int(self.omega_of == "state"),
            "shrink": 0,
            "teacher_forcing": int(self.teacher_forcing),
        }

    def minibatch_settings(self) -> dict[str, float]:
        """Give the numbers that the engine in matrices needs, but for those that schedules change."""
        numbers = {name: value for name, value in self.columns().items() if name not in ("learning_rate", "omega")}
        return numbers | {"clip_value": math.inf if self.clip_value is None else self.clip_value}

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where there is no gradient, or a regulariser for cells that have it not."""
        super().check(cell, task, trained)
        if self.omega and (cell.kind != "VanillaRNN" or getattr(cell, "same_step", None) is not None):
            raise ValueError(
                f"omega is {self.omega} and the cell {cell!r}; it must be 0 there, the regulariser is one of a VanillaRNN or "
                "DiagonalRNN whose units read the step before only"
            )
        if self.teacher_forcing and (
            cell.outputs is not None or task.at != "every" or task.loss == "softmax_cross_entropy"
        ):
            raise ValueError(
                "teacher_forcing is True; it must be False unless units themselves have targets: a cell without a read-out "
                f"(here outputs={cell.outputs}) and a task with numbers as targets at every step"
            )

    def _check_batches(self) -> None:
        put = object.__setattr__
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        put(self, "batch_size", check_batch_size(self.batch_size))
        put(self, "reduction", validation.choice("reduction", self.reduction, ("mean", "sum")))
        for name in ("clip_norm", "clip_value"):
            if getattr(self, name) is not None:
                put(self, name, validation.number(name, getattr(self, name), above=0))
        put(self, "omega", validation.number("omega", self.omega, at_least=0))
        for name, allowed in _FORMS_OF_OMEGA.items():
            put(self, name, validation.choice(name, getattr(self, name), allowed))
        check_schedule("learning_rate_schedule", self.learning_rate_schedule)
        check_schedule("omega_schedule", self.omega_schedule)
        put(self, "teacher_forcing", validation.flag("teacher_forcing", self.teacher_forcing))


@dataclass(frozen=True, kw_only=True)
class GradientDescent(_InBatches):
    """Gradient descent by back-propagation through time, on-line or in batches.

    After each batch, with G the gradient of the cost, mean or sum over the batch's presentations, and theta the
    parameters: G += omega times the mean of Omega's immediate gradient; G += l2 theta + l1 sign(theta); each number of G
    is cut to [-clip_value, clip_value]; where ``|G|`` > clip_norm, G is scaled to that norm; v = momentum v + G;
    theta -= learning_rate v. Only what is trained counts in ``|G|``.

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
        Weights of the penalty l1 sum ``|theta|`` + l2/2 sum theta^2, over the trained parameters; not negative. The penalty
        is no part of the cost that is reported.
    omega : float
        Weight of the regulariser Omega, not negative; its immediate gradient, see `rnnlatch.gradients.omega`, is added
        before the gradient is clipped. For `VanillaRNN` and `DiagonalRNN`.
    omega_ratio, omega_reduce, omega_of : str
        Which Omega: `ratio`, `reduce` and `of` of `rnnlatch.gradients.omega`. The authors' code has ``"squared"``,
        ``"mean"``, ``"state"``.
    clip_value : float, optional
        Largest size of each number of the gradient; positive. None: no such clipping.
    nonfinite : {"stop", "shrink"}
        What happens where ``|G|`` is not finite: the run ends as `rnnlatch.Outcome.DIVERGED` with its last finite parameters,
        or, as in the authors' code, where ``|G|`` is above 1e10 too, G is 0.02 times the recurrent weights and 0 elsewhere,
        and is not clipped.
    learning_rate_schedule, omega_schedule : InverseTime or HalveOnRise, optional
        By what `learning_rate`, or `omega`, is multiplied as time goes on; None: they stay.
    teacher_forcing : bool
        Whether the next step reads a unit's target in place of its state, while it is trained; tests run freely. For
        networks without a read-out and tasks with numbers as targets at every step, as R. J. Williams and D. Zipser
        (Neural Computation 1(2):270-280, 1989) have it; with a read-out see `rnnlatch.gradients.teacher_forcing`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    All from `omega_ratio` on is for runs in matrices; see `driver` of `rnnlatch.Run`.

    Source of the clipping and of Omega: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent
    neural networks", ICML 2013, algorithm 1, equations 9 and 10; of what is called the authors' code: the code that they
    published for it.

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
    omega: float = described(0.0, "weight of the regulariser Omega", later=True)
    omega_ratio: str = described("squared", "ratio of norms in Omega", None, later=True)
    omega_reduce: str = described("sum", "reduction of Omega over time", None, later=True)
    omega_of: str = described("pre_activation", "what Omega keeps the error of", None, later=True)
    clip_value: float | None = described(None, "largest size of a number of the gradient", later=True)
    nonfinite: str = described("stop", "what happens where the gradient is not finite", None, later=True)
    learning_rate_schedule: Schedule | None = described(None, "schedule of the learning rate", None, later=True)  # noqa: RUF009
    omega_schedule: Schedule | None = described(None, "schedule of the weight of Omega", None, later=True)  # noqa: RUF009
    teacher_forcing: bool = described(False, "whether targets are read in place of states", None, later=True)

    matrices_only: ClassVar[tuple[str, ...]] = (
        "nonfinite",
        *(name for name in _InBatches.matrices_only if name != "omega"),
    )

    __repr__ = _InBatches.__repr__

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_batches()
        put(self, "momentum", validation.number("momentum", self.momentum, at_least=0, below=1))
        put(self, "l1", validation.number("l1", self.l1, at_least=0))
        put(self, "l2", validation.number("l2", self.l2, at_least=0))
        put(self, "nonfinite", validation.choice("nonfinite", self.nonfinite, ("stop", "shrink")))

    def minibatch_structure(self) -> dict[str, int | str]:
        """Give what the engine in matrices must know besides numbers."""
        return super().minibatch_structure() | {"shrink": int(self.nonfinite == "shrink")}


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
    batch_size, reduction, clip_norm, clip_value, learning_rate_schedule
        As in `GradientDescent`.
    omega, omega_ratio, omega_reduce, omega_of, omega_schedule, teacher_forcing
        As in `GradientDescent`; only for runs in matrices.

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
    omega: float = described(0.0, "weight of the regulariser Omega", later=True)
    omega_ratio: str = described("squared", "ratio of norms in Omega", None, later=True)
    omega_reduce: str = described("sum", "reduction of Omega over time", None, later=True)
    omega_of: str = described("pre_activation", "what Omega keeps the error of", None, later=True)
    clip_value: float | None = described(None, "largest size of a number of the gradient", later=True)
    learning_rate_schedule: Schedule | None = described(None, "schedule of the learning rate", None, later=True)  # noqa: RUF009
    omega_schedule: Schedule | None = described(None, "schedule of the weight of Omega", None, later=True)  # noqa: RUF009
    teacher_forcing: bool = described(False, "whether targets are read in place of states", None, later=True)

    __repr__ = _InBatches.__repr__

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
    batch_size, reduction, clip_norm, clip_value, learning_rate_schedule
        As in `GradientDescent`.
    omega, omega_ratio, omega_reduce, omega_of, omega_schedule, teacher_forcing
        As in `GradientDescent`; only for runs in matrices.

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
    omega: float = described(0.0, "weight of the regulariser Omega", later=True)
    omega_ratio: str = described("squared", "ratio of norms in Omega", None, later=True)
    omega_reduce: str = described("sum", "reduction of Omega over time", None, later=True)
    omega_of: str = described("pre_activation", "what Omega keeps the error of", None, later=True)
    clip_value: float | None = described(None, "largest size of a number of the gradient", later=True)
    learning_rate_schedule: Schedule | None = described(None, "schedule of the learning rate", None, later=True)  # noqa: RUF009
    omega_schedule: Schedule | None = described(None, "schedule of the weight of Omega", None, later=True)  # noqa: RUF009
    teacher_forcing: bool = described(False, "whether targets are read in place of states", None, later=True)

    __repr__ = _InBatches.__repr__

    def __post_init__(self) -> None:
        put = object.__setattr__
        self._check_batches()
        put(self, "decay", validation.number("decay", self.decay, at_least=0, below=1))
        put(self, "epsilon", validation.number("epsilon", self.epsilon, above=0))
