"""
Which initial weights keep a gradient alive?
============================================

On its way back through a hundred steps an error is multiplied by a hundred Jacobians. The
singular values of their product say what becomes of it: how many of the directions of the state
survive, and how much of each.
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# Four networks of 30 units, which differ in nothing but their recurrent weights, and read the
# same noise.

inputs = np.random.default_rng(0).normal(0, 0.1, (1, 100, 1))
starts = {
    "uniform, PyTorch's default": rl.cells.Uniform(),
    "normal, spectral radius about 1": rl.cells.Normal(std=1 / 30**0.5),
    "orthogonal": rl.cells.Orthogonal(),
    "identity": rl.cells.Identity(),
}
figure, axes = plt.subplots(2, 2, sharex=True, sharey=True, figsize=(7, 5), layout="constrained")
for ax, (name, init) in zip(axes.flat, starts.items(), strict=True):
    cell = rl.cells.VanillaRNN(inputs=1, hidden=30, init_hh=init)
    spectrum = rl.gradients.singular_spectrum(cell, cell.initial_parameters(0), inputs)
    rl.plotting.singular_spectrum(spectrum, ax)
    ax.set_title(name)
    ax.label_outer()
    left = (spectrum.log_singular_value.sel(lag=50) > np.log(1e-3)).sum().item()
    print(f"{name}: after 50 steps {left} of 30 directions keep more than a thousandth")
axes[0, 0].set_ylim(-12, 1)  # this axis counts powers of ten
plt.show()

# %%
# Every line is one direction. An orthogonal matrix and the identity shrink none; what shrinks
# there are the slopes of tanh, which are below 1 wherever a state is not 0. The identity adds up
# what comes in, until most units are saturated. What else can be done, such as gates that are
# open, or a penalty: :doc:`/gradients`.
