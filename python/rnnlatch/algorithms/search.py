"""Searches: nothing is needed but the cost, or whether sequences are right."""

import math
from dataclasses import dataclass
from typing import ClassVar

from rnnlatch import validation
from rnnlatch.algorithms.base import Algorithm, SetSearch, described

__all__ = ["MultigridRandomSearch", "RandomGuessing", "RedrawAfterError", "SimulatedAnnealing"]

MOST = 2**24  # as the engine counts


@dataclass(frozen=True, kw_only=True)
class SimulatedAnnealing(SetSearch):
    """Simulated annealing of Corana, Marchesi, Martini and Ridella: one coordinate at a time, with adapted steps.

    Each coordinate in turn is moved by a uniform number in its step's range, or, where that leaves the box, to a uniform
    point of the box; with f the mean cost of the training set, a move is accepted if f does not rise, else with
    probability exp(-rise / temperature). After every `steps_per_cycle` rounds the steps are adapted so that about half of
    the moves are accepted; after `cycles_per_temperature` of such cycles the temperature is multiplied by `cooling` and
    the search goes on from the best point so far.

    Parameters
    ----------
    temperature : float
        Where the temperature starts, above 0. Not given in the 1994 paper.
    steps_per_cycle : int
        N_S, rounds between two adaptations of the steps, at least 1.
    cycles_per_temperature : int
        N_T, adaptations at each temperature, at least 1.
    step : float
        v_0, where the steps start, above 0.
    box : float
        Parameters are looked for in [-box, box], above 0.
    cooling : float
        The factor of the temperature, 0 < cooling < 1; the 1994 paper has 0.85.
    adapt : float
        c: a step grows at most to 1 + c times, or shrinks to 1 / (1 + c); not negative.
    stuck_tolerance : float
        eps: the run is stuck where the costs at the ends of the last `patience` temperatures differ from the present one by
        at most this, and the present one from the best; not negative. The 1994 paper has 0.001.
    patience : int
        N_eps, at least 1; the 1994 paper has 4.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    One evaluation is counted as the presentations of the whole training set, even where it ends early because the move is
    already sure to be rejected; ``presentations_computed`` in the results says how many were run.

    Sources: A. Corana, M. Marchesi, C. Martini and S. Ridella, "Minimizing multimodal functions of continuous variables
    with the simulated annealing algorithm", ACM Transactions on Mathematical Software 13(3):262-280, 1987; Y. Bengio,
    P. Simard and P. Frasconi (IEEE TNN 5(2):157-166, 1994), section V.

    Examples
    --------
    >>> SimulatedAnnealing(temperature=10).cooling
    0.85
    """

    temperature: float = described(1.0, "initial temperature")
    steps_per_cycle: int = described(20, "rounds between two adaptations of the steps", "rounds")
    cycles_per_temperature: int = described(5, "adaptations of the steps at each temperature", "cycles")
    step: float = described(1.0, "initial step")
    box: float = described(20.0, "half the side of the box of parameters")
    cooling: float = described(0.85, "factor of the temperature")
    adapt: float = described(2.0, "strength of the adaptation of the steps")
    stuck_tolerance: float = described(1e-3, "change of the cost below which the search is stuck")
    patience: int = described(4, "temperatures without change until the search is stuck", "temperatures")

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("temperature", "step", "box"):
            put(self, name, validation.number(name, getattr(self, name), above=0))
        for name in ("steps_per_cycle", "cycles_per_temperature", "patience"):
            put(self, name, validation.integer(name, getattr(self, name), at_least=1, at_most=MOST))
        put(self, "cooling", validation.number("cooling", self.cooling, above=0, below=1))
        put(self, "adapt", validation.number("adapt", self.adapt, at_least=0))
        put(self, "stuck_tolerance", validation.number("stuck_tolerance", self.stuck_tolerance, at_least=0))


@dataclass(frozen=True, kw_only=True)
class MultigridRandomSearch(SetSearch):
    """Uniform search in a box around the best point, which moves there and shrinks with each improvement.

    All coordinates at once are drawn uniformly within `half_side` of the best point; where the mean cost of the training
    set is lower, that is the new best point and the box shrinks.

    Parameters
    ----------
    half_side : float
        Half the side of the box at the start, above 0. Not given in the paper.
    shrink : float
        The factor of the side at each improvement, 0 < shrink <= 1; the paper has 0.9.
    stuck_tolerance : float
        The run is stuck where the last `patience` improvements changed the cost by less than this in all; not negative. The
        paper has 0.001.
    patience : int
        At least 1; the paper has 4.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    One evaluation is counted as the presentations of the whole training set; ``presentations_computed`` in the results says
    how many were run.

    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section V.

    Examples
    --------
    >>> MultigridRandomSearch().half_side
    5.0
    """

    half_side: float = described(5.0, "initial half side of the box")
    shrink: float = described(0.9, "factor of the side of the box")
    stuck_tolerance: float = described(1e-3, "change of the cost below which the search is stuck")
    patience: int = described(4, "improvements without change until the search is stuck", "improvements")

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "half_side", validation.number("half_side", self.half_side, above=0))
        put(self, "shrink", validation.number("shrink", self.shrink, above=0, at_most=1))
        put(self, "stuck_tolerance", validation.number("stuck_tolerance", self.stuck_tolerance, at_least=0))
        put(self, "patience", validation.integer("patience", self.patience, at_least=1, at_most=MOST))


@dataclass(frozen=True, kw_only=True)
class RandomGuessing(SetSearch):
    """Random guessing: all parameters are drawn anew until the training set is right.

    Parameters
    ----------
    low, high : float
        Each parameter is uniform in (low, high); low < high.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Where the parameters start is without effect. It needs a criterion that counts what is wrong. A guess is given up at its
    first wrong sequence where none may be wrong, and counted as the presentations of the whole training set all the same;
    ``presentations_computed`` in the results says how many were run.

    Source: J. Schmidhuber, S. Hochreiter and Y. Bengio, "Evaluating benchmark problems by random guessing", in J. Kolen and
    S. Kremer (eds.), A Field Guide to Dynamical Recurrent Networks, IEEE Press, 2001.

    Examples
    --------
    >>> RandomGuessing()
    RandomGuessing(low=-100.0, high=100.0)
    """

    measures: ClassVar[tuple[str, ...]] = ("error", "consecutive")

    low: float = described(-100.0, "least value of a guessed parameter")
    high: float = described(100.0, "largest value of a guessed parameter")

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "low", validation.number("low", self.low))
        put(self, "high", validation.number("high", self.high))
        if self.low >= self.high:
            raise validation.fail("low", self.low, f"below high, which is {self.high}")
        if math.isinf(self.high - self.low):
            raise validation.fail("high", self.high, f"less than 1.8e308 above low, which is {self.low}")


@dataclass(frozen=True, kw_only=True)
class RedrawAfterError(Algorithm):
    """A control: whenever a sequence is wrong, all that is trained is drawn anew; on-line.

    Parameters
    ----------
    std : float
        Parameters are drawn from a normal distribution with mean 0 and this standard deviation, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    rnnlatch's own. What needs no more presentations than this is no better than chance.

    Examples
    --------
    >>> RedrawAfterError()
    RedrawAfterError(std=1.0)
    """

    std: float = described(1.0, "standard deviation of redrawn parameters")

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", validation.number("std", self.std, above=0))
