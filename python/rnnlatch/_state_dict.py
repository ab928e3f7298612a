"""Names of parameters: finding a recurrent layer among the names of a whole model."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rnnlatch.cells import NetworkCell
from rnnlatch.validation import show, shown_name

__all__ = ["check_names", "find_layer", "find_names", "listed", "refuse_unsupported"]

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


def listed(names: Iterable[str]) -> str:
    """Give names as they appear in a message: the first eight in order, each shortened where it is long."""
    ordered = sorted(names)
    if not ordered:
        return "nothing"
    return ", ".join(map(shown_name, ordered[:8])) + (", …" if len(ordered) > 8 else "")
