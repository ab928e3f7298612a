"""Losses and gradients against PyTorch's autograd, on its own modules and weights."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import LOSSES, Drawn, assert_close, draw, make_cell, tolerance
from rnnlatch.cells import NetworkCell, Orthogonal
from rnnlatch.gradients import by_lag, hessian_vector_product, loss_and_gradient, omega, rtrl

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


class Unrolled:
    """A cell of PyTorch and a read-out, step by step, so that states can be held on to or let go."""

    def __init__(self, kind: str, cell: NetworkCell, given: Drawn) -> None:
        more = {"nonlinearity": kind} if MODULES[kind] == "RNN" else {}
        self.cell = getattr(torch.nn, f"{MODULES[kind]}Cell")(cell.inputs, cell.hidden, dtype=torch.float64, **more)
        self.fc = torch.nn.Linear(cell.hidden, cell.read_size, dtype=torch.float64)
        params = {name: torch.from_numpy(value) for name, value in given["params"].items()}
        self.fc.load_state_dict({"weight": params.pop("weight_out"), "bias": params.pop("bias_out")})
        self.cell.load_state_dict({name.removesuffix("_l0"): value for name, value in params.items()})
        self.inputs, self.targets = torch.from_numpy(given["inputs"]), torch.from_numpy(given["targets"])
        self.loss, self.every = given["loss"], given["at"] == "every"
        start = torch.zeros(len(self.inputs), cell.hidden, dtype=torch.float64)
        self.state: Any = (start, start) if kind == "LSTM" else start

    @property
    def parameters(self) -> dict[str, Any]:
        """Under the names of this package."""
        ours = {f"{name}_l0": part for name, part in self.cell.named_parameters()}
        return ours | {"weight_out": self.fc.weight, "bias_out": self.fc.bias}

    def step(self, t: int) -> Any:
        self.state = self.cell(self.inputs[:, t], self.state)
        return self.hidden

    @property
    def hidden(self) -> Any:
        return self.state[0] if isinstance(self.state, tuple) else self.state

    def detach(self) -> None:
        whole = isinstance(self.state, tuple)
        self.state = tuple(part.detach() for part in self.state) if whole else self.state.detach()

    def term(self, t: int) -> Any:
        """What the step adds to the loss."""
        return torch_loss(self.loss, self.fc(self.hidden), self.targets[:, t] if self.every else self.targets)

    def gradient(self, total: Any, **more: Any) -> dict[str, Any]:
        names = self.parameters
        found = torch.autograd.grad(total, list(names.values()), allow_unused=True, **more)
        return {name: 0 if part is None else part for name, part in zip(names, found, strict=True)}


def run(model: Unrolled, truncate: int = 0, first: int = 0, last: int = 0, cut: int = -1) -> Any:
    """The loss of steps `first` to `last`; states let go every so many steps counted from the end, or at step `cut`."""
    time, total = model.inputs.shape[1], 0
    for t in range(last or time):
        if (truncate and (time - t) % truncate == 0) or t == cut:
            model.detach()
        model.step(t)
        if t >= first and (model.every or t == time - 1):
            total = total + model.term(t)
    return total


each_kind = pytest.mark.parametrize("kind", MODULES)
each_at = pytest.mark.parametrize("at", ["last", "every"])


@each_kind
@each_at
@pytest.mark.parametrize("loss", LOSSES)
def test_real_time_recurrent_learning(kind: str, at: str, loss: str) -> None:
    cell = make_cell(kind, outputs=3)
    given = draw(cell, loss=loss, at=at)
    model = Unrolled(kind, cell, given)
    total = run(model)
    value, gradient = rtrl(cell, **given)
    limit = 4 * tolerance(cell, 9)
    np.testing.assert_allclose(value, total.item(), rtol=limit)
    for name, part in model.gradient(total).items():
        assert_close(gradient[name], part.numpy(), limit, name)


@each_kind
@each_at
@pytest.mark.parametrize("truncate", [1, 4, 9])
def test_truncated_back_propagation(kind: str, at: str, truncate: int) -> None:
    cell = make_cell(kind, outputs=3)
    given = draw(cell, at=at)
    model = Unrolled(kind, cell, given)
    total = run(model, truncate)
    value, gradient = loss_and_gradient(cell, **given, truncate=truncate)
    limit = 2 * tolerance(cell, 9)
    np.testing.assert_allclose(value, total.item(), rtol=limit)
    for name, part in model.gradient(total).items():
        assert_close(gradient[name], part.numpy(), limit, name)


@each_kind
@each_at
@pytest.mark.parametrize("loss", LOSSES)
def test_hessian_vector_product(kind: str, at: str, loss: str) -> None:
    """Backward twice: the gradient of the gradient's product with the direction."""
    cell = make_cell(kind, outputs=3)
    given = draw(cell, loss=loss, at=at)
    direction = cell.initial_parameters(1)
    model = Unrolled(kind, cell, given)
    once = model.gradient(run(model), create_graph=True)
    along = sum((part * torch.from_numpy(direction[name])).sum() for name, part in once.items())
    product = hessian_vector_product(cell, **given, direction=direction)
    scale = max(float(np.abs(value).max()) for value in product.values())
    for name, part in model.gradient(along).items():
        assert_close(product[name], np.asarray(part), 10 * tolerance(cell, 9), name, terms=scale)


@each_kind
@each_at
def test_what_each_lag_adds(kind: str, at: str) -> None:
    """With the state before step k let go, the gradient of the loss at t has the lags 0 to t - k; differences have one."""
    cell = make_cell(kind, outputs=3)
    given, time = draw(cell, at=at, time=7), 7
    parts = by_lag(cell, **given)
    for lag in range(time):
        expected: dict[str, Any] = {}
        for t in range(time) if at == "every" else (time - 1,):
            for cut, sign in ((t - lag, 1), (t - lag + 1, -1)):
                if t - lag < 0 or cut > t:
                    continue
                model = Unrolled(kind, cell, given)
                for name, part in model.gradient(run(model, first=t, last=t + 1, cut=cut)).items():
                    expected[name] = expected.get(name, 0) + sign * part
        for name, value in expected.items():
            # Two gradients of which most may cancel.
            terms = float(np.abs(parts[name]).max())
            assert_close(
                parts[name][lag], np.asarray(value), 4 * tolerance(cell, time), f"{name}, lag {lag}", terms=terms
            )


@pytest.mark.parametrize("kind", ["tanh", "relu"])
@each_at
@pytest.mark.parametrize("ratio", ["squared", "norm"])
@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("of", ["pre_activation", "state"])
def test_the_immediate_gradient_of_omega(kind: str, at: str, ratio: Any, reduce: Any, of: Any) -> None:
    """Equation 9 written down with one weight matrix for autograd, everything else being a constant."""
    cell = make_cell(kind, outputs=3)
    given = draw(cell, at=at)
    p = {name: torch.from_numpy(value) for name, value in given["params"].items()}
    inputs, targets = torch.from_numpy(given["inputs"]), torch.from_numpy(given["targets"])
    phi = torch.tanh if kind == "tanh" else torch.relu
    h, before, after, total = torch.zeros(4, 5, dtype=torch.float64), [], [], 0
    bias = (p["bias_ih_l0"] + p["bias_hh_l0"]).requires_grad_()
    for t in range(9):
        before.append(inputs[:, t] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + bias)
        after.append(h := phi(before[-1]))
        y = h @ p["weight_out"].T + p["bias_out"]
        if at == "every" or t == 8:
            total = total + torch_loss(given["loss"], y, targets[:, t] if at == "every" else targets)
    by_before = torch.autograd.grad(total, before, retain_graph=True)
    error = by_before if of == "pre_activation" else torch.autograd.grad(total, after)

    weight = p["weight_hh_l0"].clone().requires_grad_()
    terms = []
    for t in range(of == "pre_activation", 9):
        back = by_before[t] @ weight
        if of == "pre_activation":
            a = before[t - 1].detach()
            back = back * (1 - torch.tanh(a) ** 2 if kind == "tanh" else (a > 0))
        rho = (back**2).sum(dim=1) / (error[t] ** 2).sum(dim=1)
        there = (error[t] ** 2).sum(dim=1) >= 1e-20
        terms.append(((rho if ratio == "squared" else rho.sqrt()) - 1)[there] ** 2)
    flat = torch.cat(terms)
    expected = flat.mean() if reduce == "mean" else flat.sum() / 4
    found = omega(cell, **given, ratio=ratio, reduce=reduce, of=of)
    limit = 4 * tolerance(cell, 9)
    assert float(found["omega"]) == pytest.approx(expected.item(), rel=limit)
    (gradient,) = torch.autograd.grad(expected, weight)
    assert_close(found["immediate_gradient"], gradient.numpy(), 4 * limit)
