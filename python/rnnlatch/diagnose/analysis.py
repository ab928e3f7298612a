"""The diagnosis of a network: everything that is measured, and the verdict."""

import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._dispatch import isa
from rnnlatch._network_parameters import Params
from rnnlatch._record import canonical_json
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell
from rnnlatch.diagnose.attractors import left_alone
from rnnlatch.diagnose.backward import gradient_by_lag
from rnnlatch.diagnose.diagnosis import Diagnosis
from rnnlatch.diagnose.driven import Driven, prepare
from rnnlatch.diagnose.exponents import exponents
from rnnlatch.diagnose.jacobians import budget, one_step, products
from rnnlatch.diagnose.memory import horizons
from rnnlatch.diagnose.units import unit_activity
from rnnlatch.diagnose.verdict import findings
from rnnlatch.diagnose.weights import recurrent_weights
from rnnlatch.dynamics._results import quantity
from rnnlatch.rng import RNGLike

__all__ = ["diagnose", "measure"]


def measure(driven: Driven) -> xr.Dataset:
    """Measure everything that the verdict rests on."""
    found: dict[str, xr.Variable] = {}
    left: list[str] = []

    def add(more: tuple[dict[str, xr.Variable], list[str]]) -> None:
        found.update(more[0])
        left.extend(more[1])

    add(recurrent_weights(driven))
    found["overflow_step"] = quantity(
        "sequence", driven.overflow, "step at which the state ceases to be finite, 0 where it does not", "steps"
    )
    found["sequence"] = quantity("sequence", range(driven.batch), "sequence")
    if driven.time:
        afforded = budget(driven)
        found |= unit_activity(driven) | gradient_by_lag(driven)
        found |= horizons(found["log_gradient"])
        add(one_step(driven, afforded))
        add(products(driven, afforded))
        add(exponents(driven, afforded))
        add(left_alone(driven, afforded))
    else:
        left.append("everything along the sequences: the state is not finite after the first step")
    dims = {dim for values in found.values() for dim in values.dims}
    attrs = provenance("rnnlatch.diagnose", driven.rng) | {
        "isa": isa,
        "cell": repr(driven.cell),
        "sequences": driven.law,
        "error": _error(driven),
        "steps": driven.time,
        "left_out": "; ".join(left),
        "parameters": canonical_json({"cell": driven.cell.to_dict(), "loss": driven.loss}),
    }
    return xr.Dataset(
        {name: values for name, values in found.items() if name not in dims},
        {name: values for name, values in found.items() if name in dims},
        attrs,
    )


def _error(driven: Driven) -> str:
    """Say which error is followed back."""
    if driven.targets is not None:
        return f"the {driven.loss.replace('_', ' ')} of each sequence at its last step"
    if driven.cell.outputs is not None:
        return "a random combination of the outputs at the last step, another for each sequence"
    if driven.cell.read_unit is not None:
        return f"hidden unit {driven.cell.read_unit}, which is read, at the last step"
    return "a random combination of the hidden units at the last step, another for each sequence"


def diagnose(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    length: int | None = None,
    sequences: int | None = None,
    noise_std: float = 1.0,
    rng: RNGLike | None = 0,
    threads: int | None = None,
    name: str = "network",
) -> Diagnosis:
    """Say how far back a network remembers, why it may not learn, and what to try.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM or GRU
        The kind of network; `rnnlatch.io.cell_from_parameters` finds it.
    params : mapping of arrays or Dataset
        The parameters of one network.
    inputs : array_like, shape (time, inputs) or (batch, time, inputs), optional
        Sequences that the network is meant for. None: Gaussian noise, mean 0, standard deviation `noise_std`, independent
        over steps and inputs.
    targets : array_like, optional
        Targets of these sequences, as in `rnnlatch.gradients.loss_and_gradient`. None: what is followed back is a random
        combination of the outputs at the last step, where there are none of the hidden units.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        The loss, where there are targets.
    at : {"last", "every"}
        Whether there is a target for each sequence or for each of its steps. What is followed back is the loss at the
        last step that is looked at.
    length : int, optional
        Steps: of noise; of longer sequences the first so many. None: 500; with targets all.
    sequences : int, optional
        Sequences of noise, and the most that are looked at of those given. None: 8.
    noise_std : float
        Standard deviation of the noise, above 0.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where random numbers start.
    threads : int, optional
        Threads of the engine; None: all processors.
    name : str
        What to call the network in what is written of it.

    Returns
    -------
    Diagnosis
        ``findings``, each with its evidence and what to try; ``data``, a Dataset of all that was measured; ``summary()``,
        ``to_json(path)``, ``to_html(path)``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    A recording of a single sequence, (time, inputs), that is at least twice as long as `length` is cut into pieces. What
    takes too long for a large network is done less often, and listed in ``data.attrs["left_out"]``. A state that ceases to
    be finite is a finding; the rest is measured before it.

    Sources: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Trans. Neural Networks 5(2):157-166, 1994; R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training
    recurrent neural networks", ICML 2013, section 2.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=2, hidden=20, outputs=1, init_hh=rl.cells.Uniform(0.1))
    >>> found = rl.diagnose(cell, cell.initial_parameters(0), length=100)
    >>> found["must-vanish"].severity
    'problem'
    >>> float(found.data["horizon"].sel(share=0.01))
    4.0
    """
    validation.instance("name", name, str, "a text")
    driven = prepare(
        cell,
        params,
        inputs,
        targets,
        loss=loss,
        at=at,
        length=length,
        sequences=sequences,
        noise_std=noise_std,
        rng=rng,
        threads=threads,
    )
    data = measure(driven)
    return Diagnosis(data, findings(driven, data), name)
