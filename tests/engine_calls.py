"""One short call of each way into the engine, for the tests of what calls do to each other and to the process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl
from network_cases import Drawn, draw, make_cell

Flat = dict[str, NDArray[Any]]

A, C, T = rl.algorithms, rl.cells, rl.tasks

LATCH = C.LatchNeuron(w=1.25, train_w=True)
LATCH_TASK = T.MinimalLatch(length=8, prefix=3, noise_std=0.3)
SMALL = C.VanillaRNN(inputs=1, hidden=3, outputs=1)
TASK = T.TwoSequence(length=(4, 7), prefix=2, noise_std=0.3)
TESTED = rl.Criterion(measure="test_error", threshold=0.01, window=20, tests=10)
MANY, LARGE = 5, 24
"""Networks side by side in lanes; hidden units of the one network in matrices."""

LATCH_STORED = {"weight": np.linspace(0.9, 1.6, 6), "input": np.full((6, 2, 3), [[0.5], [-0.5]])}


def flat(out: Any) -> Flat:
    """Whatever a call gives, as arrays by name."""
    if isinstance(out, xr.Dataset):
        return {str(name): out[name].values for name in out.data_vars}
    parts = out if isinstance(out, dict) else dict(enumerate(out)) if isinstance(out, tuple) else {"": out}
    found: Flat = {}
    for name, part in parts.items():
        if isinstance(part, (dict, tuple, xr.Dataset)):
            found |= {f"{name}.{inner}": value for inner, value in flat(part).items()}
        else:
            found[str(name)] = np.asarray(part)
    return found


@cache
def one(name: str, hidden: int = 4) -> tuple[Any, Drawn]:
    """A cell, and what the functions of one network take for it."""
    cell = make_cell(name, hidden=hidden, outputs=2)
    return cell, draw(cell, batch=3, time=6)


@cache
def many(name: str) -> tuple[Any, Drawn]:
    """The same for many networks, which go into lanes."""
    cell = make_cell(name, hidden=4, outputs=2)
    return cell, draw(cell, batch=2, time=6, runs=MANY)


def trained(cell: Any, task: Any, algorithm: Any, threads: int, **given: Any) -> Flat:
    """A few runs to their last presentation."""
    settings: dict[str, Any] = {"runs": 6, "max_presentations": 60, "criterion": None, "rng": 3}
    return flat(rl.train(cell, task, algorithm, threads=threads, **(settings | given)))


def gradient(case: tuple[Any, Drawn], threads: int) -> Flat:
    """Loss and gradient."""
    cell, given = case
    return flat(rl.gradients.loss_and_gradient(cell, threads=threads, **given))


def states(case: tuple[Any, Drawn], threads: int) -> Flat:
    """States along the sequences."""
    cell, given = case
    return flat(rl.simulate(cell, given["params"], given["inputs"], threads=threads))


def analysed(function: Any, threads: int, *others: str, case: str = "tanh", **settings: Any) -> Flat:
    """An analysis of one network along sequences."""
    cell, given = one(case)
    settings |= {name: given[name] for name in others}
    return flat(function(cell, given["params"], given["inputs"], threads=threads, **settings))


def systematic(function: Any, threads: int, **settings: Any) -> Flat:
    """An analysis of the system behind a network."""
    cell, given = one("tanh")
    return flat(function(cell, given["params"], threads=threads, **settings))


G, D = rl.gradients, rl.dynamics
SEARCHES: dict[str, Any] = {
    "annealing": A.SimulatedAnnealing(),
    "multigrid search": A.MultigridRandomSearch(),
    "random guessing": A.RandomGuessing(low=-2, high=2),
}
TRAINING_SET = T.TwoSequence(length=(4, 7), prefix=2, noise_std=0.3, sequences_per_class=3)
STEPWISE: dict[str, Any] = {
    "descent": A.GradientDescent(learning_rate=0.1, clip_norm=1.0),
    "omega": A.GradientDescent(learning_rate=0.1, omega=0.5),
    "pseudo-Newton": A.PseudoNewton(),
    "Newton": A.Newton(),
    "Adam": A.Adam(),
}
SURFACE = ("weight_hh_l0[0, 0]", "weight_hh_l0[0, 1]")
AXIS = np.linspace(-1, 1, 4)

CALLS: dict[str, Callable[[int], Flat]] = {
    "train latch": lambda n: trained(LATCH, LATCH_TASK, A.GradientDescent(), n, runs=70),
    "evaluate latch": lambda n: flat(rl.evaluate(LATCH, LATCH_STORED, LATCH_TASK, presentations=40, rng=1, threads=n)),
    "simulate latch": lambda n: flat(rl.simulate(LATCH, {"weight": 1.2}, np.ones((3, 7, 1)), threads=n)),
    **{f"train {name}": partial(trained, SMALL, TASK, algorithm) for name, algorithm in STEPWISE.items()},
    **{f"train {name}": partial(trained, SMALL, TRAINING_SET, algorithm) for name, algorithm in SEARCHES.items()},
    "train in matrices": lambda n: trained(
        SMALL, TASK, A.GradientDescent(batch_size=4), n, runs=2, driver="matrices", max_presentations=40
    ),
    "train in matrices and test": lambda n: trained(
        SMALL, TASK, A.Adam(batch_size=4), n, runs=2, driver="matrices", max_presentations=40, criterion=TESTED
    ),
    "sample": lambda _: flat({name: getattr(TASK.sample(5, rng=1), name) for name in ("inputs", "targets", "lengths")}),
    "evaluate": lambda n: flat(
        rl.evaluate(SMALL, SMALL.initial_parameters(0, runs=MANY), TASK, presentations=30, rng=1, threads=n)
    ),
    **{f"gradient {name}": partial(gradient, one(name, LARGE)) for name in ("tanh", "LSTM", "GRU")},
    **{f"gradient of many {name}": partial(gradient, many(name)) for name in ("tanh", "LSTM", "GRU")},
    **{f"simulate {name}": partial(states, one(name, LARGE)) for name in ("tanh", "same_step")},
    "simulate many": lambda n: states(many("LSTM"), n),
    "hessian": lambda n: analysed(G.hessian, n, "targets"),
    "curvature": lambda n: analysed(G.curvature, n, "targets"),
    "rtrl": lambda n: analysed(G.rtrl, n, "targets"),
    "by lag": lambda n: analysed(G.by_lag, n, "targets"),
    "omega": lambda n: analysed(G.omega, n, "targets"),
    "jacobian products": lambda n: analysed(G.jacobian_products, n, case="LSTM"),
    "singular spectrum": lambda n: analysed(G.singular_spectrum, n),
    "error surface": lambda n: analysed(G.error_surface, n, "targets", parameters=SURFACE, values=(AXIS, AXIS)),
    "basins": lambda n: systematic(D.basins, n, starts=np.eye(4), max_steps=200),
    "regimes": lambda n: systematic(D.regimes, n, parameters=SURFACE, values=(AXIS, AXIS), starts=4, max_steps=50),
    "Lyapunov exponents": lambda n: systematic(D.lyapunov_spectrum, n, steps=50, transient=10, batches=5),
}
"""By name; each takes the number of threads."""
