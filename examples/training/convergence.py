"""
Where does training converge?
=============================

One unit is to keep one bit for 20 steps while noise comes in. A sweep trains it from many initial
weights and under many levels of noise, and a map shows how often it learned to.
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# A study says what is trained at a grid point, a function of the axes. ``rnnlatch.sweep`` calls
# it for every grid point, and trains so many runs of each: here 24 of 255, which differ in
# nothing but their random numbers.


def study(w: float, noise_std: float) -> rl.Run:
    """Describe the training at one grid point."""
    cell = rl.cells.LatchNeuron(w=w, train_w=True)
    task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=noise_std)
    descent = rl.algorithms.GradientDescent(learning_rate=0.1)
    return rl.Run(cell, task, descent, max_presentations=1000)


axes = {"w": np.linspace(0.6, 2.2, 17), "noise_std": np.linspace(0.02, 0.58, 15)}
grid = rl.sweep(study, axes, runs=24, rng=0)
print(grid.outcome.sizes)

# %%
# What comes back is an `xarray.Dataset` with the outcome of every run. The share that converged
# comes with an interval, which for 24 runs is wide: single rectangles are not to be trusted, the
# shape of the whole is.

converged = rl.statistics.success_rate(grid)
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
rl.plotting.phase_map(converged.rate, ax, x="w", y="noise_std")
print("widest interval:", float((converged.high - converged.low).max().round(2)))
plt.show()

# %%
# A weight below 1 keeps nothing, and has to grow first. The more noise, the fewer learn it,
# whatever the weight.
#
# This is Figure 2 of Bengio, Simard and Frasconi (1994) in small; :doc:`the experiment
# </experiments/bengio1994-density>` has it in full, with what the paper claims of it. A sweep
# that takes hours has a :doc:`store </stores>`, and may be interrupted.
