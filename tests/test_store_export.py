"""The files that a store is exported to: what other programs read there is what xarray gives."""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import _parquet
from rnnlatch.cli import main
from sweeps import AXES, MAX_PRESENTATIONS, RUNS, swept


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sweep.sqlite"


@pytest.fixture
def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet")


def networks(units: int, activation: Any, bias: bool) -> rl.Run:
    """Grid points that differ in the shapes of their parameters, and in which they have."""
    cell = rl.cells.VanillaRNN(inputs=1, hidden=units, outputs=1, activation=activation, bias=bias)
    task = rl.tasks.TwoSequence(length=6, prefix=2, noise_std=0.2)
    return rl.Run(cell, task, rl.algorithms.GradientDescent(), max_presentations=20)


def rows_of(data: xr.Dataset) -> xr.Dataset:
    """The finished runs one after the other."""
    return data.stack(trial=(*json.loads(data.attrs["axes"]), "run")).transpose("trial", ...)


@pytest.mark.parametrize("group_rows", [1, 20, 10**6])
def test_a_parquet_file_holds_what_xarray_gives(
    path: Path, group_rows: int, parquet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parquet, "GROUP_ROWS", group_rows)
    data = rows_of(swept(store=path, chunk_runs=5).load())
    target = path.with_suffix(".parquet")
    rl.open_store(path).to_parquet(target)
    file = parquet.ParquetFile(target)
    segments = rl.check_store(path).segments
    assert file.num_row_groups == {1: segments, 20: 3, 10**6: 1}[group_rows]
    table = pd.read_parquet(target)
    assert list(table) == [*AXES, "run", *data.data_vars]
    for name in (*AXES, "run", "presentations", "loss", "error"):
        np.testing.assert_array_equal(table[name], data[name])
        assert table[name].dtype == data[name].dtype
    names = np.array([outcome.name.lower() for outcome in rl.Outcome])
    np.testing.assert_array_equal(table.outcome, names[data.outcome])
    assert isinstance(table.outcome.dtype, pd.CategoricalDtype)
    np.testing.assert_array_equal(np.stack(table.weight), data.weight)
    np.testing.assert_array_equal([np.stack(rows) for rows in table.input], data.input)


def test_its_columns_are_described(path: Path, parquet: Any) -> None:
    data = swept(store=path)
    rl.open_store(path).to_parquet(path.with_suffix(".parquet"))
    schema = parquet.read_schema(path.with_suffix(".parquet"))
    assert json.loads(schema.metadata[b"rnnlatch"]) == data.attrs
    for name in (*data.data_vars, *AXES, "run"):
        metadata = schema.field(name).metadata
        assert metadata[b"long_name"].decode() == data[name].attrs["long_name"]
        assert metadata.get(b"units", b"").decode() == data[name].attrs.get("units", "")
    assert str(schema.field("input").type) == "fixed_size_list<element: fixed_size_list<element: double>[3]>[2]"
    assert str(schema.field("outcome").type).startswith("dictionary<values=string, indices=int")


def test_grid_points_may_differ(path: Path, parquet: Any) -> None:
    axes: dict[str, Any] = {"units": [3, 2], "activation": ["tanh", "linear"], "bias": [True, False]}
    data = rows_of(rl.sweep(networks, axes, runs=3, rng=0, store=path).load())
    target = path.with_suffix(".parquet")
    rl.open_store(path).to_parquet(target)
    assert parquet.read_schema(target).field("bias_ih_l0").type.value_type == "double"
    for row in parquet.read_table(target).to_pylist():
        run = data.sel(trial=tuple(row[name] for name in (*axes, "run")))
        size = row["units"]
        assert len(row["weight_hh_l0"]) == size
        np.testing.assert_array_equal(row["weight_hh_l0"], run.weight_hh_l0[:size, :size])
        if row["bias"]:
            np.testing.assert_array_equal(row["bias_ih_l0"], run.bias_ih_l0[:size])
        else:
            assert row["bias_ih_l0"] is None


def test_runs_that_are_missing_have_no_row(path: Path, parquet: Any) -> None:
    def stop(done: int, *_: object) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(store=path, chunk_runs=7, progress=stop)
    target = path.with_suffix(".parquet")
    rl.open_store(path).to_parquet(target)
    assert parquet.read_metadata(target).num_rows == rl.open_store(path).finished == 21


def test_a_sweep_without_axes_and_one_without_runs(path: Path, parquet: Any) -> None:
    data = swept(store=path, axes={})
    target = path.with_suffix(".parquet")
    rl.open_store(path).to_parquet(target)
    np.testing.assert_array_equal(pd.read_parquet(target).loss, data.loss)
    with pytest.raises(KeyboardInterrupt):
        swept(store=path.with_name("empty"), progress=_interrupt)
    rl.open_store(path.with_name("empty")).to_parquet(target)
    assert parquet.read_metadata(target).num_rows == 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("ending", [".nc", ".parquet"])
def test_the_command_exports_by_the_ending(path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow")
    data = swept(store=path).load()
    target = path.with_suffix(ending)
    assert main(["export", str(path), str(target)]) == 0
    assert capsys.readouterr().out == f"{target}: {6 * RUNS} of {6 * RUNS} runs\n"
    if ending == ".nc":
        with xr.open_dataset(target, engine="h5netcdf") as read:
            xr.testing.assert_equal(read.load(), data)
    else:
        assert pd.read_parquet(target).presentations.max() <= MAX_PRESENTATIONS
    assert sorted(entry.name for entry in path.parent.iterdir()) == sorted([path.name, target.name])


def test_what_cannot_be_exported_is_said(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    swept(store=path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        assert main(["export", str(path), str(path.with_suffix(".parquet"))]) == 2
        assert "need the package pyarrow; install it with pip install 'rnnlatch[parquet]'" in capsys.readouterr().err
    pytest.importorskip("pyarrow")
    for arguments, message in (
        ([str(path), "runs.csv"], "FILE is 'runs.csv'; it must end in .nc or .parquet"),
        ([str(path.with_name("none")), "runs.nc"], "there is no such file"),
        ([str(path), str(path / "runs.nc")], f"{path / 'runs.nc'}: Not a directory"),
        ([str(path), str(path / "runs.parquet")], f"{path / 'runs.parquet'}: Not a directory"),
    ):
        assert main(["export", *arguments]) == 2
        assert message in capsys.readouterr().err
    for write in (rl.open_store(path).to_netcdf, rl.open_store(path).to_parquet):
        with pytest.raises(ValueError, match="which is the store itself"):
            write(path)
        with pytest.raises(TypeError, match="path is 3"):
            write(3)  # type: ignore[arg-type]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".nc", ".parquet"])
def test_what_cannot_be_written_whole_is_not_written(path: Path, ending: str) -> None:
    pytest.importorskip("pyarrow")
    swept(store=path, runs=200)
    target = path.with_suffix(ending)
    target.write_text("before")
    store = rl.open_store(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            (store.to_netcdf if ending == ".nc" else store.to_parquet)(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == os.fspath(target)
    assert "too large" in str(caught.value)
    assert target.read_text() == "before"
    assert len(list(path.parent.iterdir())) == 2
