"""What each paper leaves out, what we chose, and what differs: one table, which claims name the rows of.

The texts are in ``deviations.toml`` beside this module. The documentation shows them all on one page, the report those of
its experiments.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

from rnnlatch.experiments.claims import Claim

__all__ = ["Deviation", "check_deviations", "deviations"]


class Deviation(NamedTuple):
    """A row of the table. The texts are Markdown: some have code between backticks.

    Parameters
    ----------
    name : str
        As claims have it in `Claim.deviations`; one for each row of an experiment.
    left_out : str
        What the paper leaves out.
    chosen : str
        What we chose.
    differs : str
        What comes out otherwise; empty where nothing is known of it.
    all : bool
        Whether all claims of the experiment rest on it; they need not name it then.
    apart : str
        Why no claim rests on it, where none does.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> experiments.deviations("unit-weight")[0].left_out
    'an example of lectures, in words'
    """

    name: str
    left_out: str
    chosen: str
    differs: str
    all: bool = False
    apart: str = ""


def deviations(experiment: str) -> tuple[Deviation, ...]:
    """Return what a paper leaves out of an experiment, and what we chose.

    Parameters
    ----------
    experiment : str
        Its name.

    Returns
    -------
    tuple of Deviation
        In the order of the table; empty for a name that the table does not have.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> [each.name for each in experiments.deviations("pascanu2013-error-surface")]
    ['axis', 'descents']
    """
    return _table().get(experiment, ())


def check_deviations(experiment: str, claims: Iterable[Claim]) -> None:
    """Raise ValueError where a claim names a row that the table of its experiment does not have."""
    there = {each.name for each in deviations(experiment)}
    for claim in claims:
        unknown = set(claim.deviations) - there
        if unknown:
            raise ValueError(
                f"a claim of {experiment} names the deviations {sorted(unknown)}; there are {sorted(there)}: "
                f"{claim.statement}"
            )


@cache
def _table() -> Mapping[str, tuple[Deviation, ...]]:
    text = resources.files(__package__).joinpath("deviations.toml").read_text(encoding="utf-8")
    return {
        experiment: tuple(Deviation(name, **row) for name, row in rows.items())
        for experiment, rows in tomllib.loads(text).items()
    }
