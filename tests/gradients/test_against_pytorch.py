"""Losses and gradients against PyTorch's autograd, on its own modules and weights."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import LOSSES, assert_close, draw, make_cell, tolerance
from rnnlatch.cells import NetworkCell, Orthogonal
from rnnlatch.gradients import loss_and_gradient

torch = pytest.importorskip("torch")

MODULES = {"tanh": "RNN", "relu": "RNN", "LSTM": "LSTM", "GRU": "GRU"}


def make_model(kind: str, cell: NetworkCell, dtype: Any) -> Any:
    """A recurrent layer under a prefix, and a linear layer that reads it."""
    more = {"nonlinearity": kind} if MODULES[kind] == "RNN" else {}
    layer = getattr(torch.nn, MODULES[kind])(cell.inputs, cell.hidden, batch_first=True, dtype=dtype, **more)
    linear = torch.nn.Linear(cell.hidden, cell.read_size, dtype=dtype)
    return torch.nn.ModuleDict({"encoder": torch.nn.ModuleDict({"rnn": layer}), "fc": linear})


def torch_loss(loss: str, y: Any, targets: Any) -> Any:
    """The sum over steps and outputs, averaged over the batch."""
    if loss == "half_squared_error":
        return ((y - targets) ** 2).sum() / 2 / len(y)
    if loss == "logistic_cross_entropy":
        return torch.nn.functional.binary_cross_entropy_with_logits(y, targets, reduction="sum") / len(y)
    return torch.nn.functional.cross_entropy(y.flatten(0, -2), targets.flatten(), reduction="sum") / len(y)


@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradient(kind: str, loss: str, at: str, dtype: str) -> None:
    cell = make_cell(kind, hidden=7, outputs=3)
    given = draw(cell, loss=loss, at=at, dtype=dtype, time=12)
    model = make_model(kind, cell, getattr(torch, dtype))
    state = rl.io.to_state_dict(given["params"], prefix="encoder.rnn", readout="fc")
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    y = model["fc"](model["encoder"]["rnn"](torch.from_numpy(given["inputs"]))[0])
    expected = torch_loss(loss, y if at == "every" else y[:, -1], torch.from_numpy(given["targets"]))
    expected.backward()

    # What a model saved goes in unchanged, tensors that require gradients too.
    params = rl.io.from_state_dict(model.state_dict(keep_vars=True), readout="fc")
    got, gradient = loss_and_gradient(cell, **(given | {"params": params}))
    limit = 2 * tolerance(cell, 12, dtype)
    np.testing.assert_allclose(got, expected.item(), rtol=limit)
    theirs = {name: part.grad.numpy() for name, part in model.named_parameters()}
    for name, value in rl.io.from_state_dict(theirs, readout="fc").items():
        assert_close(gradient[name], value, limit, name)


@pytest.mark.parametrize("kind", MODULES)
def test_a_state_dict_loads_unchanged(kind: str, tmp_path: Any) -> None:
    cell = make_cell(kind, outputs=2)
    model = make_model(kind, cell, torch.float64)
    inputs = np.random.default_rng(0).normal(size=(3, 8, cell.inputs))
    expected = model["encoder"]["rnn"](torch.from_numpy(inputs))[0].detach().numpy()
    plain = make_cell(kind)
    np.testing.assert_allclose(rl.simulate(plain, model.state_dict(), inputs), expected, rtol=0, atol=1e-14)
    # Through a .pt file, as the guide shows it.
    torch.save(model.state_dict(), tmp_path / "model.pt")
    state = torch.load(tmp_path / "model.pt", weights_only=True, map_location="cpu")
    rl.io.save(tmp_path / "model.safetensors", state)
    read = rl.io.load(tmp_path / "model.safetensors")
    np.testing.assert_allclose(rl.simulate(plain, read, inputs), expected, rtol=0, atol=1e-14)
    found = rl.io.cell_from_parameters(read, activation=getattr(plain, "activation", "tanh"), init_hh=Orthogonal())
    assert found == plain


@pytest.mark.parametrize("more", [{"num_layers": 2}, {"bidirectional": True}])
def test_what_is_not_supported(more: dict[str, Any]) -> None:
    layer = torch.nn.GRU(3, 5, **more)
    with pytest.raises(ValueError, match="what is supported is one layer in one direction"):
        rl.simulate(rl.cells.GRU(inputs=3, hidden=5), layer.state_dict(), np.ones((1, 2, 3)))
    layer = torch.nn.LSTM(3, 5, proj_size=2)
    with pytest.raises(ValueError, match="projections"):
        rl.simulate(rl.cells.LSTM(inputs=3, hidden=5), layer.state_dict(), np.ones((1, 2, 3)))


def test_half_precision_is_refused() -> None:
    cell = rl.cells.GRU(inputs=3, hidden=5)
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(TypeError, match=r"weight_ih_l0 (has dtype float16|of torch.bfloat16 is not an array)"):
            rl.simulate(cell, torch.nn.GRU(3, 5, dtype=dtype).state_dict(), np.ones((1, 2, 3)))


def test_initial_state_and_lengths() -> None:
    """A packed sequence begins where its inputs begin, from the state that was given."""
    cell = rl.cells.LSTM(inputs=3, hidden=5)
    given = draw(cell)
    layer = torch.nn.LSTM(3, 5, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({name: torch.from_numpy(value) for name, value in given["params"].items()})
    rng = np.random.default_rng(0)
    h, c = rng.normal(size=(2, 4, 5))
    start = [torch.from_numpy(part[None]).requires_grad_() for part in (h, c)]
    lengths = np.array([9, 2, 5, 8])
    rows = [torch.from_numpy(given["inputs"][b, 9 - n :]) for b, n in enumerate(lengths)]
    packed = torch.nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    _, (last, _) = layer(packed, tuple(start))
    torch_loss("half_squared_error", last[0], torch.from_numpy(given["targets"])).backward()
    _, gradient = loss_and_gradient(cell, **given, lengths=lengths, initial_state=(h, c), initial_gradient=True)
    limit = tolerance(cell, 9)
    for name, part in layer.named_parameters():
        assert_close(gradient[name], part.grad.numpy(), limit, name)
    for name, begin in zip(("h_0", "c_0"), start, strict=True):
        assert_close(gradient[name], begin.grad.numpy()[0], limit, name)
