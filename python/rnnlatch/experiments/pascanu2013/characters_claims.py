"""What the paper says of training on characters, put to the test on another text: the order of the algorithms, not levels."""

from dataclasses import replace

import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.pascanu2013.characters_settings import CONTROL
from rnnlatch.experiments.pascanu2013.natural_settings import GATED, MODELS, lowers

__all__ = ["claims"]

TABLE = "Pascanu, Mikolov & Bengio 2013, Table 1"
NO_PLAIN = "ours: of plain gradient descent five steps ahead the paper's Table 1 has no number"
OURS = "ours"
BITS = "bits per character"

CLIPPING, REGULARISER, ALONE = ("SGD", "SGD-C"), ("SGD-C", "SGD-CR"), (CONTROL, "SGD-CR")
WHAT = {
    CLIPPING: "Clipping lowers the entropy of the {part} part, {far}, below that of plain gradient descent.",
    REGULARISER: "The regulariser lowers the entropy of the {part} part, {far}, below that of clipping alone.",
    ALONE: "The regulariser lowers the entropy of the {part} part, {far}, below that of clipping with its learning rate.",
}
PARTS = {"train": "training", "test": "test"}
FAR = {1: "one character ahead", 5: "five characters ahead"}
AHEAD_DEVIATIONS: dict[int, tuple[str, ...]] = {1: (), 5: ("fifth",)}

FASTER = "Clipped, a network stands a learning rate that is ten times as high, and learns more in as many epochs."
FASTER_AGAIN = "The learning rate is five times as high again, and more is learned in as many epochs."
SMALL = "Beside a cost of 200 steps its weight is small, and it falls as 1 / t: it changes less than the seed does."
KEEPS = "With about as many weights and the same learning rate it learns more in as many epochs."

# What the table prints, as far as it is in this order, and what we have found: of two models, steps ahead and a part.
TESTED: dict[tuple[tuple[str, str], int, str], tuple[str, bool, str]] = {
    (CLIPPING, 1, "train"): (TABLE, True, FASTER),
    (CLIPPING, 1, "test"): (TABLE, True, FASTER),
    (REGULARISER, 1, "test"): (TABLE, True, FASTER_AGAIN),
    (CLIPPING, 5, "train"): (NO_PLAIN, True, FASTER),
    (CLIPPING, 5, "test"): (NO_PLAIN, True, FASTER),
    (REGULARISER, 5, "train"): (TABLE, True, FASTER_AGAIN),
    (REGULARISER, 5, "test"): (TABLE, True, FASTER_AGAIN),
    (ALONE, 1, "test"): (OURS, False, SMALL),
    (ALONE, 5, "test"): (OURS, False, SMALL),
}


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `characters.analyse` made."""
    found = [_beats_frequencies(data, model, ahead) for ahead in FAR for model in MODELS]
    for (models, ahead, which), (source, expected, reason) in TESTED.items():
        what = WHAT[models].format(part=PARTS[which], far=FAR[ahead])
        found.append(_lowers(data, ahead, what, models, which, source, (expected, reason)))
    for ahead, far in FAR.items():
        for model in GATED:
            what = (
                f"The {model} has a lower entropy of the test part, {far}, than the network of SGD-C, trained as it is."
            )
            found.append(_lowers(data, ahead, what, ("SGD-C", model), "test", OURS, (True, KEEPS)))
    return found


def _lowers(
    data: xr.Dataset,
    ahead: int,
    what: str,
    models: tuple[str, str],
    which: str,
    source: str,
    found: tuple[bool, str],
) -> Claim:
    claim = lowers(data.sel(ahead=ahead), "bits", what, models, which, BITS, source, found)
    rates = AHEAD_DEVIATIONS[ahead]
    return replace(claim, deviations=(*rates, "learning-rate") if models in (REGULARISER, ALONE) else rates)


def _beats_frequencies(data: xr.Dataset, model: str, ahead: int) -> Claim:
    """Claim that all runs of a model know more than the character that they are shown by itself."""
    bits = data["bits"].sel(model=model, ahead=ahead, set="test").values
    alone, after = (float(data["baseline_bits"].sel(order=order, ahead=ahead, set="test")) for order in (1, 2))
    decided = data.attrs["scale"] != "quick"
    who = f"Every {model}" if model in GATED else f"Every network that is trained by {model}"
    return Claim(
        f"{who} predicts the test part, {FAR[ahead]}, better than the frequencies of characters, and than those of what "
        "comes after each.",
        OURS,
        {
            f"worst run, {BITS}": float(bits.max()),
            f"frequencies, {BITS}": alone,
            f"frequencies of what comes after, {BITS}": after,
            "runs": int(bits.size),
        },
        bool(bits.max() < min(alone, after)) if decided else None,
        True,
        "Which character comes depends on the word, of which one character by itself tells little.",
    )
