"""
How do I train on my own data?
==============================

Arrays of your own are a task like any other. Here a network is to repeat the input of some steps
ago, at every step; how many steps can eight units do?
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")
rng = np.random.default_rng(0)

# %%
# Inputs and targets are ``(sequences, time, features)``. The first steps have nothing to repeat
# yet: a mask leaves them out.


def repeat(delay: int, sequences: int) -> rl.tasks.DatasetTask:
    """Draw signs, with those of `delay` steps earlier as targets."""
    signs = rng.choice([-1.0, 1.0], size=(sequences, 30, 1))
    mask = np.tile(np.arange(30) >= delay, (sequences, 1))
    targets = np.roll(signs, delay, axis=1)
    return rl.tasks.DatasetTask(inputs=signs, targets=targets, mask=mask, at="every")


# %%
# ``rnnlatch.train`` trains four networks at once. Their error is measured on sequences that they
# have not seen.

orthogonal = rl.cells.Orthogonal()
cells = {
    "plain": rl.cells.VanillaRNN(inputs=1, hidden=8, outputs=1),
    "orthogonal": rl.cells.VanillaRNN(inputs=1, hidden=8, outputs=1, init_hh=orthogonal),
    "GRU": rl.cells.GRU(inputs=1, hidden=8, outputs=1),
}
delays = [2, 4, 6, 8]
adam = rl.algorithms.Adam(learning_rate=0.01, batch_size=10)
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, cell in cells.items():
    errors = []
    for delay in delays:
        shown = repeat(delay, 200)
        runs = rl.train(cell, shown, adam, criterion=None, runs=4, max_presentations=3_000, rng=0)
        errors.append(rl.evaluate(cell, runs, repeat(delay, 200)).error.median())
    ax.plot(delays, errors, "o-", label=name)
ax.set(xlabel="delay (steps)", ylabel="share of sequences with an error", ylim=(-0.03, 1.03))
ax.legend()
plt.show()

# %%
# Six steps are no problem for the plain networks; the GRU has three times the weights, and learns
# less in so many presentations. A sequence counts as wrong if one of its answers is.
#
# Sequences of unequal lengths, classes instead of numbers, and early stopping:
# :doc:`/how-to-task`.
