"""Real-time recurrent learning against back-propagation through time, and what it carries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from many_networks import Problem, flat, make, run_fastest
from rnnlatch._dispatch import core

CELLS = [("VanillaRNN", name) for name in ("tanh", "logistic", "relu", "linear", "sign")]
CELLS += [("LSTM", "tanh"), ("GRU", "tanh")]
SAME_STEP = np.tril(np.ones((3, 3), np.uint8), -1)


def rtrl(problem: Problem, threads: int = 1) -> dict[str, Any]:
    return core.network_rtrl(
        problem.structure,
        problem.parameters,
        problem.inputs,
        problem.targets,
        problem.mask,
        problem.lengths,
        problem.initial,
        threads,
        problem.same_step,
    )


def assert_is_the_gradient(problem: Problem) -> None:
    want, got = flat(problem.gradient()), flat(rtrl(problem))
    assert got.keys() == want.keys()
    for name, value in want.items():
        scale = max(1.0, float(np.abs(value).max()))
        np.testing.assert_allclose(got[name], value, rtol=0, atol=1e-12 * scale, err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_it_is_the_gradient(cell: str, activation: str, loss: str, at: str) -> None:
    kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss, "at": at, "scale": 0.5}
    assert_is_the_gradient(make(outputs=2, bias_out=1, learned=True, masked=True, unequal=True, **kind))
    assert_is_the_gradient(make(read_unit=1, given=True, unequal=True, **kind))


@given(
    runs=st.integers(1, 20),
    batch=st.integers(1, 3),
    steps=st.integers(1, 8),
    inputs=st.integers(1, 3),
    hidden=st.integers(1, 8),
    outputs=st.integers(0, 2),
    kind=st.sampled_from([*CELLS, ("diagonal", "tanh"), ("in order", "tanh")]),
    every=st.booleans(),
    bias=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_shapes(
    runs: int,
    batch: int,
    steps: int,
    inputs: int,
    hidden: int,
    outputs: int,
    kind: tuple[str, str],
    every: bool,
    bias: bool,
) -> None:
    structure: dict[str, Any] = {"inputs": inputs, "hidden": hidden, "outputs": outputs, "bias": int(bias)}
    structure |= {"at": "every" if every else "last", "activation": kind[1], "diagonal": int(kind[0] == "diagonal")}
    structure["cell"] = kind[0] if kind in CELLS else "VanillaRNN"
    if kind[0] == "in order":
        structure["same_step"] = np.tril(np.ones((hidden, hidden), np.uint8), -1)
    assert_is_the_gradient(make(runs, batch, steps, scale=0.4, learned=True, unequal=True, **structure))


def test_units_that_feed_back_on_themselves_carry_a_number_a_weight() -> None:
    for hidden in (1, 3, 8):
        for inputs in (1, 4):
            alone = make(hidden=hidden, inputs=inputs, diagonal=1, outputs=2)
            dense = make(hidden=hidden, inputs=inputs, outputs=2)
            assert_is_the_gradient(alone)
            assert rtrl(alone)["influences"] == hidden * (inputs + 1 + 1)
            assert rtrl(dense)["influences"] == hidden * hidden * (inputs + hidden + 1)


@pytest.mark.isa
@pytest.mark.parametrize("same_step", [None, SAME_STEP])
def test_bits_do_not_depend_on_threads_or_strides(same_step: Any) -> None:
    problem = make(runs=60, same_step=same_step, unequal=True, outputs=2)
    want = flat(rtrl(problem))
    for other in (rtrl(problem, threads=3), rtrl(problem.arrays(run_fastest), threads=2)):
        for name, value in flat(other).items():
            np.testing.assert_array_equal(value, want[name])


def test_a_long_sequence_needs_no_more_than_a_short_one() -> None:
    problem = make(runs=2, batch=1, steps=20_000, inputs=1, hidden=2, scale=0.3, at="every")
    assert_is_the_gradient(problem)
    assert rtrl(problem)["influences"] == 2 * 2 * (1 + 2 + 1)
