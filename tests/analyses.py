"""The experiments without a sweep, computed once at scale quick, and what becomes of a claim on other data."""

from collections.abc import Callable
from functools import cache
from typing import Any

import xarray as xr

from rnnlatch import experiments
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.claims import Claim

__all__ = ["claim_of", "computed", "turned"]


@cache
def computed(name: str) -> xr.Dataset:
    """The dataset of an experiment; not to be changed."""
    return experiments.get(name).analyse(Material("quick", {}, 0))


def claim_of(name: str, data: xr.Dataset, words: str) -> Claim:
    """The one claim of an experiment whose statement has these words in it."""
    (claim,) = (claim for claim in experiments.get(name).claims(data) if words in claim.statement)
    return claim


def turned(name: str, words: str, **changes: Callable[[xr.DataArray], Any]) -> tuple[bool | None, bool | None]:
    """Whether a claim held, and whether it does after some variables have been changed."""
    data = computed(name)
    other = data.copy(deep=True)
    for variable, change in changes.items():
        other[variable] = change(data[variable])
    return claim_of(name, data, words).held, claim_of(name, other, words).held
