"""
Does clipping the gradient help?
================================

Now and then the gradient of a recurrent network is huge, and one step undoes all training. To
clip it is to shorten it to a given norm. Here plain gradient descent learns with and without, at
learning rates from small to large.
"""

import matplotlib.pyplot as plt

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# The task is to say in which order two symbols came. The axis ``clipping`` is *common*: with and
# without it, runs begin with the same weights and see the same sequences, so that nothing else
# differs.

task = rl.tasks.TemporalOrder(length=10)
start = rl.cells.Orthogonal(gain=1.2)
cell = rl.cells.VanillaRNN(inputs=task.features, hidden=10, outputs=task.outputs, init_hh=start)
norms = {"not clipped": None, "clipped to a norm of 1": 1.0}
criterion = rl.Criterion(measure="error", threshold=0.05)  # at most 5 % of 100 sequences wrong


def study(clipping: str, learning_rate: float) -> rl.Run:
    """Describe the training at one grid point."""
    descent = rl.algorithms.GradientDescent(
        learning_rate=learning_rate, batch_size=10, clip_norm=norms[clipping]
    )
    return rl.Run(cell, task, descent, criterion, max_presentations=8_000)


rates = [0.01, 0.03, 0.1, 0.3, 1.0]
grid = rl.sweep(
    study, {"clipping": list(norms), "learning_rate": rates}, common=("clipping",), runs=24, rng=0
)

# %%
# Bands are Wilson's 95 % intervals: where they are apart, the difference is not one of luck.

outcomes = grid.outcome == rl.Outcome.CONVERGED
counts = outcomes.sum("run").to_dataset(name="converged").assign(runs=outcomes.count("run"))
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for clipping in norms:
    rl.plotting.frequency_curve(counts.sel(clipping=clipping), ax, label=clipping, marker="o")
ax.set_xscale("log")
ax.set_xlabel("learning rate")
ax.legend()
plt.show()

# %%
# Where steps are small there is nothing to be saved from, and clipping may make training slower.
# Where they are large it is what lets the network learn at all. How it does on tasks with lags of
# 50 to 200 steps is told on the page about :doc:`Pascanu, Mikolov and Bengio (2013)
# </pascanu2013-training>`.
