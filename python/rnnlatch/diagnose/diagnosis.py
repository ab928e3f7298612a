"""What a diagnosis is: findings in plain words, each with its evidence, and the dataset that they come from."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr

from rnnlatch._files import write_whole

__all__ = ["Diagnosis", "Evidence", "Finding", "Severity"]

Severity = Literal["problem", "caution", "note"]

_LARGEST = 5_000  # numbers of a variable in the JSON; data.nc has all of them


@dataclass(frozen=True)
class Evidence:
    """A number that a finding rests on.

    Parameters
    ----------
    words : str
        What it is.
    value : float
        The number.
    units : str
        Its units; "1" for a plain number.
    variable : str
        Where it comes from: a variable of the dataset, possibly with a selection, such as ``horizon[share=0.01]``.
    """

    words: str
    value: float
    units: str
    variable: str


@dataclass(frozen=True)
class Finding:
    """One thing that was found about a network.

    Parameters
    ----------
    name : str
        A word to find it by in programs, such as ``"vanishes"``.
    severity : {"problem", "caution", "note"}
        Whether it keeps a network from learning, may do so, or is good to know.
    sentence : str
        What was found.
    evidence : tuple of Evidence
        The numbers that it rests on.
    advice : str
        What to try; may be empty.
    """

    name: str
    severity: Severity
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What was measured of a network, and what follows from it.

    Parameters
    ----------
    data : Dataset
        Every number that was measured, with names in words, units, and provenance in the attributes.
    findings : tuple of Finding
        Problems first, then cautions, then notes.
    name : str
        What was diagnosed, such as the name of a file.
    """

    data: xr.Dataset
    findings: tuple[Finding, ...]
    name: str = field(default="network")

    def __getitem__(self, name: str) -> Finding:
        """Give the finding of a name; KeyError where there is none."""
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(finding.name == name for finding in self.findings)

    def __repr__(self) -> str:
        return f"<Diagnosis of {self.name}: {', '.join(finding.name for finding in self.findings)}>"

    def summary(self, width: int = 100) -> str:
        """Say what was found, in lines of at most so many characters.

        Parameters
        ----------
        width : int
            Characters in a line, at least 40.

        Returns
        -------
        str
        """
        from rnnlatch.diagnose.text import summary

        return summary(self, width)

    def to_dict(self) -> dict[str, Any]:
        """Give everything but the largest arrays as a dict that JSON can hold; what is not finite is None or a word.

        Returns
        -------
        dict
            ``name``, ``findings``, ``attributes`` and ``variables`` of the dataset.
        """
        return {
            "name": self.name,
            "findings": [
                {
                    "name": finding.name,
                    "severity": finding.severity,
                    "sentence": finding.sentence,
                    "evidence": [
                        {"words": e.words, "value": _number(e.value), "units": e.units, "variable": e.variable}
                        for e in finding.evidence
                    ],
                    "advice": finding.advice,
                }
                for finding in self.findings
            ],
            "attributes": {str(key): _plain(value) for key, value in self.data.attrs.items()},
            "variables": {
                str(name): _variable(values) for name, values in self.data.variables.items() if values.size <= _LARGEST
            },
        }

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write findings and numbers as JSON, whole or not at all.

        Parameters
        ----------
        path : path-like
            The file; one that is there is replaced. It is strict JSON: infinities are the texts "inf" and "-inf", and
            what is not a number is null.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_whole(path, self.json_text().encode())

    def json_text(self) -> str:
        """Give what `to_json` writes."""
        # One line for each entry: arrays with a number in each line would be no better to read than none.
        entries = self.to_dict()
        parts = []
        for key, value in entries.items():
            if isinstance(value, dict):
                lines = ",\n".join(f"  {_json(name)}: {_json(each)}" for name, each in value.items())
                parts.append(f" {_json(key)}: {{\n{lines}\n }}")
            else:
                parts.append(f" {_json(key)}: {json.dumps(value, indent=1, allow_nan=False)}")
        return "{\n" + ",\n".join(parts) + "\n}\n"

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one page with the findings, their evidence and pictures, whole or not at all.

        Parameters
        ----------
        path : path-like
            The file; one that is there is replaced. It needs nothing else: no network, no other file.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        from rnnlatch.diagnose.page import page

        write_whole(path, page(self).encode())


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _variable(values: xr.Variable) -> dict[str, Any]:
    return {
        "dims": list(map(str, values.dims)),
        "long_name": _plain(values.attrs.get("long_name", "")),
        "units": _plain(values.attrs.get("units", "1")),
        "values": _plain(np.asarray(values.values)),
    }


def _plain(value: Any) -> Any:
    """Give a value as JSON can hold it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> float | int | str | None:
    if isinstance(value, int) or math.isfinite(value):
        return value
    return None if math.isnan(value) else "inf" if value > 0 else "-inf"
