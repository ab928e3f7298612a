"""Training of threshold units."""

from dataclasses import dataclass

from rnnlatch import validation
from rnnlatch.algorithms.base import Algorithm, described
from rnnlatch.cells import NetworkCell, VanillaRNN
from rnnlatch.tasks import Task

__all__ = ["DiscreteErrorPropagation"]


@dataclass(frozen=True, kw_only=True)
class DiscreteErrorPropagation(Algorithm):
    """Propagation of discrete errors through threshold units, on-line; for a `VanillaRNN` with ``activation="sign"``.

    When a sequence is right nothing happens. When it is wrong, the desired change of the output, g = d - y, goes back
    through units and steps. Where a unit's g is not 0 it is clipped to c in [-bound, bound] and made discrete by chance:
    S = +2 with probability (c + bound) / (2 bound), else -2. The pseudo-gradient of the unit with pre-activation a is
    1 / (epsilon - a) where S = +2 and a < 0, -1 / (epsilon + a) where S = -2 and a >= 0, and 0 where the unit is already on
    the side that S asks for. What sends to the unit through a weight w gets g += w times the pseudo-gradient, and the
    weight changes by learning_rate times the pseudo-gradient times what was sent.

    Parameters
    ----------
    learning_rate : float
        Not negative. Not given in the paper.
    epsilon : float
        How far beyond the threshold a pre-activation is wanted, above 0. Not given in the paper.
    bound : float
        M, the range of g, above 0; inside it the mean of S is 2 g / M. Not given in the paper.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Targets of (-1, 1) are what threshold units can reach. The cell has no read-out: the output is one of its units.

    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section V, equations 7 to 10. The paper is silent on a unit
    that is already on the wanted side; that g is a desired change, and that right sequences change nothing, is ours.

    Examples
    --------
    >>> DiscreteErrorPropagation(bound=0.5)
    DiscreteErrorPropagation(learning_rate=0.1, epsilon=0.5, bound=0.5)
    """

    learning_rate: float = described(0.1, "learning rate")
    epsilon: float = described(0.5, "distance beyond the threshold")
    bound: float = described(1.0, "range of the propagated error")

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "learning_rate", validation.number("learning_rate", self.learning_rate, at_least=0))
        put(self, "epsilon", validation.number("epsilon", self.epsilon, above=0))
        put(self, "bound", validation.number("bound", self.bound, above=0))

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where the network is not one of threshold units that are read at the last step."""
        super().check(cell, task, trained)
        start = "algorithm is DiscreteErrorPropagation and"
        if not isinstance(cell, VanillaRNN) or cell.activation != "sign":
            has = f" with activation={cell.activation!r}" if hasattr(cell, "activation") else ""
            raise ValueError(
                f"{start} the cell is of type {type(cell).__name__}{has}; it must be a VanillaRNN with activation='sign', or the "
                "algorithm one for differentiable units, such as GradientDescent"
            )
        if cell.outputs is not None:
            raise ValueError(
                f"{start} the cell has outputs={cell.outputs}, a linear read-out; it must be None, with read_unit=… for the "
                "unit that is the output"
            )
        if cell.initial_state == "learned":
            raise ValueError(f"{start} the cell has initial_state='learned'; it must be 'zero', as the method begins")
        if (task.loss, task.at) != ("half_squared_error", "last"):
            raise ValueError(
                f"{start} the task has loss={task.loss!r} at={task.at!r}; it must be half_squared_error at the last step"
            )
