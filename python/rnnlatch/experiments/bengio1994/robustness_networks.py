"""Networks that latch: drawn, and what their theorems say, measured on each of them.

A network has n tanh units without biases, random recurrent weights, and noise on every unit: a_t = W tanh(a_(t-1)) + u_t. It
is latched to a fixed point that is not its only attractor.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics
from rnnlatch.cells import VanillaRNN

__all__ = ["Boundary", "Course", "Latching", "along_the_boundary", "alternation", "draw", "grown", "latch_of", "tube"]

Floats = NDArray[np.float64]

GAIN = {2: 2.0, 3: 1.8, 5: 1.6}  # standard deviation of the weights, times sqrt(n)
STARTS = 64  # of the search for attractors
STATES = 300  # that the reduced attracting set is sampled with
PAIRED = 150  # of those inside, whose pairs are looked at
STEPS = 100  # of noise, and of products of derivatives
SEQUENCES = 8
ALTERNATIONS = 60
SECTIONS, ROUNDS = 64, 9  # of the way to the boundary
OFF = 0.3  # how far from another attractor that way ends, relative to its length
PERIODS, BACK = 8, 1e-3  # a saddle orbit that the boundary leads to, and how near it must come back
NEAR = 1e-4  # to a saddle: where its eigenvalues rule
BOX = 1.5  # times the attractors: where states are drawn
SETTING: dict[str, Any] = {"variable": "pre_activation", "max_steps": 3000}


class Latching(NamedTuple):
    """A network, and the attractor that it is latched to.

    Parameters
    ----------
    weight : ndarray, shape (n, n)
        W.
    centre : ndarray, shape (n,)
        The attractor.
    others : ndarray, shape (points, n)
        The points of all other attractors.
    multiplier : float
        The largest modulus of the eigenvalues at the attractor.
    """

    weight: Floats
    centre: Floats
    others: Floats
    multiplier: float

    @property
    def units(self) -> int:
        """How many units it has."""
        return len(self.centre)

    @property
    def network(self) -> tuple[VanillaRNN, dict[str, Floats]]:
        """The cell, with an input for each unit, and its parameters."""
        n = self.units
        cell = VanillaRNN(inputs=n, hidden=n, activation="tanh", bias=False)
        return cell, {"weight_ih_l0": np.eye(n), "weight_hh_l0": self.weight}

    def step(self, a: Floats) -> Floats:
        """M(a)."""
        return np.tanh(a) @ self.weight.T

    def derivative(self, a: Floats) -> Floats:
        """M'(a)."""
        return np.asarray(self.weight * (1 / np.cosh(a) ** 2)[..., None, :])


class Course(NamedTuple):
    """What noise within the bound of theorem 3 does.

    Parameters
    ----------
    bound, distance, factor : float
        b, d and lambda, Euclidean.
    adapted : float
        The Euclidean norm of the noise that the norm adapted to the attractor allows.
    farthest : float
        How far random noise of that size drives the network from its attractor.
    latched : bool
        Whether it stays robustly latched.
    excess : float
        The largest logarithm of the norm of da_t/da_0 over lambda^t.
    decay : float
        The largest logarithm of the norm after all steps, under noise within `adapted`.
    log_norm : ndarray, shape (sequences, steps + 1)
        Of the first of these, or where there is no bound, of the second noise.
    """

    bound: float
    distance: float
    factor: float
    adapted: float
    farthest: float
    latched: bool
    excess: float
    decay: float
    log_norm: Floats


@dataclass(frozen=True)
class Boundary:
    """An orbit that begins on the boundary between two basins.

    Parameters
    ----------
    log_norm, log_rest : ndarray, shape (steps + 1,)
        Logarithms of the largest singular value of da_t/da_0, and of the geometric mean of the others, which is what the
        determinant leaves for them: they are lost beside the largest long before.
    rate : float
        The growth a step of the first, in the steps that the orbit spends at a saddle or a saddle orbit.
    expected : float
        The logarithm of its eigenvalue outside the unit circle, by its period; both are NaN if the orbit comes near none
        with one such eigenvalue.
    """

    log_norm: Floats
    log_rest: Floats
    rate: float
    expected: float


def draw(units: int, count: int, rng: np.random.Generator) -> tuple[list[Latching], list[float]]:
    """Draw networks until so many are latched to a fixed point beside other attractors.

    Returns
    -------
    networks : list of Latching
        These.
    expanding : list of float
        For every periodic orbit that attracts, of all networks that were drawn, the largest eigenvalue of M' on it.
    """
    found: list[Latching] = []
    expanding: list[float] = []
    cell = VanillaRNN(inputs=units, hidden=units, activation="tanh", bias=False)
    while len(found) < count:
        weight = rng.normal(0, GAIN[units] / np.sqrt(units), (units, units))
        params = {"weight_ih_l0": np.eye(units), "weight_hh_l0": weight}
        basins = dynamics.basins(cell, params, starts=STARTS, rng=0, threads=1, **SETTING)
        periods = basins["period"].values
        points = [basins["state"].values[i, :period] for i, period in enumerate(periods)]
        for orbit in points:
            if len(orbit) > 1:
                slopes = weight * (1 / np.cosh(orbit) ** 2)[:, None, :]
                expanding.append(float(np.abs(np.linalg.eigvals(slopes)).max()))
        fixed = np.flatnonzero(periods == 1)
        if len(points) > 1 and fixed.size:
            others = np.concatenate([orbit for i, orbit in enumerate(points) if i != fixed[0]])
            multiplier = float(basins["multiplier"][fixed[0]])
            found.append(Latching(weight, points[fixed[0]][0], others, multiplier))
    return found, expanding


def latch_of(w: float) -> Latching:
    """Give the latch of one unit."""
    rest = float(dynamics.attractor(w))
    slope = float(dynamics.latch_slope(w, rest))
    return Latching(np.full((1, 1), w), np.array([rest]), np.array([[-rest]]), slope)


def grown(latching: Latching, rng: np.random.Generator, count: int = STATES) -> tuple[Floats, Floats, Floats]:
    """Follow products of derivatives from states of the basin, in the reduced attracting set and outside.

    Returns
    -------
    inside, outside : ndarray
        The largest norm of (M^l)' over l >= 1, for each state.
    states : ndarray, shape (states, n)
        Those inside.
    """
    cell, params = latching.network
    reach = BOX * np.abs(np.concatenate([latching.centre[None], latching.others])).max(axis=0).clip(0.5)
    states = rng.uniform(-1, 1, (count, latching.units)) * reach
    found = dynamics.reduced_attracting_set(cell, params, starts=states, threads=1, **SETTING)
    own = _is_centre(latching, found)
    inside = found["reduced"].values & own
    outside = own & (found["broken_at"].values > 0)
    largest, product, a = np.zeros(count), np.eye(latching.units), states
    for _ in range(STEPS):
        product = latching.derivative(a) @ product
        a = latching.step(a)
        largest = np.maximum(largest, np.linalg.norm(product, 2, axis=(1, 2)))
    return largest[inside], largest[outside], states[inside]


def tube(latching: Latching, rng: np.random.Generator) -> Course:
    """Put theorems 3 and 4 to the test with random noise as large as the bound."""
    cell, params = latching.network
    plain, adapted = (
        dynamics.noise_bound(cell, params, starts=latching.centre, norm=norm, threads=1, **SETTING).isel(start=0)
        for norm in ("euclidean", "adapted")
    )
    bound, distance, allowed = (
        float(value) for value in (plain["bound"], plain["distance"], adapted["euclidean_bound"])
    )
    factor = float(plain["factor"].max())
    noise = rng.normal(size=(SEQUENCES, STEPS, latching.units))
    noise /= np.linalg.norm(noise, axis=2, keepdims=True)
    within = _latched(latching, bound * noise) if bound > 0 else None
    wide = _latched(latching, allowed * noise)
    excess = np.nan
    if within is not None:
        excess = float((within["log_norm"].values - np.log(factor) * np.arange(STEPS + 1))[:, 1:].max())
    shown = wide if within is None else within
    return Course(
        bound,
        distance,
        factor,
        allowed,
        float(np.linalg.norm(shown["state"].values - latching.centre, axis=2).max()),
        bool(shown["latched"].all()),
        excess,
        float(wide["log_norm"].values[:, -1].max()),
        shown["log_norm"].values,
    )


def alternation(latching: Latching, states: Floats, paired: int = PAIRED) -> tuple[float, Floats, Floats, Floats]:
    """Alternate between the two states of the set between which derivatives grow most.

    Returns
    -------
    radius : float
        The largest modulus of the eigenvalues of M'(a) M'(b): above 1, the derivative by the start grows for ever.
    latched, log_norm : ndarray, shape (steps + 1,)
        Whether the network is robustly latched, driven to and fro between the two, and the logarithm of the derivative's norm.
    pair : ndarray, shape (2, n)
        The two states.
    """
    some = states[:paired]
    if len(some) < 2:
        nothing = np.zeros(ALTERNATIONS + 1)
        return 0.0, nothing.astype(bool), nothing, np.tile(latching.centre, (2, 1))
    slopes = latching.derivative(some)
    radius = np.abs(np.linalg.eigvals(slopes[:, None] @ slopes[None])).max(axis=2)
    one, other = np.unravel_index(radius.argmax(), radius.shape)
    pair = np.stack([some[other], some[one]])  # the factor on the right comes first
    inputs = np.stack([pair[(t + 1) % 2] - latching.step(pair[t % 2]) for t in range(ALTERNATIONS)])
    found = _latched(latching, inputs[None], pair[0])
    return float(radius.max()), found["latched"].values[0], found["log_norm"].values[0], pair


def along_the_boundary(latching: Latching, rng: np.random.Generator, steps: int = 250) -> Boundary:
    """Find where the boundary of the basin crosses a way out of it, and follow the orbit from there."""
    start = _on_the_boundary(latching, rng)
    orbit, log_norm, product = [start], [0.0], np.eye(latching.units)
    scale, volume = 0.0, [0.0]
    for _ in range(steps):
        derivative = latching.derivative(orbit[-1])
        product = derivative @ product
        size = float(np.abs(product).max())
        product, scale = product / size, scale + np.log(size)
        log_norm.append(scale + np.log(np.linalg.norm(product, 2)))
        volume.append(volume[-1] + float(np.linalg.slogdet(derivative)[1]))
        orbit.append(latching.step(orbit[-1]))
    largest = np.array(log_norm)
    rate, expected = _at_the_saddle(latching, np.stack(orbit), largest)
    return Boundary(largest, (np.array(volume) - largest) / (latching.units - 1), rate, expected)


def _on_the_boundary(latching: Latching, rng: np.random.Generator) -> Floats:
    """Halve the way from the attractor to somewhere near another one until its ends are neighbours; give the outer end."""
    cell, params = latching.network
    far = latching.others[0] - latching.centre
    while True:  # not straight to it, which in a network without biases leads through 0
        target = latching.others[0] + OFF * np.linalg.norm(far) * rng.normal(size=far.size) / np.sqrt(far.size)
        inner, outer = 0.0, 1.0
        for _ in range(ROUNDS):
            shares = np.linspace(inner, outer, SECTIONS + 1)
            states = latching.centre + shares[:, None] * (target - latching.centre)
            own = _is_centre(latching, dynamics.basins(cell, params, starts=states, threads=1, **SETTING))
            if own[-1]:
                break
            last = int(np.flatnonzero(~own)[0])
            inner, outer = float(shares[max(last - 1, 0)]), float(shares[last])
        else:
            return np.asarray(latching.centre + outer * (target - latching.centre))


def _at_the_saddle(latching: Latching, orbit: Floats, log_norm: Floats) -> tuple[float, float]:
    """Give the growth a step while the orbit is at a saddle or a saddle orbit, and what it should be by its eigenvalue."""
    orbit = orbit[: int(log_norm.argmax())]  # then it falls into a basin
    for period in range(1, min(PERIODS + 1, len(orbit))):
        moved = np.linalg.norm(orbit[period:] - orbit[:-period], axis=1)
        nearest = int(moved.argmin())
        if moved[nearest] > BACK:
            continue
        found = dynamics.fixed_points(
            _iterated(latching, period), complete=False, starts=orbit[nearest][None], box=[-50.0, 50.0]
        )
        if not found.sizes["fixed_point"]:
            continue
        points = [found["state"].values[0]]
        for _ in range(period - 1):
            points.append(latching.step(points[-1]))
        modulus = np.hypot(found["eigenvalue_real"].values[0], found["eigenvalue_imag"].values[0])
        there = np.flatnonzero(np.linalg.norm(orbit[:, None] - np.stack(points), axis=2).min(axis=1) < NEAR)
        if (modulus > 1).sum() == 1 and len(there) > 2 * period:
            first = int(there[0])
            last = first + (int(there[-1]) - first) // period * period
            return float((log_norm[last] - log_norm[first]) / (last - first)), float(np.log(modulus[0]) / period)
    return np.nan, np.nan


def _iterated(latching: Latching, times: int) -> dynamics.Map:
    """The network's map, applied so many times."""

    def step(a: Floats) -> Floats:
        for _ in range(times):
            a = latching.step(a)
        return a

    def derivative(a: Floats) -> Floats:
        product = latching.derivative(a)
        for _ in range(times - 1):
            a = latching.step(a)
            product = latching.derivative(a) @ product
        return product

    return dynamics.Map(step, derivative, latching.units)


def _latched(latching: Latching, inputs: Floats, start: Floats | None = None) -> xr.Dataset:
    cell, params = latching.network
    begin = latching.centre if start is None else start
    return dynamics.robustly_latched(cell, params, inputs, initial_state=begin, threads=1, **SETTING)


def _is_centre(latching: Latching, found: xr.Dataset) -> NDArray[np.bool_]:
    """Say of each state whether it comes to the attractor of the network."""
    if not found.sizes["attractor"]:
        return np.zeros(found["basin"].shape, bool)
    near = np.abs(found["state"].values[:, 0] - latching.centre).max(axis=1) < 1e-6
    number = found["basin"].values
    return np.asarray((number >= 0) & near[np.maximum(number, 0)])
