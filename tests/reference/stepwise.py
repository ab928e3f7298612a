"""Algorithms that learn from one presentation after another, and a whole run of any of them until it stops.

`train_one_run` shows sequences; after each batch the algorithm's `update` changes the network. The arguments, of one
run: those of `reference.tasks`, of `reference.networks`, and

    structure   algorithm, batch_size, window, max_presentations, measure (0 none, 1 cost, 2 error, 3 consecutive);
                mean_gradient; for PseudoNewton time_weighted and mu_rule (0 decay, 1 average)
    columns     threshold, and the numbers of the algorithm; clip_norm and largest_step are inf where there are none
    parameters  initial values by name; trainable: which of them are trained, of the same shapes
    arrays      same_step (H, H), and what the task needs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference import curvature, descent, tasks
from reference.arithmetic import Array, plain_multiply_add
from reference.presentation import Network, Presentation, present
from reference.tasks import Arrays, Columns, Structure
from rnnlatch import random

EXHAUSTED, CONVERGED, DIVERGED, STUCK = 0, 1, 2, 3

SMALLEST_MU = 1e-30
"""Below it mu does not fall: 400 times a quarter more must still lead back to where a step is small enough."""

MOST_CHANGES_OF_MU = 400


def batch_gradient(structure: Structure, batch: list[Presentation]) -> Array:
    """The sum of the presentations' gradients in their order, or the mean."""
    total = np.zeros_like(batch[0].gradient)
    for shown in batch:
        total = total + shown.gradient
    return total * (1.0 / len(batch)) if structure["mean_gradient"] else total


def bounded(step: Array, largest: float) -> Array:
    """The step, scaled so that no part of it is larger than `largest`."""
    size = np.abs(step).max()
    return step * (largest / size) if size > largest else step


class Algorithm:
    """What an algorithm keeps from one update to the next."""

    def __init__(self, network: Network, structure: Structure, columns: Columns, key: Array, stream: int) -> None:
        self.structure, self.columns, self.key, self.stream = structure, columns, key, stream
        self.prepare(network)

    def prepare(self, network: Network) -> None:
        """Before the first presentation."""

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        """After a batch; whether there was a step to take at all."""
        raise NotImplementedError


class GradientDescent(Algorithm):
    """G += l2 theta + l1 sign(theta); G cut to clip_norm; v = momentum v + G; theta -= learning_rate v."""

    def prepare(self, network: Network) -> None:
        self.velocity = np.zeros_like(network.theta)

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        gradient = batch_gradient(self.structure, batch)
        network.theta, self.velocity = descent.step(
            network.theta, self.velocity, gradient, self.columns, fma=plain_multiply_add
        )
        return True


class Adam(Algorithm):
    """D. P. Kingma and J. L. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1."""

    def prepare(self, network: Network) -> None:
        self.m, self.v, self.t = np.zeros_like(network.theta), np.zeros_like(network.theta), 0

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        c = self.columns
        g = descent.clipped(batch_gradient(self.structure, batch), np.asarray(c["clip_norm"]), fma=plain_multiply_add)
        self.t += 1
        self.m = c["beta_1"] * self.m + (1 - c["beta_1"]) * g
        self.v = c["beta_2"] * self.v + (1 - c["beta_2"]) * g * g
        m_hat = self.m / (1 - c["beta_1"] ** self.t)
        v_hat = self.v / (1 - c["beta_2"] ** self.t)
        network.theta = network.theta - c["learning_rate"] * m_hat / (np.sqrt(v_hat) + c["epsilon"])
        return True


class RMSprop(Algorithm):
    """v = decay v + (1 - decay) G^2; theta -= learning_rate G / (sqrt(v) + epsilon)."""

    def prepare(self, network: Network) -> None:
        self.v = np.zeros_like(network.theta)

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        c = self.columns
        g = descent.clipped(batch_gradient(self.structure, batch), np.asarray(c["clip_norm"]), fma=plain_multiply_add)
        self.v = c["decay"] * self.v + (1 - c["decay"]) * g * g
        network.theta = network.theta - c["learning_rate"] * g / (np.sqrt(self.v) + c["epsilon"])
        return True


# Pseudo-Newton (Bengio, Simard and Frasconi, 1994, eq. 5 and 6).


def plain_step(first: Array, second: Array, eta: float, mu: float) -> Array:
    """Eq. 5: -eta g / (|h| + mu), g and h summed over time. first, second: (T, n)."""
    return -eta * first.sum(axis=0) / (np.abs(second.sum(axis=0)) + mu)


def time_weighted_step(first: Array, second: Array, eta: float, mu: float) -> Array:
    """Eq. 6: -sum over t of eta g_t / (|h_t| + mu): every use of a weight has its own curvature."""
    return (-eta * first / (np.abs(second) + mu)).sum(axis=0)


def mu_within_bounds(step: Callable[[float], Array], mu: float, columns: Columns) -> float:
    """A mu near the given one for which the largest part of the step is between the bounds.

    A step that is too small for every mu, as close to a minimum, is left as it is, and mu with it.
    """

    def size(mu: float) -> float:
        return float(np.abs(step(mu)).max())

    for _ in range(MOST_CHANGES_OF_MU):
        if not size(mu) > columns["largest_step"]:
            break
        mu = 1.25 * mu
    there = mu
    for _ in range(MOST_CHANGES_OF_MU):
        if not 0 < size(there) < columns["smallest_step"]:
            return there
        there = max(0.8 * there, SMALLEST_MU)
    return there if size(there) >= columns["smallest_step"] else mu


class PseudoNewton(Algorithm):
    """A learning rate for each weight from its curvature; mu keeps the steps within bounds."""

    def prepare(self, network: Network) -> None:
        del network
        self.mu = float(self.columns["mu"])
        self.step = time_weighted_step if self.structure["time_weighted"] else plain_step

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        (shown,) = batch
        c = self.columns
        by_step = curvature.by_step(network, shown.sequence)
        first, second = network.flat(by_step[0]), network.flat(by_step[1])
        if not first.sum(axis=0).any():
            return True

        def step(mu: float) -> Array:
            return self.step(first, second, c["learning_rate"], mu)

        if self.structure["mu_rule"] == 0:
            self.mu = mu_within_bounds(step, max(c["momentum"] * self.mu, SMALLEST_MU), c)
            network.theta = network.theta + step(self.mu)
        else:
            wanted = mu_within_bounds(step, self.mu, c)
            self.mu = c["momentum"] * self.mu + (1 - c["momentum"]) * wanted
            network.theta = network.theta + bounded(step(self.mu), c["largest_step"])
        return True


class Newton(Algorithm):
    """Delta = -learning_rate (H + damping I)^-1 G, H and G of the batch's mean loss; scaled to the largest step."""

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        c = self.columns
        h = curvature.hessian(network, [shown.sequence for shown in batch])
        g = sum(shown.gradient for shown in batch) / len(batch)
        matrix = h + c["damping"] * np.eye(len(g))
        if not np.isfinite(matrix).all() or np.linalg.matrix_rank(matrix) < len(g):
            return False
        step = -c["learning_rate"] * np.linalg.solve(matrix, g)
        if not np.isfinite(step).all():
            return False
        network.theta = network.theta + bounded(step, c["largest_step"])
        return True


# Discrete error propagation (Bengio, Simard and Frasconi, 1994, eq. 7 to 10).


def discretised(g: float, bound: float, u: float) -> int:
    """S(g): +2 with the probability (c + M) / 2M, else -2, where c is g cut to +-M; u is uniform in [0, 1).

    Its mean is 2 c / M.
    """
    c = min(max(g, -bound), bound)
    return 2 if u < (c + bound) / (2 * bound) else -2


def pseudo_gradient(wanted: int, a: float, epsilon: float) -> float:
    """1 / (the change of the pre-activation a that moves the unit by `wanted`); 0 where it is there already."""
    if wanted == 2 and a < 0:
        return 1 / (epsilon - a)
    if wanted == -2 and a >= 0:
        return -1 / (epsilon + a)
    return 0.0


class DiscreteErrorPropagation(Algorithm):
    """Threshold units tell those that they read which way they should have been, by chance and one after the other."""

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        (shown,) = batch
        if shown.wrong:
            change = self.changes(network, shown)
            network.theta = network.theta + self.columns["learning_rate"] * network.flat(change)
        return True

    def changes(self, network: Network, shown: Presentation) -> dict[str, Array]:
        """The sum over all units and steps of pseudo-gradient times what the sender's value was, by name."""
        structure, p = network.structure, network.parameters
        assert structure["activation"] == "sign"
        assert not structure["diagonal"]
        assert "h_0" not in p
        sequence, a, y = shown.sequence, shown.trace.pre_activation[0, :, 0], shown.trace.h[0]
        rows, hidden = y.shape
        same = np.zeros((hidden, hidden)) if network.same_step is None else network.same_step
        u = random.uniform53(self.key, [self.stream], tasks.DECISION, shown.p, rows * hidden)[0]
        change = {name: np.zeros_like(value) for name, value in p.items()}

        # g: the change that is desired of each unit at each step.
        g = np.zeros((rows, hidden))
        read = range(hidden) if structure["read_unit"] < 0 else [structure["read_unit"]]
        g[rows - 1, read] = sequence.target - shown.trace.output[0, rows - 1]
        for t in reversed(range(sequence.start, rows)):
            for j in reversed(range(hidden)):
                if g[t, j] == 0:
                    continue
                wanted = discretised(g[t, j], self.columns["bound"], u[t * hidden + j])
                pg = pseudo_gradient(wanted, a[t, j], self.columns["epsilon"])
                for i in range(hidden):
                    weight = p["weight_hh_l0"][j, i]
                    if same[j, i]:
                        g[t, i] += weight * pg
                        change["weight_hh_l0"][j, i] += pg * y[t, i]
                    elif t > sequence.start:
                        g[t - 1, i] += weight * pg
                        change["weight_hh_l0"][j, i] += pg * y[t - 1, i]
                change["weight_ih_l0"][j] += pg * sequence.inputs[t]
                if structure["bias"]:
                    change["bias_ih_l0"][j] += pg
                    change["bias_hh_l0"][j] += pg
        return change


class RedrawAfterError(Algorithm):
    """No learning: after each wrong answer all trainable numbers are drawn anew, N(0, std)."""

    def prepare(self, network: Network) -> None:
        del network
        self.redraws = 0

    def update(self, network: Network, batch: list[Presentation]) -> bool:
        (shown,) = batch
        if shown.wrong:
            count = len(network.theta)
            drawn = random.normal(self.key, [self.stream], tasks.PROPOSAL, self.redraws, count)[0]
            network.theta = self.columns["std"] * drawn
            self.redraws += 1
        return True


ALGORITHMS: dict[str, type[Algorithm]] = {
    "GradientDescent": GradientDescent,
    "Adam": Adam,
    "RMSprop": RMSprop,
    "PseudoNewton": PseudoNewton,
    "Newton": Newton,
    "DiscreteErrorPropagation": DiscreteErrorPropagation,
    "RedrawAfterError": RedrawAfterError,
}


@np.errstate(all="ignore")  # a run that diverges overflows on its way
def train_one_run(
    structure: Structure,
    columns: Columns,
    key: Array,
    stream: int,
    parameters: Mapping[str, Array],
    trainable: Mapping[str, Array],
    arrays: Arrays | None = None,
) -> dict[str, Any]:
    """Train one network to its stop.

    `loss` and `error` are means over the last complete window, or over what there was if none was complete; where the
    right answers in a row decided, over these.
    """
    network = Network(structure, parameters, trainable, arrays)
    algorithm = ALGORITHMS[structure["algorithm"]](network, structure, columns, key, stream)
    window, measure = structure["window"], structure["measure"]
    batch: list[Presentation] = []
    loss = error = window_cost = row_cost = 0.0
    window_wrong = right_in_a_row = presentations = 0
    outcome = EXHAUSTED

    for p in range(structure["max_presentations"]):
        shown = present(network, columns, key, stream, p)
        presentations = p + 1
        batch.append(shown)
        window_cost += float(shown.trace.loss)
        window_wrong += shown.wrong
        right_in_a_row = 0 if shown.wrong else right_in_a_row + 1
        row_cost = 0.0 if shown.wrong else row_cost + float(shown.trace.loss)
        if presentations % window == 0 or presentations < window:
            in_window = p % window + 1
            loss, error = window_cost / in_window, window_wrong / in_window

        # The end of a batch: one update.
        if presentations % structure["batch_size"] == 0:
            stepped = algorithm.update(network, batch)
            batch = []
            if not stepped or not np.isfinite(network.theta).all():
                outcome = DIVERGED
                break

        # Was it good enough? Consecutive answers are counted at every presentation, windows where they are complete.
        if measure == 3 and right_in_a_row >= window:
            outcome, loss, error = CONVERGED, row_cost / right_in_a_row, 0.0
            break
        if presentations % window == 0:
            good = {0: False, 1: loss < columns["threshold"], 2: error <= columns["threshold"], 3: False}
            if good[measure]:
                outcome = CONVERGED
                break
            window_cost, window_wrong = 0.0, 0

    return {
        "outcome": outcome,
        "presentations": presentations,
        "presentations_computed": presentations,
        "loss": loss,
        "error": error,
        "parameters": network.parameters,
    }
