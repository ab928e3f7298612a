"""What a directory has of reproduced experiments, and what is wrong with the rest."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from rnnlatch import __version__, experiments
from rnnlatch._files import checked_path
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch.experiments.claims import Claim, read_claims
from rnnlatch.report._interactive import Drawing, convert

if TYPE_CHECKING:
    from rnnlatch.experiments import Experiment

__all__ = ["Result", "find", "read"]

_NEEDED = ("data.nc", "claims.json")
_MARKS = (*_NEEDED, "sweep.sqlite")  # by which a directory is known to be one of an experiment


@dataclass(frozen=True)
class Result:
    """One reproduced experiment.

    Parameters
    ----------
    experiment : Experiment
        Which one.
    directory : Path
        Where it is.
    attrs : dict
        The attributes of its dataset.
    digest : str
        SHA-256 of ``data.nc``.
    claims : tuple of Claim
        As in ``claims.json``.
    drawing : Drawing
        Its figure, drawn anew from the dataset.
    """

    experiment: "Experiment"
    directory: Path
    attrs: dict[str, Any]
    digest: str
    claims: tuple[Claim, ...]
    drawing: Drawing


def find(directory: str | os.PathLike[str]) -> list[tuple[str, Path]]:
    """Give the experiments that a directory has results of, in the order of `rnnlatch list`, and where.

    Parameters
    ----------
    directory : path
        What was given to `rnnlatch reproduce` as ``--out``, or the directory of one experiment in it.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such directory, or nothing in it is of an experiment.
    """
    path = checked_path(directory, "a directory with results of rnnlatch reproduce")
    if not path.exists():
        raise FileNotFoundError(f"DIR is {str(path)!r}, and there is no such directory")
    if not path.is_dir():
        raise ValueError(f"DIR is {str(path)!r}, which is no directory; it must be one with results")
    names = experiments.names()
    found = {name: path / name for name in names if (path / name).is_dir() and _is_one(path / name)}
    own = path.resolve().name
    if own in names and _is_one(path):
        found.setdefault(own, path)
    if not found:
        raise ValueError(
            f"DIR is {str(path)!r}, and there are no results in it; `rnnlatch reproduce NAME --out {path}` makes some"
        )
    return [(name, found[name]) for name in names if name in found]


def read(name: str, directory: Path) -> Result:
    """Read the results of one experiment, and draw its figure from them.

    Raises
    ------
    ValueError
        With one sentence, if a file is missing or not whole, or they are those of another version.
    """
    out = (directory if directory.name == name else directory.resolve()).parent
    again = f"`rnnlatch reproduce {name} --out {out}`, with the --scale that it had, makes it again"
    for file in _NEEDED:
        if not (directory / file).is_file():
            raise ValueError(f"{name}: {file} is missing in {directory}, as after an interruption; {again}")
    data = _dataset(name, directory / "data.nc", again)
    _check_version(name, data.attrs)
    claims = _claims(name, directory / "claims.json", again)
    experiment = experiments.get(name)
    try:
        drawing = convert(experiment.plot(data))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        made = data.attrs.get("rnnlatch_version", "an unknown version")
        raise ValueError(
            f"{name}: what {directory / 'data.nc'} holds cannot be drawn by rnnlatch {__version__}; it was made by "
            f"{made} ({type(error).__name__}: {' '.join(str(error).split())}); {again}"
        ) from error
    digest = hashlib.sha256((directory / "data.nc").read_bytes()).hexdigest()
    return Result(experiment, directory, dict(data.attrs), digest, claims, drawing)


def _is_one(path: Path) -> bool:
    return any((path / mark).exists() for mark in _MARKS)


def _dataset(name: str, path: Path, again: str) -> xr.Dataset:
    try:
        with xr.open_dataset(path, engine="h5netcdf") as data:
            return data.load()
    except PermissionError as error:
        raise ValueError(f"{name}: {path} cannot be read ({error.strerror})") from None
    except Exception as error:  # HDF5 says in many ways that a file is cut off
        raise ValueError(f"{name}: {path} is not whole or no NetCDF file; {again}") from error


def _check_version(name: str, attrs: dict[str, Any]) -> None:
    if attrs.get("experiment", name) != name:
        raise ValueError(
            f"{name}: data.nc is of {attrs['experiment']}; each experiment must be in the directory of its name"
        )
    stored = attrs.get("numerics_version")
    if stored is None or stored != NUMERICS_VERSION:
        made = attrs.get("rnnlatch_version", "of an unknown version")
        version = "without a numerics version" if stored is None else f"numerics version {stored}"
        raise ValueError(
            f"{name}: its results are of rnnlatch {made} ({version}), and this is {__version__} "
            f"({NUMERICS_VERSION}), which gives other numbers; `rnnlatch reproduce {name}` with another --out keeps both"
        )


def _claims(name: str, path: Path, again: str) -> tuple[Claim, ...]:
    try:
        claims = tuple(read_claims(path))
        for claim in claims:
            if claim.held not in (True, False, None) or not isinstance(claim.statement, str):
                raise TypeError("a claim is another thing")
            dict(claim.measured)
    except OSError as error:
        raise ValueError(f"{name}: {path} cannot be read ({error.strerror})") from None
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {path} is not whole or no list of claims; {again}") from error
    return claims
