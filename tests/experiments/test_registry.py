import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnlatch import Run, experiments
from rnnlatch.experiments.base import ScaleName
from rnnlatch.experiments.bengio1994 import digitised


def test_names_are_those_of_the_experiments() -> None:
    for name in experiments.names():
        assert experiments.get(name).name == name


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"bengio1994-density, bengio1994-length, .*; got 'nothing'"):
        experiments.get("nothing")


@pytest.mark.parametrize("name", experiments.names())
def test_every_scale_describes_valid_sweeps(name: str) -> None:
    experiment = experiments.get(name)
    assert tuple(experiment.scales) in (experiments.SCALES, ("quick", "paper", "large"))
    for scale in experiment.scales:
        plans = experiment.plans(scale)
        assert [plan.file for plan in plans[:1]] in ([], ["sweep.sqlite"])
        assert len({plan.file for plan in plans}) == len(plans)
        for plan in plans:
            first = {axis: values[0] for axis, values in plan.axes.items()}
            assert isinstance(plan.study(**first), Run)
            assert set(plan.common) <= set(plan.axes)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"runs": 0}, "runs is 0; it must be"),
        ({"runs": 2.5}, "runs is 2.5"),
        ({"axes": {"w0": [1.0, 1.0]}}, "axis w0 has 1.0 twice; its values must differ"),
        ({"axes": {"w0": [1.0, 3.0, 2.0]}}, "axis w0 has 1.0, 3.0, 2.0 one after the other"),
        ({"axes": {"w0": []}}, "axis w0 is empty"),
        ({"axes": {"w0": 1.0}}, "axis w0 is 1.0"),
        ({"axes": ["w0"]}, r"axes is \['w0'\]"),
    ],
)
def test_sweeps_that_cannot_be_are_refused_when_they_are_made(changed: dict[str, Any], message: str) -> None:
    (plan,) = experiments.get("bengio1994-density").plans("quick")
    with pytest.raises((TypeError, ValueError), match=message):
        replace(plan, **changed)


def runs(name: str, scale: ScaleName) -> int:
    plan = experiments.get(name).plans(scale)[0]
    return plan.runs * math.prod(len(values) for values in plan.axes.values())


def test_paper_scale_has_the_papers_runs_and_large_a_million_for_each_reading() -> None:
    assert runs("bengio1994-density", "paper") == 2 * 7200
    assert runs("bengio1994-density", "large") >= 2 * 1_000_000
    assert runs("bengio1994-length", "large") >= 2 * 1_000_000


def test_density_and_length_agree_about_what_the_paper_gives() -> None:
    (density,) = experiments.get("bengio1994-density").plans("paper")
    run: Any = density.study("variance", 0.25, 1.35)
    assert (run.task.length, run.task.prefix, run.task.std, run.task.target) == (20, 3, 0.5, 0.8)
    assert (run.cell.w, run.cell.train_w) == (1.35, True)
    length = experiments.get("bengio1994-length").plans("paper")[0]
    run = length.study("standard deviation", 33)
    assert (run.task.length, run.task.prefix, run.task.std) == (33, 3, 0.2)
    assert (run.cell.w, run.cell.train_w) == (1.25, False)


def test_controls_change_what_they_say_and_nothing_else() -> None:
    main, controls, _ = experiments.get("bengio1994-length").plans("paper")
    base = main.study("standard deviation", 20)
    by_name: dict[str, Any] = {name: controls.study(name, 20) for name in controls.axes["control"]}
    assert by_name["budget x 100"].max_presentations == 100 * base.max_presentations
    assert by_name["budget x 100"].task == base.task
    assert by_name["no noise"].task.std == 0
    given = by_name["given 0.5"]
    assert given.task == base.task
    assert given.max_presentations == base.window
    assert given.criterion == base.criterion
    starting = given.cell.starting_input(3)
    assert starting is not None
    np.testing.assert_allclose(np.tanh(starting[:, -1]), [-0.5, 0.5])
    fresh = by_name["given 0.5, fresh noise x 10"]
    assert fresh.task.sequences_per_class is None
    assert fresh.algorithm.learning_rate == 0
    assert fresh.max_presentations == by_name["fresh noise x 10"].max_presentations == 10 * base.max_presentations


def test_digitised_figures_have_the_shape_of_the_scan() -> None:
    region = digitised.fig_2a_region()
    assert region.shape == (20, 20)
    assert set(np.unique(region)) == {digitised.WHITE, digitised.BLACK, digitised.UNREADABLE}
    # White up to s = 0.3 between w0 = 1.3 and 1.8, black from 0.35 on and left of 1.1.
    s, w = digitised.FIG_2A_NOISE_LEVEL, digitised.FIG_2A_INITIAL_WEIGHT
    assert (region[np.ix_(s < 0.3, (w > 1.3) & (w < 1.8))] == digitised.WHITE).all()
    assert (region[s > 0.4] == digitised.BLACK).all()
    assert (region[:, w < 1.1] == digitised.BLACK).all()
    assert digitised.FIG_2B_LENGTH.shape == digitised.FIG_2B_FREQUENCY.shape
    assert digitised.FIG_2B_FREQUENCY[digitised.FIG_2B_LENGTH == 20] == 0.81
