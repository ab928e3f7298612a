"""A run's result is a function of what was asked, not of how it was computed.

Threads, the size of blocks, the split of the runs into calls, their order, their neighbours, and the instruction set
(x86-64-v3 and -v4; -v2 rounds differently) must not change one bit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.cases import KEY, make_columns, make_streams, make_structure
from rnnlatch import _dispatch
from rnnlatch._dispatch import core

Results = dict[str, NDArray[Any]]
Columns = dict[str, NDArray[np.float64]]

RUNS = 203  # fills no block

STRUCTURES: dict[str, dict[str, int]] = {
    "fresh": {"measure": 1, "window": 10, "max_presentations": 200},
    "batch": {"sequences_per_class": 3, "batch_size": 6, "window": 6, "max_presentations": 120, "measure": 2},
    "random order": {"sequences_per_class": 4, "random_order": 1, "uniform_noise": 1, "window": 8, "measure": 1},
    "recorded": {"record_every": 25, "window": 25, "measure": 1},
    "w not trained": {"train_w": 0, "length": 7, "prefix": 2},
}

each_structure = pytest.mark.parametrize("changes", STRUCTURES.values(), ids=STRUCTURES.keys())


def columns_of(runs: int) -> Columns:
    """Runs of many kinds side by side: some stop early, some never, some diverge at once, some late."""
    rng = np.random.default_rng(runs)
    return make_columns(
        runs,
        w=rng.uniform(0.5, 2.5, runs),
        noise_std=rng.uniform(0, 0.5, runs),
        learning_rate=rng.choice([0.02, 0.1, 0.5, 1e30], runs, p=[0.3, 0.5, 0.15, 0.05]),
        momentum=rng.choice([0.0, 0.6], runs),
        clip_norm=rng.choice([np.inf, 0.2], runs),
        l2=rng.choice([0.0, 1e-3], runs),
        threshold=rng.uniform(0.05, 0.4, runs),
    )


def train(
    structure: dict[str, Any], columns: Columns, streams: NDArray[np.uint64], threads: int = 1, block_lanes: int = 64
) -> Results:
    return core.train(structure, columns, KEY, streams, threads=threads, block_lanes=block_lanes)


def take(columns: Columns, which: Any) -> Columns:
    """The same columns for some of the runs."""
    return {name: np.ascontiguousarray(column[which]) for name, column in columns.items()}


def bits(array: NDArray[Any]) -> NDArray[Any]:
    """Floats as integers, so that -0 differs from 0; NaN, whatever its payload, is one value."""
    if array.dtype != np.float64:
        return array
    return np.where(np.isnan(array), np.nan, array).view(np.uint64)


def assert_same_bits(got: Results, expected: Results, which: Any = slice(None)) -> None:
    assert got.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(bits(got[name]), bits(expected[name][which]), err_msg=name)


@pytest.mark.isa
@each_structure
def test_threads_and_blocks(changes: dict[str, int]) -> None:
    structure, columns, streams = make_structure(**changes), columns_of(RUNS), make_streams(RUNS)
    expected = train(structure, columns, streams)
    assert len(set(expected["outcome"])) > 1
    for threads in (1, 2, 3, 7):
        for block_lanes in (32, 64, 96, 512):
            assert_same_bits(train(structure, columns, streams, threads, block_lanes), expected)


@pytest.mark.isa
@each_structure
def test_splits_into_calls(changes: dict[str, int]) -> None:
    """Chunks of any size, down to one run: what other runs of the call use changes nothing."""
    structure, columns, streams = make_structure(**changes), columns_of(RUNS), make_streams(RUNS)
    expected = train(structure, columns, streams, threads=2)
    for size in (1, 7, 64, 100):
        for start in range(0, RUNS, size):
            part = slice(start, start + size)
            assert_same_bits(train(structure, take(columns, part), streams[part]), expected, part)


@pytest.mark.isa
@each_structure
def test_order_of_runs(changes: dict[str, int]) -> None:
    structure, columns, streams = make_structure(**changes), columns_of(RUNS), make_streams(RUNS)
    expected = train(structure, columns, streams)
    for order in (np.arange(RUNS)[::-1], np.random.default_rng(0).permutation(RUNS)):
        got = train(structure, take(columns, order), np.ascontiguousarray(streams[order]), threads=2)
        assert_same_bits(got, expected, order)


@pytest.mark.isa
def test_a_longer_run_begins_as_a_shorter_one() -> None:
    columns, streams = columns_of(RUNS), make_streams(RUNS)
    curves = train(make_structure(max_presentations=100, record_every=10), columns, streams)
    for entry in (0, 4):  # recorded are the parameters before the update at the end of the entry
        short = train(make_structure(max_presentations=10 * entry + 9), columns, streams)
        going = short["outcome"] == 0
        for name in ("weight", "input"):
            np.testing.assert_array_equal(bits(short[name][going]), bits(curves[f"record_{name}"][going, entry]))


@pytest.mark.isa
@pytest.mark.parametrize("place", [0, 5, 63])
def test_a_run_that_diverges_leaves_its_neighbours_alone(place: int) -> None:
    structure = make_structure(measure=0, max_presentations=60)
    runs = 64
    tame = make_columns(runs, w=np.linspace(0.5, 2.5, runs))
    streams = make_streams(runs)
    expected = train(structure, tame, streams)
    assert np.all(expected["outcome"] == 0)
    for wild in ({"learning_rate": 1e308, "l2": 1.0}, {"learning_rate": 1e30, "l2": 1.0}, {"momentum": 1e300}):
        changed = {name: column.copy() for name, column in tame.items()}
        for name, value in wild.items():
            changed[name][place] = value
        got = train(structure, changed, streams)
        assert got["outcome"][place] == 2
        others = np.arange(runs) != place
        assert_same_bits({name: value[others] for name, value in got.items()}, expected, others)


# ---- a recorded result ---------------------------------------------------------------------------------------------

GOLDEN_COLUMNS: dict[str, Any] = {
    "w": [1.25, 0.9, 2.0, 1.25],
    "noise_std": [0.2, 0.1, 0.3, 0.0],
    "learning_rate": [0.1, 0.5, 0.1, 0.1],
    "momentum": [0.0, 0.6, 0.0, 0.9],
    "l1": [0.0, 0.0, 0.01, 0.0],
    "clip_norm": [np.inf, np.inf, np.inf, 0.1],
}

# outcome, presentations, loss, weight, input[1, 0] of the four runs.
GOLDEN: dict[str, list[tuple[int, int, str, str, str]]] = {
    "online": [
        (0, 500, "0x1.5c4cdb286df5dp-2", "0x1.9740f3e295d89p-4", "-0x1.4a306e1b16e54p-4"),
        (1, 60, "0x1.18cd2049362fep-5", "0x1.a1afc062e00cap+1", "0x1.c83f0f6abb7bbp-3"),
        (0, 500, "0x1.a064966959c50p-2", "-0x1.9fc2f25af37b5p-7", "-0x1.565a85d8096a8p-11"),
        (1, 20, "0x1.c638a3449219ap-4", "0x1.78ce7dcdce6fcp+0", "0x1.a6905e708a192p-3"),
    ],
    "batch": [
        (0, 300, "0x1.5de3353c2a6cfp-2", "0x1.930945ca90830p-2", "-0x1.be18be618d6abp-5"),
        (0, 300, "0x1.3ff21aa75ee94p-2", "0x1.ec002d9f2d909p-2", "-0x1.514bcf69f6488p-7"),
        (0, 300, "0x1.01560a747aa82p-1", "0x1.2659dc1c01e7dp+0", "0x1.05b8d66565e36p-6"),
        (1, 24, "0x1.0186f7db3ca93p-5", "0x1.3949a45279781p+0", "0x1.dec095edea590p-4"),
    ],
}


def golden_results() -> dict[str, list[tuple[int, int, str, str, str]]]:
    columns, streams = make_columns(4, **GOLDEN_COLUMNS), make_streams(4)
    found = {}
    for name, changes in {
        "online": {"measure": 1, "window": 20, "max_presentations": 500},
        "batch": {"measure": 1, "sequences_per_class": 3, "batch_size": 6, "window": 6, "max_presentations": 300},
    }.items():
        got = train(make_structure(**changes), columns, streams)
        found[name] = [
            (int(outcome), int(presentations), loss.hex(), weight.hex(), float(inputs[1, 0]).hex())
            for outcome, presentations, loss, weight, inputs in zip(
                got["outcome"],
                got["presentations"],
                got["loss"].tolist(),
                got["weight"].tolist(),
                got["input"],
                strict=True,
            )
        ]
    return found


@pytest.mark.isa
@pytest.mark.skipif(not core.build_info()["fma"], reason="without fused multiply-add the last bits differ")
def test_golden() -> None:
    """Results of this numerics_version, recorded; whoever changes them raises the number in rnnlatch._numerics."""
    assert golden_results() == GOLDEN


# ---- instruction sets ------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np
import test_determinism
np.savez(sys.argv[1], **test_determinism.everything())
"""


def everything() -> Results:
    """What is compared between instruction sets: runs of all kinds, short tame ones, and draws."""
    streams, kept = make_streams(RUNS), {"isa": np.array(_dispatch.isa)}
    tame = make_columns(RUNS, w=np.linspace(0.5, 1.4, RUNS))
    calls = [(name, changes, columns_of(RUNS)) for name, changes in STRUCTURES.items()]
    for name, changes, columns in [*calls, ("short", {"max_presentations": 20}, tame)]:
        results = train(make_structure(**changes), columns, streams, threads=2)
        kept |= {f"{name}, {variable}": values for variable, values in results.items()}
    for kind in ("normal", "uniform"):
        kept[kind] = core.draws(kind, KEY, streams, 1, 9, 1024)
    return kept


def results_on(isa: str, folder: Path) -> Results:
    """What the module of an instruction set computes, in a process of its own."""
    if isa not in _dispatch.levels_runnable():
        pytest.skip(f"there is no module for {isa} here, or this machine cannot run it")
    file = folder / f"{isa}.npz"
    if not file.exists():
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        environment = os.environ | {"RNNLATCH_ISA": isa, "PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", SCRIPT, str(file)], env=environment, check=True, timeout=300)
    with np.load(file) as kept:
        results = dict(kept)
    assert results.pop("isa") == isa
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("instruction_sets")


def test_avx2_and_avx512_have_the_same_bits(folder: Path) -> None:
    assert_same_bits(results_on("x86-64-v3", folder), results_on("x86-64-v4", folder))


def test_the_baseline_draws_the_same_numbers(folder: Path) -> None:
    """Without fused multiply-add the draws are the same to the bit, and short runs to rounding."""
    baseline, other = results_on("x86-64-v2", folder), results_on("x86-64-v3", folder)
    for kind in ("normal", "uniform"):
        np.testing.assert_array_equal(bits(baseline[kind]), bits(other[kind]))
    for name in ("weight", "input", "loss"):
        np.testing.assert_allclose(baseline[f"short, {name}"], other[f"short, {name}"], rtol=1e-9, atol=1e-11)
