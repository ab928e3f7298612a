"""What a user writes, with the types that it must have: a type checker reads this file, nobody runs it.

``assert_type`` fails where a type is another one or unknown. `tests/test_types.py` has mypy read it.
"""

from collections.abc import Mapping
from typing import Any, assert_type

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

import rnnlatch as rl
from rnnlatch import Run, sweep
from rnnlatch.cells import LSTM, LatchNeuron, VanillaRNN
from rnnlatch.data import Text, read_text

# What `import rnnlatch` has, although it is imported when it is first used.
cell = rl.cells.LatchNeuron(w=1.25, train_w=True)
assert_type(cell, LatchNeuron)
assert_type(cell.w, float)
task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
assert_type(task, rl.tasks.MinimalLatch)
algorithm = rl.algorithms.GradientDescent(learning_rate=0.1)
assert_type(algorithm, rl.algorithms.GradientDescent)
assert_type(rl.__version__, str)
assert_type(rl.Outcome(0), rl.Outcome)
assert_type(rl.info(), dict[str, Any])

# Training, one setting and a grid.
runs = rl.train(cell, task, algorithm, runs=100, max_presentations=1000, rng=0)
assert_type(runs, xr.Dataset)
assert_type(runs["outcome"], xr.DataArray)


def study(w0: float, noise: float) -> Run:
    """One grid point."""
    noisy = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=noise)
    return rl.Run(rl.cells.LatchNeuron(w=w0, train_w=True), noisy, algorithm, max_presentations=1000)


assert_type(study(1.25, 0.1), Run)
grid = rl.sweep(study, {"w0": [1.0, 1.5], "noise": np.linspace(0, 0.5, 5)}, runs=18, rng=0, store="grid.db")
assert_type(grid, xr.Dataset)
assert_type(sweep(study, {"w0": [1.0]}, runs=rl.AdaptiveRuns(half_width=0.1)), xr.Dataset)
assert_type(rl.open_store("grid.db").to_xarray(), xr.Dataset)
assert_type(rl.replay(study(1.25, 0.1), {"w0": 1.25, "noise": 0.1}, rng=0), xr.Dataset)

# Networks: states, gradients, dynamics.
network = rl.cells.VanillaRNN(inputs=2, hidden=10, outputs=1)
assert_type(network, VanillaRNN)
assert_type(rl.cells.LSTM(inputs=2, hidden=10), LSTM)
params = network.initial_parameters(rng=0)
assert_type(params, dict[str, NDArray[Any]])
x = np.zeros((5, 20, 2))
assert_type(rl.simulate(network, params, x), NDArray[Any])
states, final = rl.simulate(network, params, x, final_state=True)
assert_type(states, NDArray[Any])

loss, gradient = rl.gradients.loss_and_gradient(network, params, x, np.zeros((5, 1)))
assert_type(gradient, dict[str, NDArray[Any]])
assert_type(rl.gradients.by_lag(network, params, x, np.zeros((5, 1))), xr.Dataset)
assert_type(rl.diagnose(network, params).summary(), str)
rl.io.save("network.safetensors", params)
assert_type(rl.io.load("network.safetensors"), dict[str, NDArray[Any]])

# Data, statistics and plots.
assert_type(read_text("book.txt"), Text)
assert_type(rl.plotting.frequency_curve(grid), Axes)


def wanted(parameters: Mapping[str, NDArray[np.float64]]) -> xr.Dataset:
    """Takes what the package gives."""
    return rl.dynamics.fixed_points(rl.cells.VanillaRNN(inputs=0, hidden=2), parameters)
