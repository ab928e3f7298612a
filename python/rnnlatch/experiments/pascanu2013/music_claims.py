"""What the paper says of training on music, put to the test on other pieces: the order of the algorithms, not their levels."""

from dataclasses import replace

import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.pascanu2013.natural_settings import GATED, lowers

__all__ = ["claims"]

TABLE = "Pascanu, Mikolov & Bengio 2013, Table 1"
OURS = "ours"
NATS = "nats per frame"

FIRST = "It acts on a few updates of the first epoch alone, which without it throw the weights far away."
SLOW = "Trained as SGD-C is, with settings that were chosen for other networks, it learns the training pieces less well, too."
SOON = "It has learned the training pieces in a fifth of the epochs, and no better; then its validation errors rise."


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `music.analyse` made."""

    def compared(what: str, models: tuple[str, str], which: str, source: str, found: tuple[bool, str]) -> Claim:
        claim = lowers(data, "nll", what, models, which, NATS, source, found)
        return replace(claim, deviations=("omega-schedule",)) if "SGD-CR" in models else claim

    return [
        *(_beats_frequencies(data, str(model)) for model in data["model"].values),
        compared(
            "Clipping makes training errors lower than those of plain gradient descent.",
            ("SGD", "SGD-C"),
            "train",
            f"{TABLE}: in all three corpora",
            (True, f"{FIRST} Runs end after 300 to 500 epochs, and training errors differ by more than that."),
        ),
        compared(
            "Clipping makes test errors lower than those of plain gradient descent.",
            ("SGD", "SGD-C"),
            "test",
            f"{TABLE}: in all three corpora",
            (True, FIRST),
        ),
        compared(
            "The regulariser makes test errors lower than those of clipping alone.",
            ("SGD-C", "SGD-CR"),
            "test",
            f"{TABLE}: in all three corpora",
            (False, "Its weight falls as 1 / t, and it is small when most is learned."),
        ),
        *(
            compared(
                f"The {model} has lower test errors than the network that is trained by SGD-CR.",
                ("SGD-CR", model),
                "test",
                OURS,
                (False, found),
            )
            for model, found in zip(GATED, (SLOW, SOON), strict=True)
        ),
    ]


def _beats_frequencies(data: xr.Dataset, model: str) -> Claim:
    """Claim that all runs of a model know more than what follows each pitch by itself."""
    nll = data["nll"].sel(model=model, set="test").values
    alone, followed = (float(data["baseline_nll"].sel(order=order, set="test")) for order in (1, 2))
    decided = data.attrs["scale"] != "quick"
    who = f"Every {model}" if model in GATED else f"Every network that is trained by {model}"
    return Claim(
        f"{who} predicts the test pieces better than frequencies do of each pitch, and of what follows each pitch.",
        OURS,
        {
            f"worst run, {NATS}": float(nll.max()),
            f"frequencies, {NATS}": alone,
            f"frequencies of what follows, {NATS}": followed,
            "runs": int(nll.size),
        },
        bool(nll.max() < min(alone, followed)) if decided else None,
        True,
        "Which pitch sounds next depends on the harmony, which is more than one pitch by itself.",
    )
