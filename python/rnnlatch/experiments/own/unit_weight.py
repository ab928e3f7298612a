"""One linear unit with a weight w to itself, pushed once: after 1000 steps its output is w^1000.

The simplest network in which the gradient vanishes and explodes. With w = 1 the push is still there, with w = 1.01 it has
grown 20,000-fold, with w = 0.99 nothing is left: the error surface over w is flat on one side of 1 and a cliff on the other.
Beside it, as a control, a tanh unit with the same weights.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.cells.vanilla import Activation
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.own import LECTURE
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

STEPS = 1000
BELOW, ONE, ABOVE = 0.99, 1.0, 1.01
TARGET = 1.0
ACTIVATIONS: tuple[Activation, ...] = ("linear", "tanh")
# The loss and its gradient are 0 at w = 1 itself; how they get there shows only close to it.
NEAR_ONE = np.geomspace(1e-6, 3e-4, 6)
POINTS: dict[ScaleName, int] = {"quick": 41, "paper": 161, "large": 4001}


def analyse(material: Material) -> xr.Dataset:
    """Push units of many weights once, and ask for their outputs and for two gradients after 1000 steps.

    Returns
    -------
    Dataset
        Over (activation, weight): ``output``, the state 1000 steps after the push; ``sensitivity``, its derivative with
        respect to w; ``loss``, half the squared distance of the output from 1; ``gradient``, its derivative. Over
        (activation, shown, step): ``state`` of the three units with w = 0.99, 1 and 1.01.
    """
    spread = np.linspace(0.98, 1.02, POINTS[material.scale])
    weights = np.unique(np.concatenate([spread, ONE - NEAR_ONE, ONE + NEAR_ONE]).round(9))
    push = np.zeros((1, STEPS + 1, 1))
    push[0, 0] = 1.0
    shape = (len(ACTIVATIONS), weights.size)
    found = {name: np.empty(shape) for name in ("output", "sensitivity", "loss", "gradient")}
    shown = np.array([BELOW, ONE, ABOVE])
    states = np.empty((len(ACTIVATIONS), shown.size, STEPS + 1))
    threads = material.threads
    for row, activation in enumerate(ACTIVATIONS):
        cell = VanillaRNN(inputs=1, hidden=1, activation=activation, bias=False)
        params = _networks(weights)
        found["output"][row] = simulate(cell, params, push, threads=threads)[:, 0, -1, 0]
        states[row] = simulate(cell, _networks(shown), push, threads=threads)[:, 0, :, 0]
        # Where the error is 1, the gradient of half its square is the derivative of the output.
        near = found["output"][row][:, None, None] - 1.0
        _, grads = gradients.loss_and_gradient(cell, params, push, near, threads=threads)
        found["sensitivity"][row] = grads["weight_hh_l0"][:, 0, 0]
        target = np.full((1, 1), TARGET)
        found["loss"][row], grads = gradients.loss_and_gradient(cell, params, push, target, threads=threads)
        found["gradient"][row] = grads["weight_hh_l0"][:, 0, 0]
    words = {
        "output": f"output {STEPS} steps after the push",
        "sensitivity": "derivative of the output with respect to w",
        "loss": "half the squared distance of the output from 1",
        "gradient": "derivative of the loss with respect to w",
    }
    data = {name: quantity(("activation", "weight"), values, words[name]) for name, values in found.items()}
    data["state"] = quantity(("activation", "shown", "step"), states, "output")
    coords = {
        "activation": quantity("activation", list(ACTIVATIONS), "activation function"),
        "weight": quantity("weight", weights, "recurrent weight w"),
        "shown": quantity("shown", shown, "recurrent weight w"),
        "step": quantity("step", np.arange(STEPS + 1), "steps after the push", "steps"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, steps=STEPS, target=TARGET)


def _networks(weights: np.ndarray) -> dict[str, np.ndarray]:
    return {"weight_ih_l0": np.ones((weights.size, 1, 1)), "weight_hh_l0": weights[:, None, None]}


def plot(data: xr.Dataset) -> "Figure":
    """Draw the three outputs over time, the last output over w, and the size of the gradient over w."""
    linear, tanh = data.sel(activation="linear"), data.sel(activation="tanh")
    weight = data["weight"].values
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.3)
        time, output, gradient = figure.subplots(1, 3)
        for color, line, w in zip(("C0", "black", "C1"), ("--", "-", "-"), data["shown"].values, strict=True):
            time.plot(
                data["step"].values,
                linear["state"].sel(shown=w).values,
                color=color,
                linestyle=line,
                label=f"w = {w:g}",
            )
            output.plot(w, float(linear["state"].sel(shown=w)[-1]), "o", color=color, zorder=3)
        time.set_xlabel("steps after the push")
        time.set_ylabel("output of the linear unit")
        time.set_title("a  one push, three weights")
        time.legend(loc="upper left")

        output.plot(weight, linear["output"].values, color="0.5", label="linear unit", zorder=2)
        output.plot(weight, tanh["output"].values, color="C2", linestyle=":", label="tanh unit")
        output.set_ylabel("output after 1000 steps")
        output.set_title("b  what is left of the push")
        size = abs(linear["gradient"].where(linear["gradient"] != 0))  # at w = 1 the target is met
        gradient.plot(weight, size.values, color="0.5", label="linear unit")
        gradient.plot(weight, np.abs(tanh["gradient"].values), color="C2", linestyle=":", label="tanh unit")
        gradient.set_ylabel("|derivative of the loss with respect to w|")
        gradient.set_title("c  plain and cliff")
        for ax in (output, gradient):
            ax.set_xlabel("recurrent weight w")
            ax.legend(loc="upper left")
        for ax in (time, output, gradient):
            ax.set_yscale("log")
    return figure


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the three numbers of the example, what they mean for learning, and the tanh unit."""
    linear, tanh = (data.sel(activation=name) for name in ACTIVATIONS)
    one, above, below = (float(linear["output"].sel(weight=w)) for w in (ONE, ABOVE, BELOW))
    plain, cliff = (abs(float(linear["gradient"].sel(weight=w))) for w in (BELOW, ABOVE))
    sensitivity = float(linear["sensitivity"].sel(weight=ONE))
    tanh_output = float(tanh["output"].sel(weight=ABOVE))
    tanh_sensitivity = float(tanh["sensitivity"].sel(weight=ABOVE))
    return [
        Claim(
            statement="With w = 1 the output after 1000 steps is still 1.",
            source=LECTURE,
            measured={"output": one},
            held=one == 1.0,
            expected=True,
            reason="Exactly so: multiplying by 1 does not round.",
        ),
        Claim(
            statement="With w = 1.01 the output has grown to about 20,000 (within a tenth).",
            source=LECTURE,
            measured={"output": above},
            held=abs(above - 20_000) <= 2_000,
            expected=True,
            reason="1.01^1000 is 20,959.",
        ),
        Claim(
            statement="With w = 0.99 next to nothing is left (less than a thousandth).",
            source=LECTURE,
            measured={"output": below},
            held=0 <= below < 1e-3,
            expected=True,
            reason="0.99^1000 is 4.3e-5.",
        ),
        Claim(
            statement="No learning rate suits both sides: for a target of 1, the gradient at w = 1.01 is more than 10^12 times "
            "that at w = 0.99.",
            source=f"{LECTURE}: the error surface is either flat or steep",
            measured={"gradient at 1.01": cliff, "gradient at 0.99": plain, "ratio": cliff / plain},
            held=cliff > 1e12 * plain,
            expected=True,
            reason="The weight is used a thousand times, so what it does is done a thousand times over.",
        ),
        Claim(
            statement="At w = 1, between the two, gradients are harmless: that of the output with respect to w is 1, as the "
            "output is.",
            source="our control",
            measured={"derivative of the output": sensitivity},
            held=abs(sensitivity - 1) < 0.01,
            expected=False,
            reason="It is 1000, one for each use of the weight. With respect to the push it is 1, with respect to w it grows "
            "with the number of steps even where nothing explodes.",
        ),
        Claim(
            statement="A tanh unit with w = 1.01 explodes, too: output or derivative with respect to w exceed 1000.",
            source="our control",
            measured={"output": tanh_output, "derivative of the output": tanh_sensitivity},
            held=max(abs(tanh_output), abs(tanh_sensitivity)) > 1000,
            expected=False,
            reason="It comes to rest at 0.17, where each step multiplies the gradient by 0.98: the same weight that explodes "
            "in a linear unit latches in a tanh unit, and the gradient of the push vanishes.",
        ),
    ]


EXPERIMENT = Experiment(
    name="unit-weight",
    paper=LECTURE,
    figure="w^1000",
    title="One weight, used a thousand times",
    shows="how a hundredth more or less than 1 makes the output of a single unit explode or vanish, and its gradient with it",
    scales={
        "quick": Scale("41 weights and 12 close to 1, 1,000 steps", "about 2 s"),
        "paper": Scale("161 weights and 12 close to 1, 1,000 steps", "about 3 s"),
        "large": Scale("4,001 weights and 12 close to 1, 1,000 steps", "about 5 s"),
    },
    analyse=analyse,
    plot=plot,
    claims=claims,
)
