"""The verdict: which findings hold, in plain words, each true whenever its condition is.

Thresholds are named where they are used; docs/diagnose.md lists them.
"""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from rnnlatch.diagnose.diagnosis import Evidence, Finding, Severity
from rnnlatch.diagnose.driven import Driven
from rnnlatch.diagnose.memory import relative
from rnnlatch.diagnose.verdict_states import about_states
from rnnlatch.diagnose.verdict_units import about_units
from rnnlatch.diagnose.wording import count, fold, number, percent, steps
from rnnlatch.gradients._analysis import Floats

__all__ = ["findings"]

_ORDER = {"problem": 0, "caution": 1, "note": 2}

ROUNDING = 1e-9  # a product of 1 that is rounded is not below 1
GONE, GROWN = 0.01, 100.0  # shares of the error at the last step
FEW = 20  # steps: nothing is said of the border between vanishing and exploding
CARRIED = 2.0  # within this factor what units keep of their own state carries the gradient
HOLDING = 20.0  # steps: gates with a longer time constant are open enough
MOST = 0.99  # of the sum of the norms of all lags


def findings(driven: Driven, data: xr.Dataset, readouts: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """Give what follows from the measurements: problems first.

    Parameters
    ----------
    driven : Driven
        The network and its sequences.
    data : Dataset
        What was measured.
    readouts : tuple of str
        Linear layers of the same file that could be the read-out.
    """
    found = [*_about_weights(driven, data)]
    if driven.overflow.any():
        found.append(_overflow(driven, data))
    if driven.time:
        found += [*_about_gradient(driven, data), *about_states(driven, data), *about_units(driven, data)]
    found += _about_what_was_given(driven, readouts)
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))


def _about_weights(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    if "largest_singular_value" not in data:
        return
    if driven.cell.kind != "VanillaRNN":
        yield Finding(
            "weights-alone-do-not-tell",
            "note",
            f"The recurrent weights of {_article(driven.cell.kind)} do not tell by themselves whether gradients vanish or "
            "explode: the bound that holds for plain networks is not one for gates. What is said here was measured along "
            "the sequences.",
            tuple(
                Evidence(
                    f"largest singular value, gate {block}", float(value), "1", f"largest_singular_value[block={block}]"
                )
                for block, value in zip(
                    data["block"].values.tolist(), data["largest_singular_value"].values, strict=True
                )
            ),
        )
        return
    gamma, largest = float(data["gamma"]), float(data["largest_singular_value"][0])
    radius, bound = float(data["spectral_radius"][0]), gamma * largest
    evidence = (
        Evidence("γ, the largest slope of the activation", gamma, "1", "gamma"),
        Evidence("largest singular value of the recurrent weights", largest, "1", "largest_singular_value"),
        Evidence("spectral radius of the recurrent weights", radius, "1", "spectral_radius"),
    )
    activation = str(getattr(driven.cell, "activation", "tanh"))
    if bound < 1 - ROUNDING:
        yield _must_vanish(gamma, largest, activation, evidence)
        return
    if activation == "linear":
        long_run = "vanish" if radius < 1 - ROUNDING else "explode" if radius > 1 + ROUNDING else "neither"
        words = {
            "vanish": "they vanish, whatever they do at first",
            "explode": "the largest of them explode",
            "neither": "they neither vanish nor explode exponentially",
        }
        yield Finding(
            "linear-network",
            "note" if long_run == "neither" else "caution",
            f"The network is linear, so gradients are powers of the recurrent weights. Their spectral radius is "
            f"{number(radius)}: in the long run {words[long_run]}.",
            evidence,
        )
        return
    yield Finding(
        "weights-leave-it-open",
        "note",
        f"The recurrent weights alone leave it open whether gradients vanish or explode: γ times their largest singular "
        f"value is {number(bound)}. Below 1 they would be certain to vanish, only above 1 can they explode.",
        evidence,
    )


def _must_vanish(gamma: float, largest: float, activation: str, evidence: tuple[Evidence, ...]) -> Finding:
    bound = gamma * largest
    if gamma == 0:
        sentence = "No gradient gets through a single step: the slope of a threshold is 0 everywhere."
        advice = (
            "Use an activation with a slope, or an algorithm that needs none, such as rl.algorithms.RandomGuessing()."
        )
    elif largest == 0:
        sentence = "All recurrent weights are 0: the network does not see what was before."
        advice = "Check that these are the weights that were trained."
    else:
        after = math.floor(math.log(GONE) / math.log(bound)) + 1
        sentence = (
            f"Gradients are certain to vanish, whatever the input: each step back multiplies the norm of an error by at "
            f"most {number(bound)}, so that {count(after, 'step')} leave less than 1 % of it."
        )
        advice = (
            f"Start with recurrent weights whose singular values are about 1/γ = {number(1 / gamma)}"
            + (", such as rl.cells.Orthogonal()," if gamma == 1 else "")
            + " or use an LSTM or a GRU, whose state need not pass the weights at every step."
        )
        if activation == "logistic":
            advice += " tanh has a slope four times as large."
    return Finding("must-vanish", "problem", sentence, evidence, advice)


def _overflow(driven: Driven, data: xr.Dataset) -> Finding:
    where = np.flatnonzero(driven.overflow)
    first = int(driven.overflow[where].min())
    said = f" Everything else here is measured over the {count(driven.time, 'step')} before." if driven.time else ""
    return Finding(
        "overflow",
        "problem",
        f"The state grows until it is no number any more: in {where.size} of {count(data.sizes['sequence'], 'sequence')}, "
        f"first after {count(first, 'step')}.{said}",
        (Evidence("first step without a finite state", first, "steps", "overflow_step"),),
        "Recurrent weights with a spectral radius of at most 1, or tanh instead of relu or linear units; a smaller learning "
        "rate and clipped gradients (rl.gradients.clip_norm) if training brought the weights here.",
    )


def _about_gradient(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    yield from _parameter_gradient(driven, data)
    shares = relative(data["log_gradient"].values)
    if not len(shares):
        yield _no_error(driven, data)
        return
    median = data["log_gradient_share"].values
    time, last = driven.time, float(median[-1])
    over = f"median of {count(len(shares), 'sequence')}"
    if last < math.log(GONE):
        yield _vanishes(driven, data, over)
    elif last > math.log(GROWN):
        yield Finding(
            "explodes",
            "problem",
            f"The gradient explodes {_where(driven)}: an error at the last step is {fold(last)} times as large "
            f"{count(time, 'step')} earlier ({over}).",
            (
                Evidence("natural logarithm of the growth", last, "1", f"log_gradient_share[lag={time}]"),
                Evidence("growth a step", _exp(last / time), "1", f"log_gradient_share[lag={time}]"),
            ),
            "Clip the norm of the gradient (rl.gradients.clip_norm; 1 is a usual threshold); then smaller or orthogonal "
            "recurrent weights, or shorter pieces of sequences.",
        )
    elif time < FEW:
        yield Finding(
            "few-steps",
            "caution",
            f"Over {count(time, 'step')} an error neither vanishes nor explodes, but so few steps do not tell what it does "
            "over more.",
            (Evidence("share of the error left", math.exp(last), "1", f"log_gradient_share[lag={time}]"),),
            f"Give sequences of at least {FEW} steps.",
        )
    else:
        yield Finding(
            "keeps",
            "note",
            f"The gradient neither vanishes nor explodes {_where(driven)}: {count(time, 'step')} back an error has "
            f"{fold(last)} times its size at the last step ({over}).",
            (Evidence("share of the error left", math.exp(last), "1", f"log_gradient_share[lag={time}]"),),
        )
    yield from _shape_of_gradient(driven, data, shares)


def _vanishes(driven: Driven, data: xr.Dataset, over: str) -> Finding:
    half, tenth, gone = (float(value) for value in data["horizon"].values)
    severity: Severity = "problem" if driven.own_data and gone <= driven.time / 2 else "caution"
    if data["log_gradient_share"].values[1] == -math.inf:
        sentence = (
            f"No gradient gets back {_where(driven)}: of an error at the last step nothing reaches the step before."
        )
    else:
        sentence = (
            f"The gradient vanishes {_where(driven)}: of an error at the last step less than half is left {steps(half)} "
            f"earlier, and less than 1 % from {steps(gone)} on ({over}). What happened longer before an error has hardly a "
            "part in its gradient."
        )
    return Finding(
        "vanishes",
        severity,
        sentence,
        tuple(
            Evidence(f"lag from which on less than {percent(share)} is left", value, "steps", f"horizon[share={share}]")
            for share, value in zip(data["share"].values.tolist(), (half, tenth, gone), strict=True)
        ),
        _longer_memory(driven, data, gone),
    )


def _longer_memory(driven: Driven, data: xr.Dataset, horizon: float) -> str:
    lags = f"If your task needs lags longer than {steps(horizon)}: "
    if "time_constant" in data and (held := float(np.median(data["time_constant"]))) > HOLDING:
        return lags + (
            f"the gates that keep are open already (median time constant {steps(held)}); look for what else loses the error, "
            "such as saturated cells or shut gates."
        )
    return (
        lags
        + {
            "LSTM": "raise the biases of the forget gates before training, to 1, or to about the logarithm of the longest lag "
            "(rl.cells.LSTM(forget_bias=…)).",
            "GRU": "raise the biases of the update gates z before training, so that units hold on to their state (in PyTorch's "
            "form z is the share that is kept).",
            "VanillaRNN": "use an LSTM with forget_bias=1 or a GRU; or start with orthogonal recurrent weights "
            "(rl.cells.Orthogonal()) and train with Pascanu's regulariser (rl.algorithms.GradientDescent(omega=…)).",
        }[driven.cell.kind]
    )


def _shape_of_gradient(driven: Driven, data: xr.Dataset, shares: Floats) -> Iterator[Finding]:
    median, time = data["log_gradient_share"].values, driven.time
    peak = int(np.argmax(median))
    if median[peak] > math.log(GROWN) and median[-1] <= math.log(GROWN):
        yield Finding(
            "grows-first",
            "caution",
            f"On its way back an error first grows, to {fold(float(median[peak]))} times its size at a lag of "
            f"{count(peak, 'step')}.",
            (Evidence("natural logarithm of the growth", float(median[peak]), "1", f"log_gradient_share[lag={peak}]"),),
            "Clip the norm of the gradient (rl.gradients.clip_norm).",
        )
    ends = shares[:, -1]
    gone, grown = int((ends < math.log(GONE)).sum()), int((ends > math.log(GROWN)).sum())
    if gone and grown:
        yield Finding(
            "sequences-differ",
            "caution",
            f"Sequences differ: {count(time, 'step')} back an error has fallen below 1 % in {gone} of them and grown more "
            f"than {GROWN:g}-fold in {grown}. Single sequences can throw training far off.",
            (
                Evidence(
                    "natural logarithm of the growth, smallest", float(ends.min()), "1", f"log_gradient[lag={time}]"
                ),
                Evidence(
                    "natural logarithm of the growth, largest", float(ends.max()), "1", f"log_gradient[lag={time}]"
                ),
            ),
            "Clip the norm of the gradient (rl.gradients.clip_norm).",
        )
    if "log_gradient_kept" in data:
        yield from _carrier(driven, data)


def _carrier(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    """Say whether the gradient of long lags goes through what units keep of their own state."""
    horizon = float(data["horizon"][-1])
    lag = driven.time if math.isinf(horizon) else int(horizon)
    if math.isnan(horizon) or lag < FEW // 2:
        return
    there = np.isfinite(data["log_gradient"].values[:, lag])
    if not there.any():
        return
    ratio = data["log_gradient_kept"].values[there, lag] - data["log_gradient"].values[there, lag]
    middle = float(np.median(ratio))
    kept = {"LSTM": "the cell state", "GRU": "what the update gates keep"}[driven.cell.kind]
    variable = f"log_gradient_kept[lag={lag}] - log_gradient[lag={lag}]"
    evidence = (Evidence("norm without the recurrent weights over the whole norm", math.exp(middle), "1", variable),)
    if abs(middle) <= math.log(CARRIED):
        yield Finding(
            "kept-state-carries",
            "note",
            f"Over {count(lag, 'step')} the gradient goes through {kept}: with the way through the recurrent weights cut, "
            f"its norm is still {fold(middle)} of what it is. So far back, memory relies on the gates that keep.",
            evidence,
        )
    elif middle < math.log(GONE) * 0.5:
        yield Finding(
            "weights-carry",
            "note",
            f"Over {count(lag, 'step')} the gradient goes through the recurrent weights and not through {kept}: with that "
            f"way cut, {fold(middle)} of its norm is left.",
            evidence,
        )


def _parameter_gradient(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    if "log_parameter_gradient" not in data:
        return
    logs = data["log_parameter_gradient"].values
    if logs.max() == math.inf:
        return
    if not np.isfinite(logs).any():
        yield Finding(
            "no-gradient",
            "problem",
            "The gradient of the recurrent layer is 0 at every lag: with these targets it learns nothing.",
            (Evidence("natural logarithm of the largest part", float(logs.max()), "1", "log_parameter_gradient"),),
            "Check targets and loss: an error that is 0, or units that are all silent, give no gradient.",
        )
        return
    parts = np.exp(logs - logs.max())
    within = int(np.argmax(np.cumsum(parts) >= MOST * parts.sum())) + 1
    yield Finding(
        "gradient-by-lag",
        "note",
        f"{percent(MOST)} of the gradient comes from the last {count(within, 'step')} of {driven.time} (shares of the sum of "
        "the norms of all lags, for the parameters of the recurrent layer).",
        (
            Evidence("lags that have it", within, "steps", "log_parameter_gradient"),
            Evidence("lag with the largest part", int(logs.argmax()), "steps", "log_parameter_gradient"),
        ),
    )


def _no_error(driven: Driven, data: xr.Dataset) -> Finding:
    if data["log_gradient"].values.max() == math.inf:
        sentence = (
            "The error at the last step is larger than any number, so nothing can be said of where its gradient goes."
        )
        return Finding("error-overflows", "problem", sentence, (), "Check the weights of the read-out and the targets.")
    if driven.targets is not None:
        sentence = (
            "There is no error at the last step of any sequence, so nothing can be said of where its gradient goes."
        )
        return Finding("no-error", "caution", sentence, (), "Give targets that the network has not reached.")
    return Finding(
        "readout-is-zero",
        "problem",
        "All weights of the read-out are 0: no output depends on the hidden units, and no gradient reaches them.",
        (),
        "Check that these are the weights that were trained.",
    )


def _about_what_was_given(driven: Driven, readouts: tuple[str, ...]) -> Iterator[Finding]:
    if not driven.own_data:
        yield Finding(
            "noise-not-data",
            "note",
            f"All that depends on inputs was measured on noise, not on your data: Gaussian, mean 0, standard deviation "
            f"{number(driven.noise_std)}, independent from step to step and input to input. On your data the network can "
            "behave differently.",
            (),
            "Give sequences that it is meant for: --inputs data.npy, or rl.diagnose(cell, params, inputs).",
        )
    if driven.cell.outputs is None and driven.cell.read_unit is None and driven.targets is None:
        named = f" Linear layers that fit: {', '.join(readouts)}." if readouts else ""
        yield Finding(
            "no-readout",
            "note",
            "There is no read-out: the error that is followed back is a random combination of the hidden units, not of your "
            "outputs.",
            (),
            f"Name the linear layer that reads the hidden units: --readout NAME, or rl.io.from_state_dict(…, readout=…).{named}",
        )


def _exp(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 709 else math.inf


def _where(driven: Driven) -> str:
    return "on your sequences" if driven.own_data else "on this noise"


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOUL" else f"a {kind}"
