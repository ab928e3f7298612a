"""The latch: one tanh unit with a connection to itself."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.cells.network import Parameter

__all__ = ["LatchNeuron"]

Nested = float | tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class LatchNeuron(Record):
    """One tanh unit with a connection to itself, which can keep one bit of information if w > 1.

    The pre-activation is a_t = w x_{t-1} + h_t and the state x_t = tanh(a_t), from x = 0. During the first steps, the
    prefix of the task, the inputs h_t are trainable parameters, one set for each class; afterwards they are noise.

    Parameters
    ----------
    w : float
        The recurrent weight, or where it starts if it is trained; dimensionless.
    train_w : bool
        Whether w is trained together with the inputs.
    initial_input : float
        The trainable inputs start uniformly distributed in (-initial_input, initial_input); not negative. The paper
        says "small"; 0.1 is rnnlatch's own choice.
    input : array_like, optional
        Starting values of the inputs instead of random ones: a number or an array that can be broadcast to
        (classes, prefix), class 0 first. `initial_input` is then without effect.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Parameters by name, as they come out of `rnnlatch.train` and go into `rnnlatch.evaluate`: ``weight`` with shape
    (run,) and ``input`` with shape (run, class, step).

    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section III.

    Examples
    --------
    >>> LatchNeuron(w=1.25, train_w=True)
    LatchNeuron(w=1.25, train_w=True, initial_input=0.1, input=None)

    A unit whose inputs start at -0.2 for class 0 and 0.2 for class 1, at each step of the prefix:

    >>> LatchNeuron(input=[[-0.2], [0.2]]).input
    ((-0.2,), (0.2,))
    """

    w: float = field(default=1.25, metadata={"long_name": "recurrent weight w", "units": "1"})
    train_w: bool = field(default=False, metadata={"long_name": "whether w is trained"})
    initial_input: float = field(default=0.1, metadata={"long_name": "range of the initial inputs", "units": "1"})
    input: Any = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "w", validation.number("w", self.w))
        put(self, "train_w", validation.flag("train_w", self.train_w))
        put(self, "initial_input", validation.number("initial_input", self.initial_input, at_least=0))
        if self.input is not None:
            put(self, "input", _nested_tuple(self.input))

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return {"cell": "LatchNeuron", "train_w": int(self.train_w)}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {"w": self.w, "initial_input": self.initial_input}

    def parameters(self, prefix: int) -> dict[str, Parameter]:
        """Describe the parameters by name, for a task with a prefix of so many steps."""
        return {
            "weight": Parameter((), (), "recurrent weight w at the end of the run"),
            "input": Parameter(("class", "step"), (2, prefix), "trained input h at the end of the run"),
        }

    def starting_input(self, prefix: int) -> NDArray[np.float64] | None:
        """Give the inputs that a run starts with, or None where they are drawn.

        Parameters
        ----------
        prefix : int
            Steps of the prefix.

        Returns
        -------
        ndarray of float64, shape (2, prefix), or None

        Raises
        ------
        ValueError
            If `input` cannot be broadcast to that shape.

        Examples
        --------
        >>> LatchNeuron(input=[[-0.2], [0.2]]).starting_input(prefix=3)
        array([[-0.2, -0.2, -0.2],
               [ 0.2,  0.2,  0.2]])
        """
        if self.input is None:
            return None
        given = np.asarray(self.input, dtype=np.float64)
        try:
            return np.broadcast_to(given, (2, prefix)).copy()
        except ValueError:
            raise ValueError(
                f"input has shape {given.shape}; it must be one that broadcasts to (classes, prefix) = (2, {prefix})"
            ) from None


def _nested_tuple(value: object) -> Nested:
    """Check an array of finite numbers, and give it as nested tuples: hashable, comparable, canonical."""
    allowed = "a number or an array of finite numbers that can be broadcast to (classes, prefix)"
    try:
        array = np.asarray(value)
    except ValueError:
        raise validation.fail("input", value, allowed) from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"input is {validation.show(value)} ({type(value).__name__}); it must be {allowed}")
    if array.ndim > 2 or array.size == 0 or not np.isfinite(array).all():
        raise validation.fail("input", value, allowed)
    return _tuples((array.astype(np.float64) + 0.0).tolist())


def _tuples(value: Any) -> Nested:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else float(value)
