"""
How many runs are enough?
=========================

Whether a network learns is a matter of chance, and the frequency is only as good as the number of
runs behind it. A sweep can go on with each grid point until its frequency is known well enough.
"""

import matplotlib.pyplot as plt

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")


def study(length: int) -> rl.Run:
    """Describe the training at one grid point."""
    cell = rl.cells.LatchNeuron(w=1.25, train_w=True)
    task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.3)
    descent = rl.algorithms.GradientDescent(learning_rate=0.1)
    return rl.Run(cell, task, descent, max_presentations=500)


# %%
# Instead of a number, ``runs`` says how narrow Wilson's 95 % interval must be: here 0.05 to
# either side.

axes = {"length": [5, 8, 10, 12, 15, 20, 30, 40, 60, 80]}
grid = rl.sweep(study, axes, runs=rl.AdaptiveRuns(half_width=0.05), rng=0)
converged = rl.statistics.success_rate(grid)
print(converged[["rate", "low", "high", "runs"]].to_dataframe().round(2))

# %%
# Where nearly all runs learn, or nearly none, the first hundred will do; in between it takes
# about four times as many.

figure, (above, below) = plt.subplots(
    2, sharex=True, figsize=(6, 4.5), layout="constrained", height_ratios=[2, 1]
)
counts = converged[["runs"]].assign(converged=converged.rate * converged.runs)
rl.plotting.frequency_curve(counts, above, marker="o")
above.set_xlabel("")
below.plot(converged.length, converged.runs, "o", color="black")
below.vlines(converged.length, 0, converged.runs, color="black", linewidth=0.8)
below.set(xlabel="sequence length (steps)", ylabel="runs", ylim=(0, None))
plt.show()

# %%
# How the rounds are made, and how far a sweep scales: :doc:`/scaling`. Whether a frequency
# rises or falls along an axis is what `rnnlatch.statistics.trend_test` tests.
