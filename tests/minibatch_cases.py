"""Runs in minibatches for tests: a network and data, a call of the engine, and both engine and reference side by side.

Each update of the engine starts where its last one ended, and so does the reference's, so that what is compared is the error
of one update; and one call of many updates must give the bits of many calls of one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

import rnnlatch as rl
from reference import minibatches, networks
from reference.arithmetic import Array
from reference.minibatches import make_settings
from reference.presentation import Network
from reference.test_tasks import KEY, STREAM

# without its types: dicts of arrays go in and come out
core: Any = import_module("rnnlatch._dispatch").core

Run = dict[str, Any]

CELLS: dict[str, dict[str, Any]] = {
    "tanh": {},
    "logistic": {"activation": "logistic"},
    "relu": {"activation": "relu"},
    "linear": {"activation": "linear"},
    "diagonal": {"diagonal": 1},
    "LSTM": {"cell": "LSTM"},
    "GRU": {"cell": "GRU"},
}
LOSSES = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")
PRECISIONS = ("float64", "float32")
OF_NETWORK = set(networks.make_structure())


def make(
    *, algorithm: str = "GradientDescent", steps: int = 7, sequences: int = 11, seed: int = 0, **changes: Any
) -> Run:
    """The arguments of a call: a network, its trainable numbers, and data with lengths that differ and with a mask."""
    of_network = {name: changes.pop(name) for name in list(changes) if name in OF_NETWORK}
    numbers: Run = {name: changes.pop(name) for name in list(changes) if name in make_settings(algorithm)}
    lengths, mask = changes.pop("lengths", True), changes.pop("mask", True)
    masks = changes.pop("masks", False)
    structure = networks.make_structure(**({"inputs": 3, "hidden": 6, "outputs": 3, "bias_out": 1} | of_network))
    structure |= minibatches.make_structure(algorithm=algorithm, **changes)

    rng = np.random.default_rng(seed)
    hidden, dtype = structure["hidden"], np.dtype(structure["precision"])
    parameters = {
        name: rng.normal(0, 1 / np.sqrt(1 + shape[-1]), shape)
        for name, shape in networks.parameter_shapes(structure).items()
    }
    if structure["cell"] == "VanillaRNN" and not structure["diagonal"]:  # keeps norms, so that errors grow little
        parameters["weight_hh_l0"] = np.linalg.qr(parameters["weight_hh_l0"])[0]
    trainable = {
        name: (rng.uniform(size=value.shape) < (0.7 if masks else 2)).astype(np.uint8)
        for name, value in parameters.items()
    }
    terms = (sequences, steps) if structure["at"] == "every" else (sequences,)
    outputs = structure["outputs"] or (hidden if structure["read_unit"] < 0 else 1)
    targets = rng.uniform(size=(*terms, outputs))
    task = rl.tasks.DatasetTask(
        # numbers that float32 has too
        inputs=rng.normal(size=(sequences, steps, structure["inputs"])).astype(np.float32),
        targets=targets.argmax(axis=-1) if structure["loss"][0] == "s" else targets.astype(np.float32),
        lengths=rng.integers(1, steps, sequences, endpoint=True) if lengths and steps > 1 else None,
        mask=rng.uniform(size=terms).astype(np.float32) if mask else None,
        loss=structure["loss"],
        at=structure["at"],
        tolerance=0.3 if structure["loss"][0] == "h" else None,
    )
    return {
        "structure": structure | task.structure(),
        "settings": make_settings(algorithm, **numbers),
        "columns": task.columns(),
        "arrays": task.arrays(),
        "parameters": {name: np.ascontiguousarray(value, dtype) for name, value in parameters.items()},
        "trainable": trainable,
    }


def rates(updates: int, rate: float = 0.05, omega: float = 0.0) -> Array:
    return np.tile([rate, omega], (updates, 1))


def engine(run: Run, rates: Array, seen: int = 0, threads: int = 1, **more: Any) -> Run:
    """A call of the engine that leaves what it is given as it is."""
    start: dict[str, Array] = more.get("parameters") or run["parameters"]
    given = {name: value.copy() for name, value in start.items()}
    found: Run = core.train_minibatches(
        run["structure"],
        run["settings"],
        {name: np.array([value]) for name, value in run["columns"].items()},
        KEY,
        STREAM,
        given,
        more.get("optimiser", {}),
        run["trainable"],
        run["arrays"],
        seen,
        np.ascontiguousarray(rates),
        threads,
        more.get("cancelled", np.zeros(1, np.uint8)),
    )
    for name, value in given.items():
        np.testing.assert_array_equal(value, start[name], err_msg=name)
        assert found["parameters"][name].dtype == value.dtype
        assert found["parameters"][name].shape == value.shape
    return found


def network(run: Run, parameters: Any = None) -> Network:
    """The reference's, in double precision."""
    given = run["parameters"] if parameters is None else parameters
    return Network(run["structure"], given, run["trainable"], run["arrays"])


def tolerance(run: Run, steps: int = 0) -> float:
    """How far one gradient may be from another, relative to its largest number.

    A step adds hidden + inputs products and passes some ten elementary operations, with an error of an ulp or a few each;
    with weights that keep norms, or nearly so, the errors of all steps there and back add up.
    """
    s = run["structure"]
    gates = {"VanillaRNN": 1, "LSTM": 4, "GRU": 3}[s["cell"]]
    roundings: int = (steps or s["length_high"]) * (gates * s["hidden"] + s["inputs"] + 10)
    return float(np.finfo(s["precision"]).eps) * roundings


def follow(run: Run, rates: Array, slack: float = 1.0) -> tuple[Run, list[minibatches.Updated]]:
    """Update by update beside the reference; then all in one call, of which the result is given.

    slack: how many times the error of a gradient the step may have, as the rule of the step divides by small numbers.
    """
    s, settings, batch = run["structure"], run["settings"], run["structure"]["batch_size"]
    limit, eps = 2 * tolerance(run), float(np.finfo(s["precision"]).eps)
    parameters: dict[str, Array] = run["parameters"]
    optimiser: dict[str, Array] = {}
    rule = minibatches.RULES[s["algorithm"]](settings, len(network(run).theta))
    seen, steps = [], []
    for i, (rate, omega) in enumerate(rates):
        step = engine(run, rates[i : i + 1], i * batch, parameters=parameters, optimiser=optimiser)
        net = network(run, parameters)
        shown = minibatches.minibatch(net, run["columns"], KEY, STREAM, i * batch)
        before = net.theta
        done = minibatches.update(net, rule, shown, run["columns"], settings, rate, omega)
        seen.append(done)
        steps.append(step)
        assert step["updates"] == 1
        assert not step["diverged"]
        where = f"update {i}"
        assert step["wrong"][0] == done.wrong, where
        np.testing.assert_allclose(step["loss"][0], done.loss, rtol=limit, atol=limit, err_msg=where)
        if omega:
            np.testing.assert_allclose(step["omega"][0], done.omega, rtol=4 * limit, atol=4 * limit, err_msg=where)
        np.testing.assert_allclose(step["gradient_norm"][0], done.gradient_norm, rtol=slack * limit, err_msg=where)
        longest = float(np.abs(net.theta - before).max(initial=0))
        for name, value in step["parameters"].items():
            largest = float(np.abs(value).max(initial=0))
            np.testing.assert_allclose(
                value,
                net.parameters[name],
                rtol=0,
                atol=slack * limit * longest + 2 * eps * largest,
                err_msg=f"{name}, {where}",
            )
            fixed = run["trainable"][name] == 0
            np.testing.assert_array_equal(value[fixed], run["parameters"][name][fixed])
        parameters, optimiser = step["parameters"], step["optimiser"]

    whole = engine(run, rates)
    assert whole["updates"] == len(rates)
    for name, value in parameters.items():
        np.testing.assert_array_equal(whole["parameters"][name], value, err_msg=name)
    assert whole["optimiser"].keys() == optimiser.keys()
    for name, value in optimiser.items():
        np.testing.assert_array_equal(whole["optimiser"][name], value, err_msg=name)
    for name in ("loss", "wrong", "gradient_norm", "omega"):
        counts = np.full(len(rates), True) if name != "omega" else rates[:, 1] > 0
        np.testing.assert_array_equal(
            whole[name][counts], np.ravel([step[name] for step in steps])[counts], err_msg=name
        )
    return whole, seen
