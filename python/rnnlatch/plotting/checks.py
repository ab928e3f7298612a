"""What a plot can be given: datasets of one network with what is drawn in them, axes of matplotlib."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, get_args

import xarray as xr
from matplotlib.axes import Axes

from rnnlatch import validation

__all__ = ["check_dims", "drawing", "variable"]

P = ParamSpec("P")
R = TypeVar("R")

_KINDS: dict[type[Any], str] = {
    xr.Dataset: "an xarray.Dataset",
    xr.DataArray: "an xarray.DataArray",
    Axes: "axes of matplotlib",
    str: "a text",
}


def drawing(plot: Callable[P, R]) -> Callable[P, R]:
    """Let a plot refuse what is no dataset and no axes where it says that it takes them, and datasets that lack something.

    Parameters
    ----------
    plot : callable
        Whose annotations are datasets, arrays, axes or texts, or None as well.

    Returns
    -------
    callable
        The same; it raises TypeError for what is of another type, and ValueError for a variable that is not there.

    Examples
    --------
    >>> @drawing
    ... def plot(found: xr.Dataset, ax: Axes | None = None) -> xr.DataArray:
    ...     return found["loss"]
    >>> plot([1, 2])
    Traceback (most recent call last):
    TypeError: found is [1, 2] (list); it must be an xarray.Dataset
    """
    signature = inspect.signature(plot)
    kinds: dict[str, tuple[type[Any], ...]] = {}
    for name, parameter in signature.parameters.items():
        allowed = get_args(parameter.annotation) or (parameter.annotation,)
        known = [kind for kind in _KINDS if kind in allowed]
        if known and parameter.kind is not parameter.VAR_KEYWORD and (known != [str] or len(allowed) == 1):
            kinds[name] = allowed
    first = next(iter(signature.parameters))

    @functools.wraps(plot)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if name in kinds:
                words = [_KINDS.get(kind, "None") for kind in kinds[name]]
                validation.instance(name, value, kinds[name], " or ".join(words))
        try:
            return plot(*args, **kwargs)
        except KeyError as error:
            raise ValueError(f"{first} does not have what is drawn: {validation.brief(error)}") from error

    return checked


def check_dims(name: str, values: xr.DataArray, allowed: Sequence[str]) -> None:
    """Check that values have no further dimensions, such as that of several networks.

    Parameters
    ----------
    name : str
        What the function's parameter is called.
    values : DataArray
        What is to be drawn.
    allowed : sequence of str
        The dimensions that the plot knows what to do with.

    Raises
    ------
    ValueError
        If there is another.

    Examples
    --------
    >>> check_dims("products", xr.DataArray([[1.0]], dims=("run", "lag")), ["lag"])
    Traceback (most recent call last):
    ...
    ValueError: products has the dims run, lag; the plot is of one run, choose it with .isel(run=0)
    """
    more = [str(dim) for dim in values.dims if dim not in allowed]
    if more:
        chosen = ", ".join(f"{dim}=0" for dim in more)
        raise ValueError(
            f"{name} has the dims {', '.join(map(str, values.dims))}; the plot is of one {' and one '.join(more)}, "
            f"choose it with .isel({chosen})"
        )


def variable(name: str, value: object, found: xr.Dataset, there: dict[str, str], hint: str) -> xr.DataArray:
    """Return a variable that the caller named in one word.

    Parameters
    ----------
    name : str
        What the function's parameter is called.
    value : object
        The word.
    found : Dataset
        What has been computed.
    there : dict
        The words, and what their variables are called; those that have not been computed may be among them.
    hint : str
        What the dataset should be, where it has none of them.

    Raises
    ------
    TypeError, ValueError
        If it is not one of those that are there.
    """
    allowed = [word for word, full in there.items() if full in found]
    if not allowed:
        raise ValueError(hint)
    return found[there[validation.choice(name, value, allowed)]]
