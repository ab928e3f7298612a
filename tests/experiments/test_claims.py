import json
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlatch.experiments.claims import Claim, at_least, at_most, describe, read_claims, write_claims


def claim(held: bool | None, expected: bool = True) -> Claim:
    return Claim("A statement.", "a source", {"x": 1.0, "interval": [0.5, 1.5]}, held, expected, "a reason")


@pytest.mark.parametrize(
    ("held", "expected", "fine"),
    [(True, True, True), (False, False, True), (True, False, False), (False, True, False), (None, True, True)],
)
def test_only_a_decision_can_contradict(held: bool | None, expected: bool, fine: bool) -> None:
    assert claim(held, expected).as_expected is fine


def test_intervals_decide_or_do_not() -> None:
    assert [at_least((0.5, 0.7), bound) for bound in (0.4, 0.6, 0.8)] == [True, None, False]
    assert [at_most((0.5, 0.7), bound) for bound in (0.4, 0.6, 0.8)] == [False, None, True]


def test_claims_come_back_from_their_file(tmp_path: Path) -> None:
    claims = [claim(True), claim(False, False), replace(claim(None), deviations=("criterion", "reading"))]
    write_claims(tmp_path / "claims.json", claims)
    assert read_claims(tmp_path / "claims.json") == claims
    entries = json.loads((tmp_path / "claims.json").read_text())
    keys = ["statement", "source", "measured", "held", "expected", "reason", "deviations"]
    assert [list(entry) for entry in entries] == [keys] * 3
    assert [entry["held"] for entry in entries] == [True, False, None]
    assert [path.name for path in tmp_path.iterdir()] == ["claims.json"]
    # Files of before say nothing of deviations.
    (tmp_path / "claims.json").write_text(json.dumps([{key: entry[key] for key in keys[:-1]} for entry in entries]))
    assert read_claims(tmp_path / "claims.json") == [replace(each, deviations=()) for each in claims]


def test_a_claim_that_json_cannot_hold_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_claims(tmp_path / "claims.json", [Claim("", "", {"x": float("nan")}, True, True, "")])
    assert not list(tmp_path.iterdir())


def test_description_rounds_and_joins() -> None:
    assert describe({"a": 0.123456, "b": [1e-9, 2.0], "n": 7200}) == "a 0.123, b 1e-09 to 2, n 7200"
