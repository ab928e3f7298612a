"""The page of the latch, with sliders."""

from rnnlatch._pages import render, source

__all__ = ["explore"]


def explore() -> str:
    """Give the page as HTML, which needs nothing else.

    Examples
    --------
    >>> "recurrent weight w" in explore()
    True
    """
    return render("explore.html.jinja", scripts=(source("latch.js"), source("explore.js")))
