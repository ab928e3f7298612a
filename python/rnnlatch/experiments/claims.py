"""Claims: statements of a paper, each put as a test on an experiment's dataset."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rnnlatch._files import write_all

__all__ = ["Claim", "at_least", "at_most", "describe", "read_claims", "write_claims"]

Number = bool | int | float | None
Measured = Mapping[str, Number | str | list[float]]


@dataclass(frozen=True)
class Claim:
    """One statement, what was measured, and whether it held.

    Parameters
    ----------
    statement : str
        A full sentence that can be true or false.
    source : str
        Where the statement comes from, and where on the figure.
    measured : mapping of str to number, text or list of two numbers
        The figures behind the decision, by name; intervals are ``[low, high]``.
    held : bool or None
        Whether it held; None where this scale cannot decide.
    expected : bool
        What we have found at scale ``paper`` and above.
    reason : str
        Why, in particular for a claim that does not hold.
    deviations : tuple of str
        What of our choices the claim rests on: names of rows of its experiment, as `rnnlatch.experiments.deviations` gives
        them.

    Examples
    --------
    >>> claim = Claim("Water is wet.", "nature", {"wetness": 1.0}, held=True, expected=True, reason="Rain.")
    >>> claim.as_expected
    True
    """

    statement: str
    source: str
    measured: Measured
    held: bool | None
    expected: bool
    reason: str
    deviations: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether nothing contradicts what we have found: `held` equals `expected`, or this scale cannot decide."""
        return self.held is None or self.held == self.expected


def at_least(interval: tuple[float, float], bound: float) -> bool | None:
    """Return whether a quantity known to lie in `interval` is at least `bound`; None where the interval straddles it.

    Examples
    --------
    >>> at_least((0.8, 0.9), 0.75), at_least((0.1, 0.2), 0.75), at_least((0.7, 0.8), 0.75)
    (True, False, None)
    """
    low, high = interval
    if low >= bound:
        return True
    return False if high < bound else None


def at_most(interval: tuple[float, float], bound: float) -> bool | None:
    """Return whether a quantity known to lie in `interval` is at most `bound`; None where the interval straddles it.

    Examples
    --------
    >>> at_most((0.0, 0.05), 0.1), at_most((0.05, 0.15), 0.1)
    (True, None)
    """
    low, high = interval
    if high <= bound:
        return True
    return False if low > bound else None


def describe(measured: Measured) -> str:
    """Return the measured figures as one line of text.

    Examples
    --------
    >>> describe({"frequency": 0.95, "99 % interval": [0.91, 0.97], "runs": 270})
    'frequency 0.95, 99 % interval 0.91 to 0.97, runs 270'
    """
    return ", ".join(f"{name} {_short(value)}" for name, value in measured.items())


def _short(value: Number | str | list[float]) -> str:
    if isinstance(value, list):
        return " to ".join(_short(number) for number in value)
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def write_claims(path: str | os.PathLike[str], claims: Iterable[Claim]) -> None:
    """Write claims as JSON, whole or not at all.

    The file is a list of {statement, source, measured, held, expected, reason, deviations}; `held` is true, false or null.

    Examples
    --------
    >>> claim = Claim("Water is wet.", "nature", {"wetness": 1.0}, held=True, expected=True, reason="Rain.")
    >>> path = getfixture("tmp_path") / "claims.json"
    >>> write_claims(path, [claim])
    >>> read_claims(path) == [claim]
    True
    """
    write_all({Path(path): json_of(claims)})


def json_of(claims: Iterable[Claim]) -> bytes:
    """Give what `write_claims` writes."""
    text = json.dumps([asdict(claim) for claim in claims], indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def read_claims(path: str | os.PathLike[str]) -> list[Claim]:
    """Read what `write_claims` wrote; files of before have no `deviations`.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "claims.json"
    >>> write_claims(path, [])
    >>> read_claims(path)
    []
    """
    entries = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Claim(**{**entry, "deviations": tuple(entry.get("deviations", ()))}) for entry in entries]
