"""Training in minibatches by the matrix driver, against the plain NumPy reference: update for update."""

from __future__ import annotations

from functools import partial
from itertools import product
from threading import Timer
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlatch as rl
from minibatch_cases import CELLS, LOSSES, PRECISIONS, Run, core, engine, follow, make, network, rates, tolerance
from reference import minibatches, tasks
from reference.test_tasks import KEY, STREAM

READINGS = list(product((0, 1), repeat=3))


# Cells, losses, algorithms.


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_and_loss(cell: str, loss: str, at: str, precision: str) -> None:
    """With lengths that differ, masks of the loss, and numbers that are not trained."""
    run = make(**CELLS[cell], loss=loss, at=at, precision=precision, masks=True, momentum=0.5)
    follow(run, rates(3))


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", ["tanh", "diagonal", "LSTM", "GRU"])
@pytest.mark.parametrize("algorithm", ["Adam", "RMSprop"])
def test_every_algorithm(algorithm: str, cell: str, precision: str) -> None:
    """With an epsilon that is not small beside the gradients: their errors become no more than its inverse."""
    run = make(algorithm=algorithm, **CELLS[cell], precision=precision, masks=True, epsilon=0.1, clip_norm=0.2)
    follow(run, rates(5, omega=1.0 if cell in ("tanh", "diagonal") else 0.0), slack=20)


@pytest.mark.parametrize("read", [{"outputs": 0}, {"outputs": 0, "read_unit": 2}, {"outputs": 2, "bias_out": 0}])
@pytest.mark.parametrize("bias", [0, 1])
def test_what_is_read(read: Run, bias: int) -> None:
    follow(make(bias=bias, **read), rates(3))


@pytest.mark.isa
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_sizes(data: st.DataObject) -> None:
    def of(name: str, low: int, high: int) -> int:
        return data.draw(st.integers(low, high), label=name)

    cell = data.draw(st.sampled_from(list(CELLS)), label="cell")
    omega = 0.5 if CELLS[cell].get("cell") is None and data.draw(st.booleans(), label="omega") else 0.0
    run = make(
        **CELLS[cell],
        inputs=of("inputs", 1, 9),
        hidden=of("hidden", 1, 40),
        outputs=of("outputs", 1, 9),
        batch_size=of("batch", 1, 30),
        steps=of("steps", 1, 9),
        sequences=of("sequences", 1, 40),
        lengths=data.draw(st.booleans(), label="lengths"),
        mask=data.draw(st.booleans(), label="mask"),
        at=data.draw(st.sampled_from(["last", "every"]), label="at"),
        mean_gradient=of("mean", 0, 1),
        omega_mean=of("omega mean", 0, 1),
        omega_state=of("omega state", 0, 1),
        clip_norm=0.1,
        seed=of("seed", 0, 99),
    )
    follow(run, rates(2, omega=omega), slack=10)


# The regulariser of the error's norm.


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("cell", ["tanh", "logistic", "relu", "diagonal"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_omega(cell: str, at: str, reading: tuple[int, int, int], precision: str) -> None:
    names = ("omega_squared", "omega_mean", "omega_state")
    given: Run = CELLS[cell] | dict(zip(names, reading, strict=True))
    run = make(**given, at=at, precision=precision, masks=True, clip_norm=0.5)
    _, done = follow(run, rates(3, omega=2.0), slack=10)
    assert min(each.omega for each in done) > 1e-3


@pytest.mark.parametrize("state", [0, 1])
@pytest.mark.parametrize("mean", [0, 1])
def test_omega_where_the_error_vanishes(mean: int, state: int) -> None:
    """What is negligible has no term: of the error of the mean loss over the minibatch, as in the authors' code."""
    run = make(steps=20, omega_mean=mean, omega_state=state)
    run["parameters"]["weight_hh_l0"] *= 0.1
    net = network(run)
    trace = minibatches.back_propagate(net, minibatches.minibatch(net, run["columns"], KEY, STREAM, 0))
    size = (trace.state_gradient[:, :, 0] ** 2).sum(axis=-1)
    assert ((size > 0) & (size < minibatches.NEGLIGIBLE)).any()
    assert (size > minibatches.NEGLIGIBLE).any()
    _, done = follow(run, rates(3, omega=0.1), slack=20)
    assert done[0].omega > 0.1


@pytest.mark.isa
def test_the_weight_of_omega_may_differ_from_update_to_update() -> None:
    run = make(omega_mean=1, omega_state=1, clip_norm=1.0)
    given = np.array([[0.1, 0.0], [0.1, 4.0], [0.0, 4.0], [0.01, 0.5]])
    whole, _ = follow(run, given, slack=10)
    assert (whole["omega"][1:] > 0).all()


def test_omega_of_gates_is_refused() -> None:
    for cell in ("LSTM", "GRU"):
        with pytest.raises(ValueError, match="omega"):
            engine(make(**CELLS[cell]), rates(1, omega=1.0))


# Penalties, clipping, the guard.


@pytest.mark.parametrize("precision", PRECISIONS)
def test_penalties_and_the_two_ways_to_clip(precision: str) -> None:
    whole = make(precision=precision, l1=0.01, l2=0.1, mean_gradient=0, masks=True)
    _, done = follow(whole, rates(3))
    norm = done[0].gradient_norm
    for clip_norm, clip_value in ((0.5 * norm, np.inf), (np.inf, 0.1 * norm), (0.2 * norm, 0.1 * norm)):
        run = whole | {"settings": whole["settings"] | {"clip_norm": clip_norm, "clip_value": clip_value}}
        _, also = follow(run, rates(3))
        assert also[0].gradient_norm == norm


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e8])
def test_the_guard_of_the_authors(scale: float, precision: str) -> None:
    """Steps of a linear network whose gradient is ordinary, huge, or beyond float32; W shrinks by 0.02 of the rate."""
    run = make(
        activation="linear", shrink=1, precision=precision, masks=True, clip_norm=0.1, momentum=0.5, lengths=False
    )
    run["parameters"]["weight_hh_l0"] *= np.asarray(scale, precision)
    if scale == 1:
        follow(run, rates(3))
        return
    whole, weight = engine(run, rates(3)), run["parameters"]["weight_hh_l0"].astype(float)
    assert not whole["diverged"]
    assert whole["updates"] == 3
    assert not (whole["gradient_norm"] <= minibatches.EXPLODED).any()
    expected, velocity, trained = weight.copy(), np.zeros_like(weight), run["trainable"]["weight_hh_l0"]
    for _ in range(3):
        velocity = 0.5 * velocity + 0.02 * expected * trained
        expected = expected - 0.05 * velocity
    eps = float(np.finfo(precision).eps)
    np.testing.assert_allclose(whole["parameters"]["weight_hh_l0"], expected, rtol=20 * eps)
    for name, value in run["parameters"].items():
        if name != "weight_hh_l0":
            np.testing.assert_array_equal(whole["parameters"][name], value)


# Stopping.


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_that_diverges_keeps_its_last_finite_parameters(precision: str) -> None:
    run = make(activation="linear", precision=precision)
    found = engine(run, rates(100, rate=50.0))
    done = found["updates"]
    assert found["diverged"]
    assert 1 < done < 100  # the last one was not made
    if precision == "float64":
        net, columns = network(run), run["columns"]
        expected = minibatches.train(net, columns, KEY, STREAM, run["settings"], rates(100, rate=50.0))
        assert len(expected) == done
    before = engine(run, rates(done - 1, rate=50.0))
    assert not before["diverged"]
    for name, value in found["parameters"].items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, before["parameters"][name], err_msg=name)
    np.testing.assert_array_equal(found["loss"][:-1], before["loss"])


def test_what_is_cancelled_does_nothing_more() -> None:
    run = make(hidden=20)
    cancelled = np.zeros(1, np.uint8)
    # An item, as elsewhere: in the memset of a fill ThreadSanitizer sees a write that is not atomic.
    timer = Timer(0.03, cancelled.__setitem__, (0, 1))
    timer.start()
    found = engine(run, rates(10**6), cancelled=cancelled)
    done = found["updates"]
    assert done < 10**6
    assert len(found["loss"]) == done
    # The flag may have been raised after the last step and before that was counted.
    possible = [engine(run, rates(count))["parameters"] for count in (done, done + 1)]
    assert any(
        all(np.array_equal(value, expected[name]) for name, value in found["parameters"].items())
        for expected in possible
    )
    found = engine(run, rates(5), cancelled=np.ones(1, np.uint8))
    assert found["updates"] == 0
    assert not found["diverged"]
    for name, value in found["parameters"].items():
        np.testing.assert_array_equal(value, run["parameters"][name], err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", ["tanh", "GRU"])
def test_the_bits_do_not_depend_on_threads(cell: str, precision: str) -> None:
    at: Any
    for at, batch in (("last", 33), ("every", 70)):
        run = make(
            **CELLS[cell],
            hidden=37,
            batch_size=batch,
            at=at,
            steps=9,
            sequences=100,
            precision=precision,
            omega_state=1,
            omega_mean=1,
            clip_norm=0.1,
        )
        given = rates(4, omega=2.0 if cell == "tanh" else 0.0)
        one = engine(run, given)
        for threads in (2, 3):
            also = engine(run, given, threads=threads)
            for name, value in one["parameters"].items():
                np.testing.assert_array_equal(also["parameters"][name], value, err_msg=name)
            for name in ("loss", "wrong", "gradient_norm", "omega"):
                np.testing.assert_array_equal(also[name], one[name], err_msg=name)


# Tasks, and tests on what training has not seen.

DRAWN = {
    "TwoSequence": rl.tasks.TwoSequence(length=(6, 9), prefix=2, noise_std=0.2),
    "Parity": rl.tasks.Parity(length=(3, 8), noise_std=0.1),
    "Adding": rl.tasks.Adding(length=(10, 14)),
    # Inputs of one symbol a step are looked up; whole minibatches are shorter than the longest sequence there could be.
    "TemporalOrder": rl.tasks.TemporalOrder(length=(12, 20), length_shared_by=4),
    "Agreement": rl.tasks.Agreement(length=(3, 12), attractor_probability=0.7, length_shared_by=4),
    "TemporalOrder, 1997": rl.tasks.TemporalOrder(length=(20, 22), symbols=3, variant="hochreiter1997"),
}


def drawn_run(task: Any, precision: str, **changes: Any) -> Run:
    """A network for another task."""
    run = make(inputs=task.features, outputs=task.outputs, loss=task.loss, at=task.at, precision=precision, **changes)
    run["structure"] = run["structure"] | task.structure()
    return run | {"columns": task.columns(), "arrays": task.arrays()}


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", DRAWN)
def test_fresh_sequences(name: str, precision: str) -> None:
    follow(drawn_run(DRAWN[name], precision), rates(4))


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_symbols(cell: str, precision: str) -> None:
    run = drawn_run(
        DRAWN["TemporalOrder"], precision, **CELLS[cell], masks=True, hidden=21, batch_size=19, clip_norm=0.5
    )
    follow(run, rates(2, omega=1.0 if cell in ("tanh", "relu") else 0.0), slack=10)


def evaluated(run: Run, first: int, count: int, threads: int = 1) -> Run:
    found: Run = core.evaluate_minibatches(
        run["structure"],
        {name: np.array([value]) for name, value in run["columns"].items()},
        KEY,
        STREAM,
        run["parameters"],
        first,
        count,
        run["arrays"],
        threads,
        np.zeros(1, np.uint8),
    )
    return found


@pytest.mark.isa
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["data", *DRAWN])
def test_tests(name: str, precision: str) -> None:
    run = make(precision=precision, loss="softmax_cross_entropy", at="every", hidden=9)
    first, count = (0, 11) if name == "data" else (2**31 + 5, 43)
    if name != "data":
        run = drawn_run(DRAWN[name], precision, hidden=9)
    net, cost, wrong = network(run), 0.0, 0
    for i in range(first, first + count):
        sequence = tasks.draw(run["structure"], run["columns"], KEY, STREAM, i, test=True, arrays=run["arrays"])
        each, outputs = net.forward(sequence)
        cost += each / count
        wrong += not net.is_right(run["columns"], sequence, outputs)
    for threads in (1, 2):
        found = evaluated(run, first, count, threads)
        assert found["presentations"] == count
        assert found["wrong"] == wrong
        assert found["loss"] == pytest.approx(cost, rel=tolerance(run))
    assert 0 < wrong <= count


def test_a_test_may_be_taken_in_parts() -> None:
    run = drawn_run(DRAWN["TwoSequence"], "float64", hidden=33)
    of_part = partial(evaluated, run)
    whole, parts = of_part(7, 300), [of_part(7, 100), of_part(107, 200)]
    assert whole["wrong"] == sum(part["wrong"] for part in parts)
    mean = (parts[0]["loss"] * 100 + parts[1]["loss"] * 200) / 300
    assert whole["loss"] == pytest.approx(mean, rel=tolerance(run))
