"""Lyapunov exponents: how fast nearby states move apart or together in the long run, direction by direction."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._dispatch import core
from rnnlatch._network_parameters import Params
from rnnlatch.cells import LatchNeuron
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics._growth import WORDS, Plan, coordinates, dims, estimates
from rnnlatch.dynamics._growth import plan as make_plan
from rnnlatch.dynamics._results import assemble, quantity
from rnnlatch.dynamics.systems import NetworkSystem, System, system
from rnnlatch.gradients._analysis import Floats, analyse, begin, bundle, one_by_one, sequence_dims
from rnnlatch.gradients.memory import check_memory, trajectory_memory
from rnnlatch.rng import RNGLike, normalise

__all__ = ["lyapunov_spectrum"]

_NUMBERS = 2**20  # of the Jacobians of a map at once
_SOURCE = (
    "rnnlatch.dynamics.lyapunov_spectrum; Benettin, Galgani, Giorgilli and Strelcyn (1980); Kaplan and Yorke (1979)"
)


def lyapunov_spectrum(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    inputs: ArrayLike | None = None,
    *,
    input: ArrayLike | None = None,
    steps: int | None = None,
    transient: int | None = None,
    exponents: int | None = None,
    record: int | ArrayLike | None = 100,
    spacing: str = "log",
    batches: int = 20,
    initial_state: Any = None,
    rng: RNGLike | None = 0,
    threads: int | None = None,
) -> xr.Dataset:
    """Compute the Lyapunov exponents of a network on a sequence of inputs, under a constant input, or of a map.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters; those of many networks are taken one after another. Of a `LatchNeuron` its weight. Not for a map.
    inputs : array_like, shape (time, inputs) or (batch, time, inputs), optional
        What drives the network: each sequence has its exponents. Where each network has its own, with ``run`` in front.
        None: the input is constant.
    input : array_like, shape (inputs,), optional
        The constant input, for a single one a number; None: 0. Not with `inputs`, nor for a map.
    steps : int, optional
        Steps that are taken after the transient; None: 10,000. Not with `inputs`, of which all are taken.
    transient : int, optional
        First steps that do not count: the state comes to its attractor meanwhile, and the tangent vectors to their
        directions. None: a tenth of `steps`, or of the time of `inputs`, 1,000 at most.
    exponents : int, optional
        How many, the largest first; None: as many as a state has numbers.
    record : int or array_like of int, optional
        At how many steps the estimate is kept, or at which, from 1 to `steps`. None: at none.
    spacing : {"log", "linear"}
        How the steps of a number of them are spaced.
    batches : int
        Parts of equal length, of whose own estimates the standard error is made; from 2.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it. Of a map
        the numbers of a state, which must be given.
    rng : int, SeedSequence, Generator, …
        What the first tangent vectors are drawn from; of them nothing remains after a long time.
    threads : int, optional
        Threads of the engine, each with sequences of its own; None: all processors. The result does not depend on it.

    Returns
    -------
    Dataset
        Over ``exponent``, and ``sequence`` where there are several: ``lyapunov_exponent`` in nats per step, falling, minus
        infinity for a direction that vanishes; ``standard_error``, NaN for those. ``running`` (step, exponent): the
        estimate from the first ``step`` steps after the transient. ``sum_of_exponents``, of all of them how fast volumes
        grow; ``kaplan_yorke_dimension``, NaN where the exponents asked for do not suffice for it. ``diverged``: the step at
        which a number ceased to be finite, else -1; what was to be known after it is NaN.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    A state is h, of an LSTM (h, c). Tangent vectors are multiplied by one Jacobian after another, and the product is kept as
    a basis times upper triangles, whose diagonals are the growth of each direction: what a QR decomposition at every step
    gives (Benettin et al. 1980). Between the steps that are looked at the triangles come from an elimination with
    exchanges of rows, of a quarter of the operations; the diagonal of the whole product is the same.

    Exponents that differ by less than they have settled may come in another order at first: the columns of ``running``
    are in the order of the last estimate. The standard error takes batches for independent: it is too small if the orbit
    remembers longer than one lasts. A direction counts as vanished where nothing but rounding is left of it, row by row:
    about 1e-15 of what it was in one step.

    A diagonal network's exponents are those of its units, log ``|dh_t/dh_{t-1}|`` on average. Sources: G. Benettin,
    L. Galgani, A. Giorgilli and J.-M. Strelcyn, "Lyapunov characteristic exponents for smooth dynamical systems", Meccanica
    15:9-30, 1980; J. L. Kaplan and J. A. Yorke, "Chaotic behavior of multidimensional difference equations", 1979.

    Examples
    --------
    The logistic map, whose exponent is ln 2 = 0.6931:

    >>> import numpy as np
    >>> from rnnlatch.dynamics import Map
    >>> logistic_map = Map(lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 4.0})
    >>> found = lyapunov_spectrum(logistic_map, initial_state=[0.3], steps=10_000)
    >>> found["lyapunov_exponent"].values.round(3)
    array([0.693])

    A rotation that shrinks by a tenth at every step:

    >>> from rnnlatch.cells import VanillaRNN
    >>> cell = VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    >>> weights = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": 0.9 * np.array([[0.6, -0.8], [0.8, 0.6]])}
    >>> found = lyapunov_spectrum(cell, weights, steps=1000)
    >>> found["lyapunov_exponent"].values.round(4), float(found["kaplan_yorke_dimension"])
    (array([-0.1054, -0.1054]), 0.0)
    """
    allowed = "a cell such as rnnlatch.cells.VanillaRNN(…), a LatchNeuron, or a rnnlatch.dynamics.Map(…)"
    validation.instance("cell", cell, (NetworkCell, LatchNeuron, System), allowed)
    validation.choice("spacing", spacing, ("log", "linear"))
    asked = (steps, transient, exponents, record, spacing, batches)
    if isinstance(cell, System):
        for name, value in (("inputs", inputs), ("input", input), ("params", params)):
            if value is not None:
                raise ValueError(f"{name} is given and cell is a map; it must be None")
        return _of_map(cell, make_plan(cell.dimension, None, *asked), initial_state, rng)
    if isinstance(cell, LatchNeuron):
        latch = system(cell, params)
        assert isinstance(latch, NetworkSystem)
        cell, params = latch.cell, latch.params
    if params is None or isinstance(params, float | int):
        raise TypeError(f"params is {validation.show(params)}; it must be a dict of arrays or a dataset")
    return _of_network(cell, params, inputs, input, asked, initial_state, rng, threads)


def _of_network(
    cell: NetworkCell,
    params: Params,
    inputs: Any,
    constant: Any,
    asked: tuple[Any, ...],
    initial_state: Any,
    rng: RNGLike | None,
    threads: int | None,
) -> xr.Dataset:
    driven = inputs is not None
    if driven and constant is not None:
        raise ValueError("input and inputs are given; one of them must be None")
    sequences, _, _ = begin(cell, params, _drive(cell, inputs, constant), initial_state=initial_state)
    size = len(cell.states) * cell.hidden
    plan = make_plan(size, sequences.time if driven else None, *asked)
    networks, seed = bundle(sequences, threads=threads), normalise(rng)
    basis = _basis(size, plan.exponents, seed.sequence())
    looked_at = plan.looked_at

    def one(i: int) -> Mapping[str, Any]:
        found = core.lyapunov(*networks.arguments(i), basis, plan.transient, plan.steps, looked_at, networks.threads)
        return estimates(found["log_growth"], plan, size) | {"diverged": found["diverged"]}

    def compute() -> Mapping[str, Any]:
        walked = trajectory_memory(cell, batch=networks.batch, time=1, threads=networks.threads)
        check_memory(
            24 * networks.count * networks.batch * looked_at.size * plan.exponents + walked,
            f"lyapunov_spectrum of {networks.count} networks on {networks.batch} sequences",
            "use fewer networks, sequences, exponents, recorded steps or threads at once",
        )
        return one_by_one(networks, one, WORDS)

    front = sequence_dims(sequences)
    found = analyse(
        sequences,
        compute,
        {name: ((*front, *over), *WORDS[name]) for name, over in dims(plan).items()},
        coordinates(plan),
        _SOURCE,
        plan.settings() | {"driven": driven},
    )
    found.attrs["rng"] = seed.to_json()
    return found


def _of_map(cell: System, plan: Plan, initial_state: Any, rng: RNGLike | None) -> xr.Dataset:
    allowed = f"finite numbers, shape ({cell.dimension},)"
    if initial_state is None:
        raise TypeError(f"initial_state is None; of a map it must be given: {allowed}")
    state = floats("initial_state", initial_state, allowed, np.dtype(np.float64))
    if state.shape != (cell.dimension,):
        raise ValueError(f"initial_state has shape {state.shape}; it must be {allowed}")
    check_finite("initial_state", state)
    seed = normalise(rng)
    basis = _basis(cell.dimension, plan.exponents, seed.sequence())
    looked_at = plan.looked_at
    growth = np.full((1, looked_at.size, plan.exponents), np.nan)
    total, taken = np.zeros(plan.exponents), -plan.transient
    path = _Orbit(cell, state)
    while taken < plan.steps:
        count = min(max(_NUMBERS // cell.dimension**2, 1), (plan.steps if taken >= 0 else 0) - taken)
        jacobians = path.jacobians(count)
        here = np.flatnonzero((looked_at > taken) & (looked_at <= taken + len(jacobians)))
        if len(jacobians):
            at = np.union1d(looked_at[here] - taken, [len(jacobians)]).astype(np.int64)
            logs, basis = core.lyapunov_of_jacobians(jacobians, basis, at)
            growth[0, here] = total + logs[: here.size]
            total = total + logs[-1]
        if len(jacobians) < count:
            break
        taken += count
        if taken == 0:
            total = np.zeros(plan.exponents)
    found = estimates(growth, plan, cell.dimension) | {"diverged": np.array([path.diverged])}
    data = {name: quantity(over, found[name][0], *WORDS[name]) for name, over in dims(plan).items()}
    coords = {name: quantity(name, *described) for name, described in coordinates(plan).items()}
    settings = plan.settings() | {"initial_state": state.tolist()}
    return assemble(cell, _SOURCE, data, coords, rng=seed.to_json(), settings=settings)


class _Orbit:
    """The orbit of a map, some steps at a time."""

    def __init__(self, cell: System, state: Floats) -> None:
        self._cell, self._state, self._taken = cell, state, 0
        self.diverged = -1

    def jacobians(self, count: int) -> Floats:
        """Give those of the next steps, shape (count, dimension, dimension); fewer, if a number is not finite there."""
        states = np.empty((count + 1, self._state.size))
        states[0] = self._state
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(count):
                states[t + 1] = self._cell.step(states[t : t + 1])[0]
            found = np.ascontiguousarray(self._cell.jacobian(states[:-1]))
        good = np.isfinite(states[1:]).all(axis=1) & np.isfinite(found).all(axis=(1, 2))
        if not good.all():
            count = int(np.argmin(good))
            self.diverged = self._taken + count + 1
        self._state, self._taken = states[-1], self._taken + count
        return found[:count]


def _drive(cell: Any, inputs: Any, constant: Any) -> Any:
    """The inputs as `begin` takes them; a constant one is a sequence of one step."""
    if inputs is not None:
        given = floats(
            "inputs", inputs, f"an array of real numbers, shape (…, time, {getattr(cell, 'inputs', 'inputs')})"
        )
        return given[None] if given.ndim == 2 else given
    if constant is None:
        return np.zeros((1, 1, cell.inputs))
    allowed = f"real numbers, shape ({cell.inputs},)"
    given = floats("input", constant, allowed)
    if given.shape == () and cell.inputs == 1:
        given = given.reshape(1)
    if given.shape != (cell.inputs,):
        raise ValueError(f"input has shape {given.shape}; it must be {allowed}")
    check_finite("input", given)
    return given[None, None]


def _basis(size: int, exponents: int, sequence: np.random.SeedSequence) -> Floats:
    """Orthonormal columns in directions that are drawn; fewer are the first of more."""
    drawn = np.random.default_rng(sequence).standard_normal((size, size))[:, :exponents]
    return np.ascontiguousarray(np.linalg.qr(drawn)[0])
