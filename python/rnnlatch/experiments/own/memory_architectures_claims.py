"""What has been said of the architectures, on these tasks with equal means."""

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.own import OWN

__all__ = ["claims"]

IDENTITY = "Le, Jaitly & Hinton, arXiv:1504.00941, 2015"
UNITARY = "Arjovsky, Shah & Bengio, ICML 2016, section 5.1"
BOOK = "Goodfellow, Bengio & Courville, Deep Learning, 2016, section 10.11"
GATED = ("LSTM", "GRU")
NOT_RUN = {"task": "not at this scale"}
ABOVE_BASELINE = 0.9  # a loss of less than this of the baseline's is a memory


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `memory_architectures.analyse` made."""
    return [
        _gates_beat_vanilla(data),
        _gates_suffice(data),
        _orthogonal(data),
        _identity_adds(data),
        _identity_as_lstm(data),
        _regularised(data),
        _copying(data),
        _no_best(data),
        _all_short(data),
    ]


def _solved(data: xr.Dataset, architecture: str) -> xr.DataArray:
    return (data["success"] == 1).sel(architecture=architecture)


def _count(data: xr.Dataset, architecture: str) -> int:
    return int(_solved(data, architecture).sum())


def _decides(data: xr.Dataset) -> bool:
    return str(data.attrs["scale"]) != "quick"


def _gates_beat_vanilla(data: xr.Dataset) -> Claim:
    counts = {name: _count(data, name) for name in (*GATED, "vanilla")}
    return Claim(
        "Gated networks solve more settings (task and length, all runs) than a plain network that starts in the usual way.",
        BOOK,
        counts,
        min(counts[name] for name in GATED) > counts["vanilla"] if _decides(data) else None,
        expected=True,
        reason="An open gate hands the state on, and the error back, without a factor.",
    )


def _gates_suffice(data: xr.Dataset) -> Claim:
    gated = _solved(data, "LSTM") | _solved(data, "GRU")
    plain = (data["success"] == 1).drop_sel(architecture=list(GATED)).any("architecture")
    beyond = plain & ~gated
    named = [
        f"{task} {length}"
        for task in data["task"].values
        for length in data["length"].values
        if bool(beyond.sel(task=task, length=length))
    ]
    return Claim(
        "Whatever a plain network of any start solves, an LSTM or a GRU solves too.",
        OWN,
        {"solved without gates only": len(named), "which": ", ".join(named) or "none"},
        not named if _decides(data) else None,
        expected=False,
        reason="Gates must first learn to open; a start that passes everything on needs no such time.",
    )


def _orthogonal(data: xr.Dataset) -> Claim:
    mine, usual = _count(data, "orthogonal"), _count(data, "vanilla")
    return Claim(
        "An orthogonal start solves more settings than the usual one, tanh units.",
        f"{OWN}, after Saxe, McClelland & Ganguli, ICLR 2014",
        {"orthogonal": mine, "vanilla": usual},
        mine > usual if _decides(data) else None,
        expected=True,
        reason="It keeps the norm of the error at the start, which is when it has to be found.",
    )


def _identity_adds(data: xr.Dataset) -> Claim:
    there = "adding" in data["task"].values
    longest = _longest(data.sel(task="adding"), "identity", "vanilla") if there else {}
    return Claim(
        "ReLU units that start from the identity add over lengths at which tanh units do not.",
        IDENTITY,
        {f"longest, {name}": length for name, length in longest.items()} or NOT_RUN,
        longest["identity"] > longest["vanilla"] if there and _decides(data) else None,
        expected=True,
        reason="The identity keeps a sum as it is, and adding is the task that asks for one.",
    )


def _identity_as_lstm(data: xr.Dataset) -> Claim:
    there = "adding" in data["task"].values
    longest = _longest(data.sel(task="adding"), "identity", "LSTM") if there else {}
    return Claim(
        "On adding they reach as far as an LSTM.",
        IDENTITY,
        {f"longest, {name}": length for name, length in longest.items()} or NOT_RUN,
        longest["identity"] >= longest["LSTM"] if there and _decides(data) else None,
        expected=True,
        reason="Within these updates further: the LSTM learns to keep the sum, the identity does from the start.",
    )


def _longest(data: xr.Dataset, *architectures: str) -> dict[str, int]:
    """The longest length that all runs of an architecture solve."""
    return {
        name: int(data["length"].where(data["success"].sel(architecture=name) == 1, 0).max()) for name in architectures
    }


def _regularised(data: xr.Dataset) -> Claim:
    mine, lstm = _count(data, "regularised"), _count(data, "LSTM")
    return Claim(
        "The regulariser of the error's norm is less effective than an LSTM (it solves fewer settings).",
        f"{BOOK}, which says so of data such as language",
        {"regularised": mine, "LSTM": lstm},
        mine < lstm if _decides(data) else None,
        expected=False,
        reason="These tasks ask for a few bits over a long time and nothing else; within so few updates it pays to be told "
        "to keep the error.",
    )


def _copying(data: xr.Dataset) -> Claim:
    measured: dict[str, float] = {}
    held: bool | None = None
    if "copying" in data["task"].values:
        longest = data.sel(task="copying").isel(length=-1)
        names = ("vanilla", "identity", "LSTM")
        measured = {
            f"loss / baseline, {name}": float(longest["best_loss"].sel(architecture=name) / longest["baseline"])
            for name in names
        }
        held = min(measured.values()) > ABOVE_BASELINE if _decides(data) else None
    return Claim(
        "Copying at the longest length: neither a plain network, nor one from the identity, nor an LSTM beats an answer "
        "without a memory.",
        UNITARY,
        measured or NOT_RUN,
        held,
        expected=True,
        reason="Ten symbols must be kept apart, and nothing rewards the first of them until the last are right.",
    )


def _no_best(data: xr.Dataset) -> Claim:
    solved = data["success"] == 1
    some = solved.any("architecture")
    missing = {str(name): int((some & ~solved.sel(architecture=name)).sum()) for name in data["architecture"].values}
    return Claim(
        "One architecture solves everything that any other does.",
        OWN,
        {f"missed, {name}": count for name, count in missing.items()},
        min(missing.values()) == 0 if _decides(data) else None,
        expected=False,
        reason="What helps depends on what must be kept: a sum, a symbol, or many of them.",
    )


def _all_short(data: xr.Dataset) -> Claim:
    shortest = data.sel(task="temporal order").isel(length=0)["success"]
    return Claim(
        "Every architecture learns the temporal order of the shortest sequences (all runs).",
        OWN,
        {str(name): float(shortest.sel(architecture=name)) for name in data["architecture"].values}
        | {"length": int(data["length"].min())},
        bool(np.all(shortest == 1)) if _decides(data) else None,
        expected=True,
        reason="With steps that adapt to each weight a lag of ten steps is no difficulty for any of them.",
    )
