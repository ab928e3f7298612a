"""The store of a sweep: one SQLite file, and what it gives: runs, datasets, other files."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core.indexing import LazilyIndexedArray

from rnnlatch import _sqlite, _tables, validation
from rnnlatch._axes import AxisValue
from rnnlatch._files import checked_path, write_all, write_netcdf
from rnnlatch._lazy import StoredArray
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch._outcome_counts import OutcomeCounts
from rnnlatch._plan import Plan
from rnnlatch._rounds import Wanted, wanted_runs
from rnnlatch._sqlite import StoreError, StoreMismatchError
from rnnlatch._summary import summarise
from rnnlatch._variables import dataset
from rnnlatch.outcomes import Outcome, named_outcomes
from rnnlatch.rng import Seed
from rnnlatch.training import replay

__all__ = ["Store", "StoreError", "StoreMismatchError", "open_store"]


def open_store(path: str | os.PathLike[str]) -> "Store":
    """Open the store of a sweep for reading, finished or not.

    Parameters
    ----------
    path : path
        The file that `rnnlatch.sweep` was given as `store`.

    Returns
    -------
    Store
        What it holds.

    Raises
    ------
    StoreError
        If there is no such file, or it is not a store.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.2)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> ds = rl.sweep(study, {"length": [5, 40]}, runs=100, rng=0, store="out.sqlite")
    >>> store = rl.open_store("out.sqlite")
    >>> store.total, store.missing
    (200, 0)
    >>> store.to_xarray().identical(ds)
    True
    """
    found = Store.existing(path)
    if found is None:
        raise StoreError(f"store is {os.fspath(path)!r}, and there is no such file; it must be the path of a store")
    return found


class Store:
    """What a store holds: the plan of its sweep, and the runs that are finished.

    It keeps no connection: each access opens the file and closes it, so a store can be used in any thread or process,
    and while a sweep writes to it.

    Parameters
    ----------
    path : Path
        The file; `open_store` checks it.

    Attributes
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _sqlite.read(path) as connection:
            try:
                self._meta = _tables.read_meta(connection)
            except (LookupError, ValueError, TypeError) as error:
                raise _damaged(path, error) from error

    @classmethod
    def existing(cls, path: str | os.PathLike[str]) -> "Store | None":
        """Open the store at a path; None where there is no file yet."""
        checked, there = _sqlite.check_file(path)
        return cls(checked) if there else None

    @cached_property
    def plan(self) -> Plan:
        """The plan of the sweep: its axes, its seed, the settings of each grid point."""
        with _sqlite.read(self.path) as connection:
            try:
                return _tables.read_plan(connection, self._meta)
            except (LookupError, ValueError, TypeError) as error:
                raise _damaged(self.path, error) from error

    @property
    def axes(self) -> dict[str, tuple[AxisValue, ...]]:
        """The values of each axis, which are read without the plan."""
        return self._meta.axes

    @property
    def runs(self) -> int:
        """Runs of each grid point, or the most of them."""
        return self._meta.most

    @property
    def seed(self) -> Seed:
        """Where the random numbers of the sweep start."""
        return self._meta.seed

    @property
    def numerics_version(self) -> int:
        """The version of the results; see `rnnlatch.sweep`."""
        return self._meta.numerics_version

    @property
    def instruction_set(self) -> str:
        """What the sweep was begun with: ``isa`` of `rnnlatch.info`, and more of builds for one machine."""
        return self._meta.instruction_set

    @property
    def rnnlatch_version(self) -> str:
        """The version of rnnlatch that the sweep was begun with."""
        return self._meta.rnnlatch_version

    @property
    def experiment(self) -> str:
        """The name of the experiment."""
        return self._meta.experiment

    @property
    def total(self) -> int:
        """Number of runs of the whole sweep; of an adaptive one, as far as is known."""
        return self._wanted().total

    @property
    def finished(self) -> int:
        """Number of runs that are finished."""
        with _sqlite.read(self.path) as connection:
            (count,) = connection.execute("SELECT coalesce(sum(count), 0) FROM segment").fetchone()
        return int(count)

    @property
    def missing(self) -> int:
        """Number of runs that are still to be done."""
        return self.total - self.finished

    @property
    def begun(self) -> int:
        """Number of runs of those missing that have begun, and go on from where they were kept; only in matrices."""
        with _sqlite.read(self.path) as connection:
            return _tables.count_partial(connection)

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How the finished runs ended: the number of runs of each outcome that occurs."""
        return named_outcomes(OutcomeCounts(self.path).update())

    def identity(self) -> dict[str, Any]:
        """Give what makes the sweep another one than others, apart from the settings of its grid points."""
        return self._meta.identity()

    def to_xarray(self) -> xr.Dataset:
        """Give the sweep as a dataset that is read lazily.

        Returns
        -------
        Dataset
            Over the axes and ``run``; values are fetched from the file when they are used, so that its size does not
            matter. Runs that are not done yet have 255 as ``outcome``, 0 ``presentations``, and NaN elsewhere.

        Raises
        ------
        StoreError
            When values are fetched and the file is damaged or gone.
        """
        return self._dataset(self.plan)

    def _wanted(self, since: Wanted | None = None) -> Wanted:
        """Give how many runs of each grid point are wanted; who knows what was wanted before need not count it again."""
        with _sqlite.read(self.path) as connection:
            return wanted_runs(self._meta.runs, self._meta.points, _tables.counter(connection), since)

    def _dataset(self, plan: Plan) -> xr.Dataset:
        if plan.adaptive is not None:
            plan = replace(plan, runs=int(self._wanted().runs.max()))
        arrays = {name: LazilyIndexedArray(StoredArray(self.path, plan, name)) for name in plan.variables}
        attrs = plan.attrs("rnnlatch.sweep") | {
            "rnnlatch_version": self.rnnlatch_version,
            "numerics_version": self.numerics_version,
            "isa": self.instruction_set,
        }
        coordinates = plan.coordinates | {"run": np.arange(plan.runs)}
        return dataset(plan.variables, arrays, (*plan.axes, "run"), coordinates, attrs)

    def summary(self) -> xr.Dataset:
        """Count and average the finished runs of each grid point, one grid point in memory at a time.

        Returns
        -------
        Dataset
            Over the axes: ``runs``, the finished ones, of which so many ``exhausted``, ``converged``, ``diverged``,
            ``stuck``; and ``…_mean`` and ``…_median`` of each other variable over the runs whose value is finite, NaN where
            there are none.
        """
        return summarise(self.plan, self._values, self.to_xarray().attrs)

    def to_netcdf(self, path: str | os.PathLike[str]) -> None:
        """Write all runs to a NetCDF file, one variable at a time.

        Parameters
        ----------
        path : path
            The file to write, which appears whole or not at all; it is replaced if it is there.

        Raises
        ------
        TypeError, ValueError
            If it is no path, or the store itself.
        StoreError
            If the store is damaged or gone.
        OSError
            If the file cannot be written, or there is no room for it.
        """
        data = self.to_xarray()
        self._export(path, lambda part: write_netcdf(data, part))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the finished runs to a Parquet file, one row each, some thousands at a time.

        Parameters
        ----------
        path : path
            The file to write, which appears whole or not at all; it is replaced if it is there.

        Raises
        ------
        ImportError
            Without the package pyarrow: ``pip install 'rnnlatch[parquet]'``.
        TypeError, ValueError, StoreError, OSError
            As of `to_netcdf`.

        Notes
        -----
        The columns are the axes, ``run``, ``outcome`` (a text, dictionary-encoded), the other results, and the parameters as
        lists: of a matrix, lists of rows. The lists have a fixed size where all grid points have equal shapes; what the runs
        of a grid point do not have is null. The file's metadata has the attributes of the dataset as JSON, under
        ``rnnlatch``.
        """
        from rnnlatch._parquet import write_parquet  # pyarrow need not be there

        attrs = self.to_xarray().attrs
        self._export(path, lambda part: write_parquet(self.path, self.plan, attrs, part))

    def _export(self, path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
        target = checked_path(path, "the path of a file that can be written")
        if target.exists() and target.samefile(self.path):
            raise ValueError(f"path is {str(target)!r}, which is the store itself; it must be another file")
        write_all({target: write})

    def replay(self, point: Mapping[str, Any], run: int, record: int | None = 1) -> xr.Dataset:
        """Do one run of the sweep again, with everything recorded.

        Parameters
        ----------
        point : mapping
            Its grid point: axis name to value.
        run : int
            Its number at the grid point, from 0.
        record : int or None
            Keep the learning curve every so many presentations, a multiple of the batch size; 1 is taken for a whole
            batch.

        Returns
        -------
        Dataset
            As from `rnnlatch.replay`.

        Raises
        ------
        TypeError, ValueError
            If there is no such run.
        StoreMismatchError
            If a version of rnnlatch made the store that computes other numbers.

        Examples
        --------
        >>> import rnnlatch as rl
        >>> def study(length):
        ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.2)
        ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
        >>> ds = rl.sweep(study, {"length": [5, 40]}, runs=10, rng=0, store="replayed.sqlite")
        >>> again = rl.open_store("replayed.sqlite").replay({"length": 40}, run=7)
        >>> float(again.loss) == float(ds.loss.sel(length=40, run=7))
        True
        """
        plan = self.plan
        number = plan.find(point)
        run = validation.integer("run", run, at_least=0, at_most=plan.runs - 1)
        if self.numerics_version != NUMERICS_VERSION:
            raise StoreMismatchError(
                f"store {str(self.path)!r} has numerics_version {self.numerics_version}, and this version of "
                f"rnnlatch computes {NUMERICS_VERSION}; its runs cannot be replayed"
            )
        return replay(
            plan.points[number], plan.values(number), run, rng=plan.seed.to_dict(), common=plan.common, record=record
        )

    def __repr__(self) -> str:
        return f"<rnnlatch.store.Store {str(self.path)!r}: {self.finished:,} of {self.total:,} runs>"

    def _values(self, name: str) -> Iterator[tuple[int, NDArray[Any]]]:
        """Go through the grid points that have finished runs, with the values of a variable."""
        plan = self.plan
        everything = (0, len(plan.points)), (0, plan.runs)
        with _sqlite.read(self.path) as connection:
            parts = _tables.stored_column(connection, plan, name, *everything)
            for point, of_point in groupby(parts, key=lambda part: part[0].point):
                yield point, np.concatenate([values for _, values in of_point])


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"store {str(path)!r} is damaged: {error}")
