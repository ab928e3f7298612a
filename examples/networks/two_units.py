"""
Where does a network keep what it remembers?
============================================

Two units have learned to keep a bit for 20 steps of noise. With two units all states are a
square, and everything can be seen: where states come to rest, and from where they get there.
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# The first three steps tell the class, the others are noise. Sixteen networks are trained, and
# one that learned it is taken.

task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
start = rl.cells.Identity(1.2)
cell = rl.cells.VanillaRNN(inputs=task.features, hidden=2, outputs=1, init_hh=start)
adam = rl.algorithms.Adam(learning_rate=0.02, batch_size=10)
criterion = rl.Criterion(measure="error", threshold=0.01)
runs = rl.train(cell, task, adam, criterion=criterion, runs=16, max_presentations=20_000, rng=0)
learned = np.flatnonzero(runs.outcome == rl.Outcome.CONVERGED)
print(f"{learned.size} of 16 learned it")
network = runs.isel(run=int(learned[0]))

# %%
# With its input at 0 it has these fixed points. In two dimensions the search is a proof: there
# are no others.

points = rl.dynamics.fixed_points(cell, network)
print(points.outcome.item(), "- stable:", points.stable.values)

# %%
# The colours are the basins, from which a state comes to one stable point or the other. The dots
# are where two hundred sequences have brought the network to, by their class.

field = rl.dynamics.displacement_field(cell, network)
basins = rl.dynamics.basins(cell, network, resolution=200)
shown = task.sample(200, rng=1)
states = rl.simulate(cell, network, shown.inputs)
figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
rl.plotting.phase_portrait(field, ax, fixed_points=points, basins=basins)
for group, colour in ((0, "white"), (1, "black")):
    x, y = states[shown.classes == group, -1].T
    ax.scatter(
        x, y, 6, colour, edgecolor="black", linewidth=0.4, label=f"class {group}", zorder=3
    )
figure.legend(loc="outside right upper")
plt.show()

# %%
# Each class is in a basin of its own: the bit is which one. Noise cannot take it out, as long as
# it does not carry the state over the border. For larger networks, other inputs, and how much
# noise is too much, see :doc:`/dynamics`.
