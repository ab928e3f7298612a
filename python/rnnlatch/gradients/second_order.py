"""Exact second derivatives: the Hessian times a vector, and for small networks the Hessian."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch._dispatch import core, isa
from rnnlatch._memory import available_memory, words
from rnnlatch._network_engine import in_shape
from rnnlatch._network_parameters import Params, check_network_parameters, mask_gradient
from rnnlatch._parameters import Networks
from rnnlatch._record import canonical_json
from rnnlatch._variables import provenance
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import check_names, own_coordinates
from rnnlatch.gradients._engine import Problem, pose

__all__ = ["hessian", "hessian_vector_product"]

_AT_ONCE = 1024  # directions


def hessian_vector_product(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    direction: Params,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Multiply the matrix of the loss's second derivatives by a vector, exactly.

    Parameters
    ----------
    cell, params, inputs, targets, loss, at, mask, lengths, initial_state, threads
        As in `loss_and_gradient`.
    direction : mapping of arrays or Dataset
        The vector: arrays named and shaped like the parameters. For many networks shared, or each its own; for one
        network an axis in front counts directions.

    Returns
    -------
    dict of ndarray
        The derivative of the gradient along the direction: named and shaped like the parameters, with an axis in front
        where there are many networks or directions.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    The gradient is computed with numbers that carry their derivative along the direction (dual numbers): forward mode
    over back-propagation. It costs about three gradients and has no error but rounding.

    Source: B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6(1):147-160, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=3)
    >>> params, direction = cell.initial_parameters(0), cell.initial_parameters(1)
    >>> product = rl.gradients.hessian_vector_product(cell, params, np.ones((2, 5, 1)), np.zeros((2, 3)), direction)
    >>> product["weight_hh_l0"].shape
    (3, 3)
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
    try:
        along = check_network_parameters(cell, direction)
    except (ValueError, TypeError) as error:
        raise type(error)(f"direction: {error}") from None
    given = problem.sequences
    dtype = given.dtype
    for name, value in along.arrays.items():
        if value.dtype != dtype:
            raise TypeError(
                f"direction has {name} of dtype {value.dtype} and the parameters {dtype}; give both one type"
            )
    trained = cell.trained
    arrays = {
        name: value * trained[name].astype(dtype) if name in trained else value for name, value in along.arrays.items()
    }
    if not along.shape:
        arrays = {name: value[None] for name, value in arrays.items()}
    many = problem.as_many()
    directions, runs = along.count, given.runs
    if given.many and directions not in (1, runs):
        raise ValueError(
            f"direction has {directions} networks and params {runs}; they must be equal, or direction shared"
        )
    if not given.many and directions > 1:
        many = _repeated(many, directions)
    count = many.sequences.runs
    arrays = {name: np.broadcast_to(value, (count, *value.shape[1:])) for name, value in arrays.items()}
    product = _product(many, arrays)
    if not given.many and not along.shape:
        return {name: value[0] for name, value in product.items()}
    return {name: in_shape(given, value) for name, value in product.items()} if given.many else product


def hessian(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Compute the matrix of the loss's second derivatives with respect to everything that is trained.

    Parameters
    ----------
    cell, params, inputs, targets, loss, at, mask, lengths, initial_state, threads
        As in `loss_and_gradient`, of one network.

    Returns
    -------
    Dataset
        ``hessian`` over (parameter, parameter_of_gradient), and its eigenvalues ``eigenvalue`` over ``mode``, the largest
        first. The coordinate ``parameter`` has names such as ``weight_hh_l0[0, 1]``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If the matrix would take more memory than is available.

    Notes
    -----
    Every column is an exact product as in `hessian_vector_product`, one a lane; what is returned is the mean of the matrix
    and its transpose, which differ by rounding. For n parameters it costs about 3 n gradients.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    >>> found = rl.gradients.hessian(cell, cell.initial_parameters(0), np.ones((2, 5, 1)), np.zeros((2, 2)))
    >>> found.parameter.values[:3].tolist()
    ['weight_ih_l0[0, 0]', 'weight_ih_l0[1, 0]', 'weight_hh_l0[0, 0]']
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
    s = problem.sequences
    if s.many:
        raise ValueError(f"there are {s.runs} networks; the Hessian is of one, select it with isel(run=…) or [run]")
    check_names(s, ("hessian", "eigenvalue", "parameter", "parameter_of_gradient", "mode"))
    trained = [
        (name, place)
        for name, shape in cell.parameter_shapes.items()
        for place in np.ndindex(shape)
        if name not in cell.trained or cell.trained[name][place]
    ]
    needed = 4 * len(trained) ** 2 * s.dtype.itemsize
    if needed > available_memory():
        there = words(available_memory())
        raise MemoryError(f"the Hessian of {len(trained)} parameters needs {words(needed)}, and {there} are available")
    one = problem.as_many()
    columns = np.empty((len(trained), len(trained)), s.dtype)
    for begin in range(0, len(trained), _AT_ONCE):
        chosen = trained[begin : begin + _AT_ONCE]
        along = {name: np.zeros((len(chosen), *shape), s.dtype) for name, shape in cell.parameter_shapes.items()}
        for row, (name, place) in enumerate(chosen):
            along[name][(row, *place)] = 1
        product = _product(_repeated(one, len(chosen)), along)
        for column, (name, place) in enumerate(trained):
            columns[begin : begin + len(chosen), column] = product[name][(slice(None), *place)]
    matrix = (columns + columns.T) / 2
    labels = [f"{name}[{', '.join(map(str, place))}]" for name, place in trained]
    units = {"units": "1"}
    attrs = provenance("rnnlatch.gradients.hessian", "none") | {
        "isa": isa,
        "parameters": canonical_json({"cell": cell.to_dict(), "loss": loss, "at": at}),
    }
    values = np.linalg.eigvalsh(matrix)[::-1] if np.isfinite(matrix).all() else np.full(len(trained), np.nan)
    return xr.Dataset(
        {
            "hessian": (
                ("parameter", "parameter_of_gradient"),
                matrix,
                {"long_name": "second derivative of the loss"} | units,
            ),
            "eigenvalue": ("mode", values, {"long_name": "eigenvalue of the Hessian"} | units),
        },
        own_coordinates(s)
        | {
            "parameter": ("parameter", labels, {"long_name": "parameter"} | units),
            "parameter_of_gradient": (
                "parameter_of_gradient",
                labels,
                {"long_name": "parameter of the gradient"} | units,
            ),
            "mode": (
                "mode",
                np.arange(len(trained)),
                {"long_name": "number of the eigenvalue, the largest first"} | units,
            ),
        },
        attrs,
    )


def _repeated(problem: Problem, count: int) -> Problem:
    """One network as many equal ones, without copies."""
    s = problem.sequences
    arrays = {name: np.broadcast_to(value, (count, *value.shape[1:])) for name, value in s.parameters.items()}
    return replace(problem, sequences=replace(s, networks=Networks(arrays, ("direction",), (count,), {})))


def _product(problem: Problem, along: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    s = problem.sequences
    found = core.network_hessian_vector(problem.structure, s.parameters, along, *problem.lane_arguments())
    product: dict[str, NDArray[Any]] = found["product"]
    return mask_gradient(s.cell, product)
