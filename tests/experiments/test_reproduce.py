"""All experiments from end to end at scale quick."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from compared import assert_same
from rnnlatch import SweepState, experiments, open_store
from rnnlatch.experiments.base import Material, ScaleName, SweepPlan
from rnnlatch.experiments.reproduce import kept_runs, reproduce
from rnnlatch.report._interactive import convert
from rnnlatch.store import StoreError

SEED = 0
TRAINED = [name for name in experiments.names() if experiments.get(name).plans("quick")]
ANALYSED = [name for name in experiments.names() if name not in TRAINED]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module", params=experiments.names())
def done(request: pytest.FixtureRequest, directory: Path) -> Any:
    experiment = experiments.get(request.param)
    return experiment, reproduce(experiment, directory, scale="quick", seed=SEED)


@pytest.fixture(scope="module", params=TRAINED)
def trained(request: pytest.FixtureRequest, directory: Path) -> Any:
    experiment = experiments.get(request.param)
    return experiment, reproduce(experiment, directory, scale="quick", seed=SEED)


def test_everything_is_left_behind_and_nothing_else(done: Any, tmp_path: Path) -> None:
    experiment, found = done
    assert {path.name for path in found.directory.iterdir()} == {path.name for path in found.files}
    stores = {plan.file for plan in experiment.plans("quick")}
    with xr.open_dataset(found.directory / "data.nc", engine="h5netcdf") as data:
        more = () if experiment.write is None else experiment.write(data.load(), tmp_path)
    assert all((found.directory / path.name).read_bytes() == path.read_bytes() for path in more)
    files = stores | {"data.nc", "figure.png", "claims.json"} | {path.name for path in more}
    assert {path.name for path in found.files} == files
    assert (found.directory / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_claims_come_out_as_we_have_found_them(done: Any) -> None:
    experiment, found = done
    assert [claim.statement for claim in found.claims if not claim.as_expected] == []
    written = json.loads((found.directory / "claims.json").read_text())
    assert [entry["statement"] for entry in written] == [claim.statement for claim in found.claims]
    assert len({claim.statement for claim in found.claims}) == len(found.claims)
    assert all(claim.source and claim.reason and claim.measured for claim in found.claims)
    assert {entry["held"] for entry in written} <= {True, False, None}
    assert experiment.name == found.directory.name


def test_picture_and_claims_can_be_made_from_the_data_alone(done: Any) -> None:
    experiment, found = done
    with xr.open_dataset(found.directory / "data.nc", engine="h5netcdf") as data:
        assert data.attrs["scale"] == "quick"
        assert data.attrs["seed"] == SEED
        assert {"source", "rnnlatch_version", "numerics_version", "isa"} <= data.attrs.keys()
        assert tuple(experiment.claims(data.load())) == found.claims
        figure = experiment.plot(data)
    assert len(figure.axes) >= 3
    figure.set_layout_engine("none")
    drawing = convert(figure)
    assert [panel.missing for panel in drawing.panels if panel.missing] == []
    assert_same(figure, drawing)


def test_counts_are_those_of_the_store(trained: Any) -> None:
    experiment, found = trained
    (plan, *_) = experiment.plans("quick")
    store = open_store(found.directory / "sweep.sqlite")
    assert store.missing == 0
    outcome = store.to_xarray()["outcome"]
    with xr.open_dataset(found.directory / "data.nc", engine="h5netcdf") as data:
        counted = data["converged"].transpose(*plan.axes).values
        np.testing.assert_array_equal(counted, (outcome == 1).sum("run").values)
        assert (data["runs"] == plan.runs).all()


def test_nothing_is_run_again(trained: Any, directory: Path) -> None:
    experiment, found = trained
    before = {path.name: path.read_bytes() for path in found.files if path.suffix in (".sqlite", ".json")}
    calls = []
    states: list[SweepState] = []
    reproduce(
        experiment,
        directory,
        scale="quick",
        seed=SEED,
        progress=lambda *state: calls.append(state),
        watch=states.append,
    )
    assert [(state.done_runs, state.total_runs) for state in states] == [call[:2] for call in calls]
    last = states[-1]
    assert sum(last.outcomes.values()) == last.done_runs == last.total_runs
    assert last.seconds_left == 0
    assert all(done_runs == total_runs or done_runs in cumulated(experiment) for done_runs, total_runs, _ in calls)
    assert {name: (found.directory / name).read_bytes() for name in before} == before


def cumulated(experiment: Any) -> Any:
    sizes = [plan.runs * np.prod([len(values) for values in plan.axes.values()]) for plan in experiment.plans("quick")]
    return set(np.cumsum(sizes).tolist())


def test_kept_runs_count_all_stores(trained: Any, directory: Path) -> None:
    experiment, _ = trained
    total = max(cumulated(experiment))
    assert kept_runs(experiment, directory, "quick") == (total, total)


def test_another_seed_in_the_same_place_is_refused(trained: Any, directory: Path) -> None:
    experiment, found = trained
    before = sorted(path.name for path in found.directory.iterdir())
    with pytest.raises(StoreError, match=r"seed|rng"):
        reproduce(experiment, directory, scale="quick", seed=SEED + 1)
    assert sorted(path.name for path in found.directory.iterdir()) == before


def test_another_scale_in_the_same_place_is_refused(trained: Any, directory: Path) -> None:
    experiment, found = trained
    before = {path.name: path.stat().st_mtime_ns for path in found.directory.iterdir()}
    expected = r"^scale is 'paper', and .*sqlite is of scale 'quick'; another out keeps both$"
    with pytest.raises(StoreError, match=expected):
        reproduce(experiment, directory, scale="paper", seed=SEED)
    assert {path.name: path.stat().st_mtime_ns for path in found.directory.iterdir()} == before


def test_results_are_replaced_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    experiment = experiments.get("unit-weight")
    directory = reproduce(experiment, tmp_path, scale="quick", seed=1).directory
    before = {path.name: path.read_bytes() for path in directory.iterdir()}

    def full(path: Path, content: bytes) -> int:  # noqa: ARG001
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            reproduce(experiment, tmp_path, scale="quick", seed=2)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    reproduce(experiment, tmp_path, scale="quick", seed=2)
    assert (directory / "data.nc").read_bytes() != before["data.nc"]


@pytest.mark.parametrize("name", ANALYSED)
def test_an_analysis_is_made_anew_from_another_seed(name: str, tmp_path: Path) -> None:
    experiment = experiments.get(name)
    for seed in (1, 2):
        found = reproduce(experiment, tmp_path, scale="quick", seed=seed)
        assert [claim.statement for claim in found.claims if not claim.as_expected] == []
        with xr.open_dataset(found.directory / "data.nc", engine="h5netcdf") as data:
            assert data.attrs["seed"] == seed
            assert {"source", "rnnlatch_version", "isa"} <= data.attrs.keys()
            assert all("long_name" in data[name].attrs and "units" in data[name].attrs for name in data.variables)
    assert kept_runs(experiment, tmp_path, "quick") == (0, 0)


@pytest.mark.parametrize("name", experiments.names())
def test_threads_do_not_matter(name: str, directory: Path, tmp_path: Path) -> None:
    experiment = experiments.get(name)
    one = reproduce(experiment, tmp_path, scale="quick", threads=1)
    other = reproduce(experiment, directory, scale="quick", threads=2)
    with (
        xr.open_dataset(one.directory / "data.nc", engine="h5netcdf") as first,
        xr.open_dataset(other.directory / "data.nc", engine="h5netcdf") as second,
    ):
        times = [variable for variable in first.data_vars if first[variable].attrs.get("units") == "s"]
        xr.testing.assert_equal(first.drop_vars(times), second.drop_vars(times))
    if times:  # what was measured differs, what came out of it does not
        assert [(claim.statement, claim.held) for claim in one.claims] == [(c.statement, c.held) for c in other.claims]
    else:
        assert one.claims == other.claims


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "scale is 'huge'; it must be 'quick' or 'paper' or 'large'"),
        ({"format": "bmp"}, "format is 'bmp'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_parameters_leave_nothing(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        reproduce(experiments.get("bengio1994-density"), tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ValueError, match=r"out is '.*out', and .* cannot be written: Not a directory"):
        reproduce(experiments.get("bengio1994-density"), tmp_path / "out", scale="quick")


def test_a_file_goes_to_sweeps_and_analysis_and_more_may_be_written(tmp_path: Path) -> None:
    plain = experiments.get("bengio1994-density")
    seen: list[Path | None] = []

    def sweeps(scale: ScaleName, data: Path | None) -> tuple[SweepPlan, ...]:
        seen.append(data)
        return plain.sweeps(scale)

    def analyse(material: Material) -> xr.Dataset:
        seen.append(material.data)
        return plain.analyse(material)

    def write(data: xr.Dataset, directory: Path) -> tuple[Path, ...]:
        (directory / "sample.txt").write_text(str(data.attrs["seed"]))
        return (directory / "sample.txt",)

    experiment = replace(plain, takes="a text", sweeps=sweeps, analyse=analyse, write=write)
    given = tmp_path / "text.txt"
    given.write_text("some text")
    found = reproduce(experiment, tmp_path, scale="quick", data=given)
    assert found.files[-1].read_text() == "0"
    kept_runs(experiment, tmp_path, "quick", given)
    reproduce(experiment, tmp_path, scale="quick")
    assert seen == [given, given, given, None, None]


def test_a_file_that_nobody_takes_or_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    plain, out, given = experiments.get("bengio1994-density"), tmp_path / "out", tmp_path / "nothing.txt"
    with pytest.raises(ValueError, match=r"data is '.*nothing.txt', and bengio1994-density takes no file"):
        reproduce(plain, out, scale="quick", data=given)
    with pytest.raises(ValueError, match=r"data is '.*nothing.txt', and there is no such file"):
        reproduce(replace(plain, takes="a text"), out, scale="quick", data=given)
    assert not out.exists()
