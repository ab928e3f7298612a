"""Training in minibatches: clipping, the regulariser Omega, penalties, the authors' guard, schedules; update by update.

Read in this order: `minibatch` (what is shown), `regulariser` (Omega and its immediate gradient), `update` (everything that
happens between two minibatches), then the rules of the steps and the schedules. The arguments:

    structure   those of `reference.networks` and `reference.tasks`, and algorithm, batch_size, mean_gradient;
                omega_squared (ratios of squared norms, or of norms), omega_mean (over time the mean, or the sum),
                omega_state (of the states, or of the pre-activations), shrink (the authors' guard)
    columns     those of the task
    settings    momentum, l1, l2 | beta_1, beta_2, epsilon | decay, epsilon; clip_norm and clip_value, inf where there are none
    rate, omega the learning rate and the weight of Omega of one update

All arithmetic is in double precision. Which loss the errors are of: the mean over the minibatch, also where the gradients
of the presentations are summed up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from reference import networks, tasks
from reference.arithmetic import Array
from reference.cells import slope
from reference.presentation import Network
from reference.tasks import Columns, Sequence, Structure

Settings = Mapping[str, float]

NEGLIGIBLE = 1e-20
"""Squared norms of errors below it count as 0: the bound of the authors' code."""

EXPLODED = 1e10
"""A gradient that is longer than this is none for the authors' guard."""


# What is shown.


@dataclass
class Minibatch:
    """Some sequences as arrays: inputs (B, T, I), targets, mask or None, the row of each sequence's first step (B,)."""

    sequences: list[Sequence]
    inputs: Array = field(init=False)
    targets: Array = field(init=False)
    mask: Array | None = field(init=False)
    first: Array = field(init=False)

    def __post_init__(self) -> None:
        self.inputs = np.stack([sequence.inputs for sequence in self.sequences])
        self.targets = np.stack([sequence.target for sequence in self.sequences])
        masks = [sequence.mask for sequence in self.sequences if sequence.mask is not None]
        self.mask = np.stack(masks) if masks else None
        self.first = np.array([sequence.start for sequence in self.sequences])

    @property
    def lengths(self) -> Array:
        return self.inputs.shape[1] - self.first


def minibatch(network: Network, columns: Columns, key: Array, stream: int, seen: int) -> Minibatch:
    """The sequences of the presentations seen, seen + 1, ...: those of one update."""
    shown = []
    for p in range(seen, seen + network.structure["batch_size"]):
        index = tasks.sequence_shown(network.structure, key, stream, p)
        shown.append(tasks.draw(network.structure, columns, key, stream, index, arrays=network.arrays))
    return Minibatch(shown)


def back_propagate(network: Network, batch: Minibatch) -> networks.Trace:
    """Loss, gradient and errors of the mean over a minibatch."""
    return networks.gradient(
        network.structure, network.parameters, batch.inputs, batch.targets, batch.mask, batch.lengths
    )


# The regulariser of the error's norm (Pascanu, Mikolov and Bengio, 2013, eq. 9 and 10).


def regulariser(structure: Structure, weight: Array, trace: networks.Trace, first: Array) -> tuple[Array, Array]:
    """Omega and its immediate gradient by the recurrent weights, (H, H), or (H,) if they are a diagonal.

        Omega = sum over k of (ratio_k - 1)^2,   ratio_k = |dE/dx_{k+1} dx_{k+1}/dx_k|^2 / |dE/dx_{k+1}|^2

    `weight` is the only thing in it that is differentiated: of the trace the errors dE/da and dE/dh and the slopes
    are constants, whatever weights they come from.
    """
    w = np.diag(weight) if structure["diagonal"] else weight
    batch, steps, _ = trace.h.shape
    of_state = bool(structure["omega_state"])
    value, gradient, terms = weight.dtype.type(0), np.zeros_like(w), 0
    for b in range(batch):
        # x_k is the state before step k + 1 = t, or the pre-activation before it, which no sequence's first step has.
        for t in range(first[b] + (0 if of_state else 1), steps):
            delta = trace.delta[b, t, 0]
            error = trace.state_gradient[b, t, 0] if of_state else delta
            size = error @ error
            if size < NEGLIGIBLE:
                continue
            through = np.ones_like(delta) if of_state else slope(structure["activation"], trace.h[b, t - 1])
            arrived = through * (w.T @ delta)
            ratio = arrived @ arrived / size
            by_arrived = 2 * arrived / size
            if not structure["omega_squared"]:
                ratio = np.sqrt(ratio)
                by_arrived = np.zeros_like(arrived) if ratio == 0 else arrived / (ratio * size)
            value += (ratio - 1) ** 2
            gradient += 2 * (ratio - 1) * np.outer(delta, through * by_arrived)
            terms += 1
    # The mean over the minibatch; of a mean over time, over all terms that there are.
    share = max(terms, 1) if structure["omega_mean"] else batch
    return value / share, (np.diag(gradient) if structure["diagonal"] else gradient) / share


# An update.


class Updated(NamedTuple):
    """What an update saw: the mean cost, how many answers were wrong, |G| before all that shortens it, Omega."""

    loss: float
    wrong: int
    gradient_norm: float
    omega: float
    diverged: bool


@np.errstate(all="ignore")  # a network that diverges overflows on its way
def update(
    network: Network, rule: Rule, batch: Minibatch, columns: Columns, settings: Settings, rate: float, omega: float
) -> Updated:
    """Show a minibatch and change the network, unless its numbers would not be finite."""
    structure = network.structure
    trace = back_propagate(network, batch)
    gradient = dict(trace.gradient)
    if not structure["mean_gradient"]:
        gradient = {name: value * len(batch.sequences) for name, value in gradient.items()}
    value = 0.0
    if omega:
        value, immediate = regulariser(structure, network.parameters["weight_hh_l0"], trace, batch.first)
        gradient["weight_hh_l0"] = gradient["weight_hh_l0"] + omega * immediate
    g, theta = network.flat(gradient), network.theta
    g = g + settings.get("l2", 0.0) * theta + settings.get("l1", 0.0) * np.sign(theta)

    norm = float(np.sqrt((g**2).sum()))
    if structure["shrink"] and not norm <= EXPLODED:
        shrunk = {name: np.zeros_like(array) for name, array in network.parameters.items()}
        shrunk["weight_hh_l0"] = 0.02 * network.parameters["weight_hh_l0"]
        g = network.flat(shrunk)
    else:
        g = clipped(g, settings)

    # A gradient that is none, or a step that leads nowhere: the run is over, and the network as it was.
    diverged = not (structure["shrink"] or np.isfinite(norm))
    moved = theta if diverged else rule.step(theta, g, rate)
    diverged = diverged or not np.isfinite(moved).all()
    if not diverged:
        network.theta = moved
    right = sum(
        tasks.is_right(structure, columns, sequence, trace.output[b]) for b, sequence in enumerate(batch.sequences)
    )
    return Updated(float(trace.loss), len(batch.sequences) - right, norm, float(value), diverged)


def clipped(g: Array, settings: Settings) -> Array:
    """Every number cut to clip_value, then the whole shortened to clip_norm."""
    g = np.clip(g, -settings["clip_value"], settings["clip_value"])
    norm = np.sqrt((g**2).sum())
    return g * (settings["clip_norm"] / norm) if norm > settings["clip_norm"] else g


# The rules of the steps: what they keep, and what they make of a gradient.


class Rule:
    """theta after a step along G with a learning rate."""

    def __init__(self, settings: Settings, count: int) -> None:
        self.settings, self.updates = settings, 0
        self.velocity, self.mean, self.square = np.zeros(count), np.zeros(count), np.zeros(count)

    def step(self, theta: Array, g: Array, rate: float) -> Array:
        raise NotImplementedError


class GradientDescent(Rule):
    """v = momentum v + G;  theta -= rate v."""

    def step(self, theta: Array, g: Array, rate: float) -> Array:
        self.velocity = self.settings["momentum"] * self.velocity + g
        return theta - rate * self.velocity


class Adam(Rule):
    """D. P. Kingma and J. L. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1."""

    def step(self, theta: Array, g: Array, rate: float) -> Array:
        beta_1, beta_2 = self.settings["beta_1"], self.settings["beta_2"]
        self.updates += 1
        self.mean = beta_1 * self.mean + (1 - beta_1) * g
        self.square = beta_2 * self.square + (1 - beta_2) * g**2
        mean, square = self.mean / (1 - beta_1**self.updates), self.square / (1 - beta_2**self.updates)
        return theta - rate * mean / (np.sqrt(square) + self.settings["epsilon"])


class RMSprop(Rule):
    """v = decay v + (1 - decay) G^2;  theta -= rate G / (sqrt(v) + epsilon)."""

    def step(self, theta: Array, g: Array, rate: float) -> Array:
        decay = self.settings["decay"]
        self.square = decay * self.square + (1 - decay) * g**2
        return theta - rate * g / (np.sqrt(self.square) + self.settings["epsilon"])


RULES: dict[str, type[Rule]] = {"GradientDescent": GradientDescent, "Adam": Adam, "RMSprop": RMSprop}


def train(
    network: Network,
    columns: Columns,
    key: Array,
    stream: int,
    settings: Settings,
    rates: Array,
    *,
    seen: int = 0,
) -> list[Updated]:
    """One update for each row of `rates`, (updates, 2), of learning rate and weight of Omega; stops where it diverges."""
    rule = RULES[network.structure["algorithm"]](settings, len(network.theta))
    done: list[Updated] = []
    for i, (rate, omega) in enumerate(rates):
        batch = minibatch(network, columns, key, stream, seen + i * network.structure["batch_size"])
        done.append(update(network, rule, batch, columns, settings, float(rate), float(omega)))
        if done[-1].diverged:
            break
    return done


# Schedules: the factor of a learning rate, or of the weight of Omega.


def inverse_time(presentations: int, seen: int) -> float:
    """1 / t, where t = 1, 2, ... counts how many times so many presentations have begun."""
    return 1 / (1 + seen // presentations)


def halve_on_rise(presentations: int, factor: float, costs: Array) -> list[float]:
    """The factor at each presentation, given the cost of every one.

    After each N presentations the mean cost of these is compared with that of the N before them; where it is above, what
    follows has the factor once more.
    """
    now, result = 1.0, []
    for p in range(len(costs)):
        if p % presentations == 0 and p >= 2 * presentations:
            last = np.mean(costs[p - presentations : p])
            before = np.mean(costs[p - 2 * presentations : p - presentations])
            now = now * factor if last > before else now
        result.append(now)
    return result


def make_structure(**changes: Any) -> dict[str, Any]:
    """What an update adds to the structures of network and task, for tests to change what they are about."""
    structure: dict[str, Any] = {
        "algorithm": "GradientDescent",
        "batch_size": 4,
        "mean_gradient": 1,
        "precision": "float64",
        "omega_squared": 1,
        "omega_mean": 0,
        "omega_state": 0,
        "shrink": 0,
    }
    assert changes.keys() <= structure.keys()
    return structure | changes


def make_settings(algorithm: str, **changes: float) -> dict[str, float]:
    """The numbers of an algorithm, for tests to change what they are about."""
    own: dict[str, dict[str, float]] = {
        "GradientDescent": {"momentum": 0.0, "l1": 0.0, "l2": 0.0},
        "Adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
        "RMSprop": {"decay": 0.9, "epsilon": 1e-8},
    }
    settings = own[algorithm] | {"clip_norm": np.inf, "clip_value": np.inf}
    assert changes.keys() <= settings.keys()
    return settings | changes
