"""Algorithms: how parameters are found.

Frozen dataclasses: they say what to do; the engine does it.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from rnnlatch import validation
from rnnlatch._record import Record

__all__ = ["GradientDescent"]


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Record):
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

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source of the clipping: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    networks", ICML 2013, algorithm 1.

    Examples
    --------
    >>> GradientDescent(learning_rate=0.05, clip_norm=1.0).batch_size
    1
    """

    learning_rate: float = field(default=0.1, metadata={"long_name": "learning rate", "units": "1"})
    momentum: float = field(default=0.0, metadata={"long_name": "momentum", "units": "1"})
    batch_size: int | Literal["all"] = field(default=1, metadata={"long_name": "batch size", "units": "presentations"})
    reduction: str = field(default="mean", metadata={"long_name": "reduction of the gradient over a batch"})
    clip_norm: float | None = field(default=None, metadata={"long_name": "largest norm of the gradient", "units": "1"})
    l1: float = field(default=0.0, metadata={"long_name": "weight of the L1 penalty", "units": "1"})
    l2: float = field(default=0.0, metadata={"long_name": "weight of the L2 penalty", "units": "1"})

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        put(self, "momentum", validation.number("momentum", self.momentum, at_least=0, below=1))
        if isinstance(self.batch_size, str):
            if self.batch_size != "all":
                raise validation.fail("batch_size", self.batch_size, "an integer of at least 1 or 'all'")
            put(self, "batch_size", "all")
        else:
            checked = validation.integer("batch_size", self.batch_size, at_least=1, at_most=2**32 - 1)
            put(self, "batch_size", checked)
        put(self, "reduction", validation.choice("reduction", self.reduction, ("mean", "sum")))
        if self.clip_norm is not None:
            put(self, "clip_norm", validation.number("clip_norm", self.clip_norm, above=0))
        put(self, "l1", validation.number("l1", self.l1, at_least=0))
        put(self, "l2", validation.number("l2", self.l2, at_least=0))

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations between two updates, for a training set of so many sequences (None: always fresh).

        Raises
        ------
        ValueError
            If the batch is to be the whole training set and there is none.
        """
        if self.batch_size != "all":
            return self.batch_size
        if training_set is None:
            raise ValueError(
                "batch_size is 'all', but the task draws fresh sequences (its sequences_per_class is None); batch_size "
                "must be an integer there"
            )
        return training_set

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share; `Run` adds the size of the batch."""
        return {"algorithm": "GradientDescent", "mean_gradient": int(self.reduction == "mean")}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {
            "learning_rate": self.learning_rate,
            "momentum": self.momentum,
            "clip_norm": math.inf if self.clip_norm is None else self.clip_norm,
            "l1": self.l1,
            "l2": self.l2,
        }
