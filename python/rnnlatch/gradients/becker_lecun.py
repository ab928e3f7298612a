"""The diagonal of the second derivatives, as Becker and LeCun approximate it."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._dispatch import core, isa
from rnnlatch._memory import available_memory, words
from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch._record import canonical_json
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import check_names, own_coordinates
from rnnlatch.gradients._engine import pose

__all__ = ["curvature"]


def curvature(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    second_order: bool = False,
    by_step: bool = True,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Estimate the second derivative of the loss with respect to each parameter, in all and at each step.

    Parameters
    ----------
    cell, params, inputs, targets, loss, at, mask, lengths, initial_state, threads
        As in `loss_and_gradient`.
    second_order : bool
        Keep the term with the activation's second derivative. Without it (Gauss-Newton) the result is never negative.
    by_step : bool
        Give the curvature at each step too; it takes memory for every parameter, sequence and step.

    Returns
    -------
    Dataset
        Variables named like the parameters, in their dimensions: the curvature of each step's use of the parameter, summed
        over steps, averaged over the batch. With `by_step` also ``…_by_step`` over ``sequence`` and ``time``: that of the
        use in one sequence at one step, whose sum over both is the former. A learned initial state, ``h_0`` and ``c_0``, is
        used at no step and has the former only.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If the result would take more memory than is available.

    Notes
    -----
    The recursion, from the last step back: H_a = φ'(a)² H_h (+ φ''(a) ∂E/∂h), H_h at the step before = Σ w² H_a, and
    ∂²E/∂w² of one step = H_a x². Only the diagonals are carried; what units do together is left out. For gated cells the
    squares of the pointwise derivatives stand for φ'².

    Sources: S. Becker and Y. LeCun, "Improving the convergence of back-propagation learning with second order methods",
    Proc. 1988 Connectionist Models Summer School; Y. Bengio, P. Simard and P. Frasconi (1994), section V, equations 5
    and 6, where the two sums are used.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=3)
    >>> found = rl.gradients.curvature(cell, cell.initial_parameters(0), np.ones((2, 5, 1)), np.zeros((2, 3)))
    >>> dict(found["weight_hh_l0_by_step"].sizes)
    {'sequence': 2, 'time': 5, 'row': 3, 'hidden': 3}
    """
    problem = pose(
        cell,
        params,
        inputs,
        targets,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
        threads=threads,
    )
    order, steps = validation.flag("second_order", second_order), validation.flag("by_step", by_step)
    s = problem.sequences
    numbers = sum(int(np.prod(shape)) for shape in cell.parameter_shapes.values())
    needed = numbers * s.runs * s.batch * s.time * s.dtype.itemsize
    if steps and needed > available_memory():
        raise MemoryError(
            f"the curvature of {numbers} parameters at {s.time} steps of {s.batch} sequences needs {words(needed)}, and "
            f"{words(available_memory())} are available; by_step=False leaves that out"
        )
    named = {"sequence", "time", *(f"{name}_by_step" for name in cell.parameter_shapes)} if steps else set()
    check_names(s, named | {dim for part in cell.parameters().values() for dim in part.dims})
    many = problem.as_many()
    found = core.network_curvature(
        many.structure,
        many.sequences.parameters,
        many.sequences.inputs,
        many.targets,
        many.mask,
        many.sequences.lengths,
        many.sequences.initial,
        many.threads,
        order,
        steps,
        s.same_step,
    )
    lead, shape = (s.networks.dims, s.networks.shape) if s.many else ((), ())
    data: dict[str, Any] = {}

    def add(name: str, dims: tuple[str, ...], value: NDArray[Any], long_name: str) -> None:
        array = value.reshape(*shape, *value.shape[1:])
        data[name] = xr.Variable((*lead, *dims), array, {"long_name": long_name, "units": "1"})

    total = mask_gradient(cell, found["curvature"])
    parts = mask_gradient(cell, found["curvature_by_step"]) if steps else {}
    for name, part in cell.parameters().items():
        add(name, part.dims, total[name], f"curvature of the loss: {part.long_name}")
        if name in parts:  # an initial state is used at no step
            dims = ("sequence", "time", *part.dims)
            add(f"{name}_by_step", dims, parts[name], f"curvature of the loss by the use at one step: {part.long_name}")
    coords: dict[Any, Any] = own_coordinates(s)
    if steps:
        sequence = {"long_name": "sequence of the batch", "units": "1"}
        coords["sequence"] = xr.Variable("sequence", np.arange(s.batch), sequence)
        coords["time"] = xr.Variable("time", np.arange(s.time), {"long_name": "time step, from 0", "units": "steps"})
    attrs = provenance("rnnlatch.gradients.curvature; Becker and LeCun (1988)", "none") | {
        "isa": isa,
        "parameters": canonical_json({"cell": cell.to_dict(), "loss": loss, "at": at, "second_order": order}),
    }
    return xr.Dataset(data, coords, attrs)
