"""Parameters in and out: files, the names of PyTorch, the cell that belongs to them.

Files are ``.npz`` and ``.safetensors``. Neither can hold code: nothing is ever unpickled, and a file that is damaged or
made to harm is refused with one sentence.
"""

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
from rnnlatch._state_dict import find_layer, listed, refuse_unsupported
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, LatchNeuron, NetworkCell, VanillaRNN

__all__ = ["cell_from_parameters", "from_dataset", "from_state_dict", "load", "save", "to_state_dict"]

SUFFIXES = (".npz", ".safetensors")


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

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rl.io.save("network.npz", rl.cells.GRU(inputs=1, hidden=2).initial_parameters(0))
    """
    path, suffix = _checked(path)
    if not isinstance(params, Mapping):
        raise TypeError(f"params is of type {type(params).__name__}; it must be a dict of arrays")
    arrays = {}
    given: Mapping[Any, Any] = params
    for name, value in given.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(f"params has the name {name!r}; it must be a text, and not '__metadata__'")
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} has dtype {array.dtype}; it must be an array of real numbers")
        arrays[name] = array
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            (_npz if suffix == ".npz" else _safetensors).write(file, arrays)
        partial.replace(path)
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
    ValueError
        If there is no such layer, or it has more than one layer or direction.

    Examples
    --------
    >>> import numpy as np
    >>> state = {"rnn.weight_ih_l0": np.ones((3, 1)), "rnn.weight_hh_l0": np.ones((3, 3)), "fc.weight": np.ones((2, 3))}
    >>> list(from_state_dict(state, readout="fc"))
    ['weight_ih_l0', 'weight_hh_l0', 'weight_out']
    """
    if prefix is None:
        start = find_layer("state", state)
    else:
        start = prefix if not prefix or prefix.endswith(".") else prefix + "."
        if start + "weight_hh_l0" not in state:
            raise ValueError(f"there is no {start}weight_hh_l0; the names are {', '.join(sorted(state)) or 'none'}")
        refuse_unsupported(start, state)
    names = {key: key.removeprefix(start) for key in state if key.startswith(start) and "." not in key[len(start) :]}
    if readout is not None:
        if f"{readout}.weight" not in state:
            raise ValueError(f"there is no {readout}.weight; the names are {', '.join(sorted(state)) or 'none'}")
        names[f"{readout}.weight"] = "weight_out"
        if f"{readout}.bias" in state:
            names[f"{readout}.bias"] = "bias_out"
    return {name: _numpy(state[key]) for key, name in names.items()}


def to_state_dict(
    params: Mapping[str, Any], *, prefix: str = "", readout: str | None = None
) -> dict[str, NDArray[Any]]:
    """Give parameters the names that they have in a PyTorch model: the reverse of `from_state_dict`.

    Parameters
    ----------
    params : mapping of arrays
        The parameters of one network.
    prefix : str
        The recurrent layer, such as ``"encoder.rnn"``.
    readout : str, optional
        The linear layer that takes ``weight_out`` and ``bias_out``; None: they are left out.

    Returns
    -------
    dict of ndarray
        ``{name: torch.from_numpy(array) …}`` of it goes into ``load_state_dict``. Initial states, which PyTorch passes as
        an argument, are left out.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> params = rl.cells.GRU(inputs=1, hidden=2, outputs=1, bias=False).initial_parameters(0)
    >>> list(to_state_dict(params, prefix="rnn", readout="fc"))
    ['rnn.weight_ih_l0', 'rnn.weight_hh_l0', 'fc.weight', 'fc.bias']
    """
    start = prefix if not prefix or prefix.endswith(".") else prefix + "."
    renamed = {}
    for name, value in params.items():
        if name.endswith("_l0"):
            renamed[start + name] = np.ascontiguousarray(value)
        elif readout is not None and name in ("weight_out", "bias_out"):
            renamed[f"{readout}.{name.removesuffix('_out')}"] = np.ascontiguousarray(value)
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


def cell_from_parameters(params: Mapping[str, Any], *, activation: str = "tanh", **settings: Any) -> NetworkCell:
    """Find the cell that parameters belong to, from their names and shapes.

    Parameters
    ----------
    params : mapping of arrays
        Parameters as in a file, possibly under a prefix.
    activation : {"tanh", "logistic", "relu", "linear", "sign"}
        The activation of a `VanillaRNN` or a `DiagonalRNN`, which the parameters do not tell.
    **settings
        What else they do not tell, such as `read_unit` and masks.

    Returns
    -------
    NetworkCell
        A `VanillaRNN`, `DiagonalRNN`, `LSTM` or `GRU`.

    Raises
    ------
    ValueError
        If the shapes fit none of them.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> cell_from_parameters(rl.cells.LSTM(inputs=2, hidden=3, outputs=1).initial_parameters(0))
    LSTM(inputs=2, hidden=3, outputs=1)
    """
    plain = from_state_dict(params)
    for name in ("weight_out", "bias_out", "h_0", "c_0"):
        if name in params:
            plain[name] = _numpy(params[name])
    if "weight_ih_l0" not in plain:
        raise ValueError(f"params has {', '.join(sorted(plain))}; it must have weight_ih_l0")
    wide = plain["weight_ih_l0"].shape
    if len(wide) < 2:
        raise ValueError(f"weight_ih_l0 has shape {wide}; it must have two axes, or one in front of them")
    rows, inputs = wide[-2:]
    recurrent = plain["weight_hh_l0"].shape[len(wide) - 2 :]
    kinds: dict[int, type[NetworkCell]] = {1: VanillaRNN, 3: GRU, 4: LSTM}
    if recurrent == (rows,):
        kind: type[NetworkCell] | None = DiagonalRNN
    else:
        kind = kinds.get(rows // recurrent[-1]) if recurrent and recurrent[0] == rows and recurrent[-1] else None
    if kind is None or rows % recurrent[-1]:
        raise ValueError(
            f"weight_ih_l0 has shape {wide} and weight_hh_l0 {plain['weight_hh_l0'].shape}; what is known has "
            "1, 3 or 4 blocks of hidden rows: VanillaRNN, GRU, LSTM, or weight_hh_l0 (hidden,): DiagonalRNN"
        )
    found: dict[str, Any] = {"inputs": inputs, "hidden": recurrent[-1], "bias": "bias_ih_l0" in plain}
    if "weight_out" in plain:
        found |= {"outputs": plain["weight_out"].shape[-2], "bias_out": "bias_out" in plain}
    if "h_0" in plain:
        found["initial_state"] = "learned"
    if kind in (VanillaRNN, DiagonalRNN):
        found["activation"] = activation
    return kind(**(found | settings))


def _checked(path: str | os.PathLike[str]) -> tuple[Path, str]:
    path = Path(path)
    if path.suffix not in SUFFIXES:
        pickled = (
            "; a .pt or .pth file can run code when it is loaded, see the guide" if path.suffix[:3] == ".pt" else ""
        )
        raise ValueError(f"path is {str(path)!r}; its name must end in {' or '.join(SUFFIXES)}{pickled}")
    return path, path.suffix


def _numpy(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)
