"""A loss over two parameters, on a grid and on cells that are divided where it is steep."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._network_parameters import Params
from rnnlatch._parameter_axes import AxisLike
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._plane import Floats, Points, axis_values, dataset, pose_plane
from rnnlatch.gradients.refinement import MOST_LEVELS, Leaves, check_size, divide

__all__ = ["error_surface"]

_NUMBERS = 9  # of each point: what is evaluated, what is made of it, and its place
_OF_CURVATURE = 8

_CURVATURES = {
    "curvature_xx": "second derivative of the loss along x",
    "curvature_xy": "second derivative of the loss along x and y",
    "curvature_yy": "second derivative of the loss along y",
}


def error_surface(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    parameters: Sequence[AxisLike],
    values: Sequence[ArrayLike],
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    curvature: bool = False,
    refine: int = 0,
    refine_share: float = 0.02,
    max_points: int = 1_000_000,
    threads: int | None = None,
) -> xr.Dataset:
    """Compute a loss over any two parameters of a network, with its gradient and curvature in their plane.

    Parameters
    ----------
    cell, params, inputs, targets, loss, at, mask, lengths, initial_state, threads
        As in `loss_and_gradient`, of one network. A weight of the term in `mask` scales the loss: with 2, half the squared
        error becomes the squared error.
    parameters : pair
        The axes x and y. A name such as ``"weight_hh_l0[0, 1]"`` is an element, and values along the axis are values of
        it. A dict of arrays, named and shaped like parameters, is a direction, and values are steps along it from `params`.
    values : pair of array_like
        Ascending values along x and along y.
    curvature : bool
        Give the second derivatives too, which cost about half as much again.
    refine : int
        How many times a cell of the grid may be divided into four, 0 to 20; 0: not at all.
    refine_share : float
        A cell is divided if the loss varies over it, by its five points or by the gradient there, by more than this share
        of the range that it has on the grid.
    max_points : int
        How many points the refinement may evaluate besides the grid and the middles of its cells; when they run out the
        cells of largest variation come first.

    Returns
    -------
    Dataset
        Over ``x`` and ``y``, whose ``long_name`` says which parameter it is: ``loss``, ``gradient_x``, ``gradient_y``,
        ``gradient_norm``, the Euclidean norm of the two, and ``finite``, whether all numbers of a point are; where a
        network diverges they stay infinite or NaN. With `curvature` ``curvature_xx``, ``curvature_xy``, ``curvature_yy``
        and the eigenvalues of that matrix, ``curvature_largest`` and ``curvature_smallest``. With `refine` over ``leaf``,
        the cells that were not divided further: ``leaf_x`` and ``leaf_y``, their middle, ``leaf_width`` and
        ``leaf_height``, ``leaf_level``, 0 for a cell of the grid, ``leaf_variation``, by how much the loss varies, and for
        the middle what there is on the grid, as ``leaf_loss`` and so on; ``refinement_outcome`` says in words how it ended,
        and ``refinement_points`` how many points it took.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, there are several networks, or both axes are the same line.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    The points are networks that run in lanes; a point's bits do not depend on the others. All is computed in float64. The
    derivatives along both axes are carried forward through time beside the states, with `curvature` those of second order,
    too: they have no error but rounding, and nothing is kept of earlier steps.

    A wall can be thinner than any cell. `steepest` finds it.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    figure 6.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
    >>> found = rl.gradients.error_surface(
    ...     cell, cell.initial_parameters(0), np.zeros((1, 50, 1)), [[0.7]],
    ...     parameters=("weight_hh_l0[0, 0]", "bias_hh_l0[0]"), values=([4.6, 5.0, 5.4], np.linspace(-2.8, -2.0, 5)),
    ... )
    >>> dict(found["gradient_norm"].sizes), found["x"].attrs["long_name"]
    ({'x': 3, 'y': 5}, 'weight_hh_l0[0, 0]')
    """
    plane = pose_plane(
        cell,
        params,
        inputs,
        targets,
        parameters,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
        threads=threads,
    )
    levels = validation.integer("refine", refine, at_least=0, at_most=MOST_LEVELS)
    xs, ys = axis_values(values, least=2 if levels else 1)
    order: Literal[1, 2] = 2 if validation.flag("curvature", curvature) else 1
    share = validation.number("refine_share", refine_share, above=0, at_most=1)
    budget = validation.integer("max_points", max_points, at_least=1)
    plane.check_memory(
        xs.size * ys.size, _NUMBERS + _OF_CURVATURE * (order - 1), "error_surface", "use fewer values along the axes"
    )
    if levels:
        check_size(plane, (xs, ys), levels, budget)
    grid = plane.evaluate(np.repeat(xs, ys.size), np.tile(ys, xs.size), order)
    data: dict[str, tuple[tuple[str, ...], Any, str]] = {
        name: (("x", "y"), array.reshape(xs.size, ys.size), words) for name, (array, words) in _described(grid).items()
    }
    settings: dict[str, Any] = {"curvature": order == 2, "refine": levels}
    if levels:
        leaves = divide(plane, (xs, ys), grid, levels=levels, share=share, max_points=budget)
        data |= _of_leaves(leaves)
        settings |= {"refine_share": share, "max_points": budget}
    coords = {"x": (xs, plane.names[0]), "y": (ys, plane.names[1])}
    return dataset(
        plane,
        "rnnlatch.gradients.error_surface; Pascanu, Mikolov and Bengio (2013), figure 6",
        data,
        coords,
        **settings,
    )


def _described(points: Points) -> dict[str, tuple[Any, str]]:
    """What the points have, by name, with its name in words."""
    found: dict[str, tuple[Any, str]] = {
        "loss": (points.loss, "loss"),
        "gradient_x": (points.gradient[:, 0], "derivative of the loss along x"),
        "gradient_y": (points.gradient[:, 1], "derivative of the loss along y"),
        "gradient_norm": (points.norm, "norm of the gradient in the plane"),
        "finite": (points.finite, "whether loss and derivatives are finite"),
    }
    if points.curvature is not None:
        found |= {
            name: (points.curvature[:, column], words) for column, (name, words) in enumerate(_CURVATURES.items())
        }
        smallest, largest = _eigenvalues(points.curvature)
        found["curvature_largest"] = (largest, "larger eigenvalue of the curvature in the plane")
        found["curvature_smallest"] = (smallest, "smaller eigenvalue of the curvature in the plane")
    return found


def _eigenvalues(curvature: Floats) -> tuple[Floats, Floats]:
    xx, xy, yy = curvature.T
    with np.errstate(over="ignore", invalid="ignore"):
        middle, radius = xx / 2 + yy / 2, np.hypot(xx / 2 - yy / 2, xy)
        return middle - radius, middle + radius


def _of_leaves(leaves: Leaves) -> dict[str, tuple[tuple[str, ...], Any, str]]:
    found: dict[str, tuple[tuple[str, ...], Any, str]] = {
        "leaf_x": (("leaf",), leaves.x, "middle of the cell along x"),
        "leaf_y": (("leaf",), leaves.y, "middle of the cell along y"),
        "leaf_width": (("leaf",), leaves.width, "size of the cell along x"),
        "leaf_height": (("leaf",), leaves.height, "size of the cell along y"),
        "leaf_level": (("leaf",), leaves.level, "how many times the cell was divided"),
        "leaf_variation": (("leaf",), leaves.variation, "by how much the loss varies over the cell"),
    }
    for name, (array, words) in _described(leaves.points).items():
        found[f"leaf_{name}"] = (("leaf",), array, f"{words}, in the middle of the cell")
    found["refinement_outcome"] = ((), leaves.outcome, "how the refinement ended")
    found["refinement_points"] = ((), leaves.evaluated, "points that the refinement evaluated besides the grid")
    return found
