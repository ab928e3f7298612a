"""What a store is keyed by: equal keys mean equal runs, in any sweep; and which instruction sets may go on with it."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import swept_in_matrices
from rnnlatch import _dispatch
from rnnlatch._numerics import FUSED, arithmetic
from rnnlatch._plan import Plan, make_plan
from rnnlatch._store_writer import StoreWriter
from rnnlatch.rng import normalise
from rnnlatch.store import StoreMismatchError
from sweeps import AXES, change, study, swept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


def plan_of(**given: Any) -> Plan:
    settings: dict[str, Any] = {"study": study, "axes": AXES, "common": (), "runs": 9, "seed": normalise(1)}
    return make_plan(**(settings | given))


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


# ---- keys and digests ---------------------------------------------------------------------------------------------------


def test_a_key_is_the_hash_of_what_is_asked() -> None:
    plan = plan_of(common=("length",))
    content = {
        "numerics_version": 2,
        "rng": {"entropy": 1, "pool_size": 4, "spawn_key": []},
        "run": study(8, 0.1).to_dict(),
        "values": {"noise_std": 0.1},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert plan.key(3) == hashlib.sha256(text.encode()).hexdigest()
    assert (
        plan.key(3, numerics_version=1)
        == hashlib.sha256(text.replace('"numerics_version":2', '"numerics_version":1').encode()).hexdigest()
    )


def test_keys_tell_apart_what_differs_and_nothing_else() -> None:
    plan = plan_of()
    one = plan.key(plan.find({"length": 8, "noise_std": 0.4}))
    same = {
        "other runs": plan_of(runs=3),
        "other axes": plan_of(axes={"noise_std": [0.4, 7.0], "length": [3, 8]}),
        "another name": plan_of(experiment="other"),
    }
    for other in same.values():
        assert other.key(other.find({"length": 8, "noise_std": 0.4})) == one
    different = {
        "seed": plan_of(seed=normalise(2)),
        "stream": plan_of(common=("noise_std",)),
        "settings": plan_of(study=lambda **axes: study(**axes, w=1.5)),
    }
    found = {each.key(each.find({"length": 8, "noise_std": 0.4})) for each in different.values()}
    assert len(found | {one}) == 4
    assert len({plan.key(point) for point in range(6)}) == 6
    assert plan_of(axes={"noise_std": [1]}).key(0) == plan_of(axes={"noise_std": [1.0]}).key(0)


def test_points_with_equal_keys_have_equal_runs(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    swept(store=path, chunk_runs=9)
    swept(store=other, chunk_runs=9, axes={"noise_std": [0.4, 0.1], "length": [8]})
    query = "SELECT key, start, loss, weight, digest FROM segment JOIN point ON point = number"
    one, two = set(rows(path, query)), set(rows(other, query))
    assert len(two) == 2
    assert two <= one


def test_a_digest_is_the_hash_of_each_result(path: Path) -> None:
    swept(store=path, chunk_runs=4)
    names = [name for _, name, *_ in rows(path, "PRAGMA table_info(segment)")]
    assert names[:4] == ["point", "start", "count", "digest"]
    keys = dict(rows(path, "SELECT number, key FROM point"))
    for point, start, count, digest, *blobs in rows(path, "SELECT * FROM segment"):
        texts = (
            f"{keys[point]} {start} {count} {name} ".encode() + blob
            for name, blob in zip(names[4:], blobs, strict=True)
        )
        assert digest == b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)


# ---- instruction sets ---------------------------------------------------------------------------------------------------


def test_lanes_are_equal_where_multiply_add_is_fused() -> None:
    fused = {"x86-64-v3", "x86-64-v4", "native arm64, 2 lanes, with FMA"}
    others = {"x86-64-v2", "native riscv64, 2 lanes, without FMA"}
    for engine in ("latch", "networks"):
        assert len({arithmetic(engine, each) for each in fused}) == 1
        assert not {arithmetic(engine, each) for each in fused} & {arithmetic(engine, each) for each in others}
    for engine in ("matrices", "python"):
        assert len({arithmetic(engine, each) for each in fused | others}) == 5


def test_a_single_build_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _dispatch.instruction_set.startswith(_dispatch.isa)
    monkeypatch.setattr(_dispatch, "isa", "native")
    assert _dispatch._described().startswith("native ")
    fused = bool(_dispatch.core.build_info()["fma"])
    assert arithmetic("latch", _dispatch._described()) == ("fused" if fused else "not fused")


def begun(path: Path, sweep: Any, instruction_set: str, **given: Any) -> None:
    """Leave a store that somebody else has begun."""

    def stop(done: int, *_: object) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(store=path, progress=stop, **given)
    change(path, "UPDATE meta SET value = ? WHERE key = 'instruction_set'", json.dumps(instruction_set))


@pytest.mark.parametrize(
    ("sweep", "here", "words"),
    [
        (swept, "x86-64-v2", "differ: "),
        (swept, "native riscv64, 2 lanes, without FMA", "differ: "),
        (swept_in_matrices, "x86-64-v4", "differ for runs in matrices: "),
    ],
)
def test_a_store_that_would_get_other_bits_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, sweep: Any, here: str, words: str
) -> None:
    given = {"chunk_runs": 7} if sweep is swept else {"runs": 2}
    begun(path, sweep, "x86-64-v3", **given)
    monkeypatch.setattr("rnnlatch._store_match.instruction_set", here)
    before = path.read_bytes()
    for runnable, way in ((["x86-64-v3", here], "set RNNLATCH_ISA=x86-64-v3"), ([here], "go on where it was begun")):
        monkeypatch.setattr("rnnlatch._store_match.levels_runnable", lambda runnable=runnable: runnable)
        with pytest.raises(StoreMismatchError) as caught:
            sweep(store=path, **given)
        assert str(caught.value) == (
            f"store {str(path)!r} was begun with x86-64-v3 and this process computes with {here}, whose last bits {words}{way}, "
            "or begin another store"
        )
    assert path.read_bytes() == before


def test_a_finished_store_is_read_anywhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = swept_in_matrices(store=path, runs=2)
    monkeypatch.setattr("rnnlatch._store_match.instruction_set", "another one")
    xr.testing.assert_identical(swept_in_matrices(store=path, runs=2), whole)
    assert rl.open_store(path).instruction_set == _dispatch.instruction_set


def test_a_sweep_in_lanes_goes_on_with_another_instruction_set(path: Path) -> None:
    others = [isa for isa in _dispatch.levels_runnable() if isa in FUSED and isa != _dispatch.isa]
    if _dispatch.isa not in FUSED or not others:
        pytest.skip("this machine has no two instruction sets with fused multiply-add")
    victim = [sys.executable, str(Path(__file__).with_name("victim.py")), str(path), "after a commit"]
    done = subprocess.run(victim, env=os.environ | {"RNNLATCH_ISA": others[0]}, check=False)
    assert done.returncode == -signal.SIGKILL
    stored, whole = swept(store=path).load(), swept()
    assert rl.open_store(path).instruction_set == stored.attrs["isa"] == others[0]
    xr.testing.assert_identical(stored, whole.assign_attrs(isa=others[0]))


def test_a_dataset_names_what_the_store_was_begun_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on with it, or computes for it."""
    monkeypatch.setattr("rnnlatch._tables.instruction_set", "another one")
    monkeypatch.setattr("rnnlatch._store_match.arithmetic_differs", lambda *_: None)
    first, again, store = swept(store=path), swept(store=path), rl.open_store(path)
    store.to_netcdf(path.with_suffix(".nc"))
    with xr.open_dataset(path.with_suffix(".nc"), engine="h5netcdf") as written:
        found = [each.attrs["isa"] for each in (first, again, store.to_xarray(), store.summary(), written)]
    assert found == 5 * ["another one"]


def test_a_writer_gives_what_its_plan_says(path: Path) -> None:
    """The plan that is asked for stands for the one that is stored, which is equal."""
    swept(store=path)
    stored = rl.open_store(path)
    with StoreWriter(path, plan_of()) as writer:
        xr.testing.assert_identical(writer.to_xarray(), stored.to_xarray())
    assert stored.seed == normalise(1)
    assert np.isfinite(stored.to_xarray().loss).all()
