"""What a dataset must be for a plot: of one network, with what was asked for in it."""

from collections.abc import Sequence

import xarray as xr

from rnnlatch import validation

__all__ = ["check_dims", "variable"]


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
