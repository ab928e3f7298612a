"""Noise that wants to turn a bit: the smallest that a search finds, for many networks of one size at once."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnlatch.experiments.bengio1994.robustness_networks import Latching

__all__ = ["course_distance", "farthest", "least_noise", "way_out", "worst_course"]

Floats = NDArray[np.float64]

STEPS, SLOW_STEPS = 100, 300  # of noise, for networks and for latches of one unit, which near w = 1 are slow
QUIET = 300  # steps without, in which it shows where the network goes
ROUNDS = 8  # in which noise is turned into the direction that helps most; the last ones are tried
TRIED = 3
DIRECTIONS = 12  # at random, beside those to the other attractors
OTHERS = 4  # of these, at most
SEQUENCES = 64  # of random noise
LARGEST = 16.0
HALVINGS = 13


def least_noise(networks: Sequence[Latching], rng: np.random.Generator) -> Floats:
    """Find, for each network, noise as small as possible that drives it to another attractor.

    Noise has one Euclidean norm at all steps, and pushes along one of several directions of the last state: at each step it
    is turned to where the derivative of that state says that it helps most, again and again. What is found is an upper
    bound: smaller noise may do it too.

    Returns
    -------
    ndarray, shape (networks,)
        The norm; NaN where not even the largest turned the bit.
    """
    weight, centre, aims = _stacked(networks, rng)
    low, high = np.zeros(len(networks)), np.full(len(networks), LARGEST)
    turned = _turned(networks, weight, centre, aims, high)
    for _ in range(HALVINGS):
        middle = np.sqrt(np.maximum(low, 1e-6) * high)
        done = _turned(networks, weight, centre, aims, middle)
        low, high = np.where(done, low, middle), np.where(done, middle, high)
    return np.where(turned, high, np.nan)


def farthest(networks: Sequence[Latching], noise: Floats, rng: np.random.Generator) -> Floats:
    """Find how far noise of a given norm can drive each network from its attractor."""
    weight, centre, aims = _stacked(networks, rng)
    found = np.zeros(len(networks))
    for states in _driven(weight, centre, aims, noise, away=rng):
        distance = np.linalg.norm(states - centre[:, None], axis=-1)
        found = np.maximum(found, distance.max(axis=(0, 2)))
    return found


def way_out(network: Latching, noise: float, rng: np.random.Generator) -> Floats:
    """Give the states of one network under noise that turns its bit, and without it afterwards, shape (steps, n)."""
    weight, centre, aims = _stacked([network], rng)
    best, least = np.empty((0, network.units)), np.inf
    for states in _driven(weight, centre, aims, np.array([noise])):
        a, path = states[-1, 0], [states[:, 0]]
        for _ in range(QUIET):
            a = network.step(a)
            path.append(a[None])
        distance = np.linalg.norm(a[:, None] - network.others, axis=2).min(axis=1)
        if distance.min() < least:
            best, least = np.concatenate(path)[:, int(distance.argmin())], float(distance.min())
    return best


def worst_course(network: Latching, noise: float, steps: int, rng: np.random.Generator) -> Floats:
    """Give the largest distance from the attractor that the search finds at each step, shape (steps + 1,)."""
    weight, centre, aims = _stacked([network], rng)
    found = np.zeros(steps + 1)
    for states in _driven(weight, centre, aims, np.array([noise]), away=rng):
        distance = np.linalg.norm(states[:, 0] - network.centre, axis=2).max(axis=1)
        found[: len(distance)] = np.maximum(found[: len(distance)], distance[: steps + 1])
    return np.maximum.accumulate(found)


def course_distance(network: Latching, noise: float, steps: int, rng: np.random.Generator) -> Floats:
    """Give the largest distance from the attractor at each step over sequences of random noise, shape (steps + 1,)."""
    push = rng.normal(size=(SEQUENCES, steps, network.units))
    push *= noise / np.linalg.norm(push, axis=2, keepdims=True)
    a, found = np.tile(network.centre, (SEQUENCES, 1)), np.zeros(steps + 1)
    for step in range(steps):
        a = network.step(a) + push[:, step]
        found[step + 1] = np.linalg.norm(a - network.centre, axis=1).max()
    return found


def _stacked(networks: Sequence[Latching], rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Give weights, attractors, and directions of length 1, shape (networks, directions, n)."""
    units = networks[0].units
    aims = rng.normal(size=(len(networks), OTHERS + (DIRECTIONS if units > 1 else 0), units))
    for row, network in enumerate(networks):
        some = network.others[:OTHERS]
        aims[row, : len(some)] = some - network.centre
    aims /= np.linalg.norm(aims, axis=2, keepdims=True)
    return np.stack([one.weight for one in networks]), np.stack([one.centre for one in networks]), aims


def _driven(
    weight: Floats, centre: Floats, aims: Floats, noise: Floats, away: np.random.Generator | None = None
) -> Iterator[Floats]:
    """Give the states under noise, shape (steps + 1, networks, directions, n), round by round.

    With `away` noise is random at first, and then aims at wherever it has led, instead of along `aims`.
    """
    size = noise[:, None, None]
    alone = aims.shape[2] == 1  # whose noise has a sign, and no direction to find
    steps = SLOW_STEPS if alone else STEPS
    push = np.broadcast_to(size * aims, (steps, *aims.shape))
    if away is not None:
        push = away.normal(size=push.shape)
        push *= size / np.linalg.norm(push, axis=-1, keepdims=True)
    for _ in range(TRIED if alone else ROUNDS):
        states = np.empty((steps + 1, *aims.shape))
        states[0] = centre[:, None]
        for step in range(steps):
            states[step + 1] = np.tanh(states[step]) @ weight.transpose(0, 2, 1) + push[step]
        yield states
        if away is not None:
            aims = states[-1] - centre[:, None]
            aims = aims / np.maximum(np.linalg.norm(aims, axis=2, keepdims=True), 1e-300)
        better, back = np.empty(push.shape), aims
        for step in range(steps - 1, -1, -1):
            length = np.linalg.norm(back, axis=2, keepdims=True)
            back = back / np.maximum(length, 1e-300)
            better[step] = size * back
            back = (back @ weight) * (1 / np.cosh(states[step]) ** 2)
        push = better


def _turned(
    networks: Sequence[Latching], weight: Floats, centre: Floats, aims: Floats, noise: Floats
) -> NDArray[np.bool_]:
    found = np.zeros(len(networks), bool)
    rounds = list(_driven(weight, centre, aims, noise))
    for states in rounds[-TRIED:]:
        a = states[-1]
        for _ in range(QUIET):
            a = np.tanh(a) @ weight.transpose(0, 2, 1)
        for row, network in enumerate(networks):
            own = np.linalg.norm(a[row] - network.centre, axis=1)
            other = np.linalg.norm(a[row][:, None] - network.others, axis=2).min(axis=1)
            found[row] |= bool((other < own).any())
        if found.all():
            break
    return found
