"""What the analyses of dynamics work on: a map from states to states, its Jacobian, and where its attractors can be.

A network with constant input is such a map, and so is a latch, or a map that a user writes. The analyses call `step` and
`jacobian` for many states at once and know nothing of cells.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._network_parameters import Params, check_network_parameters
from rnnlatch._state_dict import listed
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.cells.network import NetworkCell
from rnnlatch.dynamics._map import Map
from rnnlatch.dynamics._network import NetworkSystem
from rnnlatch.dynamics._system import VARIABLES, Floats, System, Variable, check_box

__all__ = ["VARIABLES", "Floats", "Map", "NetworkSystem", "System", "Variable", "check_box", "system"]


def system(
    cell: NetworkCell | LatchNeuron | System,
    params: Params | float | None = None,
    *,
    input: ArrayLike | None = None,
    variable: Variable = "state",
) -> System:
    """Give a network, a latch or a map of one's own as the map that the analyses take.

    Parameters
    ----------
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU, LatchNeuron or Map
        What is iterated.
    params : mapping of arrays or Dataset, optional
        The parameters of one network; of a `LatchNeuron` ``{"weight": w}``, and None stands for its own w. Not for a map.
    input : array_like, shape (inputs,), optional
        What comes in at every step, for a single input a number; None: 0. Not for a map.
    variable : {"state", "pre_activation"}
        What is called the state: h, after the nonlinearity (of an LSTM h and then c), or the sums before it, in which the
        papers of Bengio et al. (1994) and Pascanu et al. (2013) write the system: a_t = W phi(a_(t-1)) + U u + b, for
        vanilla networks and the latch.

    Returns
    -------
    System

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or there are many networks.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlatch.cells import LatchNeuron
    >>> latch = system(LatchNeuron(), {"weight": 2.0}, input=0.1, variable="pre_activation")
    >>> latch.step(np.array([[0.0]])), latch.jacobian(np.array([[0.0]]))
    (array([[0.1]]), array([[[2.]]]))
    """
    if isinstance(cell, System):
        for name, value in (("params", params), ("input", input)):
            if value is not None:
                raise ValueError(f"{name} is given and cell is a map; it must be None")
        if validation.choice("variable", variable, VARIABLES) != "state":
            raise ValueError(f"variable is {variable!r} and cell is a map, which has states only")
        return cell
    allowed = "a cell such as rnnlatch.cells.VanillaRNN(…), a LatchNeuron, or a rnnlatch.dynamics.Map(…)"
    validation.instance("cell", cell, (NetworkCell, LatchNeuron), allowed)
    variable = validation.choice("variable", variable, VARIABLES)  # type: ignore[assignment]
    latch = isinstance(cell, LatchNeuron)
    network, given = _latch_as_network(cell, params) if isinstance(cell, LatchNeuron) else (cell, params)
    if getattr(network, "same_step", None) is not None:
        raise ValueError("cell has same_step; this analysis is of networks whose units read the step before only")
    if variable == "pre_activation" and network.kind != "VanillaRNN":
        raise ValueError(
            f"variable is 'pre_activation' and cell is a {network.kind}; it must be 'state' for gated cells"
        )
    if given is None or isinstance(given, float | int):
        raise TypeError(f"params is {validation.show(given)}; it must be a dict of arrays or a dataset of one run")
    checked = check_network_parameters(network, given)
    if checked.shape:
        raise ValueError(
            f"params has {checked.count} networks; this analysis is of one, choose it, as with .isel(run=0) or [0]"
        )
    arrays = {name: np.ascontiguousarray(value, np.float64) for name, value in checked.arrays.items()}
    return NetworkSystem(network, arrays, _constant_input(network, input), variable, latch)


def _latch_as_network(cell: LatchNeuron, params: Any) -> tuple[VanillaRNN, dict[str, Floats]]:
    weight: Any = params
    if params is None:
        weight = cell.w
    elif isinstance(params, Mapping):
        if "weight" not in params or (isinstance(params, dict) and len(params) > 1):
            raise ValueError(f"params has {listed(params)}; of a LatchNeuron it must be a number, or {{'weight': w}}")
        weight = params["weight"]
    array = floats("weight", weight, "a number, or {'weight': w}", np.dtype(np.float64))
    if array.size != 1:
        raise ValueError(f"weight has shape {array.shape}; this analysis is of one latch")
    check_finite("weight", array)
    network = VanillaRNN(inputs=1, hidden=1, activation="tanh", bias=False)
    return network, {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": array.reshape(1, 1)}


def _constant_input(cell: NetworkCell, given: Any) -> Floats:
    if given is None:
        return np.zeros(cell.inputs)
    allowed = f"real numbers, shape ({cell.inputs},)"
    array = floats("input", given, allowed, np.dtype(np.float64))
    if array.shape == () and cell.inputs == 1:
        array = array.reshape(1)
    if array.shape != (cell.inputs,):
        raise ValueError(f"input has shape {array.shape}; it must be {allowed}")
    check_finite("input", array)
    return array
