"""What the recurrent weights say by themselves, without any input."""

import numpy as np
import xarray as xr

from rnnlatch.diagnose.driven import Driven
from rnnlatch.dynamics._results import counted, eigenvalues, quantity
from rnnlatch.gradients.jacobians import _GAMMA

__all__ = ["recurrent_weights"]

LARGEST = 4096  # hidden units: beyond, the decompositions take minutes


def recurrent_weights(driven: Driven) -> tuple[dict[str, xr.Variable], list[str]]:
    """Take the singular values and eigenvalues of each block of the recurrent weights.

    Returns
    -------
    dict of Variable
        Over (block, index): ``singular_value``, falling; over ``block``: ``largest_singular_value`` and
        ``spectral_radius``. A plain network has one block, a gated one a block for each gate. Of a plain network ``gamma``
        too, the largest slope of its activation.
    list of str
        What was left out, and why.
    """
    cell, weight = driven.cell, driven.params["weight_hh_l0"]
    found: dict[str, xr.Variable] = {}
    blocks = [gate or "recurrent" for gate in cell.gates]
    if cell.kind == "VanillaRNN":
        gamma = _GAMMA[str(getattr(cell, "activation", "tanh"))]
        found["gamma"] = quantity((), gamma, "γ, the largest slope of the activation")
    if cell.diagonal:
        singular = np.sort(np.abs(weight))[::-1][None]
        radius = singular[:, 0]
    elif cell.hidden > LARGEST:
        return found, [f"the spectrum of the recurrent weights: {cell.hidden} units are more than {LARGEST}"]
    else:
        square = weight.reshape(len(blocks), cell.hidden, cell.hidden)
        singular = np.linalg.svd(square, compute_uv=False)
        radius = np.abs(eigenvalues(square)[:, 0])
    words = "the recurrent weights" if len(blocks) == 1 else "each gate's recurrent weights"
    found |= {
        "block": quantity("block", blocks, "block of the recurrent weights"),
        **counted("index", cell.hidden, "rank of the singular value, the largest first"),
        "singular_value": quantity(("block", "index"), singular, f"singular values of {words}"),
        "largest_singular_value": quantity("block", singular[:, 0], f"largest singular value of {words}"),
        "spectral_radius": quantity("block", radius, f"spectral radius of {words}"),
    }
    return found, []
