"""The prediction of frames: sets of pieces, the task, and likelihoods against a computation by hand and PyTorch."""

import itertools
import math
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnlatch as rl
from rnnlatch.data import PianoRoll, frame_nll_of, frame_prediction, split_pieces

REDUCTIONS: tuple[Literal["mean", "sum"], ...] = ("mean", "sum")


def pieces(*lengths: int, seed: int = 0) -> list[PianoRoll]:
    rng = np.random.default_rng(seed)
    return [PianoRoll(rng.random((length, 88)) < 0.1, name=f"piece {k}") for k, length in enumerate(lengths)]


def network(cell: Any, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.3, shape) for name, shape in cell.parameter_shapes.items()}


# ---- sets -----------------------------------------------------------------------------------------------------------


def test_every_piece_is_in_one_set_as_a_whole() -> None:
    rolls = pieces(*range(2, 42))
    train, validation, test = split_pieces(rolls, rng=3)
    assert (len(train), len(validation), len(test)) == (28, 6, 6)
    assert sorted(roll.name for part in (train, validation, test) for roll in part) == sorted(
        roll.name for roll in rolls
    )
    assert split_pieces(rolls, rng=3) == (train, validation, test)
    assert split_pieces(rolls, rng=np.random.SeedSequence(3)) == (train, validation, test)
    assert split_pieces(rolls, rng=4) != (train, validation, test)
    assert [len(part) for part in split_pieces(rolls[:5], (0.5, 0.5), rng=0)] == [3, 2]


def test_where_a_piece_is_is_drawn_uniformly() -> None:
    """Of 400 splits the first piece is in the test set in a third, within four standard deviations of a binomial."""
    rolls = pieces(2, 3, 4)
    found = sum(rolls[0] in split_pieces(rolls, (2 / 3, 1 / 3), rng=seed)[1] for seed in range(400))
    assert abs(found - 400 / 3) < 4 * math.sqrt(400 * 2 / 9)


@pytest.mark.parametrize(
    ("rolls", "shares", "error", "words"),
    [
        (pieces(2, 3), (0.7, 0.15, 0.15), ValueError, "rolls has 2 pieces, and set 3 of 3 would have none"),
        (pieces(2, 3), (0.5, 0.4), ValueError, "shares is"),
        (pieces(2, 3), (1.0,), ValueError, "shares is"),
        (pieces(2, 3), (1.5, -0.5), ValueError, "shares is"),
        (pieces(2, 3), 0.5, TypeError, "shares is 0.5"),
        ([], (0.5, 0.5), ValueError, "rolls is"),
        (pieces(2)[0], (0.5, 0.5), TypeError, "rolls is"),
        ([np.zeros((3, 88))], (0.5, 0.5), TypeError, "rolls is"),
    ],
)
def test_what_cannot_be_split(rolls: Any, shares: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        split_pieces(rolls, shares, rng=0)


# ---- the task -------------------------------------------------------------------------------------------------------


def test_each_frame_but_the_first_is_predicted_once() -> None:
    rolls = pieces(2, 8, 12, 11)
    task = frame_prediction(rolls, length=5)
    # 1, 7, 11 and 10 frames to be predicted, in sequences of at most 5 that are as equal as possible.
    lengths = [1, 3, 4, 3, 4, 4, 5, 5]
    shown = task.sample(len(lengths))
    assert shown.lengths.tolist() == lengths
    assert shown.inputs.shape == shown.targets.shape == (8, 5, 88)
    inputs = np.concatenate([each[5 - size :] for each, size in zip(shown.inputs, lengths, strict=True)])
    targets = np.concatenate([each[5 - size :] for each, size in zip(shown.targets, lengths, strict=True)])
    np.testing.assert_array_equal(inputs, np.concatenate([roll.frames[:-1] for roll in rolls]))
    np.testing.assert_array_equal(targets, np.concatenate([roll.frames[1:] for roll in rolls]))
    whole = frame_prediction(rolls, length=None, order="random")
    assert whole.sample(4, test=True).lengths.tolist() == [1, 7, 11, 10]
    assert (whole.order, task.order, task.loss, task.at) == ("random", "cyclic", "logistic_cross_entropy", "every")


@pytest.mark.parametrize(
    ("rolls", "settings", "error", "words"),
    [
        (
            [*pieces(4), PianoRoll(np.eye(1, 88, dtype=bool), name="short")],
            {},
            ValueError,
            "'short' has a single frame",
        ),
        (
            [*pieces(4), PianoRoll(np.eye(4, 88, dtype=bool), 4, "fine")],
            {},
            ValueError,
            "'fine' has 4 frames per quarter and 'piece 0' 2",
        ),
        (pieces(4), {"length": 0}, ValueError, "length is 0"),
        (pieces(4), {"length": 2.0}, TypeError, "length is 2.0"),
        (pieces(4), {"reduction": "median"}, ValueError, "reduction is 'median'"),
        (pieces(4), {"order": "any"}, ValueError, "order is 'any'"),
        ([], {}, ValueError, "rolls is"),
    ],
)
def test_what_is_no_task(rolls: Any, settings: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        frame_prediction(rolls, **settings)


def test_only_the_loss_of_such_a_task_is_a_likelihood() -> None:
    task = frame_prediction(pieces(4))
    with pytest.raises(ValueError, match="out of a store"):
        frame_nll_of(rl.tasks.DatasetTask.from_dict(task.to_dict()), 1.0)
    other = rl.tasks.DatasetTask(inputs=np.zeros((2, 5, 1)), targets=[[-1], [1]])
    with pytest.raises(ValueError, match="must be one that frame_prediction made"):
        frame_nll_of(other, 1.0)
    settings: dict[str, Any] = {"loss": "logistic_cross_entropy", "at": "every", "mask": [[1, 1], [1, 0]]}
    with pytest.raises(ValueError, match="different weights"):
        frame_nll_of(rl.tasks.DatasetTask(inputs=np.zeros((2, 2, 1)), targets=np.zeros((2, 2, 1)), **settings), 1.0)
    with pytest.raises(TypeError, match="task is"):
        frame_nll_of(rl.tasks.Parity(length=3, noise_std=0), 1.0)  # type: ignore[arg-type]


# ---- likelihoods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("length", [None, 200, 4])
def test_a_network_that_knows_nothing_needs_a_bit_for_each_pitch(
    reduction: Literal["mean", "sum"], length: int | None
) -> None:
    task = frame_prediction(pieces(2, 9, 14), length, reduction)
    cell = rl.cells.VanillaRNN(inputs=88, hidden=3, outputs=88)
    zero = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()}
    loss = rl.evaluate(cell, zero, task).loss.item()
    assert frame_nll_of(task, loss) == pytest.approx(88 * math.log(2), rel=1e-14)
    if reduction == "mean":
        assert frame_nll_of(task, loss) == loss


def cuts(roll: PianoRoll, length: int) -> list[tuple[int, int]]:
    """Where the sequences of a piece begin and end: as few as possible, as equal as possible."""
    steps = len(roll) - 1
    count = -(-steps // length)
    edges = [k * steps // count for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def by_hand(p: dict[str, NDArray[np.float64]], rolls: list[PianoRoll], length: int) -> float:
    """The mean over all frames but the first of each piece of -log P(frame), the states zero where a sequence begins."""
    terms = []
    for roll, (begin, end) in [(roll, cut) for roll in rolls for cut in cuts(roll, length)]:  # noqa: B020
        h = np.zeros(len(p["weight_hh_l0"]))
        for t in range(begin, end):
            x = roll.frames[t].astype(float)
            h = np.tanh(p["weight_hh_l0"] @ h + p["weight_ih_l0"] @ x + p["bias_ih_l0"] + p["bias_hh_l0"])
            chance = 1 / (1 + np.exp(-(p["weight_out"] @ h + p["bias_out"])))
            terms.append(-sum(math.log(c if on else 1 - c) for c, on in zip(chance, roll.frames[t + 1], strict=True)))
    return math.fsum(terms) / len(terms)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_likelihood_is_that_of_a_computation_by_hand(reduction: Literal["mean", "sum"]) -> None:
    rolls = pieces(2, 9, 14, 30)
    cell = rl.cells.VanillaRNN(inputs=88, hidden=7, outputs=88)
    parameters = network(cell)
    task = frame_prediction(rolls, 6, reduction)
    expected = by_hand(parameters, rolls, 6)
    tested = rl.evaluate(cell, parameters, task)
    # Sums of 51 * 88 terms in another order, and 1 - c where the logits are large: 1e-12 is a thousand roundings.
    assert frame_nll_of(task, tested.loss.item()) == pytest.approx(expected, rel=1e-12)
    arrays = task.arrays()
    settings: dict[str, Any] = {
        "loss": task.loss,
        "at": task.at,
        "mask": arrays.get("mask"),
        "lengths": arrays["lengths"],
    }
    loss, _ = rl.gradients.loss_and_gradient(cell, parameters, arrays["inputs"], arrays["targets"], **settings)
    assert frame_nll_of(task, loss) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["VanillaRNN", "LSTM", "GRU"])
def test_likelihood_and_gradient_are_those_of_pytorch(name: str, reduction: Literal["mean", "sum"]) -> None:
    torch = pytest.importorskip("torch")
    rolls = pieces(5, 9, 14, 30)
    cell = getattr(rl.cells, name)(inputs=88, hidden=6, outputs=88)
    parameters = network(cell)
    task = frame_prediction(rolls, 7, reduction)

    layer = {"VanillaRNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[name](
        88, 6, batch_first=True
    ).double()
    readout = torch.nn.Linear(6, 88).double()
    theirs = dict(layer.named_parameters()) | {"weight_out": readout.weight, "bias_out": readout.bias}
    with torch.no_grad():
        for key, value in parameters.items():
            theirs[key].copy_(torch.from_numpy(value))
    total, frames = torch.zeros((), dtype=torch.float64), 0
    for roll in rolls:
        piece = torch.from_numpy(roll.frames.astype(float))
        for begin, end in cuts(roll, 7):
            states, _ = layer(piece[None, begin:end])
            likelihood = torch.nn.functional.binary_cross_entropy_with_logits
            total = total + likelihood(readout(states)[0], piece[begin + 1 : end + 1], reduction="sum")
            frames += end - begin
    (total / frames).backward()

    arrays = task.arrays()
    settings: dict[str, Any] = {
        "loss": task.loss,
        "at": task.at,
        "mask": arrays.get("mask"),
        "lengths": arrays["lengths"],
    }
    loss, gradient = rl.gradients.loss_and_gradient(cell, parameters, arrays["inputs"], arrays["targets"], **settings)
    assert frame_nll_of(task, loss) == pytest.approx(float(total.detach()) / frames, rel=1e-12)
    for key, value in gradient.items():
        np.testing.assert_allclose(frame_nll_of(task, value), theirs[key].grad.numpy(), rtol=1e-9, atol=1e-12)
