"""What an experiment is: sweeps to run, if any, an analysis, a picture, and claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from rnnlatch.experiments.claims import Claim
    from rnnlatch.store import Store
    from rnnlatch.sweep import Run

__all__ = ["SCALES", "Experiment", "Material", "Scale", "ScaleName", "SweepPlan"]

ScaleName = Literal["quick", "subset", "paper", "large"]
SCALES: tuple[ScaleName, ...] = get_args(ScaleName)


@dataclass(frozen=True)
class Scale:
    """How much is run at one scale, and how long that takes.

    Parameters
    ----------
    runs : str
        What is run, in words.
    duration : str
        How long it takes on two cores of a current machine.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> experiments.get("bengio1994-density").scales["quick"]
    Scale(runs='49 grid points x 60 runs, both readings of s', duration='about 5 s')
    """

    runs: str
    duration: str


@dataclass(frozen=True)
class SweepPlan:
    """One sweep of an experiment, as `rnnlatch.sweep` takes it.

    Parameters
    ----------
    file : str
        Name of its store in the experiment's directory.
    study : callable
        ``study(**axes) -> Run``.
    axes : mapping of str to sequence
        Values by axis.
    common : tuple of str
        Axes that share their random numbers.
    runs : int
        Runs a grid point, at least 1.

    Raises
    ------
    TypeError, ValueError
        If axes or runs are not as `rnnlatch.sweep` takes them.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> (plan,) = experiments.get("bengio1994-density").plans("quick")
    >>> plan.file, plan.runs
    ('sweep.sqlite', 60)
    """

    file: str
    study: "Callable[..., Run]"
    axes: Mapping[str, Sequence[Any]]
    common: tuple[str, ...]
    runs: int

    def __post_init__(self) -> None:
        from rnnlatch import validation  # the list of experiments has no sweeps, and needs no arrays
        from rnnlatch._axes import check_axes

        check_axes(self.axes)
        validation.integer("runs", self.runs, at_least=1)


@dataclass(frozen=True)
class Material:
    """What an analysis works on.

    Parameters
    ----------
    scale : str
        The scale asked for.
    stores : mapping of str to Store
        The finished sweeps, by the file name of their `SweepPlan`; empty for an experiment without sweeps.
    seed : int
        The seed of the whole experiment; what an analysis draws itself must follow from it.
    threads : int or None
        How many threads an analysis may use.
    data : Path or None
        The file that the experiment was given, if it takes one and was.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> one = experiments.get("unit-weight")
    >>> found = one.analyse(Material("quick", {}, seed=0))
    >>> claims = one.claims(found)
    """

    scale: ScaleName
    stores: "Mapping[str, Store]"
    seed: int
    threads: int | None = None
    data: Path | None = None


def no_sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:  # noqa: ARG001, the same at every scale
    """Return the sweeps of an experiment that trains nothing: none."""
    return ()


@dataclass(frozen=True)
class Experiment:
    """A named figure or table: sweeps, an analysis, a picture and claims.

    An experiment without sweeps computes everything in its analysis, within seconds; it keeps no store, and is computed anew
    each time.

    Everything that the picture, the claims and what else is written need is in the analysis' dataset, which is what ``data.nc``
    holds: they can be made again from that file alone.

    Parameters
    ----------
    name : str
        As on the command line, for instance ``bengio1994-density``.
    paper, figure, title : str
        Where it comes from, and a heading.
    shows : str
        One sentence for the list of experiments.
    scales : mapping of str to Scale
        One entry for each of `SCALES`, of which ``"subset"`` is only there where the paper's size takes days: it is what is
        published, and its picture says what it is a subset of.
    analyse : callable
        ``analyse(material)`` gives the dataset.
    plot : callable
        ``plot(dataset)`` gives a figure.
    claims : callable
        ``claims(dataset)`` gives the list of claims.
    sweeps : callable
        ``sweeps(scale)`` gives the sweeps to run, in order; the first one is the main one. None by default. Of an experiment
        that takes a file, ``sweeps(scale, data)``, with its path or None.
    takes : str, optional
        What the file is that the experiment takes, and what is there without one, in words; None: it takes none.
    write : callable, optional
        ``write(dataset, directory)`` writes more files than every experiment leaves, and gives their paths.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> one = experiments.get("bengio1994-density")
    >>> one.figure, tuple(one.scales)
    ('Fig. 2a', ('quick', 'paper', 'large'))
    """

    name: str
    paper: str
    figure: str
    title: str
    shows: str
    scales: Mapping[ScaleName, Scale]
    analyse: "Callable[[Material], xr.Dataset]"
    plot: "Callable[[xr.Dataset], Figure]"
    claims: "Callable[[xr.Dataset], list[Claim]]"
    sweeps: Callable[..., tuple[SweepPlan, ...]] = no_sweeps
    takes: str | None = None
    write: "Callable[[xr.Dataset, Path], tuple[Path, ...]] | None" = None

    def plans(self, scale: ScaleName, data: Path | None = None) -> tuple[SweepPlan, ...]:
        """Give the sweeps to run, with the file that the experiment is given.

        Raises
        ------
        ValueError
            If it is given one and takes none, or the file cannot be used.
        """
        self.check_data(data)
        return self.sweeps(scale) if self.takes is None else self.sweeps(scale, data)

    def check_data(self, data: Path | None) -> None:
        """Raise where the experiment is given a file that it cannot take, or that is not there."""
        if data is None:
            return
        if self.takes is None:
            raise ValueError(f"data is {str(data)!r}, and {self.name} takes no file; it must be left out")
        if not data.exists():
            raise ValueError(f"data is {str(data)!r}, and there is no such file")
