"""Algorithms as settings: what is checked, what the engine is told, and which networks and tasks they refuse."""

import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch._record import canonical_json
from rnnlatch.algorithms import (
    Adam,
    Algorithm,
    DiscreteErrorPropagation,
    GradientDescent,
    HalveOnRise,
    InverseTime,
    MultigridRandomSearch,
    Newton,
    PseudoNewton,
    RandomGuessing,
    RedrawAfterError,
    RMSprop,
    SimulatedAnnealing,
)

EPOCHS = InverseTime(presentations=10)
ALGORITHMS: list[Algorithm] = [
    Adam(learning_rate=0.1, batch_size="all", reduction="sum", clip_norm=2),
    GradientDescent(
        omega=2, omega_ratio="norm", omega_reduce="mean", omega_of="state", clip_value=1, nonfinite="shrink"
    ),
    GradientDescent(learning_rate_schedule=HalveOnRise(presentations=10, factor=0.1), omega_schedule=EPOCHS),
    Adam(learning_rate_schedule=EPOCHS, clip_value=0.5),
    RMSprop(decay=0.5),
    PseudoNewton(time_weighted=True, mu_rule="average"),
    Newton(largest_step=0.5),
    DiscreteErrorPropagation(bound=2),
    SimulatedAnnealing(patience=3),
    MultigridRandomSearch(shrink=1),
    RandomGuessing(low=-1, high=1),
    RedrawAfterError(std=2),
]


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: type(algorithm).__name__)
def test_settings_come_back_from_json_repr_and_pickle(algorithm: Algorithm) -> None:
    again = Algorithm.from_dict(json.loads(canonical_json(algorithm.to_dict())))
    assert again == algorithm
    assert eval(repr(algorithm), vars(rl.algorithms)) == algorithm
    assert pickle.loads(pickle.dumps(algorithm)) == algorithm
    assert all(isinstance(value, float) for value in algorithm.columns().values())
    assert algorithm.structure().pop("algorithm") == type(algorithm).__name__


def test_the_engine_is_told_of_each_algorithm() -> None:
    assert Adam().structure() == {"algorithm": "Adam", "mean_gradient": 1}
    assert Adam(clip_norm=2).columns() == {
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "clip_norm": 2.0,
    }
    assert RMSprop(reduction="sum").structure()["mean_gradient"] == 0
    assert RMSprop().columns()["clip_norm"] == math.inf
    assert PseudoNewton(time_weighted=True).structure() == {
        "algorithm": "PseudoNewton",
        "time_weighted": 1,
        "mu_rule": 0,
    }
    assert PseudoNewton(mu_rule="average").structure()["mu_rule"] == 1
    assert Newton().columns() == {"damping": 1e-3, "learning_rate": 1.0, "largest_step": math.inf}
    assert SimulatedAnnealing().structure() == {
        "algorithm": "SimulatedAnnealing",
        "steps_per_cycle": 20,
        "cycles_per_temperature": 5,
        "patience": 4,
    }
    assert "tolerance" not in SimulatedAnnealing().columns(), "that is the task's"


def test_the_engine_in_lanes_is_told_nothing_of_what_it_does_not_know() -> None:
    others = {"omega_ratio": "norm", "omega_schedule": EPOCHS, "clip_value": 1, "nonfinite": "shrink"}
    for changed in ({name: value} for name, value in others.items()):
        algorithm = GradientDescent(**changed)  # type: ignore[arg-type]
        assert (algorithm.structure(), algorithm.columns()) == (
            GradientDescent().structure(),
            GradientDescent().columns(),
        )
        assert str(algorithm.asked_of_matrices()).startswith(f"{next(iter(changed))} is ")
    assert GradientDescent(omega=1, clip_norm=2, momentum=0.5).asked_of_matrices() is None
    assert Adam(omega=1).asked_of_matrices() == "omega is 1.0"
    assert Adam(omega=1).columns() == Adam().columns()
    assert Adam(learning_rate_schedule=EPOCHS).asked_of_matrices() == (
        "learning_rate_schedule is InverseTime(presentations=10)"
    )


def test_the_engine_in_matrices_is_told_of_each_algorithm() -> None:
    descent = GradientDescent(momentum=0.5, clip_norm=1, clip_value=2, l2=3, omega=4)
    assert descent.minibatch_settings() == {"momentum": 0.5, "clip_norm": 1, "clip_value": 2, "l1": 0, "l2": 3}
    assert Adam().minibatch_settings().keys() == {"beta_1", "beta_2", "epsilon", "clip_norm", "clip_value"}
    assert RMSprop().minibatch_settings() == {
        "decay": 0.9,
        "epsilon": 1e-8,
        "clip_norm": math.inf,
        "clip_value": math.inf,
    }
    shared = {
        "mean_gradient": 1,
        "omega_squared": 1,
        "omega_mean": 0,
        "omega_state": 0,
        "shrink": 0,
        "teacher_forcing": 0,
    }
    assert Adam().minibatch_structure() == {"algorithm": "Adam"} | shared
    authors = GradientDescent(omega_reduce="mean", omega_of="state", nonfinite="shrink").minibatch_structure()
    assert authors == {"algorithm": "GradientDescent"} | shared | {"omega_mean": 1, "omega_state": 1, "shrink": 1}
    assert GradientDescent(omega_ratio="norm").minibatch_structure()["omega_squared"] == 0


def test_a_factor_falls_with_time() -> None:
    seen = np.array([0, 9, 10, 19, 20, 995])
    np.testing.assert_allclose(EPOCHS.factors(EPOCHS.begin(), seen), 1 / np.array([1, 1, 2, 2, 3, 100]))
    assert EPOCHS.left(5) is None
    assert not EPOCHS.begin().size


def test_a_factor_falls_where_the_cost_has_risen() -> None:
    schedule = HalveOnRise(presentations=4, factor=0.25)
    costs = [3, 1, 2, 2, 1, 2, 2.5, 1.5, 0, 0, np.nan, 1, 2, 3]  # of batches of two: averages 2, 2, 1.5, 2, 0, NaN, 2.5
    memory, factors = schedule.begin(), []
    for number, cost in enumerate(costs):
        seen = 2 * number
        assert schedule.left(seen) == 4 - seen % 4
        factors += schedule.factors(memory, np.array([seen])).tolist()
        schedule.observe(memory, float(cost), seen + 2)
    assert factors == [1.0] * 8 + [0.25] * 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(beta_1=1), "beta_1 is 1; it must be a finite number of at least 0 and below 1"),
        (lambda: Adam(batch_size="some"), "batch_size is 'some'; it must be an integer"),  # type: ignore[arg-type]
        (lambda: RMSprop(epsilon=0), "epsilon is 0"),
        (lambda: RMSprop(reduction="max"), "reduction is 'max'"),
        (lambda: PseudoNewton(smallest_step=0.5), "smallest_step is 0.5; it must be below largest_step, which is 0.3"),
        (lambda: PseudoNewton(momentum=0), "momentum is 0"),
        (lambda: PseudoNewton(mu_rule="none"), "mu_rule is 'none'; it must be 'decay' or 'average'"),
        (lambda: Newton(damping=-1), "damping is -1"),
        (lambda: Newton(largest_step=0), "largest_step is 0"),
        (lambda: DiscreteErrorPropagation(bound=0), "bound is 0"),
        (lambda: SimulatedAnnealing(cooling=1), "cooling is 1; it must be a finite number above 0 and below 1"),
        (lambda: SimulatedAnnealing(patience=0), "patience is 0"),
        (lambda: MultigridRandomSearch(shrink=1.5), "shrink is 1.5"),
        (lambda: RandomGuessing(low=1, high=1), "low is 1.0; it must be below high, which is 1.0"),
        (lambda: RedrawAfterError(std=0), "std is 0"),
        (lambda: GradientDescent(clip_value=0), "clip_value is 0; it must be a finite number above 0"),
        (lambda: GradientDescent(omega_ratio="cubed"), "omega_ratio is 'cubed'; it must be 'squared' or 'norm'"),
        (lambda: GradientDescent(omega_reduce="max"), "omega_reduce is 'max'; it must be 'sum' or 'mean'"),
        (lambda: GradientDescent(omega_of="output"), "omega_of is 'output'; it must be 'pre_activation' or 'state'"),
        (lambda: GradientDescent(nonfinite="ignore"), "nonfinite is 'ignore'; it must be 'stop' or 'shrink'"),
        (lambda: InverseTime(presentations=0), "presentations is 0; it must be an integer from 1"),
        (
            lambda: HalveOnRise(presentations=10, factor=0),
            "factor is 0; it must be a finite number above 0 and of at most 1",
        ),
    ],
)
def test_what_is_wrong_is_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)


def test_a_schedule_that_is_none_is_refused() -> None:
    for name in ("learning_rate_schedule", "omega_schedule"):
        with pytest.raises(
            TypeError, match=rf"{name} is 0.5 \(float\); it must be None, rnnlatch.algorithms.InverseTime"
        ):
            GradientDescent(**{name: 0.5})  # type: ignore[arg-type]


def test_batches_follow_from_the_training_set() -> None:
    assert [a.presentations_in_batch(None) for a in (Adam(), RMSprop(batch_size=3), PseudoNewton())] == [1, 3, 1]
    assert [a.presentations_in_batch(20) for a in (Newton(batch_size="all"), RandomGuessing())] == [20, 20]
    with pytest.raises(ValueError, match="batch_size is 'all', but the task draws fresh sequences"):
        Adam(batch_size="all").presentations_in_batch(None)
    with pytest.raises(
        ValueError, match=r"algorithm is RandomGuessing, .* sequences_per_class must be an integer there"
    ):
        RandomGuessing().presentations_in_batch(None)


TASK = rl.tasks.Parity(length=5, noise_std=0, sequences_per_class=5)
TANH = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1)
SIGN = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, activation="sign")


@pytest.mark.parametrize("algorithm", [GradientDescent(), Adam(), RMSprop(), PseudoNewton(), Newton()])
def test_gradients_of_threshold_units_are_refused(algorithm: Algorithm) -> None:
    algorithm.check(TANH, TASK, 7)
    algorithm.check(rl.cells.LSTM(inputs=1, hidden=2, outputs=1), TASK, 7)
    with pytest.raises(ValueError) as caught:
        algorithm.check(SIGN, TASK, 7)
    assert f"algorithm is {type(algorithm).__name__}, which needs gradients" in str(caught.value)
    assert "it must be DiscreteErrorPropagation, RedrawAfterError, SimulatedAnnealing" in str(caught.value)


def test_a_hessian_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="they must be at most 200, or the algorithm PseudoNewton"):
        Newton().check(rl.cells.VanillaRNN(inputs=1, hidden=14), TASK, 201)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (TANH, "the cell is of type VanillaRNN with activation='tanh'; it must be a VanillaRNN with activation='sign'"),
        (rl.cells.GRU(inputs=1, hidden=2, read_unit=0), "the cell is of type GRU; it must be"),
        (rl.cells.DiagonalRNN(inputs=1, hidden=2, read_unit=0, activation="sign"), "the cell is of type DiagonalRNN"),
        (rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=1, activation="sign"), "outputs=1, a linear read-out"),
        (
            rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=0, activation="sign", initial_state="learned"),
            "initial_state='learned'",
        ),
    ],
)
def test_discrete_errors_are_for_threshold_units(cell: rl.cells.NetworkCell, message: str) -> None:
    DiscreteErrorPropagation().check(SIGN, TASK, 7)
    with pytest.raises(ValueError) as caught:
        DiscreteErrorPropagation().check(cell, TASK, 7)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "algorithm", [SimulatedAnnealing(), MultigridRandomSearch(), RandomGuessing(), RedrawAfterError()]
)
@pytest.mark.parametrize("cell", [TANH, SIGN])
def test_searches_take_every_cell(algorithm: Algorithm, cell: rl.cells.NetworkCell) -> None:
    algorithm.check(cell, TASK, 7)
