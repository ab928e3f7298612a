"""How fast nearby states move apart or together along the sequences."""

import numpy as np
import xarray as xr

from rnnlatch.diagnose.driven import Driven
from rnnlatch.diagnose.jacobians import Budget
from rnnlatch.dynamics._results import counted, quantity
from rnnlatch.dynamics.lyapunov import lyapunov_spectrum
from rnnlatch.gradients._analysis import Floats

__all__ = ["exponents"]

LEAST = 40  # steps: of fewer no rate is estimated
_BATCHES = 10
_RECORDED = 60


def exponents(driven: Driven, afforded: Budget) -> tuple[dict[str, xr.Variable], list[str]]:
    """Estimate the largest Lyapunov exponents of the driven network, for each of some sequences.

    Returns
    -------
    dict of Variable
        Over (exponent_sequence, exponent): ``lyapunov_exponent`` in nats per step, ``lyapunov_standard_error``; over
        (exponent_sequence, exponent_step, exponent) ``lyapunov_running``, the estimate so far.
    list of str
        What was left out, and why.
    """
    if driven.time < LEAST:
        return {}, [f"Lyapunov exponents: {driven.time} steps are fewer than {LEAST}"]
    batch, wanted = min(max(afforded.sequences, 1), driven.batch), min(afforded.exponents, driven.dimension)
    found = lyapunov_spectrum(
        driven.cell,
        driven.params,
        driven.inputs[:batch],
        exponents=wanted,
        record=_RECORDED,
        spacing="linear",
        batches=_BATCHES,
        threads=driven.threads,
    )
    by = ("exponent_sequence", "exponent")

    def values(name: str) -> Floats:
        array = found[name]
        return np.asarray(array.values if "sequence" in array.dims else array.values[None])

    words = "Lyapunov exponent of the network along its sequence"
    return {
        **counted("exponent_sequence", batch, "sequence of the exponents"),
        **counted("exponent", wanted, "rank of the Lyapunov exponent, the largest first"),
        "exponent_step": quantity("exponent_step", found["step"].values, "step after the transient", "steps"),
        "lyapunov_exponent": quantity(by, values("lyapunov_exponent"), words, "nats per step"),
        "lyapunov_standard_error": quantity(
            by, values("standard_error"), f"standard error of the {words}", "nats per step"
        ),
        "lyapunov_running": quantity(
            ("exponent_sequence", "exponent_step", "exponent"), values("running"), f"{words}, so far", "nats per step"
        ),
    }, []
