"""Whole trainings with schedules, through `rnnlatch.train`, against the reference."""

from __future__ import annotations

import numpy as np

import rnnlatch as rl
from minibatch_training import BATCH, CELL, TASK, trained
from reference import minibatches
from reference.minibatches import make_settings
from reference.presentation import Network
from rnnlatch import rng as seeds

RATE, OMEGA, UPDATES = 0.5, 2.0, 60


def test_both_schedules_in_a_whole_training() -> None:
    """The rate follows the costs that the reference itself has had so far, the weight of Omega the presentations."""
    halve = rl.algorithms.HalveOnRise(presentations=3 * BATCH, factor=0.6)
    fall = rl.algorithms.InverseTime(presentations=5 * BATCH)
    algorithm = rl.algorithms.GradientDescent(
        learning_rate=RATE,
        batch_size=BATCH,
        momentum=0.5,
        clip_norm=0.3,
        omega=OMEGA,
        omega_reduce="mean",
        omega_of="state",
        learning_rate_schedule=halve,
        omega_schedule=fall,
    )
    out = trained(algorithm=algorithm, runs=1, max_presentations=UPDATES * BATCH, record=BATCH).isel(run=0)

    seed = seeds.normalise(0)
    key, stream = seed.key(), seeds.stream_base({})
    run = rl.Run(CELL, TASK, algorithm, None, UPDATES * BATCH, driver="matrices")
    start = {name: value[0] for name, value in run.initial(key, np.array([stream], np.uint64)).items()}
    network = Network(run.structure(), start, run.trainable(), run.arrays())
    settings = make_settings("GradientDescent", momentum=0.5, clip_norm=0.3)
    rule = minibatches.GradientDescent(settings, len(network.theta))
    costs: list[float] = []
    factors = []
    for i in range(UPDATES):
        factors.append(minibatches.halve_on_rise(halve.presentations, halve.factor, np.array([*costs, np.nan]))[-1])
        weight = OMEGA * minibatches.inverse_time(fall.presentations, i * BATCH)
        batch = minibatches.minibatch(network, TASK.columns(), key, stream, i * BATCH)
        done = minibatches.update(network, rule, batch, TASK.columns(), settings, RATE * factors[-1], weight)
        costs += [done.loss] * BATCH
        for name in ("loss", "gradient_norm", "omega"):
            np.testing.assert_allclose(out[f"record_{name}"][i], getattr(done, name), rtol=1e-9, err_msg=f"{name}, {i}")
    assert 2 < len(set(factors)) < 20
    for name, value in network.parameters.items():
        np.testing.assert_allclose(out[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
