"""What the command ``rnnlatch diagnose`` does."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from rnnlatch import io
from rnnlatch._files import write_all, write_netcdf
from rnnlatch.cells.network import NetworkCell
from rnnlatch.diagnose.analysis import measure
from rnnlatch.diagnose.diagnosis import Diagnosis
from rnnlatch.diagnose.driven import prepare
from rnnlatch.diagnose.files import read_array, shown_path
from rnnlatch.diagnose.verdict import findings
from rnnlatch.validation import show, shown_name

__all__ = ["FILES", "Request", "run"]

FILES = ("report.html", "diagnosis.json", "data.nc")

_LAST = "weight_hh_l0"
_BESIDE = ("weight_out", "bias_out", "h_0", "c_0")


@dataclass(frozen=True)
class Request:
    """What stands on the command line."""

    file: str
    inputs: str | None = None
    targets: str | None = None
    loss: str = "half_squared_error"
    at: str = "last"
    activation: str | None = None
    prefix: str | None = None
    readout: str | None = None
    length: int | None = None
    sequences: int | None = None
    noise_std: float = 1.0
    seed: int = 0
    threads: int | None = None
    out: str = "diagnosis"


def run(request: Request) -> tuple[Diagnosis, tuple[Path, ...]]:
    """Diagnose the network in a file, and write the page, the JSON and the dataset.

    Everything that can be wrong with what was given is found before anything is computed or written, and nothing is
    written before all is computed.

    Raises
    ------
    OSError, TypeError, ValueError, MemoryError
        With one sentence that says what is wrong.
    """
    state = io.load(request.file, widen=True)
    params, prefix = _parameters(state, request)
    cell = _cell(params, request)
    inputs = None if request.inputs is None else read_array("inputs", request.inputs)
    targets = None if request.targets is None else read_array("targets", request.targets)
    driven = prepare(
        cell,
        params,
        inputs,
        targets,
        loss=request.loss,
        at=request.at,
        length=request.length,
        sequences=request.sequences,
        noise_std=request.noise_std,
        rng=request.seed,
        threads=request.threads,
    )
    with _directory(Path(request.out)) as directory:
        data = measure(driven)
        readouts = _readouts(state, prefix, cell) if cell.outputs is None else ()
        named = shown_path(Path(request.file).name)
        diagnosis = Diagnosis(data, findings(driven, data, readouts), named)
        paths = tuple(directory / name for name in FILES)
        from rnnlatch.diagnose.page import page

        contents = (page(diagnosis).encode(), diagnosis.json_text().encode(), partial(_netcdf, data))
        write_all(dict(zip(paths, contents, strict=True)))
    return diagnosis, paths


def _parameters(state: Mapping[str, NDArray[Any]], request: Request) -> tuple[dict[str, NDArray[Any]], str]:
    """Choose the recurrent layer and its read-out."""
    prefixes = sorted(
        {name.removesuffix(_LAST) for name in state if name.endswith(_LAST) and name[: -len(_LAST)][-1:] in ("", ".")}
    )
    if request.prefix is None and len(prefixes) > 1:
        named = " and ".join(show(prefix.removesuffix(".")) for prefix in prefixes[:8])
        more = " and more" if len(prefixes) > 8 else ""
        raise ValueError(
            f"{shown_path(request.file)} has {len(prefixes)} recurrent layers, under {named}{more}; say which one with "
            "--prefix NAME"
        )
    params = io.from_state_dict(state, prefix=request.prefix, readout=request.readout)
    prefix = next((each for each in prefixes if request.prefix in (None, each, each.removesuffix("."))), "")
    beside = {name: state[name] for name in _BESIDE if name in state and name not in params and request.readout is None}
    return params | beside, prefix


def _cell(params: Mapping[str, NDArray[Any]], request: Request) -> NetworkCell:
    if request.activation is not None:
        return io.cell_from_parameters(params, activation=request.activation)
    cell = io.cell_from_parameters(params)
    if cell.kind == "VanillaRNN":
        raise ValueError(
            f"{shown_path(request.file)} has a plain recurrent layer, and weights do not tell its activation; say "
            "--activation tanh, which is PyTorch's default, relu, logistic, linear or sign"
        )
    return cell


def _readouts(state: Mapping[str, NDArray[Any]], prefix: str, cell: NetworkCell) -> tuple[str, ...]:
    """Name the linear layers that could read the hidden units."""
    fit = [
        name.removesuffix(".weight")
        for name, value in state.items()
        if name.endswith(".weight") and not name.startswith(prefix or "\0") and value.ndim == 2
        if value.shape[1] == cell.hidden
    ]
    return tuple(map(shown_name, sorted(fit)[:8]))


def _netcdf(data: xr.Dataset, path: Path) -> None:
    write_netcdf(data, path)


@contextlib.contextmanager
def _directory(path: Path) -> Iterator[Path]:
    """Give a directory that can be written; those that are made for it go away again where something fails."""
    made = [each for each in (path, *path.parents) if not each.exists()]
    try:
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ValueError(f"out is {shown_path(path)}, which cannot be written: {why}") from None
        yield path
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):
                each.rmdir()
        raise
