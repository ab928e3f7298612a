"""Section III: the map a = w tanh(a) + h of one unit, what it is attracted to, and what inputs and noise do to its bit.

Everything that has a closed form is found a second time by other means: fixed points with a proof that they are all, h* as
the saddle-node of a branch that is followed and by simulation, basins and escape times by simulation. Noise is uniform up to
multiples of h*, or Gaussian with multiples of h* as standard deviations; each unit starts at its upper attractor.
"""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics
from rnnlatch._dispatch import core
from rnnlatch.cells import LatchNeuron
from rnnlatch.dynamics import latch
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.bengio1994 import PAPER, attractors_claims, attractors_plot
from rnnlatch.experiments.results import collect, quantity

__all__ = ["EXPERIMENT"]

Floats = NDArray[np.float64]

UNIFORM, GAUSSIAN = "uniform", "Gaussian"
LAWS = (UNIFORM, GAUSSIAN)
SIZES = (0.5, 0.75, 0.99, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0)
LENGTHS = (20, 100, 1000)
PROVEN = (-2.0, 0.0, 0.5, 0.9, 1.0, 1.1, 1.25, 2.0, 5.0)
PROVEN_INPUTS = (0.0, 0.5, 0.99, 1.01, 2.0)  # over h*, or as they are where w has none
DRAWN = 2.0  # the weight of cobweb and basins
FIGURE_2B = (1.25, 0.2, 20)  # w, s and T
LONGEST = 60_000  # steps of an escape
CURVE = 301  # inputs on the curves of fixed points
NUMBERS = 2**22  # of the noise that is in memory at once


class Extent(NamedTuple):
    """How much is computed at one scale.

    Parameters
    ----------
    weights : tuple of float
        Those that noise and escapes are looked at for.
    scan : int
        Weights on the curve of h*.
    sequences : int
        Of each noise.
    inputs, starts : int
        Of the map of basins; none of the inputs is h*, where orbits take for ever.
    """

    weights: tuple[float, ...]
    scan: int
    sequences: int
    inputs: int
    starts: int


EXTENTS: dict[ScaleName, Extent] = {
    "quick": Extent((1.1, 1.25, 2.0), 25, 300, 41, 100),
    "paper": Extent((1.05, 1.1, 1.25, 1.5, 2.0, 3.0), 100, 4000, 119, 200),
    "large": Extent((1.05, 1.1, 1.25, 1.5, 2.0, 3.0), 200, 100_000, 239, 400),
}


def analyse(material: Material) -> xr.Dataset:
    """Find fixed points, thresholds, basins and escape times twice, and count the bits that noise turns.

    Returns
    -------
    Dataset
        Over ``proven`` (weight and input of a system): ``fixed_points`` that the proof has, ``expected_points`` of the
        closed form, ``stable_points``, ``complete``, and ``point_error``, the largest distance between the two. Over
        ``scan``: ``scan_threshold``, h*, ``scan_low`` and ``scan_high``, between which simulation has it, ``scan_rest``,
        a-bar, ``scan_bound`` of theorem 3. Over ``weight``: ``threshold``, ``saddle_node``, where a branch that is followed
        folds, ``rest``. Over (weight, excess): ``escape_steps``, simulated, and ``escape_time``, under h* (1 + excess);
        ``beyond_steps``, until a is beyond a-bar. Over (basin_input, basin_start): ``basin``, 1 the upper one; ``between``,
        the unstable fixed point in closed form; over ``line``, more inputs, ``lower_line``, ``between_line`` and
        ``upper_line``. Over (weight, law, size, length): ``lost``, how many of ``sequences`` change their sign within so many
        steps of noise; over ``reading``: ``kept_2b``, how many have the right sign after the noise of Fig. 2b. For the
        cobweb: ``curve`` and ``pushed_curve`` over ``a``, ``path`` over ``stair``.
    """
    extent = EXTENTS[material.scale]
    rng = np.random.default_rng([material.seed, 3])
    weights = np.array(extent.weights)
    data, coords = _proven()
    for part in (
        _thresholds(extent),
        _escapes(weights),
        _basins(extent, material.threads),
        _noise(weights, extent.sequences, rng),
        _cobweb(),
    ):
        data, coords = data | part[0], coords | part[1]
    coords |= {"weight": quantity("weight", weights, "recurrent weight w")}
    return collect(
        material,
        f"{__name__}.analyse",
        data,
        coords,
        sequences=extent.sequences,
        drawn_weight=DRAWN,
        lengths=list(LENGTHS),
    )


Found = tuple[dict[str, xr.Variable], dict[str, xr.Variable]]


def _proven() -> Found:
    """Find all fixed points of some latches, with a proof, and compare them with the closed form."""
    cases: list[tuple[float, float]] = []
    rows: list[tuple[int, int, int, bool, float]] = []
    for w in PROVEN:
        unit = float(latch.escape_threshold(w)) if w > 1 else 1.0
        for share in PROVEN_INPUTS:
            h = share * unit
            found = dynamics.fixed_points(LatchNeuron(w=w), input=h, variable="pre_activation")
            exact = latch.latch_fixed_points(w, h)
            exact = exact[~np.isnan(exact)]
            points = np.sort(found["state"].values[:, 0])
            far = float(np.abs(points - exact).max()) if len(points) == len(exact) else np.inf
            cases.append((w, h))
            stable = int(found["stable"].sum())
            rows.append((len(points), len(exact), stable, str(found["outcome"].values) == "complete", far))
    columns = list(zip(*rows, strict=True))
    of = "proven"
    return {
        "fixed_points": quantity(of, columns[0], "fixed points found and proven"),
        "expected_points": quantity(of, columns[1], "fixed points in closed form"),
        "stable_points": quantity(of, columns[2], "stable fixed points"),
        "complete": quantity(of, columns[3], "whether they are proven to be all"),
        "point_error": quantity(of, columns[4], "largest distance from the closed form"),
    }, {
        "proven_weight": quantity(of, [w for w, _ in cases], "recurrent weight w"),
        "proven_input": quantity(of, [h for _, h in cases], "constant input h"),
    }


def _thresholds(extent: Extent) -> Found:
    """Find h* along the weight, by simulation too, and as a saddle-node."""
    scan = np.linspace(1.02, 3.0, extent.scan)
    measured = dynamics.measure_escape(scan, 1.0, max_steps=4000)
    weights = np.array(extent.weights)
    threshold = np.asarray(latch.escape_threshold(weights))
    folds = []
    for w, h in zip(weights, threshold, strict=True):
        branch = dynamics.continuation(
            LatchNeuron(w=float(w)),
            None,
            "input",
            (-1.5 * h, 1.5 * h),
            start=[float(latch.attractor(w))],
            variable="pre_activation",
        )
        at = branch["special_value"].values[branch["special_kind"].values == "saddle-node"]
        folds.append(float(at.max()) if at.size else np.nan)
    return {
        "scan_threshold": quantity("scan", measured["threshold"], "h*, closed form"),
        "scan_low": quantity("scan", measured["threshold_low"], "largest input that came to rest"),
        "scan_high": quantity("scan", measured["threshold_high"], "smallest input that escaped"),
        "scan_rest": quantity("scan", latch.attractor(scan), "attractor without input"),
        "scan_bound": quantity("scan", latch.latch_noise_bound(scan).inputs, "bound of theorem 3"),
        "threshold": quantity("weight", threshold, "h*, closed form"),
        "saddle_node": quantity("weight", folds, "input at which the branch folds"),
        "rest": quantity("weight", latch.attractor(weights), "attractor without input"),
    }, {"scan": quantity("scan", scan, "recurrent weight w")}


def _escapes(weights: Floats) -> Found:
    """Count the steps to a > 0 and to beyond the attractor, under inputs above h*."""
    excess = np.geomspace(1e-5, 10, 31)
    measured = dynamics.measure_escape(weights, 1 + excess, relative=True, max_steps=LONGEST)
    drive = np.asarray(latch.escape_threshold(weights))[:, None] * (1 + excess)
    rest = np.asarray(latch.attractor(weights))[:, None]
    a, beyond = np.broadcast_to(-rest, drive.shape), np.zeros(drive.shape, np.int64)
    for step in range(1, LONGEST + 1):
        a = weights[:, None] * np.tanh(a) + drive
        beyond[(a > rest) & (beyond == 0)] = step
        if beyond.all():
            break
    by = ("weight", "excess")
    return {
        "escape_steps": quantity(by, measured["steps"], "steps until a > 0, simulated", "steps"),
        "escape_time": quantity(by, measured["escape_time"], "steps until a > 0", "steps"),
        "beyond_steps": quantity(by, beyond, "steps until a is beyond the attractor", "steps"),
    }, {"excess": quantity("excess", excess, "h / h* − 1")}


def _basins(extent: Extent, threads: int | None) -> Found:
    """Find the basins under constant inputs."""
    cell, threshold = LatchNeuron(w=DRAWN), float(latch.escape_threshold(DRAWN))
    inputs = np.linspace(-1.5, 1.5, extent.inputs) * threshold
    starts = np.linspace(-3, 3, extent.starts)
    upper = np.zeros((extent.inputs, extent.starts), np.int64)
    for row, h in enumerate(inputs):
        found = dynamics.basins(
            cell, input=float(h), variable="pre_activation", starts=starts[:, None], max_steps=20_000, threads=threads
        )
        number = found["basin"].values
        upper[row] = np.where(number >= 0, found["state"].values[np.maximum(number, 0), 0, 0] > 0, -1)
    line = np.union1d(np.linspace(-1.5, 1.5, CURVE), [-1, 1]) * threshold
    points = latch.latch_fixed_points(DRAWN, line)
    return {
        "basin": quantity(("basin_input", "basin_start"), upper, "whether the unit comes to the upper attractor"),
        "between": quantity("basin_input", latch.latch_fixed_points(DRAWN, inputs)[:, 1], "unstable fixed point"),
        **{
            f"{name}_line": quantity("line", points[:, column], f"{words} fixed point")
            for column, (name, words) in enumerate([("lower", "lower"), ("between", "unstable"), ("upper", "upper")])
        },
    }, {
        "line": quantity("line", line, "constant input h"),
        "basin_input": quantity("basin_input", inputs, "constant input h"),
        "basin_start": quantity("basin_start", starts, "initial pre-activation a_0"),
    }


def _noise(weights: Floats, sequences: int, rng: np.random.Generator) -> Found:
    """Count the units that lose their sign under noise, the same noise for each weight and size."""
    longest = max(LENGTHS)
    shape = (len(weights), len(LAWS), len(SIZES), len(LENGTHS))
    lost = np.zeros(shape, np.int64)
    threshold, rest = np.asarray(latch.escape_threshold(weights)), np.asarray(latch.attractor(weights))
    rows = max(NUMBERS // longest, 1)
    for column, law in enumerate(LAWS):
        for first in range(0, sequences, rows):
            count = min(rows, sequences - first)
            noise = rng.uniform(-1, 1, (count, longest)) if law == UNIFORM else rng.normal(0, 1, (count, longest))
            for row, w in enumerate(weights):
                for place, size in enumerate(SIZES):
                    turned = _turned(float(w), float(rest[row]), size * threshold[row] * noise)
                    lost[row, column, place] += [(turned <= length).sum() for length in LENGTHS]
    w, s, length = FIGURE_2B
    noise = rng.normal(0, 1, (sequences, length))
    kept = [int((_states(w, float(latch.attractor(w)), std * noise)[:, -1] > 0).sum()) for std in (np.sqrt(s), s)]
    return {
        "lost": quantity(("weight", "law", "size", "length"), lost, "sequences that turn the unit's sign", "sequences"),
        "kept_2b": quantity("reading", kept, "sequences that end with the right sign", "sequences"),
    }, {
        "law": quantity("law", list(LAWS), "law of the noise"),
        "size": quantity("size", SIZES, "size of the noise, over h*"),
        "length": quantity("length", LENGTHS, "steps of noise", "steps"),
        "reading": quantity("reading", ["variance", "standard deviation"], "what s = 0.2 is read as"),
    }


def _states(w: float, start: float, noise: Floats) -> Floats:
    """Give the states x_t of a unit that starts at a_0, under noise from the next step on."""
    drive = np.empty((len(noise), noise.shape[1] + 1))
    drive[:, 0], drive[:, 1:] = start, noise
    return np.asarray(core.simulate_latch(np.full(len(noise), w), drive))


def _turned(w: float, start: float, noise: Floats) -> NDArray[np.int64]:
    """Give the first step at which each unit is below 0, or one more than there are."""
    below = _states(w, start, noise) < 0
    return np.asarray(np.where(below.any(axis=1), below.argmax(axis=1), below.shape[1]))


def _cobweb() -> Found:
    """The map without input and under an input above h*, and the way out."""
    a = np.linspace(-3, 3, 241)
    h = 1.1 * float(latch.escape_threshold(DRAWN))
    path = [-float(latch.attractor(DRAWN))]
    while len(path) < 24:
        path.append(DRAWN * float(np.tanh(path[-1])) + h)
    curves: dict[str, Any] = {
        "curve": quantity("a", DRAWN * np.tanh(a), "pre-activation one step later"),
        "pushed_curve": quantity("a", DRAWN * np.tanh(a) + h, "the same, under 1.1 h*"),
        "path": quantity("stair", path, "pre-activation under 1.1 h*"),
    }
    return curves, {
        "a": quantity("a", a, "pre-activation a"),
        "stair": quantity("stair", np.arange(len(path)), "time step t", "steps"),
    }


EXPERIMENT = Experiment(
    name="bengio1994-attractors",
    paper=PAPER,
    figure="section III",
    title="What a latch is attracted to",
    shows="the two attractors of one unit, the input h* that turns its bit and how long it takes, and what noise turns it",
    scales={
        "quick": Scale("3 weights x 2 laws x 15 sizes of noise x 300 sequences", "about 4 s"),
        "paper": Scale("6 weights x 2 laws x 15 sizes of noise x 4,000 sequences", "about 15 s"),
        "large": Scale("6 weights x 2 laws x 15 sizes of noise x 100,000 sequences", "about 5 min"),
    },
    analyse=analyse,
    plot=attractors_plot.plot,
    claims=attractors_claims.claims,
)
