"""Parameters in and out: files, the names of PyTorch, the cell that belongs to them.

Files are ``.npz`` and ``.safetensors``. Neither can hold code: nothing is ever unpickled, and a file that is damaged or
made to harm is refused with one sentence.
"""

import dataclasses
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import _npz, _safetensors, validation
from rnnlatch._parameters import put_in_order
from rnnlatch._state_dict import check_names, find_cell, layer_names, layer_start, listed
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.cells.vanilla import ACTIVATIONS
from rnnlatch.validation import brief, shown_name

__all__ = ["cell_from_parameters", "from_dataset", "from_state_dict", "load", "save", "to_state_dict"]

SUFFIXES = (".npz", ".safetensors")

_PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_out", "bias_out", "h_0", "c_0")
_BESIDE = _PARAMETERS[4:]  # they stand beside a layer as well as under its prefix
_VECTORS = ("bias_ih_l0", "bias_hh_l0", "bias_out", "h_0", "c_0")
_ORDER = ("row", "output", "hidden", "input")  # the dimensions of one network as they follow each other
_LONGEST_NAME = 65_000  # bytes
_TOLD = ("inputs", "hidden", "outputs", "bias", "bias_out")  # settings that the parameters tell


def load(path: str | os.PathLike[str], *, widen: bool = False) -> dict[str, NDArray[Any]]:
    """Read the arrays of a file.

    Parameters
    ----------
    path : path-like
        A file whose name ends in ``.npz`` or ``.safetensors``.
    widen : bool
        Convert float16 and bfloat16 to float32, which holds them exactly; otherwise they are refused.

    Returns
    -------
    dict of ndarray
        The arrays by the names that they have in the file; all functions take them with prefixes and with what else a
        model has, as long as there is one recurrent layer.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, hostile, or has what cannot be read; pickled objects are never loaded.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.LSTM(inputs=2, hidden=3)
    >>> rl.io.save("network.safetensors", cell.initial_parameters(0))
    >>> rl.io.load("network.safetensors")["weight_hh_l0"].shape
    (12, 3)
    """
    path, suffix = _checked(path)
    validation.flag("widen", widen)
    with path.open("rb") as file:
        try:
            if suffix == ".npz":
                return _npz.read(file, widen=widen)
            return _safetensors.read(file, os.fstat(file.fileno()).st_size, widen=widen)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}") from None


def save(path: str | os.PathLike[str], params: Mapping[str, Any]) -> None:
    """Write arrays to a file, which appears whole or not at all.

    Parameters
    ----------
    path : path-like
        The file; its name ends in ``.npz`` or ``.safetensors``. One that is there is replaced.
    params : mapping of arrays
        Arrays, or tensors that NumPy can read, of real numbers by name.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    OSError
        If the file cannot be written; `FileNotFoundError` if there is no such directory.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rl.io.save("network.npz", rl.cells.GRU(inputs=1, hidden=2).initial_parameters(0))
    """
    path, suffix = _checked(path)
    check_names("params", params)
    arrays = {}
    for name, value in params.items():
        _check_name(name)
        arrays[name] = _array(name, value)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}; there is no directory {str(path.parent)!r} to write it into")
    partial = path.with_name(f".rnnlatch-{secrets.token_hex(8)}")
    try:
        with partial.open("xb") as file:
            (_npz if suffix == ".npz" else _safetensors).write(file, arrays)
        partial.replace(path)
    except OSError as error:  # it would name the file that is to become this one
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def from_state_dict(
    state: Mapping[str, Any], *, prefix: str | None = None, readout: str | None = None
) -> dict[str, NDArray[Any]]:
    """Give the parameters of one recurrent layer of a PyTorch model, and of the linear layer that reads it.

    Only needed for what the functions cannot know: which of several recurrent layers, and which linear layer is the
    read-out.

    Parameters
    ----------
    state : mapping of arrays or tensors
        A state_dict, or what `load` returned.
    prefix : str, optional
        The layer, such as ``"encoder.rnn"``; None: the only one there is.
    readout : str, optional
        The linear layer, such as ``"fc"``: ``fc.weight`` becomes ``weight_out`` and ``fc.bias``, if there, ``bias_out``.

    Returns
    -------
    dict of ndarray
        The parameters by their plain names.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, there is no such layer, it has more than one layer or direction, or the read-out is
        no linear layer of its hidden units.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"rnn.weight_ih_l0": np.ones((3, 1)), "rnn.weight_hh_l0": np.ones((3, 3)), "fc.weight": np.ones((2, 3))}
    >>> list(from_state_dict(state, readout="fc"))
    ['weight_ih_l0', 'weight_hh_l0', 'weight_out']
    """
    if isinstance(state, xr.Dataset):
        raise TypeError("state is a Dataset; io.from_dataset(dataset, cell) gives the parameters in it")
    check_names("state", state)
    names = layer_names("state", state, prefix)
    found = {plain: _array(name, state[name]) for plain, name in names.items()}
    if readout is not None:
        start = layer_start("readout", readout)
        weight, bias = f"{start}weight", f"{start}bias"
        if weight not in state:
            raise ValueError(
                f"state has no {shown_name(weight)}, which readout={validation.show(readout)} names; it has {listed(state)}"
            )
        found["weight_out"] = _array(weight, state[weight])
        if bias in state:
            found["bias_out"] = _array(bias, state[bias])
        _check_readout(start, found)
    return found


def to_state_dict(
    params: Mapping[str, Any] | xr.Dataset, *, prefix: str = "", readout: str | None = None
) -> dict[str, NDArray[Any]]:
    """Give parameters the names that they have in a PyTorch model: the reverse of `from_state_dict`.

    Parameters
    ----------
    params : mapping of arrays or Dataset
        The parameters of one network; of a dataset of many select one, as with ``dataset.isel(run=0)``.
    prefix : str
        The recurrent layer, such as ``"encoder.rnn"``.
    readout : str, optional
        The linear layer that takes ``weight_out`` and ``bias_out``; None: they are left out.

    Returns
    -------
    dict of ndarray
        ``{name: torch.from_numpy(array) …}`` of it goes into ``load_state_dict``. Initial states, which PyTorch passes as
        an argument, are left out.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or PyTorch has no such network: a `DiagonalRNN`, many networks at once.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> params = rl.cells.GRU(inputs=1, hidden=2, outputs=1, bias=False).initial_parameters(0)
    >>> list(to_state_dict(params, prefix="rnn", readout="fc"))
    ['rnn.weight_ih_l0', 'rnn.weight_hh_l0', 'fc.weight', 'fc.bias']
    """
    check_names("params", params)
    start = layer_start("prefix", prefix)
    layer = None if readout is None else layer_start("readout", readout)
    plain = {name: _only(name, value) for name, value in _plain(params).items()}
    if plain["weight_hh_l0"].ndim == 1:
        raise ValueError(
            f"weight_hh_l0 has shape {plain['weight_hh_l0'].shape}, that of a DiagonalRNN, which PyTorch does not have; "
            "it must be (rows, hidden)"
        )
    # Plain arrays have no names for their axes: what was transposed no longer fits together.
    find_cell(plain)
    renamed = {}
    for name, array in plain.items():
        native = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        if name.endswith("_l0"):
            renamed[start + name] = native
        elif layer is not None and name in ("weight_out", "bias_out"):
            renamed[f"{layer}{name.removesuffix('_out')}"] = native
    if layer is not None and "weight_out" not in plain:
        raise ValueError(f"readout is {validation.show(readout)} and params has no weight_out; it has {listed(plain)}")
    return renamed


def from_dataset(dataset: xr.Dataset, cell: NetworkCell | LatchNeuron) -> dict[str, NDArray[Any]]:
    """Give the parameters in a dataset of trained networks as a dict of arrays.

    All functions take the dataset itself; this is for what is not ours.

    Parameters
    ----------
    dataset : Dataset
        The networks; select one with ``dataset.isel(run=…)``.
    cell : VanillaRNN, DiagonalRNN, LSTM, GRU or LatchNeuron
        Their cell.

    Returns
    -------
    dict of ndarray
        The parameters, all with the dataset's other dimensions, such as ``run``, in front, in one order.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or a variable is missing or of another shape.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    >>> drawn = cell.initial_parameters(0, runs=4)
    >>> dims = {name: ("run", *part.dims) for name, part in cell.parameters().items()}
    >>> dataset = xr.Dataset({name: (dims[name], value) for name, value in drawn.items()})
    >>> {name: value.shape for name, value in from_dataset(dataset.isel(run=0), cell).items()}
    {'weight_ih_l0': (2, 1), 'weight_hh_l0': (2, 2)}
    """
    validation.instance("dataset", dataset, xr.Dataset, "a dataset of trained networks")
    validation.instance("cell", cell, (NetworkCell, LatchNeuron), "a cell, such as rnnlatch.cells.LSTM(…)")
    parts = cell.parameters() if isinstance(cell, NetworkCell) else cell.parameters(dataset.sizes.get("step", 1))
    for name in parts:
        if name not in dataset:
            raise ValueError(f"dataset has {listed(map(str, dataset))}; it must have {name}")
    arrays, dims, _ = put_in_order({name: dataset[name] for name in parts}, parts)
    lead = tuple(dataset.sizes[dim] for dim in dims)
    params = {}
    for name, part in parts.items():
        value = arrays[name]
        if value.shape[value.ndim - len(part.shape) :] != part.shape:
            inner = value.shape[value.ndim - len(part.shape) :]
            raise ValueError(f"{name} has shape {inner} in the dataset; it must be {part.shape} for {cell!r}")
        params[name] = np.array(np.broadcast_to(value, (*lead, *part.shape)))
    return params


def cell_from_parameters(
    params: Mapping[str, Any] | xr.Dataset, *, activation: str = "tanh", **settings: Any
) -> NetworkCell:
    """Find the cell that parameters belong to, from their names and shapes.

    Parameters
    ----------
    params : mapping of arrays or Dataset
        Parameters as in a file, possibly under a prefix, or a dataset of trained networks.
    activation : {"tanh", "logistic", "relu", "linear", "sign"}
        The activation of a `VanillaRNN` or a `DiagonalRNN`, which the parameters do not tell; an `LSTM` and a `GRU` have
        none.
    **settings
        What else they do not tell, such as `read_unit` and masks.

    Returns
    -------
    NetworkCell
        A `VanillaRNN`, `DiagonalRNN`, `LSTM` or `GRU`.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, the shapes fit no cell, or a setting is another than the parameters tell.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell_from_parameters(rl.cells.LSTM(inputs=2, hidden=3, outputs=1).initial_parameters(0))
    LSTM(inputs=2, hidden=3, outputs=1)
    """
    check_names("params", params)
    activation = validation.choice("activation", activation, ACTIVATIONS)
    found = find_cell({name: _array(name, _first(value)) for name, value in _plain(params).items()})
    known = [field.name for field in dataclasses.fields(found)]
    for name in settings:
        if name not in known:
            raise TypeError(f"{type(found).__name__} has no setting {name!r}; it has {', '.join(known)}")
    if "activation" in known:
        settings["activation"] = activation
    elif activation != "tanh":
        raise ValueError(f"activation is {activation!r} and params is that of {found!r}, which has none; leave it out")
    made = dataclasses.replace(found, **settings)
    for name in _TOLD:
        told, asked = getattr(found, name), getattr(made, name)
        # Parameters without a read-out do not tell that there is none: it may be added later.
        if asked != told and (found.outputs is not None or not name.startswith(("outputs", "bias_out"))):
            raise ValueError(f"{name} is {asked!r} and params tells {told!r}; leave it out")
    return made


def _plain(params: Mapping[str, Any] | xr.Dataset) -> dict[str, Any]:
    """Give the parameters of one layer, the read-out and the initial state by their plain names."""
    if isinstance(params, xr.Dataset):  # it has results beside the parameters
        names = [name for name in _PARAMETERS if name in params] or map(str, params)
        params = {name: params[name] for name in names}
    plain = {name: params[key] for name, key in layer_names("params", params, None).items()}
    return plain | {name: params[name] for name in _BESIDE if name in params}


def _first(value: Any) -> Any:
    """Give the first network of labelled arrays, as its dimensions follow each other; others as they are."""
    if not isinstance(value, xr.DataArray) or value.size == 0 or not any(dim in _ORDER for dim in value.dims):
        return value
    return value.isel({dim: 0 for dim in value.dims if dim not in _ORDER}).transpose(
        *(dim for dim in _ORDER if dim in value.dims)
    )


def _only(name: str, value: Any) -> NDArray[Any]:
    """Give the parameter of one network as an array, and raise where there are many."""
    if isinstance(value, xr.DataArray):
        more = [str(dim) for dim in value.dims if dim not in _ORDER]
        if more and len(more) < value.ndim:
            chosen = ", ".join(f"{dim}=0" for dim in more)
            raise ValueError(
                f"{name} has the dimensions {', '.join(map(str, value.dims))}; a PyTorch model has one network: "
                f"select one, as with .isel({chosen})"
            )
    array = _array(name, _first(value))
    axes = 1 if name in _VECTORS else 2
    if array.ndim != axes and not (name == "weight_hh_l0" and array.ndim == 1):
        wanted = "one axis" if axes == 1 else "two axes"
        many = f"; of many networks select one, as with {name}[0]" if array.ndim > axes else ""
        raise ValueError(f"{name} has shape {array.shape}; it must have {wanted}{many}")
    return array


def _check_readout(start: str, found: Mapping[str, NDArray[Any]]) -> None:
    """Raise where what should be the read-out is no linear layer of the hidden units."""
    hidden, weight = found["weight_hh_l0"].shape[-1:], found["weight_out"].shape
    lead = found["weight_hh_l0"].shape[:-2]
    if len(weight) not in (2, 2 + len(lead)) or weight[-1:] != hidden:
        raise ValueError(
            f"{shown_name(start + 'weight')} has shape {weight}; a read-out is a linear layer of the hidden units, and must "
            f"have shape (outputs, {', '.join(map(str, hidden))})"
        )
    if "bias_out" in found and found["bias_out"].shape[-1:] != weight[-2:-1]:
        raise ValueError(
            f"{shown_name(start + 'bias')} has shape {found['bias_out'].shape}; it must be {weight[-2:-1]}, one for each output"
        )


def _checked(path: str | os.PathLike[str]) -> tuple[Path, str]:
    allowed = f"a path whose name ends in {' or '.join(SUFFIXES)}"
    given: object = path
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"path is {validation.show(given)} ({type(given).__name__}); it must be {allowed}")
    text = os.fspath(given)
    if not isinstance(text, str) or "\0" in text:
        raise validation.fail("path", text, allowed)
    path = Path(text)
    if path.suffix not in SUFFIXES:
        pickled = (
            "; a .pt or .pth file can run code when it is loaded, see the guide" if path.suffix[:3] == ".pt" else ""
        )
        raise ValueError(f"path is {text!r}; its name must end in {' or '.join(SUFFIXES)}{pickled}")
    return path, path.suffix


def _check_name(name: str) -> None:
    """Raise where a file could not give a name back as it was."""
    # A zip archive ends names at a NUL and holds 65,535 bytes of them; lone surrogates are no text to either format.
    if name == "__metadata__" or "\0" in name or not _fits(name):
        raise ValueError(
            f"params has the name {validation.show(name)}; it must be a text without NUL and lone surrogates, of at most "
            f"{_LONGEST_NAME} bytes, and not '__metadata__'"
        )


def _fits(name: str) -> bool:
    try:
        return len(name.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False


def _array(name: str, value: Any) -> NDArray[Any]:
    """Read an array of real numbers, or a tensor."""
    allowed = "an array of real numbers"
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except Exception as error:  # tensors of other devices and types raise nearly anything
        of = f" of {value.dtype}" if hasattr(value, "dtype") else ""
        raise TypeError(f"{shown_name(name)}{of} is not {allowed} that NumPy can read: {brief(error)}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{shown_name(name)} has dtype {array.dtype}; it must be {allowed}")
    return array
