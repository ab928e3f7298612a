"""One page of everything that was reproduced in a directory, and the page of the latch."""

import os

__all__ = ["page"]


def page(directory: str | os.PathLike[str]) -> str:
    """Give the page of everything that `rnnlatch reproduce` left in a directory.

    Parameters
    ----------
    directory : path
        What was given as ``--out``, or the directory of one experiment in it.

    Returns
    -------
    str
        HTML that needs nothing else: figures that can be zoomed and pointed at, drawn anew from each ``data.nc``, the claims
        and what was measured, and where everything comes from. Results that are not whole or of another version are left
        out, and the page says so.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such directory, or nothing in it can be shown.

    Examples
    --------
    >>> from rnnlatch import experiments, report
    >>> from rnnlatch.experiments.reproduce import reproduce
    >>> directory = getfixture("tmp_path")
    >>> found = reproduce(experiments.get("unit-weight"), directory, scale="quick")
    >>> "One weight, used a thousand times" in report.page(directory)
    True
    """
    from rnnlatch.report._page import make

    return make(directory).html
