"""The plan of a sweep: pure data, from which everything else follows."""

import hashlib
import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from rnnlatch import validation
from rnnlatch._axes import LARGEST_POINTS, AxisValue, axis_value, check_axes, named, point_values
from rnnlatch._dispatch import instruction_set
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch._record import canonical_json
from rnnlatch._variables import Variable, described_by, provenance, variables
from rnnlatch.adaptive import LARGEST_RUNS, AdaptiveRuns
from rnnlatch.rng import Seed, canonical, stream_base
from rnnlatch.run import Run, labels
from rnnlatch.tasks import DataTask

__all__ = ["Plan", "identity", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """What a sweep is to do; two sweeps with equal plans give the same dataset, to the last bit.

    Parameters
    ----------
    axes : dict of str to tuple
        The values of each axis. Grid points are numbered with the last axis fastest.
    common : tuple of str
        The axes that share their random numbers.
    runs : int
        Runs of each grid point, or the most of them.
    seed : Seed
        Where the random numbers start.
    points : tuple of Run
        What the study returned for each grid point.
    experiment : str
        The name of the experiment; may be empty.
    adaptive : AdaptiveRuns, optional
        How many runs of each grid point there are, where that follows from how they end.
    """

    axes: dict[str, tuple[AxisValue, ...]]
    common: tuple[str, ...]
    runs: int
    seed: Seed
    points: tuple[Run, ...]
    experiment: str = ""
    adaptive: AdaptiveRuns | None = None

    @property
    def asked(self) -> int | AdaptiveRuns:
        """The runs that were asked for."""
        return self.runs if self.adaptive is None else self.adaptive

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return tuple(len(values) for values in self.axes.values())

    def values(self, point: int) -> dict[str, AxisValue]:
        """Give the grid point with this number: axis name to value."""
        return point_values(self.axes, point)

    def stream(self, point: int) -> int:
        """Give the stream of trial 0 of a grid point."""
        return stream_base({axis: value for axis, value in self.values(point).items() if axis not in self.common})

    def key(self, point: int, run: str | None = None, numerics_version: int | None = None) -> str:
        """Hash what makes the runs of a grid point what they are: points with equal keys have equal runs in any sweep.

        Parameters
        ----------
        point : int
            Its number.
        run : str, optional
            Its settings as canonical JSON, where they are at hand.
        numerics_version : int, optional
            That of the results; None: what this version computes.

        Returns
        -------
        str
            The SHA-256 hash, in hexadecimal digits, of canonical JSON: the seed, the values that the stream follows
            from, the settings, and the version.
        """
        values = {axis: canonical(value) for axis, value in self.values(point).items() if axis not in self.common}
        run = canonical_json(self.points[point].to_dict()) if run is None else run
        version = NUMERICS_VERSION if numerics_version is None else numerics_version
        written = f'{{"numerics_version":{version},"rng":{self._rng},"run":{run},"values":'
        return hashlib.sha256(f"{written}{canonical_json(values)}}}".encode()).hexdigest()

    @cached_property
    def _rng(self) -> str:
        """The seed as canonical JSON."""
        return self.seed.to_json()

    def name(self, point: int) -> str:
        """Give a grid point as the user reads it: ``length=20, w0=1.25``."""
        return named(self.values(point))

    def place(self, point: int, start: int, count: int) -> str:
        """Give consecutive runs as the user reads them: ``runs 0 to 3 at the grid point length=20``."""
        runs = f"run {start}" if count == 1 else f"runs {start} to {start + count - 1}"
        if not 0 <= point < len(self.points):
            return f"{runs} at grid point {point}"
        return f"{runs} at the grid point {self.name(point)}" if self.axes else runs

    def find(self, values: Mapping[str, Any]) -> int:
        """Give the number of the grid point with these values.

        Raises
        ------
        ValueError
            If an axis is missing or unknown, or has no such value.
        """
        if set(values) != set(self.axes):
            raise ValueError(
                f"point has the axes {', '.join(map(str, values)) or 'none'}; it must have {', '.join(self.axes) or 'none'}"
            )
        index = []
        for axis, allowed in self.axes.items():
            value = axis_value(axis, values[axis])
            matches = [i for i, other in enumerate(allowed) if type(other) is type(value) and other == value]
            matches = matches or [i for i, other in enumerate(allowed) if other == value]
            if not matches:
                raise validation.fail(axis, value, f"one of the axis' values, {validation.show(list(allowed))}")
            index.append(matches[0])
        return int(np.ravel_multi_index(index, self.shape)) if index else 0

    def variables_at(self, point: int) -> dict[str, Variable]:
        """Describe the results of a grid point's runs."""
        run = self.points[point]
        what = described_by(run)
        if what not in self._described:
            self._described[what] = variables(run, self._computed)
        return dict(self._described[what])

    @cached_property
    def _described(self) -> dict[Hashable, dict[str, Variable]]:
        """What the results of some runs are, of which most grid points share one."""
        return {}

    @cached_property
    def _computed(self) -> bool:
        """Whether there are runs that can compute fewer presentations than they count."""
        return any(run.engine != "latch" for run in self.points)

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """The variables of the sweep's dataset; where grid points differ in shape, the largest.

        Raises
        ------
        ValueError
            If the results of two grid points do not fit into one dataset.
        """
        found: dict[str, Variable] = {}
        first: dict[str, int] = {}
        sizes: dict[str, int] = {}
        different: dict[Hashable, int] = {}
        for point, run in enumerate(self.points):
            different.setdefault(described_by(run), point)
        for point in different.values():
            for name, part in self.variables_at(point).items():
                if name not in found:
                    found[name], first[name] = part, point
                elif part.dims != found[name].dims:
                    raise self._clash(name, first[name], point)
                for dim, size in zip(part.dims, part.shape, strict=True):
                    sizes[dim] = max(size, sizes.get(dim, 0))
        for dim in sizes:
            if dim in found:
                point = next(
                    p for p in range(len(self.points)) if any(dim in v.dims for v in self.variables_at(p).values())
                )
                raise self._clash(dim, first[dim], point)
        return {name: replace(part, shape=tuple(sizes[dim] for dim in part.dims)) for name, part in found.items()}

    def _clash(self, name: str, one: int, other: int) -> ValueError:
        cells = [type(self.points[point].cell).__name__ for point in (one, other)]
        return ValueError(
            f"study returned a {cells[0]} at the grid point {self.name(one)} and a {cells[1]} at {self.name(other)}, whose "
            f"results differ in {name}; they must be in sweeps of their own"
        )

    @property
    def coordinates(self) -> dict[str, Any]:
        """The coordinates of the sweep's dataset but for ``run``: values and attributes."""
        words = labels(self.points[0])
        return {axis: (np.asarray(values), words.get(axis, {"long_name": axis})) for axis, values in self.axes.items()}

    @cached_property
    def parameters(self) -> str:
        """The settings that all grid points share, as canonical JSON, with "varies" where they differ."""
        shared = self.points[0].to_dict()
        for run in self.points[1:]:
            shared = _shared(shared, run.to_dict())
        return canonical_json(shared)

    def attrs(self, source: str) -> dict[str, Any]:
        """Give the attributes of the sweep's dataset."""
        adaptive = {} if self.adaptive is None else {"runs": canonical_json(self.adaptive.to_dict())}
        return (
            provenance(source, self.seed.to_json())
            | adaptive
            | {
                "isa": instruction_set,
                "experiment": self.experiment,
                "axes": canonical_json(list(self.axes)),
                "common": canonical_json(list(self.common)),
                "parameters": self.parameters,
            }
        )

    def identity(self) -> dict[str, Any]:
        """Give what makes this sweep another one than others, apart from the runs of its grid points."""
        return identity(self.experiment, NUMERICS_VERSION, self.axes, self.common, self.asked, self.seed)


def identity(
    experiment: str,
    numerics_version: int,
    axes: Mapping[str, Sequence[AxisValue]],
    common: Sequence[str],
    runs: int | AdaptiveRuns,
    seed: Seed,
) -> dict[str, Any]:
    """Write what a plan, or a store, says about a sweep as a whole, in the form in which equal ones are equal."""
    return {
        "experiment": experiment,
        "numerics_version": numerics_version,
        "order of axes": list(axes),
        "axes": {axis: [canonical(value) for value in values] for axis, values in axes.items()},
        "common": sorted(common),
        "runs": runs if isinstance(runs, int) else runs.to_dict(),
        "rng": seed.to_dict(),
    }


def make_plan(
    study: Callable[..., Run],
    axes: Mapping[str, Any],
    common: Sequence[str],
    runs: int | AdaptiveRuns,
    seed: Seed,
    experiment: str = "",
) -> Plan:
    """Check what a sweep was asked for, and call the study for each grid point.

    Raises
    ------
    TypeError, ValueError
        If something is not allowed; what the study raises names the grid point.
    """
    if not callable(study):
        raise TypeError(
            f"study is {validation.show(study)}; it must be a function study(**axes) that returns an rnnlatch.Run"
        )
    checked = check_axes(axes)
    adaptive = runs if isinstance(runs, AdaptiveRuns) else None
    most = validation.integer("runs", runs, at_least=1, at_most=LARGEST_RUNS) if adaptive is None else adaptive.most
    if isinstance(common, str):
        raise TypeError(f"common is {common!r}; it must be a sequence of axis names, such as ({common!r},)")
    names = tuple(common)
    for name in names:
        if name not in checked:
            raise validation.fail(
                "common", names, f"a sequence of axis names, which are {', '.join(checked) or 'none'}"
            )
    if len(set(names)) < len(names):
        raise validation.fail("common", names, "a sequence of axis names, each at most once")
    if not isinstance(experiment, str):
        raise TypeError(f"experiment is {validation.show(experiment)}; it must be a text")
    count = math.prod(len(values) for values in checked.values())
    if count > LARGEST_POINTS:
        raise ValueError(f"axes has {count} grid points; it must have at most {LARGEST_POINTS}")
    if adaptive is not None:
        adaptive.begin(count)
    points = tuple(_study_points(study, checked, count))
    plan = Plan(checked, names, most, seed, points, experiment, adaptive)
    taken = {*plan.variables, *(dim for part in plan.variables.values() for dim in part.dims)}
    for name in checked:
        if name in taken:
            raise ValueError(
                f"axes has the name {name!r}; it must not be one of the dataset's own: {', '.join(sorted(taken))}"
            )
    return plan


def _study_points(study: Callable[..., Run], axes: Mapping[str, tuple[AxisValue, ...]], count: int) -> Iterator[Run]:
    tasks: dict[DataTask, DataTask] = {}
    for point in range(count):
        values = point_values(axes, point)
        try:
            run = study(**values)
        except Exception as error:
            if type(error) in (ValueError, TypeError):
                raise type(error)(f"{error} (at the grid point {named(values)})") from error
            error.add_note(f"at the grid point {named(values)}")
            raise
        if not isinstance(run, Run):
            raise TypeError(
                f"study returned {validation.show(run)} at the grid point {named(values)}; it must return an rnnlatch.Run"
            )
        yield _with_shared_data(run, tasks)


def _with_shared_data(run: Run, tasks: dict[DataTask, DataTask]) -> Run:
    """Give a run whose data, where they equal those of others before it, are theirs: they are kept, and sent, once."""
    changed: dict[str, Any] = {}
    if isinstance(run.task, DataTask):
        changed["task"] = tasks.setdefault(run.task, run.task)
    stopping = run.early_stopping
    if stopping is not None and isinstance(stopping.task, DataTask):
        kept = tasks.setdefault(stopping.task, stopping.task)
        changed["early_stopping"] = stopping if kept is stopping.task else replace(stopping, task=kept)
    return run if all(getattr(run, name) is value for name, value in changed.items()) else replace(run, **changed)


def _shared(one: Any, other: Any) -> Any:
    """Give the settings that two dicts share, with "varies" where they differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.get("type") == other.get("type"):
        return {key: _shared(one[key], other[key]) for key in one}
    return one if one == other else "varies"
