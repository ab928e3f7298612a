"""
From which gain on is a network chaotic?
========================================

A large random network left alone comes to rest where its weights are small, and never does where
they are large. The largest Lyapunov exponent tells: below 0 neighbouring states meet, above 0
they part, and a gradient explodes.
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# The gain scales the weights: their standard deviation is gain / sqrt(units). Five networks for
# each gain, of two sizes.

gains = np.linspace(0.5, 2, 16)
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for units in (10, 100):
    largest = np.empty((gains.size, 5))
    start = np.random.default_rng(0).uniform(-1, 1, units)
    for place, gain in enumerate(gains):
        init = rl.cells.Normal(gain / units**0.5)
        cell = rl.cells.VanillaRNN(inputs=1, hidden=units, bias=False, init_hh=init)
        for seed in range(5):
            found = rl.dynamics.lyapunov_spectrum(
                cell, cell.initial_parameters(seed), steps=500, exponents=1, initial_state=start
            )
            largest[place, seed] = found.lyapunov_exponent.item()
    (line,) = ax.plot(gains, np.median(largest, axis=1), label=f"{units} units")
    lowest, highest = largest.min(axis=1), largest.max(axis=1)
    ax.fill_between(gains, lowest, highest, color=line.get_color(), alpha=0.2, linewidth=0)
ax.axhline(0, color="black", linewidth=0.7)
ax.set(xlabel="gain", ylabel="largest Lyapunov exponent (nats per step)")
ax.legend(title="median and range")
plt.show()

# %%
# Up to a gain of about 1 all networks come to rest. From there on some go round in a circle, with
# an exponent of 0, and the larger ones become chaotic; the more units, the nearer to 1, which is
# the border of a network without end (Sompolinsky, Crisanti and Sommers, 1988). Inputs saturate
# units and push it to larger gains: give ``inputs`` to ``lyapunov_spectrum`` to see it. All
# exponents, not only the largest, and what they have to do with memory: :doc:`/dynamics`.
