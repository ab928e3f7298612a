"""Many networks in lanes: against the reference run by run, and bit for bit against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from many_networks import Problem, flat, make, run_fastest
from reference import networks
from rnnlatch._dispatch import core

CELLS = [("VanillaRNN", name) for name in ("tanh", "logistic", "relu", "linear", "sign")]
CELLS += [("LSTM", "tanh"), ("GRU", "tanh")]
LOSSES = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")
READINGS: list[dict[str, Any]] = [{}, {"read_unit": 1}, {"outputs": 2, "bias_out": 1}, {"outputs": 3}]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"learned": True, "masked": True, "unequal": True},
    {"given": True, "unequal": True},
]
SAME_STEP = np.tril(np.ones((3, 3), np.uint8), -1)


def assert_matches_reference(problem: Problem, rtol: float = 1e-12) -> None:
    """Every number, to a share of the largest of its array; 1 where that is smaller."""
    out, states = problem.gradient(), problem.forward()
    for run in range(problem.runs):
        trace = problem.reference(run)
        want = {"loss": trace.loss, **{f"gradient of {name}": value for name, value in trace.gradient.items()}}
        if problem.initial is not None:
            want |= {f"gradient of initial {name}": value for name, value in trace.initial_gradient.items()}
        got = flat(out)
        assert got.keys() == want.keys()
        want |= {"h": trace.h, "output": trace.output} | ({"c": trace.c} if "c" in states else {})
        got |= states
        for name, value in want.items():
            scale = max(1.0, float(np.abs(value).max()))
            np.testing.assert_allclose(got[name][run], value, rtol=0, atol=rtol * scale, err_msg=f"{name} of run {run}")


def assert_same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("at", ["last", "every"])
def test_every_cell_and_loss(cell: str, activation: str, loss: str, at: str) -> None:
    for reading in READINGS:
        for more in SETTINGS:
            kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss, "at": at}
            assert_matches_reference(make(runs=4, steps=6, **kind | reading | more), rtol=1e-11)


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("hidden", range(1, 15))
def test_every_tile(cell: str, hidden: int) -> None:
    assert_matches_reference(make(cell=cell, hidden=hidden, inputs=hidden % 4 + 1, outputs=hidden % 3, scale=0.4))


@pytest.mark.isa
@pytest.mark.parametrize("inputs", range(1, 9))
def test_every_number_of_inputs(inputs: int) -> None:
    for hidden in (1, 4, 6, 7):
        assert_matches_reference(make(hidden=hidden, inputs=inputs, steps=35, outputs=1, scale=0.3, unequal=True))


@pytest.mark.parametrize("at", ["last", "every"])
def test_diagonal(at: str) -> None:
    assert_matches_reference(make(diagonal=1, at=at, learned=True))
    assert_matches_reference(make(diagonal=1, at=at, hidden=7, bias=0, outputs=2, unequal=True))


@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_units_in_order(at: str, activation: str) -> None:
    kind: dict[str, Any] = {"at": at, "activation": activation, "same_step": SAME_STEP}
    assert_matches_reference(make(**kind, learned=True))
    assert_matches_reference(make(**kind, given=True, unequal=True))
    one = np.zeros((3, 3), np.uint8)
    one[2, 0] = 1
    assert_matches_reference(make(**kind | {"same_step": one}))


@given(
    runs=st.integers(1, 40),
    batch=st.integers(1, 4),
    steps=st.integers(1, 9),
    inputs=st.integers(1, 4),
    hidden=st.integers(1, 8),
    outputs=st.integers(0, 3),
    cell=st.sampled_from(CELLS),
    loss=st.sampled_from(LOSSES),
    at=st.sampled_from(["last", "every"]),
    flags=st.tuples(*[st.booleans()] * 5),
)
@settings(max_examples=60, deadline=None)
def test_shapes(
    runs: int,
    batch: int,
    steps: int,
    inputs: int,
    hidden: int,
    outputs: int,
    cell: tuple[str, str],
    loss: str,
    at: str,
    flags: tuple[bool, ...],
) -> None:
    kind: dict[str, Any] = {"cell": cell[0], "activation": cell[1], "inputs": inputs, "hidden": hidden}
    kind |= {"outputs": outputs, "bias": int(flags[0]), "bias_out": int(flags[4]), "loss": loss, "at": at}
    kind |= {"masked": flags[1], "unequal": flags[2], ("given" if flags[3] else "learned"): True}
    problem = make(runs, batch, steps, scale=0.3, **kind)
    assert_matches_reference(problem, rtol=1e-11)
    assert_same_bits(flat(problem.gradient()), flat(problem.arrays(run_fastest).gradient(2)))


@pytest.mark.isa
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
def test_a_run_does_not_depend_on_its_neighbours_threads_or_strides(cell: str, dtype: Any) -> None:
    problem = make(runs=101, steps=7, cell=cell, outputs=2, masked=True, unequal=True, given=True, dtype=dtype)
    want, states = flat(problem.gradient()), problem.forward()
    for threads in (1, 2, 3):
        assert_same_bits(want, flat(problem.gradient(threads)))
        assert_same_bits(want, flat(problem.arrays(run_fastest).gradient(threads)))
        assert_same_bits(states, problem.forward(threads))
        assert_same_bits(states, problem.arrays(run_fastest).forward(threads))
    order = np.random.default_rng(1).permutation(problem.runs)
    moved = problem.arrays(lambda x: np.ascontiguousarray(x[order]))
    assert_same_bits({name: value[order] for name, value in want.items()}, flat(moved.gradient()))
    strided = problem.arrays(lambda x: np.repeat(x, 2, axis=0)[::2])
    assert_same_bits(want, flat(strided.gradient()))
    backwards = problem.arrays(lambda x: x[::-1])
    assert_same_bits({name: value[::-1] for name, value in want.items()}, flat(backwards.gradient()))
    for count in (1, 2, 9, 33):
        few = problem.arrays(lambda x, count=count: x[:count])
        assert_same_bits({name: value[:count] for name, value in want.items()}, flat(few.gradient()))
    assert want["loss"].dtype == dtype


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
def test_arrays_that_all_runs_share(cell: str) -> None:
    problem = make(runs=40, cell=cell, masked=True, unequal=True, given=True)

    def first(x: Any) -> Any:
        return {name: part[:1] for name, part in x.items()} if isinstance(x, dict) else x[:1]

    shared = Problem(
        problem.structure,
        problem.runs,
        problem.parameters,
        *(first(x) for x in (problem.inputs, problem.targets, problem.mask, problem.lengths, problem.initial)),
    )
    whole = shared.arrays(lambda x: np.repeat(x, problem.runs, axis=0) if len(x) == 1 else x)
    assert_same_bits(flat(shared.gradient()), flat(whole.gradient()))
    assert_same_bits(shared.forward(2), whole.forward())


def test_gradients_have_the_memory_order_of_the_weights() -> None:
    problem = make(runs=20)
    assert problem.gradient()["gradient"]["weight_hh_l0"].flags.c_contiguous
    fast = problem.arrays(run_fastest).gradient()["gradient"]["weight_hh_l0"]
    assert fast.strides[0] == fast.itemsize


@pytest.mark.isa
@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", LOSSES)
def test_float32_against_float64(cell: str, activation: str, loss: str) -> None:
    kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss, "at": "every", "outputs": 3}
    single = make(runs=33, steps=9, dtype=np.float32, masked=True, scale=0.4, **kind)
    double = single.arrays(lambda x: x.astype(np.float64) if x.dtype == np.float32 else x)
    got, want = flat(single.gradient()), flat(double.gradient())
    for name, value in want.items():
        assert got[name].dtype == np.float32
        np.testing.assert_allclose(got[name], value, rtol=2e-4, atol=2e-5 * max(1, np.abs(value).max()))


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
def test_against_central_differences(cell: str) -> None:
    problem = make(runs=2, cell=cell, outputs=2, learned=True, unequal=True, at="every", loss="softmax_cross_entropy")
    gradient = problem.gradient()["gradient"]
    for name, value in problem.parameters.items():
        for place in np.ndindex(value.shape[1:]):
            at: Any = (slice(None), *place)

            def loss(by: float, name: str = name, at: Any = at) -> Any:
                moved = {key: part.copy() for key, part in problem.parameters.items()}
                moved[name][at] += by
                return Problem(**{**vars(problem), "parameters": moved}).gradient()["loss"]

            numerical = (8 * (loss(1e-3) - loss(-1e-3)) - (loss(2e-3) - loss(-2e-3))) / 12e-3
            np.testing.assert_allclose(gradient[name][at], numerical, rtol=1e-7, atol=1e-9)


@pytest.mark.isa
def test_padding_is_not_read() -> None:
    problem = make(runs=9, steps=6, at="every", unequal=True, outputs=2, given=True)
    assert problem.lengths is not None
    want = flat(problem.gradient())
    padding = np.arange(6) < 6 - problem.lengths[..., None]
    problem.inputs[padding] = 1e300
    problem.targets[padding] = -1e300
    assert_same_bits(want, flat(problem.gradient()))


@pytest.mark.isa
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "logistic_cross_entropy"])
def test_cross_entropies_of_large_logits(loss: str) -> None:
    problem = make(runs=3, outputs=3, loss=loss)
    problem.parameters["weight_out"][:] *= np.array([1e3, 1e-9, 1e5])[:, None, None]
    out = problem.gradient()
    assert np.all(np.isfinite(out["loss"]))
    for run in range(3):
        np.testing.assert_allclose(out["loss"][run], problem.reference(run).loss, rtol=1e-12)


@pytest.mark.isa
def test_the_value_of_a_small_cross_entropy_keeps_its_digits() -> None:
    problem = make(runs=40, batch=1, outputs=1, hidden=1, steps=1, loss="logistic_cross_entropy", bias_out=1)
    problem.parameters["weight_out"][:] = 0
    problem.parameters["bias_out"][:, 0] = -np.linspace(0, 700, 40)
    problem.targets[:] = 0
    np.testing.assert_allclose(
        problem.gradient()["loss"], np.log1p(np.exp(problem.parameters["bias_out"][:, 0])), rtol=8e-16
    )


def test_a_long_sequence() -> None:
    problem = make(runs=3, batch=1, steps=100_000, hidden=2, inputs=1, scale=0.3)
    out = problem.gradient(2)
    trace = networks.forward(**problem.of_run(1))
    np.testing.assert_allclose(problem.forward()["h"][1], trace.h, rtol=0, atol=1e-14)
    assert np.all(np.isfinite(out["gradient"]["weight_hh_l0"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": np.ones((2, 2, 5, 2))}, r"inputs has shape \(2, 2, 5, 2\), allowed is \(3, 2, 5, 2\)"),
        ({"inputs": np.ones((3, 2, 2))}, "inputs has 3 axes, allowed are 4"),
        ({"inputs": np.ones((3, 2, 0, 2))}, "at least one run, one sequence and one step"),
        ({"targets": np.ones((3, 2))}, r"targets has shape \(3, 2\), allowed is \(3, 2, 3\)"),
        ({"lengths": np.full((3, 2), 6)}, "lengths must be from 0 to 5"),
        ({"same_step": np.ones((3, 3), np.uint8)}, "same_step must be strictly lower triangular, for a VanillaRNN"),
    ],
)
def test_bad_arrays(change: dict[str, Any], message: str) -> None:
    problem = Problem(**{**vars(make()), **change})
    with pytest.raises(ValueError, match=message):
        problem.gradient()


def test_bad_types() -> None:
    problem = make()
    with pytest.raises(TypeError, match="inputs must be a NumPy array of dtype float64"):
        problem.arrays(lambda x: x.astype(np.float32) if x.ndim == 4 else x).gradient()
    with pytest.raises(ValueError, match="cell is 'Elman', allowed are 'VanillaRNN', 'LSTM', 'GRU'"):
        Problem(**{**vars(problem), "structure": {**problem.structure, "cell": "Elman"}}).gradient()
    with pytest.raises(ValueError, match="threads is 0"):
        core.network_forward(problem.structure, problem.parameters, problem.inputs, None, None, 0)
