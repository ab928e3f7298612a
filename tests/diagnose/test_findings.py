"""Each finding: a network that is built so that it must appear, one in which it must not, and whether the sentence is true."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from diagnosed import diagnose, gated, orthogonal, plain

Q = orthogonal(8)
SILENCE = np.zeros((3, 100, 1))


def test_gradients_that_must_vanish() -> None:
    for case, bound in ((plain(0.5 * Q), 0.5), (plain(2.0 * Q, "logistic"), 0.5), (plain(0.99 * Q), 0.99)):
        found = diagnose(case)["must-vanish"]
        assert found.severity == "problem"
        steps = int(re.search(r"so that ([\d,]+) steps", found.sentence)[1].replace(",", ""))  # type: ignore[index]
        assert bound**steps < 0.01 <= bound ** (steps - 1)


def test_gradients_that_need_not_vanish() -> None:
    # The largest singular value of an orthogonal matrix is 1 or what rounding makes of it.
    for seed in range(5):
        assert "must-vanish" not in diagnose(plain(orthogonal(7, seed)))
    for case in (plain(1.5 * Q), plain(4.5 * Q, "logistic"), gated("GRU")):
        assert "must-vanish" not in diagnose(case)
    assert "γ times their largest singular value is 1.5" in diagnose(plain(1.5 * Q))["weights-leave-it-open"].sentence
    assert "weights-leave-it-open" not in diagnose(plain(0.5 * Q))


def test_the_two_ways_in_which_nothing_gets_through() -> None:
    assert "the slope of a threshold is 0" in diagnose(plain(Q, "sign"))["must-vanish"].sentence
    assert "All recurrent weights are 0" in diagnose(plain(0 * Q))["must-vanish"].sentence


@pytest.mark.parametrize(("factor", "words"), [(1.01, "explode"), (1.0, "neither")])
def test_a_linear_network_is_told_by_its_spectral_radius(factor: float, words: str) -> None:
    assert words in diagnose(plain(factor * Q, "linear"), SILENCE)["linear-network"].sentence


def test_a_linear_network_that_grows_before_it_vanishes() -> None:
    found = diagnose(plain([[0.9, 300.0], [0.0, 0.9]], "linear"), np.zeros((3, 300, 1)))
    assert "vanish, whatever they do at first" in found["linear-network"].sentence
    assert "vanishes" in found
    shares = found.data["log_gradient_share"].values
    lag = int(re.search(r"lag of (\d+) steps", found["grows-first"].sentence)[1])  # type: ignore[index]
    assert lag == int(np.argmax(shares))
    assert "linear-network" not in diagnose(plain(Q))
    assert "grows-first" not in diagnose(plain(0.9 * Q, "linear"))


def test_a_gradient_that_vanishes_at_a_known_lag() -> None:
    """Of 0.9^lag half is left until lag 6, and one hundredth until lag 43."""
    noise = diagnose(plain(0.9 * Q, "linear"))
    assert noise["vanishes"].severity == "caution"
    assert [each.value for each in noise["vanishes"].evidence] == [7, 22, 44]
    assert noise.data["product_horizon"].values.tolist() == [7, 22, 44]
    nudges = noise.data["log_nudge"].values
    np.testing.assert_allclose(nudges, np.log(0.9) * noise.data["nudge_lag"].values[None].repeat(8, 0), rtol=1e-6)
    assert "less than half is left 7 steps earlier, and less than 1 % from 44 steps on" in noise["vanishes"].sentence
    assert "on this noise" in noise["vanishes"].sentence
    own = diagnose(plain(0.9 * Q, "linear"), SILENCE)
    assert own["vanishes"].severity == "problem"  # within half of the steps of the user's own sequences
    assert "on your sequences" in own["vanishes"].sentence
    assert diagnose(plain(0.95 * Q, "linear"), SILENCE)["vanishes"].severity == "caution"
    assert "vanishes" not in diagnose(plain(0.96 * Q, "linear"), SILENCE)  # 0.96^100 = 0.017


def test_no_gradient_at_all() -> None:
    assert "nothing reaches the step before" not in diagnose(plain(0.5 * Q))["vanishes"].sentence
    for case in (plain(Q, "sign"), plain(Q, "relu", bias=-10.0)):
        found = diagnose(case)
        assert found["vanishes"].sentence.endswith("nothing reaches the step before.")
        assert float(found.data["horizon"][-1]) == 1


def test_what_to_try_where_the_gates_hold_already() -> None:
    """Open forget gates, and output gates that are shut: raising the first would not help."""
    assert "raise the biases of the forget gates" in diagnose(gated("LSTM"))["vanishes"].advice
    found = diagnose(gated("LSTM", f=5.0, o=-5.0))["vanishes"]
    assert "open already (median time constant 149 steps)" in found.advice


def test_a_gradient_that_explodes() -> None:
    found = diagnose(plain(1.1 * Q, "linear"), SILENCE)
    assert found["explodes"].severity == "problem"
    growth, step = (each.value for each in found["explodes"].evidence)
    assert math.isclose(growth, 100 * math.log(1.1), rel_tol=1e-9)
    assert math.isclose(step, 1.1, rel_tol=1e-9)
    assert "13,800 times as large 100 steps earlier" in found["explodes"].sentence
    assert "explodes" not in diagnose(plain(1.04 * Q, "linear"), SILENCE)  # 51-fold


def test_a_gradient_that_keeps_its_size() -> None:
    found = diagnose(plain(Q, "linear"))
    assert found["keeps"].severity == "note"
    assert math.isclose(found["keeps"].evidence[0].value, 1, rel_tol=1e-9)
    assert not {"vanishes", "explodes", "few-steps"} & {each.name for each in found.findings}
    assert "keeps" not in diagnose(plain(0.9 * Q, "linear"))


def test_a_few_steps_do_not_tell() -> None:
    assert "few-steps" in diagnose(plain(Q, "linear"), np.zeros((2, 19, 1)))
    assert "keeps" not in diagnose(plain(Q, "linear"), np.zeros((2, 19, 1)))
    assert "few-steps" not in diagnose(plain(Q, "linear"), np.zeros((2, 20, 1)))
    # What has vanished has vanished.
    assert "vanishes" in diagnose(plain(0.5 * Q, "linear"), np.zeros((2, 19, 1)))


def test_sequences_that_differ() -> None:
    """At rest each step of a tanh unit with w = 2 doubles an error; pushed far, it has no slope."""
    inputs = np.zeros((4, 60, 1))
    inputs[2:] = 20.0
    case = plain(2 * np.eye(2), drive=1.0)
    found = diagnose(case, inputs)["sequences-differ"]
    assert "fallen below 1 % in 2 of them and grown more than 100-fold in 2" in found.sentence
    for same in (inputs[:2], inputs[2:]):
        assert "sequences-differ" not in diagnose(case, same)


def test_a_state_that_overflows() -> None:
    found = diagnose(plain(10 * np.eye(2), "linear", drive=1.0), np.ones((3, 400, 1)))
    step = int(found["overflow"].evidence[0].value)
    assert 300 < step < 315  # 10^309 is no number
    assert found.data.sizes["step"] == step - 1
    assert "in 3 of 3 sequences" in found["overflow"].sentence
    assert "state-grows" not in found
    assert "explodes" in found
    assert "overflow" not in diagnose(plain(10 * np.eye(2), "tanh", drive=1.0), np.ones((3, 400, 1)))


def test_a_state_that_overflows_at_once() -> None:
    case = plain(np.eye(2), "linear", drive=1e308)
    found = diagnose(case, np.full((2, 30, 1), 10.0))
    assert "first after 1 step." in found["overflow"].sentence
    assert "horizon" not in found.data
    assert "everything along the sequences" in found.data.attrs["left_out"]
    assert found.summary()
    late = np.full((2, 30, 1), 10.0)
    late[:, :5] = 0.0
    assert diagnose(case, late).data.sizes["step"] == 5


def test_a_state_that_grows() -> None:
    assert "state-grows" in diagnose(plain(1.2 * np.eye(8), "relu", drive=1.0), np.ones((3, 200, 1)))
    assert "state-grows" not in diagnose(plain(0.9 * np.eye(8), "relu", drive=1.0), np.ones((3, 200, 1)))
    assert "state-grows" not in diagnose(plain(np.eye(2), "linear", drive=1e6), np.ones((3, 200, 1)))  # by steps only


def test_states_that_the_network_holds() -> None:
    """Two tanh units with w = 2 hold a bit each: 4 stable fixed points."""
    found = diagnose(plain(2 * np.eye(2), drive=1.0))
    assert "at least 4 states" in found["holds-states"].sentence
    assert "2 bits" in found["holds-states"].sentence
    stable = found.data["fixed_point_stable"].values.astype(bool)
    states = found.data["fixed_point_state"].values[stable]
    np.testing.assert_allclose(np.abs(states), 0.9575040, rtol=1e-6)
    np.testing.assert_allclose(found.data["fixed_point_modulus"].values[stable], 2 * (1 - 0.9575040241**2), rtol=1e-6)
    assert "1 bit or more" in diagnose(plain([[2.0]], drive=1.0))["holds-states"].sentence
    # A constant input beyond the threshold leaves one state of two; that of noise is 0.
    pushed = diagnose(plain([[2.0]], drive=1.0), np.ones((2, 50, 1)))
    assert "holds-states" not in pushed
    assert "mean of yours" in pushed["one-resting-state"].sentence
    assert "holds-states" not in diagnose(plain(0.9 * np.eye(2), drive=1.0))


def test_one_state_that_all_come_to() -> None:
    found = diagnose(plain(0.9 * Q, drive=1.0))
    assert "input held at 0, all of 64 starts" in found["one-resting-state"].sentence
    assert math.isclose(found["one-resting-state"].evidence[1].value, 0.9, rel_tol=1e-6)
    for case in (
        plain(2 * np.eye(2), drive=1.0),
        plain(np.eye(8), "linear"),
        plain(1.2 * np.eye(2), "linear", drive=1.0),
    ):
        assert "one-resting-state" not in diagnose(case)


def test_a_network_that_does_not_rest() -> None:
    """A tanh unit with w = -3 changes sides at each step; a turn by 1 radian with some gain never comes back to where it was."""
    found = diagnose(plain([[-3.0]], drive=0.1, bias=0.1))["moves-when-left-alone"]
    assert "64 go round in cycles of at most 2 steps" in found.sentence
    c, s = np.cos(1.0), np.sin(1.0)
    turning = diagnose(plain(1.5 * np.array([[c, -s], [s, c]]), drive=0.1))["moves-when-left-alone"]
    assert "had neither come to rest nor into a cycle after 5,000 steps" in turning.sentence
    # One that swings on its way to rest does rest.
    for case in (plain(0.9 * Q, drive=1.0), plain([[-0.99]], drive=0.1, bias=0.1)):
        assert "moves-when-left-alone" not in diagnose(case)


def test_a_state_that_grows_when_left_alone() -> None:
    assert "grows-when-left-alone" in diagnose(plain(1.2 * np.eye(2), "relu", drive=1.0))
    assert "grows-when-left-alone" not in diagnose(plain(0.9 * np.eye(2), "relu", drive=1.0))


def test_nearby_states_that_part_or_meet() -> None:
    parting = diagnose(plain(1.05 * Q, "linear", drive=1.0))
    assert "by a factor of 1.05 a step" in parting["states-part"].sentence
    assert math.isclose(parting["states-part"].evidence[0].value, math.log(1.05), rel_tol=1e-9)
    meeting = diagnose(plain(0.9 * Q, drive=0.1))
    assert "come together" in meeting["states-meet"].sentence
    assert "states-part" not in meeting
    # A turn does neither, and rounding is not taken for it; of fewer than 40 steps nothing is said.
    for case in (diagnose(plain(Q, "linear", drive=1.0)), diagnose(plain(0.9 * Q), np.zeros((2, 39, 1)))):
        assert not {"states-part", "states-meet"} & {each.name for each in case.findings}
    # What vanishes at once has the exponent minus infinity.
    assert "to 0 of their distance" in diagnose(plain(Q, "relu", bias=-10.0))["states-meet"].sentence


def test_a_chaotic_network() -> None:
    """Of 100 tanh units with random weights of gain 2, nearby states part (Sompolinsky, Crisanti and Sommers 1988)."""
    weight = np.random.default_rng(0).normal(0, 2 / np.sqrt(100), (100, 100))
    found = diagnose(plain(weight, drive=0.1), length=300)
    assert "states-part" in found
    assert "moves-when-left-alone" in found
    calm = diagnose(plain(0.25 * weight, drive=0.1), length=300)
    assert "states-meet" in calm
    assert "one-resting-state" in calm


def test_saturated_units() -> None:
    biases = np.array([9.0] * 6 + [0.0] * 2)
    found = diagnose(plain(0.1 * Q, bias=biases))["saturated"]
    assert found.severity == "caution"  # on noise
    assert found.sentence.startswith("75 % of the values of the units are saturated")
    assert "6 of 8 units are so at more than 90 % of the steps" in found.sentence
    assert diagnose(plain(0.1 * Q, bias=9.0), SILENCE)["saturated"].severity == "problem"
    assert "saturated" not in diagnose(plain(0.1 * Q, bias=0.1))
    assert "saturated" not in diagnose(plain(0.1 * Q, "relu", bias=9.0))


def test_saturated_cells() -> None:
    filled = diagnose(gated("LSTM", i=9.0, f=9.0, g=9.0, o=9.0))
    assert filled["saturated-g"].sentence.startswith("100 % of the candidates g of the cells are saturated")
    assert "saturated-c" in filled
    assert "n of the units are saturated" in diagnose(gated("GRU", n=9.0))["saturated-n"].sentence
    for case in (gated("LSTM"), gated("GRU")):
        assert not [each.name for each in diagnose(case).findings if each.name.startswith("saturated")]


def test_dead_units() -> None:
    biases = np.array([-1.0, -1.0, -1.0] + [1.0] * 5)
    found = diagnose(plain(0 * Q, "relu", bias=biases))["dead-units"]
    assert found.severity == "caution"
    assert found.sentence.startswith("3 of 8 relu units give 0")
    most = diagnose(plain(0 * Q, "relu", bias=-biases))["dead-units"]
    assert most.severity == "problem"
    assert most.sentence.startswith("5 of 8 relu units")
    assert "dead-units" not in diagnose(plain(0 * Q, "relu", bias=1.0))
    assert "dead-units" not in diagnose(plain(0 * Q, "tanh", bias=-1.0))


@pytest.mark.parametrize(("kind", "gate"), [("LSTM", "f"), ("GRU", "z")])
def test_gates_that_let_go_and_gates_that_hold(kind: str, gate: str) -> None:
    """A gate of one half keeps 1/e over 1/ln 2 = 1.44 steps; logistic(5) over 149."""
    found = diagnose(gated(kind))
    assert "1.44 steps" in found["gates-let-go"].sentence
    assert "gates-hold" not in found
    found = diagnose(gated(kind, **{gate: 5.0}))
    assert "gates-let-go" not in found
    assert "8 of 8" in found["gates-hold"].sentence
    assert "longest time constant is 149 steps" in found["gates-hold"].sentence
    assert "gates-let-go" not in diagnose(plain(Q))
    middle = diagnose(gated(kind, **{gate: 3.0}))
    assert not {"gates-let-go", "gates-hold"} & {each.name for each in middle.findings}


def test_gates_that_are_stuck() -> None:
    found = diagnose(gated("LSTM", i=-9.0, o=-9.0))
    assert "(below 0.05) in 100 % of all units and steps" in found["input-gates-shut"].sentence
    assert "output-gates-shut" in found
    assert "update-gates-hold" in diagnose(gated("GRU", z=9.0))
    names = {each.name for case in (gated("LSTM"), gated("GRU", z=-9.0)) for each in diagnose(case).findings}
    assert not {"input-gates-shut", "output-gates-shut", "update-gates-hold"} & names


@pytest.mark.parametrize(("kind", "gate"), [("LSTM", "f"), ("GRU", "z")])
def test_long_memory_through_what_is_kept(kind: str, gate: str) -> None:
    """Without recurrent weights, all that arrives has been kept."""
    found = diagnose(gated(kind, **{gate: 3.0}))
    assert math.isclose(found["kept-state-carries"].evidence[0].value, 1, rel_tol=1e-9)
    assert "weights-carry" not in found


@pytest.mark.parametrize(
    ("kind", "biases"), [("LSTM", {"i": 9.0, "f": -5.0, "o": 9.0}), ("GRU", {"z": -5.0, "r": 9.0})]
)
def test_long_memory_through_the_weights(kind: str, biases: dict[str, float]) -> None:
    """Gates that forget, and weights that hand the state on."""
    cell, params = gated(kind, **biases)
    block = cell.gates.index("g" if kind == "LSTM" else "n")
    params["weight_hh_l0"][8 * block : 8 * block + 8] = Q
    found = diagnose((cell, params), SILENCE)
    assert found["weights-carry"].evidence[0].value < 1e-6
    assert "kept-state-carries" not in found
    # Nothing is said of lags that are short.
    assert "kept-state-carries" not in diagnose(gated(kind))


def test_the_gradient_of_the_targets_by_lag() -> None:
    case = plain(0.5 * Q, "linear", drive=1.0, outputs=1, bias_out=False)
    case[1]["weight_out"] = np.ones((1, 8))
    inputs, targets = np.random.default_rng(0).normal(size=(4, 40, 1)), np.ones((4, 1))
    found = diagnose(case, inputs, targets)
    parts = np.exp(found.data["log_parameter_gradient"].values)
    within = int(found["gradient-by-lag"].evidence[0].value)
    assert parts[:within].sum() >= 0.99 * parts.sum() > parts[: within - 1].sum()
    assert "gradient-by-lag" not in diagnose(case, inputs)


def test_targets_that_teach_nothing() -> None:
    case = plain(0.5 * Q, "linear", drive=1.0, outputs=1, bias_out=False)
    case[1]["weight_out"] = np.ones((1, 8))
    inputs = np.random.default_rng(0).normal(size=(4, 40, 1))
    found = diagnose(case, 0 * inputs, np.zeros((4, 1)))  # at rest the outputs are 0
    assert {"no-error", "no-gradient"} <= {each.name for each in found.findings}
    assert not {"no-error", "no-gradient"} & {each.name for each in diagnose(case, inputs, np.ones((4, 1))).findings}
    dead = plain(Q, "relu", bias=-10.0, outputs=1, bias_out=False)
    dead[1]["weight_out"] = np.ones((1, 8))
    found = diagnose(dead, inputs, np.ones((4, 1)))
    assert "no-gradient" in found
    assert "no-error" not in found


def test_a_readout_of_zeros() -> None:
    case = plain(Q, outputs=2, bias_out=False)
    case[1]["weight_out"] = np.zeros((2, 8))
    assert diagnose(case)["readout-is-zero"].severity == "problem"
    case[1]["weight_out"][0, 0] = 1.0
    assert "readout-is-zero" not in diagnose(case)


def test_what_was_not_given_is_said() -> None:
    inputs = np.zeros((2, 30, 1))
    assert {"noise-not-data", "no-readout"} <= {each.name for each in diagnose(plain(Q)).findings}
    assert "standard deviation 0.2" in diagnose(plain(Q), noise_std=0.2)["noise-not-data"].sentence
    assert "noise-not-data" not in diagnose(plain(Q), inputs)
    assert "no-readout" not in diagnose(plain(Q), inputs, np.ones((2, 8)))  # the hidden units are compared with targets
    assert "no-readout" not in diagnose(plain(Q, read_unit=3))


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_gates_are_not_judged_by_the_bound_of_plain_networks(kind: str) -> None:
    found = diagnose(gated(kind))
    assert "do not tell by themselves" in found["weights-alone-do-not-tell"].sentence
    assert len(found["weights-alone-do-not-tell"].evidence) == len(gated(kind)[0].gates)
    assert "weights-alone-do-not-tell" not in diagnose(plain(Q))


def all_cases() -> list[Any]:
    rng = np.random.default_rng(0)
    cases: list[Any] = [
        plain(0.5 * Q),
        plain(1.1 * Q, "linear"),
        plain(3 * Q, drive=3.0),
        plain(Q, "sign"),
        gated("LSTM"),
    ]
    for kind in (rl.cells.VanillaRNN, rl.cells.LSTM, rl.cells.GRU):
        cell: Any = kind(inputs=1, hidden=6, outputs=1)
        cases.append((cell, {name: rng.normal(0, 1.5, shape) for name, shape in cell.parameter_shapes.items()}))
    return cases


def test_every_piece_of_evidence_says_where_it_comes_from() -> None:
    for case in all_cases():
        found = diagnose(case)
        assert len({each.name for each in found.findings}) == len(found.findings)
        for finding in found.findings:
            assert finding.sentence.endswith((".", "?"))
            assert finding.severity in ("problem", "caution", "note")
            for piece in finding.evidence:
                names = re.findall(r"[a-z_]+(?=\[|$| )", piece.variable)
                assert names
                assert all(name in found.data for name in names if name), piece.variable
                assert isinstance(piece.value, int | float)


def test_problems_come_first() -> None:
    order = {"problem": 0, "caution": 1, "note": 2}
    for case in all_cases():
        ranks = [order[finding.severity] for finding in diagnose(case).findings]
        assert ranks == sorted(ranks)
