"""The engine against the plain NumPy reference: whole training runs, evaluation, simulation, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnlatch as rl
from reference import arithmetic, differences, evaluation, latch, trainer
from reference.cases import KEY, grid, make_columns, make_streams, make_structure
from rnnlatch import random as draw
from rnnlatch._dispatch import core

Results = dict[str, NDArray[Any]]

# What the engine's multiply-add does: one rounding, or two where the instruction set has none.
ENGINE_FMA = arithmetic.fma if core.build_info()["fma"] else arithmetic.plain_multiply_add

STRUCTURES: dict[str, dict[str, int]] = {
    "online, fresh draws": {},
    "online, fixed set": {"sequences_per_class": 5},
    "batch, fixed set, mean": {"sequences_per_class": 5, "batch_size": 10},
    "w not trained": {"train_w": 0},
    "batch, fixed set, sum": {
        "sequences_per_class": 2,
        "batch_size": 4,
        "mean_gradient": 0,
        "window": 20,
        "length": 9,
    },
    "batch, fresh draws": {"batch_size": 5, "length": 8},
    "random order, fixed set": {"sequences_per_class": 3, "random_order": 1, "length": 10},
    "random order, fresh draws": {"random_order": 1, "batch_size": 2, "length": 11},
    "uniform noise": {"uniform_noise": 1, "length": 10},
    "one input": {"length": 5, "prefix": 1},
    "no noise after the prefix": {"length": 4, "prefix": 4},
    "one step": {"length": 1, "prefix": 1},
    "long": {"length": 60, "prefix": 5, "train_w": 0, "max_presentations": 20},
}

each_structure = pytest.mark.parametrize("changes", STRUCTURES.values(), ids=STRUCTURES.keys())


def points(w: tuple[float, ...] = (0.8, 1.25, 2.0)) -> dict[str, NDArray[np.float64]]:
    """A small grid of runs, each of them with one way of descending out of six."""
    columns = grid(way=range(6), w=w, noise_std=[0.05, 0.2, 0.3], learning_rate=[0.02, 0.1])
    way = columns.pop("way")
    columns["momentum"] = np.where((way == 1) | (way == 5), 0.6, 0.0)
    columns["clip_norm"] = np.where((way == 2) | (way == 5), 0.05, np.inf)
    columns["l1"] = np.where((way == 3) | (way == 5), 0.01, 0.0)
    columns["l2"] = np.where((way == 4) | (way == 5), 0.03, 0.0)
    columns["target"] = np.where(way == 5, 0.7, 0.8)
    return make_columns(len(way), **columns)


def engine(structure: dict[str, Any], columns: dict[str, NDArray[np.float64]], **options: Any) -> Results:
    runs = len(columns["w"])
    return core.train(structure, columns, KEY, make_streams(runs), threads=1, block_lanes=64, **options)


def reference(structure: dict[str, Any], columns: dict[str, NDArray[np.float64]], **options: Any) -> Results:
    return trainer.train(structure, columns, KEY, make_streams(len(columns["w"])), **options)


def assert_same_bits(got: Results, expected: Results) -> None:
    assert got.keys() == expected.keys()
    for name in expected:
        assert got[name].shape == expected[name].shape, name
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)


def relative_difference(got: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest difference over the parameters of each run and entry, relative to the largest parameter."""
    axes = tuple(range(2, expected.ndim))
    difference: NDArray[np.float64] = np.abs(got - expected).max(axis=axes) / np.abs(expected).max(axis=axes)
    return difference


@pytest.mark.isa
@each_structure
def test_training_bit_for_bit(changes: dict[str, int]) -> None:
    """With the engine's own tanh the reference repeats every run to the last bit."""
    structure = make_structure(**{"max_presentations": 40, "record_every": 20, **changes})
    columns = points()
    expected = reference(structure, columns, tanh=core.tanh, fma=ENGINE_FMA)
    assert_same_bits(engine(structure, columns), expected)


@each_structure
def test_trajectories(changes: dict[str, int]) -> None:
    """With NumPy's tanh they agree as far as the dynamics allow: a larger w lets differences grow faster."""
    structure = make_structure(**changes)
    structure["record_every"] = structure["batch_size"]
    columns = points(w=(0.8, 1.1, 1.25))
    got, expected = engine(structure, columns), reference(structure, columns)
    np.testing.assert_array_equal(got["outcome"], trainer.EXHAUSTED)
    for name in ("record_weight", "record_input"):
        shape = (*expected["record_loss"].shape, -1)
        difference = relative_difference(got[name].reshape(shape), expected[name].reshape(shape))
        assert difference[:, 0].max() == 0, "the initial parameters differ"
        assert difference[:, 1].max() < 1e-13, "after one update"
        assert difference.max() < 1e-9, "after all presentations"
    for name in ("record_loss", "record_gradient_norm"):
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-8, atol=1e-9)


@pytest.mark.isa
@pytest.mark.parametrize(("measure", "window"), [(0, 10), (1, 10), (2, 30)], ids=["none", "cost", "error"])
@pytest.mark.parametrize("changes", [{}, {"sequences_per_class": 5, "batch_size": 10}], ids=["fresh", "fixed"])
def test_stopping(changes: dict[str, int], measure: int, window: int) -> None:
    """Runs stop at the same presentation, for the same reason, with the same figures."""
    structure = make_structure(**changes, measure=measure, window=window, max_presentations=60, record_every=20)
    columns = grid(threshold=[0.1, 0.2, 0.3], learning_rate=[0.1, 1.0], w=[1.25, 2.0], noise_std=[0.1, 0.3])
    columns = make_columns(24, **columns)
    expected = reference(structure, columns, tanh=core.tanh, fma=ENGINE_FMA)
    assert_same_bits(engine(structure, columns), expected)
    if measure:
        stopped = expected["presentations"][expected["outcome"] == trainer.CONVERGED]
        assert 0 < len(stopped) < 24
        assert len(set(stopped)) > 1
        assert np.all(stopped % window == 0)


@pytest.mark.isa
def test_thresholds_to_the_last_bit() -> None:
    """The cost must be below its threshold, the share of wrong signs may reach its own."""
    columns = make_columns(40, noise_std=0.3)
    window = {"window": 10, "max_presentations": 10}
    first = engine(make_structure(**window), columns)
    for measure, name, met in ((1, "loss", False), (2, "error", True)):
        structure = make_structure(**window, measure=measure)
        for threshold, expected in (
            (first[name], met),
            (np.nextafter(first[name], np.inf), True),
            (np.nextafter(first[name], -np.inf), False),
        ):
            outcome = engine(structure, columns | {"threshold": threshold})["outcome"]
            assert np.all(outcome == (trainer.CONVERGED if expected else trainer.EXHAUSTED))
            exact = reference(structure, columns | {"threshold": threshold}, tanh=core.tanh, fma=ENGINE_FMA)
            np.testing.assert_array_equal(outcome, exact["outcome"])


def test_a_run_that_ends_before_its_first_window() -> None:
    structure = make_structure(window=64, max_presentations=7, measure=1)
    columns = make_columns(5, threshold=10.0)
    expected = reference(structure, columns, tanh=core.tanh, fma=ENGINE_FMA)
    assert_same_bits(engine(structure, columns), expected)
    assert np.all(expected["outcome"] == trainer.EXHAUSTED)


@pytest.mark.isa
def test_divergence() -> None:
    """A penalty with an absurd learning rate multiplies the parameters by a thousand at every step."""
    structure = make_structure(max_presentations=120, window=20, measure=1, record_every=1)
    columns = make_columns(6, l2=1.0, learning_rate=[0.1, 1e3, 1e5, 1e30, 1e300, 1e308], threshold=0.0)
    expected = reference(structure, columns, tanh=core.tanh, fma=ENGINE_FMA)
    assert_same_bits(engine(structure, columns), expected)
    assert expected["outcome"].tolist() == [0, 2, 2, 2, 2, 2]
    assert expected["presentations"][1:].tolist() == sorted(expected["presentations"][1:])[::-1]


def test_given_initial_inputs() -> None:
    structure = make_structure(max_presentations=20)
    columns = points()
    initial = np.random.default_rng(0).normal(0, 0.3, (len(columns["w"]), 6))
    got = engine(structure, columns, initial=initial)
    assert_same_bits(got, reference(structure, columns, initial=initial, tanh=core.tanh, fma=ENGINE_FMA))


def test_initial_inputs_are_drawn_class_by_class() -> None:
    structure = make_structure(max_presentations=1, record_every=1)
    columns = make_columns(9, initial_input=np.linspace(0, 2, 9))
    first = engine(structure, columns)["record_input"][:, 0]
    u = draw.uniform53(KEY, make_streams(9), draw.Purpose.INITIAL, 0, 6)
    np.testing.assert_array_equal(first.reshape(9, 6), (2 * u - 1) * columns["initial_input"][:, None])


# ---- runs of a sweep -------------------------------------------------------------------------------------------------


def study(w: float, noise_std: float, learning_rate: float) -> rl.Run:
    return rl.Run(
        rl.cells.LatchNeuron(w=w, train_w=True),
        rl.tasks.MinimalLatch(length=12, prefix=2, noise_std=noise_std, sequences_per_class=3),
        rl.algorithms.GradientDescent(learning_rate=learning_rate, batch_size="all"),
        max_presentations=60,
    )


@pytest.mark.isa
def test_any_run_of_a_sweep_can_be_replayed() -> None:
    """From nothing but the seed, the grid point and the trial, with NumPy alone but for the tanh."""
    axes = {"w": [1.25, 2], "noise_std": [0.1, 0.3], "learning_rate": [0.1, 0.5]}
    dataset = rl.sweep(study, axes=axes, common=("learning_rate",), runs=5, rng=2024)
    key = np.random.SeedSequence(2024).generate_state(2, np.uint32)
    for w in axes["w"]:
        for noise_std in axes["noise_std"]:
            streams = draw.stream_ids({"w": w, "noise_std": noise_std}, [4, 2])  # the same for both learning rates
            for learning_rate in axes["learning_rate"]:
                run = study(w, noise_std, learning_rate)
                columns = make_columns(2, **run.columns())
                replayed = trainer.train(run.structure(), columns, key, streams, tanh=core.tanh, fma=ENGINE_FMA)
                found = dataset.sel(w=w, noise_std=noise_std, learning_rate=learning_rate, run=[4, 2])
                for name, values in replayed.items():
                    np.testing.assert_array_equal(found[name], values, err_msg=name)


# ---- gradients -------------------------------------------------------------------------------------------------------


def numerical_gradient_of_a_batch(structure: dict[str, Any], columns: dict[str, NDArray[np.float64]]) -> Any:
    """The first batch's gradient, (2 L + 1, runs), by central differences; the second value is its initial inputs."""
    runs, prefix = len(columns["w"]), structure["prefix"]
    streams = make_streams(runs)
    inputs = trainer.initial_inputs(structure, columns, KEY, streams).reshape(2, prefix, runs)
    gradient = np.zeros((2 * prefix + 1, runs))
    for p in range(structure["batch_size"]):
        shown_class = p % 2
        d = columns["target"] * (1 if shown_class else -1)
        tail = trainer.noise(structure, columns, KEY, streams, draw.Purpose.NOISE, p)
        by_input, by_w = differences.numerical_gradient(columns["w"], inputs[shown_class], tail, d)
        gradient[shown_class * prefix : (shown_class + 1) * prefix] += by_input
        gradient[-1] += by_w
    return gradient / (structure["batch_size"] if structure["mean_gradient"] else 1)


@pytest.mark.isa
@pytest.mark.parametrize("mean", [0, 1], ids=["sum", "mean"])
@pytest.mark.parametrize("size", [{"length": 1, "prefix": 1}, {"length": 20}, {"length": 40, "prefix": 10}])
def test_gradient_by_central_differences(size: dict[str, int], mean: int) -> None:
    """The engine's gradient, read off one enormous step, is the slope of the cost."""
    structure = make_structure(
        **size, sequences_per_class=3, batch_size=6, window=6, max_presentations=6, mean_gradient=mean, record_every=6
    )
    rate = 2.0**40
    columns = grid(w=[-1.2, 0.5, 1.0, 1.25, 2.0], noise_std=[0.1, 0.4], target=[0.5, 0.8])
    columns = make_columns(20, **columns, learning_rate=rate, initial_input=0.5)
    got = engine(structure, columns)
    before = np.concatenate([got["record_input"][:, 0].reshape(20, -1), got["record_weight"]], axis=1)
    after = np.concatenate([got["input"].reshape(20, -1), got["weight"][:, None]], axis=1)
    gradient = (before - after) / rate

    expected = numerical_gradient_of_a_batch(structure, columns).T
    tolerance = 1e-11 if differences.EXTENDED else 1e-6
    np.testing.assert_allclose(gradient, expected, rtol=tolerance, atol=tolerance)
    norm = np.sqrt((expected**2).sum(axis=1))
    np.testing.assert_allclose(got["record_gradient_norm"][:, 0], norm, rtol=tolerance, atol=tolerance)


# ---- evaluation and simulation ---------------------------------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize(
    "changes", [{}, {"uniform_noise": 1}, {"length": 3}, {"sequences_per_class": 5, "random_order": 1}]
)
def test_evaluation(changes: dict[str, int]) -> None:
    """Fresh test sequences, the classes in turn, whatever the training set and its order were."""
    structure = make_structure(**changes) | {"presentations": 41}
    runs = 50
    rng = np.random.default_rng(1)
    columns = make_columns(runs, noise_std=rng.uniform(0, 0.5, runs), target=rng.uniform(0.5, 0.9, runs))
    weight, inputs = rng.uniform(0.5, 2.5, runs), rng.normal(0, 0.3, (runs, 2, 3))
    streams = make_streams(runs)
    got = core.evaluate(structure, columns, KEY, streams, 1, weight, inputs)
    exact = evaluation.evaluate(structure, columns, KEY, streams, weight, inputs, tanh=core.tanh, fma=ENGINE_FMA)
    assert_same_bits(got, exact)
    close = evaluation.evaluate(structure, columns, KEY, streams, weight, inputs)
    np.testing.assert_allclose(got["loss"], close["loss"], rtol=1e-11)
    np.testing.assert_allclose(got["state_mean_abs"], close["state_mean_abs"], rtol=1e-11)


@pytest.mark.isa
def test_simulation() -> None:
    rng = np.random.default_rng(2)
    weight, drive = rng.uniform(-2, 2.5, 33), rng.normal(0, 0.4, (33, 50))
    got = core.simulate_latch(weight, drive)
    np.testing.assert_array_equal(got, evaluation.simulate(weight, drive, tanh=core.tanh, fma=ENGINE_FMA))
    np.testing.assert_allclose(got, evaluation.simulate(weight, drive), rtol=0, atol=1e-9)


def test_the_reference_is_independent_of_its_operations() -> None:
    """Exact or rounded twice, the multiply-add makes no difference but of rounding."""
    structure = make_structure(max_presentations=10)
    columns = points()
    fused, plain = reference(structure, columns), reference(structure, columns, fma=arithmetic.plain_multiply_add)
    assert np.any(fused["weight"] != plain["weight"])
    np.testing.assert_allclose(fused["weight"], plain["weight"], rtol=1e-11)
    assert latch.cost(np.float64(1.0), np.float64(0.8)) == pytest.approx(0.02)
