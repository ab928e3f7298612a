"""Names of parameters: finding a recurrent layer among the names of a whole model, and the cell that has it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, NetworkCell, VanillaRNN
from rnnlatch.validation import show, shown_name

__all__ = ["check_names", "find_cell", "find_layer", "find_names", "layer_names", "layer_start", "listed"]

_LAYER = re.compile(r"(?P<prefix>(?:.*\.)?)(?:weight|bias)_(?:ih|hh|hr)_l(?P<layer>\d+)(?P<reverse>_reverse)?")
_SUPPORTED = "one layer in one direction, as nn.RNN, nn.LSTM and nn.GRU have with num_layers=1"


def check_names(argument: str, names: Mapping[Any, Any]) -> None:
    """Raise where an argument that should be a dict of arrays is none, or has names that are no texts."""
    if not isinstance(names, Mapping):
        raise TypeError(f"{argument} is of type {type(names).__name__}; it must be a dict of arrays")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument} has the name {show(name)} ({type(name).__name__}); its names must be texts")


def find_layer(argument: str, names: Iterable[str]) -> str:
    """Give the prefix of the one recurrent layer, such as ``"encoder.rnn."``, which may be empty.

    Parameters
    ----------
    argument : str
        What has the names, for the message.
    names : iterable of str
        The names of a whole model.

    Raises
    ------
    ValueError
        If there is none, there are several, or it has more than one layer or direction.
    """
    found: dict[str, set[str]] = {}
    for name in names:
        match = _LAYER.fullmatch(name)
        if match:
            found.setdefault(match["prefix"], set()).add(name)
    if not found:
        raise ValueError(
            f"{argument} has no recurrent layer; it must have weight_ih_l0 and weight_hh_l0, possibly with a prefix such as "
            f"'encoder.rnn.', and has {listed(names)}"
        )
    if len(found) > 1:
        prefixes = " and ".join(show(prefix) for prefix in sorted(found)[:8]) + (" and more" if len(found) > 8 else "")
        raise ValueError(
            f"{argument} has recurrent layers under {prefixes}; choose one with io.from_state_dict(…, prefix=…)"
        )
    prefix, layer = next(iter(found.items()))
    refuse_unsupported(prefix, layer)
    return prefix


def layer_names(argument: str, state: Mapping[str, Any], prefix: str | None) -> dict[str, str]:
    """Find a recurrent layer: a dict of plain names to the names that its parameters have."""
    if prefix is None:
        start = find_layer(argument, state)
    else:
        start = layer_start("prefix", prefix)
        refuse_unsupported(start, state)
    if start + "weight_hh_l0" not in state:
        raise ValueError(f"{argument} has no {shown_name(start + 'weight_hh_l0')}; it has {listed(state)}")
    return {key.removeprefix(start): key for key in state if key.startswith(start) and "." not in key[len(start) :]}


def layer_start(name: str, value: str) -> str:
    """Check the name of a layer, and give what its parameters' names start with."""
    start = validation.instance(name, value, str, "the name of a layer, such as 'encoder.rnn'")
    return start if not start or start.endswith(".") else start + "."


def refuse_unsupported(prefix: str, names: Iterable[str]) -> None:
    """Raise where the layer under a prefix is stacked, bidirectional or has projections."""
    for name in sorted(names):
        match = _LAYER.fullmatch(name)
        if match is None or match["prefix"] != prefix:
            continue
        if match["reverse"]:
            raise ValueError(f"{shown_name(name)} belongs to a bidirectional layer; what is supported is {_SUPPORTED}")
        if match["layer"] != "0":
            raise ValueError(f"{shown_name(name)} belongs to a second layer; what is supported is {_SUPPORTED}")
        if "_hr_" in name:
            raise ValueError(
                f"{shown_name(name)} belongs to an LSTM with projections (proj_size); what is supported is without them"
            )


def find_names(cell: NetworkCell, names: Iterable[str]) -> dict[str, str]:
    """Find each parameter of a cell: a dict of its plain name to the name it has, in the cell's order.

    Names under other prefixes than the layer's belong to other parts of a model and are left alone.

    Raises
    ------
    ValueError
        If one is missing, or a name beside them is unknown.
    """
    present = set(names)
    if present == cell.parameter_shapes.keys():
        return {name: name for name in cell.parameter_shapes}
    prefix = "" if "weight_hh_l0" in present else find_layer("params", present)
    refuse_unsupported(prefix, present)
    known = cell.parameter_shapes
    found = {}
    for name in known:
        # A read-out and an initial state may stand beside the layer as well as under its prefix.
        for candidate in (prefix + name, name):
            if candidate in present:
                found[name] = candidate
                break
        else:
            hint = ""
            if name in ("weight_out", "bias_out") and prefix:
                hint = "; io.from_state_dict(…, readout=…) makes it of a linear layer"
            raise ValueError(f"params has no {name}, which {cell!r} has; it has {listed(present)}{hint}")
    beside = {name for name in present if name.startswith(prefix) and "." not in name[len(prefix) :]}
    unknown = sorted(beside - set(found.values()))
    if unknown:
        raise ValueError(
            f"params has {show(unknown[0])}, which {cell!r} has not; its parameters are {', '.join(known)}"
        )
    return found


def find_cell(plain: Mapping[str, NDArray[Any]]) -> NetworkCell:
    """Find the cell of parameters by their plain names, and check that all of them fit it."""
    if "weight_ih_l0" not in plain:
        raise ValueError(f"params has {listed(plain)}; it must have weight_ih_l0")
    wide, square = plain["weight_ih_l0"].shape, plain["weight_hh_l0"].shape
    if len(wide) not in (2, 3):
        raise ValueError(f"weight_ih_l0 has shape {wide}; it must have two axes, or one in front of them")
    lead, (rows, inputs) = wide[:-2], wide[-2:]
    recurrent = square[len(lead) :]
    kinds: dict[int, type[NetworkCell]] = {1: VanillaRNN, 3: GRU, 4: LSTM}
    kind: type[NetworkCell] | None = None
    if square[: len(lead)] == lead and 0 not in wide:
        if recurrent == (rows,):
            kind = DiagonalRNN
        elif len(recurrent) == 2 and recurrent[0] == rows and recurrent[1] and rows % recurrent[1] == 0:
            kind = kinds.get(rows // recurrent[1])
    if kind is None:
        raise ValueError(
            f"weight_ih_l0 has shape {wide} and weight_hh_l0 {square}; what is known has "
            "1, 3 or 4 blocks of hidden rows: VanillaRNN, GRU, LSTM, or weight_hh_l0 (hidden,): DiagonalRNN"
        )
    told: dict[str, Any] = {"bias": "bias_ih_l0" in plain or "bias_hh_l0" in plain}
    if "weight_out" in plain or "bias_out" in plain:
        shape = plain["weight_out"].shape if "weight_out" in plain else (1, 1)
        if len(shape) < 2 or not shape[-2]:
            raise ValueError(f"weight_out has shape {shape}; it must be (outputs, {recurrent[-1]})")
        told |= {"outputs": shape[-2], "bias_out": "bias_out" in plain}
    if "h_0" in plain or "c_0" in plain:
        told["initial_state"] = "learned"
    cell = kind(inputs=inputs, hidden=recurrent[-1], **told)
    find_names(cell, plain)
    for name, inner in cell.parameter_shapes.items():
        shape = plain[name].shape
        if shape not in (inner, (*lead, *inner)):
            raise ValueError(f"{name} has shape {shape}; it must be {(*lead, *inner)} for {cell!r}")
    return cell


def listed(names: Iterable[str]) -> str:
    """Give names as they appear in a message: the first eight in order, each shortened where it is long."""
    ordered = sorted(names)
    if not ordered:
        return "nothing"
    return ", ".join(map(shown_name, ordered[:8])) + (", …" if len(ordered) > 8 else "")
