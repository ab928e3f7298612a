"""Second derivatives of the loss: the diagonal approximation of Becker and LeCun, step by step, and the whole Hessian.

The approximation takes every use of a weight, at each step t, as a weight of its own, and goes back through the network
as the gradient does. With a_i(t) the pre-activations, h_i = phi(a_i), and cross terms and phi'' dropped:

    d2E/da_i(t)^2   = phi'(a_i(t))^2 d2E/dh_i(t)^2
    d2E/dh_j(t-1)^2 = sum_i w_ij^2 d2E/da_i(t)^2  + what the loss itself adds where it reads h_j(t-1)
    d2E/dw_ij,t^2   = d2E/da_i(t)^2 h_j(t-1)^2

Nothing in it is negative, if no second derivative of the loss by an output is.

References
----------
S. Becker and Y. LeCun, "Improving the convergence of back-propagation learning with second order methods", Proc. 1988
Connectionist Models Summer School; Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, section 9.
"""

from __future__ import annotations

import numpy as np

from reference import networks
from reference.arithmetic import Array
from reference.cells import logistic, slope
from reference.presentation import Network
from reference.tasks import Sequence

ByName = dict[str, Array]


def of_loss(loss: str, y: Array) -> Array:
    """The second derivatives of one step's loss by each output."""
    if loss == "half_squared_error":
        return np.ones_like(y)
    if loss == "logistic_cross_entropy":
        q = logistic(y)
        return q * (1 - q)
    assert loss == "softmax_cross_entropy"
    q = np.exp(y - y.max())
    q /= q.sum()
    return q * (1 - q)


def by_step(network: Network, sequence: Sequence) -> tuple[ByName, ByName]:
    """First and second derivatives by every weight at every step: two dicts of arrays (T, *shape of the parameter).

    For vanilla networks. A learned initial state is used once, before the first step: row `start` has its derivatives.
    """
    structure, same = network.structure, network.same_step
    assert structure["cell"] == "VanillaRNN"
    trace = network.gradient(sequence)
    p = networks.full_parameters(structure, network.parameters)
    rows, hidden = trace.h.shape[1:]
    first = {name: np.zeros((rows, *value.shape)) for name, value in p.items()}
    second = {name: np.zeros((rows, *value.shape)) for name, value in p.items()}
    mask = None if sequence.mask is None else np.asarray(sequence.mask)[None]
    same = np.zeros((hidden, hidden), bool) if same is None else np.asarray(same, bool)

    h_bar = np.zeros(hidden)  # d2E/dh(t)^2, as far as it is known
    for t in reversed(range(sequence.start, rows)):
        h, u = trace.h[0, t], sequence.inputs[t]
        before = trace.h[0, t - 1] if t > sequence.start else networks.initial_state(structure, p, None, 0)[0]

        # What the loss reads at this step.
        part = networks.term(structure, trace, sequence.target[None], mask, 0, t)
        if part is not None:
            weight = 1.0 if mask is None else float(mask[0, t] if structure["at"] == "every" else mask[0])
            y_bar = weight * of_loss(structure["loss"], trace.output[0, t])
            h_bar = h_bar + read_back(structure, p, part[1], y_bar, h, first, second, t)

        # Units in reverse order, for those that others read at the same step; then all that each of them reads.
        a_bar, before_bar = np.zeros(hidden), np.zeros(hidden)
        for i in reversed(range(hidden)):
            a_bar[i] = slope(structure["activation"], h)[i] ** 2 * h_bar[i]
            reached = p["weight_hh_l0"][i] ** 2 * a_bar[i]
            h_bar = h_bar + np.where(same[i], reached, 0)
            before_bar += np.where(same[i], 0, reached)
        delta = trace.delta[0, t, 0]
        senders = np.where(same, h, before)
        first["weight_ih_l0"][t], second["weight_ih_l0"][t] = np.outer(delta, u), np.outer(a_bar, u**2)
        first["weight_hh_l0"][t], second["weight_hh_l0"][t] = delta[:, None] * senders, a_bar[:, None] * senders**2
        if structure["bias"]:
            for name in ("bias_ih_l0", "bias_hh_l0"):
                first[name][t], second[name][t] = delta, a_bar
        h_bar = before_bar
    if "h_0" in p:
        first["h_0"][sequence.start], second["h_0"][sequence.start] = trace.gradient["h_0"], h_bar
    if structure["diagonal"]:
        for derivatives in (first, second):
            derivatives["weight_hh_l0"] = np.diagonal(derivatives["weight_hh_l0"], axis1=1, axis2=2).copy()
    return first, second


def read_back(
    structure: networks.Structure,
    p: ByName,
    g_y: Array,
    y_bar: Array,
    h: Array,
    first: ByName,
    second: ByName,
    t: int,
) -> Array:
    """From the second derivatives by the outputs to those by the states; fills in those by the read-out's weights."""
    if structure["outputs"]:
        first["weight_out"][t], second["weight_out"][t] = np.outer(g_y, h), np.outer(y_bar, h**2)
        if structure["bias_out"]:
            first["bias_out"][t], second["bias_out"][t] = g_y, y_bar
        return (p["weight_out"] ** 2).T @ y_bar
    if structure["read_unit"] < 0:
        return y_bar
    h_bar = np.zeros_like(h)
    h_bar[structure["read_unit"]] = y_bar[0]
    return h_bar


# The whole Hessian of the mean loss of some sequences, (n, n), by the trainable numbers.


def mean_gradient(network: Network, sequences: list[Sequence], theta: Array) -> Array:
    """The gradient of the mean loss where the trainable numbers are theta, in the type of theta."""
    parameters = network.moved(theta)
    total = np.zeros_like(theta)
    for sequence in sequences:
        total += network.flat(network.gradient(sequence, parameters).gradient)
    return total / len(sequences)


def hessian_by_differences(network: Network, sequences: list[Sequence], step: float = 2.0**-12) -> Array:
    """Differences of fourth order of the gradient in extended precision.

    The differences leave out step^4 / 30 times the sixth derivative of the loss, 1e-16 of it, and divide rounding errors
    of 1e-19 by the step: some 1e-15 in all where long double is longer than double, and 1e-12 where it is not.
    """
    theta = network.theta.astype(np.longdouble)
    columns = []
    for j in range(len(theta)):

        def moved(steps: int, j: int = j) -> Array:
            there = theta.copy()
            there[j] += steps * np.longdouble(step)
            return mean_gradient(network, sequences, there)

        columns.append((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * np.longdouble(step)))
    return np.stack(columns, axis=1).astype(float)


def is_analytic(network: Network) -> bool:
    """Whether the gradient's code is right for complex numbers too: no absolute values, no comparisons."""
    structure = network.structure
    smooth = structure["cell"] == "VanillaRNN" and structure["activation"] in ("tanh", "linear")
    return smooth and structure["loss"] == "half_squared_error"


def hessian_by_complex_step(network: Network, sequences: list[Sequence], step: float = 1e-100) -> Array:
    """The gradient's derivatives out of its imaginary part: nothing is subtracted, and the error is that of rounding."""
    assert is_analytic(network)
    theta = network.theta.astype(complex)
    columns = []
    for j in range(len(theta)):
        there = theta.copy()
        there[j] += 1j * step
        columns.append(mean_gradient(network, sequences, there).imag / step)
    return np.stack(columns, axis=1)


def hessian(network: Network, sequences: list[Sequence]) -> Array:
    """The Hessian, as exact as it can be had here."""
    by = hessian_by_complex_step if is_analytic(network) else hessian_by_differences
    return by(network, sequences)
