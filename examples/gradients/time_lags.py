"""
Does training let a gradient reach further?
===========================================

A gradient is a sum over time lags. Here it is taken apart twice: for a network as it begins, and
for one that has learned to say in which order two symbols came.
"""

import matplotlib.pyplot as plt

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# One run is enough. It stops when of a hundred sequences at most one has been wrong.

task = rl.tasks.TemporalOrder(length=20)
cell = rl.cells.GRU(inputs=task.features, hidden=12, outputs=task.outputs)
adam = rl.algorithms.Adam(learning_rate=0.01, batch_size=20)
criterion = rl.Criterion(measure="error", threshold=0.01)
runs = rl.train(cell, task, adam, criterion=criterion, runs=1, max_presentations=40_000, rng=0)
print(rl.Outcome(runs.outcome.item()).name, "after", runs.presentations.item(), "presentations")

# %%
# Both networks read the same sequences. ``by_lag`` gives an array for each parameter and lag, and
# their norm.

learned = rl.io.from_dataset(runs.isel(run=0), cell)
shown = task.sample(100, rng=1)
networks = {"as it begins": cell.initial_parameters(0), "when it has learned": learned}
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, parameters in networks.items():
    parts = rl.gradients.by_lag(cell, parameters, shown.inputs, shown.targets, loss=task.loss)
    rl.plotting.by_lag(parts, ax, label=name)
    share = parts.norm.sel(lag=slice(10, None)).sum() / parts.norm.sum()
    print(f"{name}: {share.item():.0%} from lags of 10 steps and more")
ax.legend()
plt.show()

# %%
# At first nearly all of the gradient comes from the last steps, where there is nothing to be
# learned; very little arrives from where the symbols were. In the end all steps have a part. A
# network that is blind to long lags may not find the way there: see :doc:`/gradients` for what
# decides, and :doc:`/memory-architectures` for which networks do.
