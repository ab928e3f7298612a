"""A plain NumPy implementation of what the engine computes, written to be read.

Read in this order: `latch` (the network, its cost and its gradient), `descent` (one step of gradient descent),
`trainer` (a whole run, until it stops), `evaluation` (fresh test sequences). `arithmetic` supplies the one operation
that NumPy lacks, the fused multiply-add. `networks` stands alone: recurrent networks of any cell, their losses and
gradients, for one network at a time; `dynamics` are the same networks as maps, with fixed points and basins by brute
force. `differences` are derivatives without calculus, against which all of it is checked.

Nothing here is fast, and nothing is shared with the C++ code.

Everywhere but in `networks` and `dynamics` the last axis is the run: an array of shape (..., runs) holds the same
quantity of many independent runs.
"""
