"""What is said of agreement over a long clause, put to the test."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from rnnlatch.experiments.claims import Claim, at_least, at_most
from rnnlatch.statistics import trend_test, wilson_interval

__all__ = ["claims"]

COURSES = "courses that follow Goodfellow et al. 2016, section 10.7, with this sentence"
GATES = "Goodfellow et al. 2016, section 10.10: gated networks learn long-term dependencies more easily"
LINZEN = "Linzen, Dupoux & Goldberg, TACL 4, 2016: less than 1 % errors, more where sequence and structure conflict"
OURS = "ours"
START, GATED = "Gaussian", ("LSTM", "GRU")
LEVEL = 0.01
FEW = 0.01  # wrong
MISLED = 0.05  # wrong


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `agreement.analyse` made."""
    return [
        _falls(data),
        _forgets(data),
        _gates_reach(data),
        _gates_beat(data),
        _orthogonal(data),
        _nouns(data),
        _distance(data),
        _beyond(data),
        _attractors(data),
        _more_attractors(data),
        _untaught(data),
    ]


def _decides(data: xr.Dataset) -> bool:
    return str(data.attrs["scale"]) != "quick"


def _counts(data: xr.Dataset, **at: object) -> tuple[int, int]:
    """How many learned, of how many, where the dataset is that of some coordinates."""
    part = data[["learned", "counted"]].sel(at)
    return int(part["learned"].sum()), int(part["counted"].sum())


def _interval(learned: int, counted: int) -> tuple[float, float]:
    low, high = wilson_interval(learned, counted)
    return float(low), float(high)


def _far(data: xr.Dataset, architecture: str) -> tuple[int, int]:
    """How many learned the clauses of `far` words, in both languages."""
    return _counts(data, architecture=architecture, length=data.attrs["far"])


def _far_words(data: xr.Dataset) -> str:
    return f"{int(data.attrs['far'])} words"


def _words(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _falls(data: xr.Dataset) -> Claim:
    near = data[["learned", "counted"]].sum("between").sel(length=data["length"] <= data.attrs["far"])
    chances = {}
    for name in data["architecture"].values:
        part = near.sel(architecture=name)
        chances[str(name)] = trend_test(near["length"].values, part["learned"].values, part["counted"].values)[1]
    return Claim(
        f"The more words between subject and verb, up to {int(data.attrs['far'])}, the fewer runs learn, whatever the network "
        f"(Cochran-Armitage, p < {LEVEL:g}).",
        COURSES,
        {f"p, {name}": chance for name, chance in chances.items()} | {"lengths": near.sizes["length"]},
        max(chances.values()) < LEVEL if _decides(data) else None,
        expected=False,
        reason="From an orthogonal matrix as many learn over 40 words as over 5.",
    )


def _forgets(data: xr.Dataset) -> Claim:
    counts = _far(data, START)
    return Claim(
        f"A network of tanh units hardly learns that it has to remember the number over {_far_words(data)}: from a "
        "Gaussian start, every second run at most.",
        COURSES,
        {"learned": _words(counts), "95 % interval": list(_interval(*counts))},
        at_most(_interval(*counts), 0.5),
        expected=True,
        reason="The error that comes back over so many steps is too small to be seen beside that of the bias.",
    )


def _gates_reach(data: xr.Dataset) -> Claim:
    counts = {name: _far(data, name) for name in GATED}
    decided = [at_least(_interval(*each), 0.5) for each in counts.values()]
    return Claim(
        f"An LSTM and a GRU do learn it over {_far_words(data)} by the same gradient descent: at least every second run "
        "of each.",
        f"{COURSES}: the remedy is the LSTM",
        {f"learned, {name}": _words(each) for name, each in counts.items()},
        None if None in decided and False not in decided else all(decided),
        expected=False,
        reason="A gate that is half open, or as open as a forget bias of 1 makes it, forgets too: 0.73 to the 40th is 4e-6. It "
        "has to learn to open, from an error that has vanished.",
    )


def _gates_beat(data: xr.Dataset) -> Claim:
    counts = {name: _counts(data, architecture=name) for name in (*GATED, START)}
    chances = {name: _more(counts[name], counts[START]) for name in GATED}
    return Claim(
        "An LSTM and a GRU learn more often than tanh units from a Gaussian start, all lengths and both languages together "
        f"(p < {LEVEL:g}, each).",
        GATES,
        {f"learned, {name}": _words(each) for name, each in counts.items()}
        | {f"p, {name}": chance for name, chance in chances.items()},
        max(chances.values()) < LEVEL if _decides(data) else None,
        expected=False,
        reason="What is to be kept is one bit, and nothing is to be kept out but later words: gates have little to do here.",
    )


def _more(counts: tuple[int, int], others: tuple[int, int]) -> float:
    """How likely so many more learn by chance; of two groups the trend test is the test of their difference."""
    learned, counted = zip(others, counts, strict=True)
    return 1 - trend_test([0, 1], learned, counted)[1]


def _orthogonal(data: xr.Dataset) -> Claim:
    counts = {name: _far(data, name) for name in ("orthogonal", START)}
    return Claim(
        "All that tanh units need is another start: from an orthogonal matrix at least every second run learns "
        f"{_far_words(data)}.",
        f"{OURS}, after Saxe, McClelland & Ganguli, ICLR 2014",
        {f"learned, {name}": _words(each) for name, each in counts.items()},
        at_least(_interval(*counts["orthogonal"]), 0.5),
        expected=True,
        reason="The norm of the error is kept at the start, and the start is when it has to be found.",
    )


def _nouns(data: xr.Dataset) -> Claim:
    counts = {str(name): _counts(data, between=name) for name in data["between"].values}
    chance = _more(counts["adverbs"], counts["nouns"])
    return Claim(
        "Nouns of either number between subject and verb make it harder: fewer runs learn, all networks and lengths together "
        f"(p < {LEVEL:g}).",
        OURS,
        {f"learned, {name}": _words(each) for name, each in counts.items()} | {"p": chance},
        chance < LEVEL if _decides(data) else None,
        expected=False,
        reason="The first noun is the subject. What comes later is to be ignored, whether it is an adverb or a noun, and that "
        "is not what is hard to learn.",
    )


def _distance(data: xr.Dataset) -> Claim:
    fail = [str(name) for name in data["architecture"].values if _rarely(*_far(data, str(name)))]
    mixed = {name: _mixed(data, name) for name in fail}
    return Claim(
        f"What is hard is the distance: networks that rarely learn {_far_words(data)} (less than half of the runs) rarely "
        "learn them together with all shorter clauses either.",
        COURSES,
        {f"learned, {name}": f"{_words(_far(data, name))}, with shorter ones {_words(mixed[name])}" for name in fail}
        or {"networks": 0},
        all(_rarely(*each) for each in mixed.values()) if fail and _decides(data) else None,
        expected=False,
        reason="Short sentences teach what to keep, and a network that keeps it for a few words holds it in a state that is "
        "stable, and so for many. It is the want of short ones that makes a long one hard.",
    )


def _rarely(learned: int, counted: int) -> bool:
    return 2 * learned < counted


def _mixed(data: xr.Dataset, architecture: str) -> tuple[int, int]:
    part = data.sel(architecture=architecture)
    return int(part["mixed_learned"].sum()), int(part["mixed_counted"].sum())


def _beyond(data: xr.Dataset) -> Claim:
    longest = int(data.attrs["longest"])
    further = data["test_length"].values[data["test_length"].values > longest]
    wrong = data["wrong"].sel(between="adverbs", clause="no nouns", test_length=further).max("test_length")
    counts = {
        str(name): (int((part < FEW).sum()), int(part.notnull().sum()))
        for name, part in ((name, wrong.sel(architecture=name)) for name in data["architecture"].values)
    }
    right, known = (sum(each) for each in zip(*counts.values(), strict=True))
    return Claim(
        f"Whatever has learned clauses of up to {longest} words answers right over longer ones (less than 1 % wrong at "
        f"{', '.join(map(str, further))} words, clauses of adverbs, every network).",
        OURS,
        {f"right, {name}": _words(each) for name, each in counts.items()},
        right == known if known and _decides(data) else None,
        expected=False,
        reason="Nearly all: a bit that an attractor holds does not fade. But a network may stop at 1 % before one does.",
    )


def _apart(more: NDArray[np.float64], less: NDArray[np.float64]) -> dict[str, float]:
    """Compare errors of the same networks: in how many each is larger, and how likely that is by chance (sign test)."""
    known = np.isfinite(more) & np.isfinite(less)
    up, down = int((more > less)[known].sum()), int((more < less)[known].sum())
    return {
        "more errors, networks": up,
        "fewer errors, networks": down,
        "mean error with": float(more[known].mean()) if known.any() else 0.0,
        "mean error without": float(less[known].mean()) if known.any() else 0.0,
        "p": float(binomtest(up, up + down, alternative="greater").pvalue) if up + down else 1.0,
    }


def _attractors(data: xr.Dataset) -> Claim:
    wrong = data["wrong"].sel(between="nouns").mean("test_length")
    measured = _apart(wrong.sel(clause="attractors").values, wrong.sel(clause="same number").values)
    return Claim(
        "Networks that have learned all lengths, with nouns, to less than 1 % errors make more where all nouns between are "
        f"attractors than where all have the number of the subject (sign test over the networks, p < {LEVEL:g}).",
        LINZEN,
        measured,
        measured["p"] < LEVEL if _decides(data) else None,
        expected=True,
        reason="What is left of the error is left where the later nouns pull the other way.",
    )


def _more_attractors(data: xr.Dataset) -> Claim:
    wrong = data["wrong_by_number"].sel(between="nouns")
    measured = _apart(wrong.isel(number=-1).values, wrong.sel(number=1).values)
    return Claim(
        f"The more attractors the more errors: with {int(data['number'][-1])} more than with one, in clauses of "
        f"{int(data.attrs['longest'])} words (sign test over the networks, p < {LEVEL:g}).",
        f"{OURS}, after Linzen, Dupoux & Goldberg",
        measured,
        measured["p"] < LEVEL if _decides(data) else None,
        expected=True,
        reason="Each of them pushes once, and pushes add up.",
    )


def _untaught(data: xr.Dataset) -> Claim:
    wrong = data["wrong"].sel(between="adverbs", clause="attractors").mean("test_length")
    counts = {
        str(name): (int((part > MISLED).sum()), int(part.notnull().sum()))
        for name, part in ((name, wrong.sel(architecture=name)) for name in data["architecture"].values)
    }
    misled, known = (sum(each) for each in zip(*counts.values(), strict=True))
    return Claim(
        "Most networks that have only seen adverbs between subject and verb are misled by attractors (more than 5 % wrong, the "
        "mean over lengths).",
        OURS,
        {f"misled, {name}": _words(each) for name, each in counts.items()}
        | {"95 % interval": list(_interval(misled, known))},
        at_least(_interval(misled, known), 0.5) if _decides(data) else None,
        expected=False,
        reason="Most hold the first noun so firmly that a later one does not move it, without having been told.",
    )
