"""
Why does my network not learn?
==============================

``rnnlatch.diagnose`` looks at a network and says in sentences what is wrong, with the numbers
behind them, and what to try. Here two networks are looked at: one as somebody might begin, and
one that follows the advice.
"""

import matplotlib.pyplot as plt
import numpy as np

import rnnlatch as rl

plt.style.use("rnnlatch.plotting.rnnlatch")

# %%
# Weights may come from PyTorch, as a file or a ``state_dict``. The sequences are those that the
# network is meant for.

sequences = np.random.default_rng(0).normal(0, 0.3, (8, 100, 2))
small = rl.cells.VanillaRNN(inputs=2, hidden=20, outputs=1, init_hh=rl.cells.Uniform(0.1))
found = rl.diagnose(small, small.initial_parameters(0), sequences)
print(found.summary())

# %%
# It advises recurrent weights whose singular values are about 1, as those of an orthogonal
# matrix.

advised = rl.cells.VanillaRNN(inputs=2, hidden=20, outputs=1, init_hh=rl.cells.Orthogonal())
better = rl.diagnose(advised, advised.initial_parameters(0), sequences)
print([(finding.severity, finding.name) for finding in better.findings])

# %%
# Its gradient vanishes still, but slowly. All that was measured is in ``data``. How much of an
# error at the last step is left, so many steps earlier:

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, diagnosis in (("as it was", found), ("as advised", better)):
    ax.semilogy(diagnosis.data.lag, np.exp(diagnosis.data.log_gradient_share), label=name)
ax.axhline(0.01, color="black", linewidth=0.7, linestyle=":")
ax.set(xlabel="time lag (steps)", ylabel="share of the error that is left", ylim=(1e-4, 3))
ax.legend()
plt.show()

# %%
# ``found.to_html("page.html")`` writes a page with more pictures, and ``rnnlatch diagnose`` does
# the same on the command line. What each finding means, and when it is made: :doc:`/diagnose`.
