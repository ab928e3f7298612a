"""Three bits that inputs set and reset, the fixed points that store them, and three ways to find these.

A network hears three channels, silent but for pulses of +1 and -1, and has to say for each of them what its last pulse was.
Networks are trained here; then their fixed points without input are looked for, from the same starts, in three ways: by Newton's
method on F(h) - h = 0; by minimising q(h) = |F(h) - h|^2 / 2 with second derivatives in Gauss and Newton's approximation, as the
paper does; and by minimising q with Adam, as tools of today do.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics, plotting
from rnnlatch.algorithms import Adam
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.results import collect, quantity
from rnnlatch.experiments.sussillo2013 import PAPER, flip_flop_claims
from rnnlatch.experiments.sussillo2013.flip_flop_claims import CUBE
from rnnlatch.simulation import predict, simulate
from rnnlatch.tasks import DatasetTask
from rnnlatch.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT", "sequences"]

Floats = NDArray[np.float64]

BITS, UNITS = 3, 24
PULSES = 0.2  # probability of a pulse on a channel at a step
STEPS, SEQUENCES, PRESENTATIONS = 25, 400, 40_000
LEARNING_RATE, BATCH = 0.005, 16
TEST_STEPS, TEST_SEQUENCES = 200, 100
RIGHT = 0.5  # an output is right within this distance of its bit
SHOWN_STEPS = 60
# Minimisation has found a fixed point where q is at most this, and no number of the state further than that from it.
Q_TOLERANCE, SAME = 1e-12, 1e-3
DESCENT_RATE, DESCENT_STEPS = 0.01, 5000  # of Adam on q
WAYS = ("Newton's method", "q, Gauss-Newton", "q, Adam")

NETWORKS: dict[ScaleName, int] = {"quick": 2, "paper": 10, "large": 100}
STARTS: dict[ScaleName, int] = {"quick": 500, "paper": 500, "large": 2000}


def sequences(rng: np.random.Generator, count: int, steps: int) -> tuple[Floats, Floats]:
    """Draw sequences of pulses, (count, steps, bits), and what the bits are after each step; the first step sets all bits."""
    sign = np.where(rng.random((count, steps, BITS)) < 0.5, -1.0, 1.0)
    pulse = rng.random((count, steps, BITS)) < PULSES
    pulse[:, 0] = True
    last = np.maximum.accumulate(np.where(pulse, np.arange(steps)[:, None], 0), axis=1)
    return np.where(pulse, sign, 0.0), np.take_along_axis(sign, last, axis=1)


def analyse(material: Material) -> xr.Dataset:
    """Train networks, and look for their fixed points in three ways.

    Returns
    -------
    Dataset
        Over ``network``: ``test_error``, the share of steps of unseen, longer sequences at which a bit is wrong; ``corners``,
        how many of the 8 patterns of bits the stable fixed points read out; ``between``, how many of those with one unstable
        direction lead to two states that differ in exactly one bit, one along each side; ``unusual``, points with more
        unstable directions than bits; ``topological_sum``; ``slow_points``, minima of q that are no fixed points. Over
        (network, way): ``seconds`` and ``useful``, the share of the starts that led to a fixed point. Over (network, way,
        index): ``fixed_points``, how many were found with so many unstable directions. Of the first network, over ``point``:
        ``output`` (point, bit), ``point_index``, ``eigenvalue_real``, ``eigenvalue_imag`` (point, eigenvalue); and
        ``trajectory`` (step, bit), its outputs to pulses.
    """
    count, starts = NETWORKS[material.scale], STARTS[material.scale]
    rng = np.random.default_rng([material.seed, BITS])
    cell = VanillaRNN(inputs=BITS, hidden=UNITS, outputs=BITS)
    inputs, targets = sequences(rng, SEQUENCES, STEPS)
    trained = train(
        cell,
        DatasetTask(inputs=inputs, targets=targets, at="every", order="random"),
        Adam(learning_rate=LEARNING_RATE, batch_size=BATCH),
        runs=count,
        max_presentations=PRESENTATIONS,
        criterion=None,
        rng=material.seed,
        threads=material.threads,
    )
    heard, bits = sequences(rng, TEST_SEQUENCES, TEST_STEPS)
    said = predict(cell, trained, heard, threads=material.threads)
    wrong = (np.abs(said - bits) > RIGHT).any(-1).mean((1, 2))
    found = [_look(cell, trained.isel(run=network), heard, starts, rng) for network in range(count)]
    points = found[0].points
    shown = predict(cell, trained.isel(run=0), sequences(rng, 1, SHOWN_STEPS)[0], threads=material.threads)[0]
    each = "network"
    data = {
        "test_error": quantity(each, wrong, "share of steps with a wrong bit"),
        "corners": quantity(each, [one.corners for one in found], "patterns of bits that stable points read out"),
        "between": quantity(each, [one.between for one in found], "saddles between states that differ in a bit"),
        "unusual": quantity(each, [one.unusual for one in found], "points with more unstable directions than bits"),
        "topological_sum": quantity(each, [one.topological_sum for one in found], "sum of the topological indices"),
        "slow_points": quantity(each, [one.slow for one in found], "minima of q that are no fixed points"),
        "seconds": quantity((each, "way"), [one.seconds for one in found], "time", "s"),
        "useful": quantity((each, "way"), [one.useful for one in found], "share of starts that led to a fixed point"),
        "fixed_points": quantity((each, "way", "index"), [one.counts for one in found], "fixed points found"),
        "output": quantity(("point", "bit"), found[0].output, "output at the fixed point"),
        "point_index": quantity("point", points["index"].values, "unstable directions"),
        "trajectory": quantity(("step", "bit"), shown, "output"),
    }
    for part in ("eigenvalue_real", "eigenvalue_imag"):
        data[part] = quantity(("point", "eigenvalue"), points[part].values, points[part].attrs["long_name"])
    coords = {
        "network": quantity("network", np.arange(count), "trained network"),
        "way": quantity("way", list(WAYS), "way of looking"),
        "index": quantity("index", np.arange(BITS + 1), "unstable directions"),
        "bit": quantity("bit", np.arange(BITS), "bit"),
        "step": quantity("step", np.arange(SHOWN_STEPS), "time step", "steps"),
    }
    return collect(material, f"{__name__}.analyse", data, coords, starts=starts, units=UNITS, bits=BITS)


@dataclass(frozen=True)
class _Found:
    """What was found of one network; lists go through `WAYS`, and `points` and `output` are those of Newton's method."""

    points: xr.Dataset
    output: Floats
    counts: list[NDArray[np.int64]]
    seconds: list[float]
    useful: list[float]
    corners: int
    between: int
    unusual: int
    slow: int
    topological_sum: int


def _look(cell: VanillaRNN, params: xr.Dataset, heard: Floats, starts: int, rng: np.random.Generator) -> _Found:
    """Look for the fixed points of one network, from starts around the states that it visits."""
    visited = simulate(cell, params, heard).reshape(-1, cell.hidden)
    pair = visited[rng.integers(len(visited), size=(2, starts))]
    # Saddles lie between the states that a network holds: anywhere on the line from one visited state to another.
    share = rng.random((starts, 1))
    begun = share * pair[0] + (1 - share) * pair[1]
    clock = [time.perf_counter()]
    points = dynamics.fixed_points(cell, params, starts=begun)
    clock.append(time.perf_counter())
    slow = dynamics.slow_points(cell, params, starts=begun)
    clock.append(time.perf_counter())
    descended = _descend(params, begun)
    clock.append(time.perf_counter())

    state, index = points["state"].values, points["index"].values
    output = state @ params["weight_out"].values.T + params["bias_out"].values
    met = [np.ones(len(state), bool)]
    for ends in (slow["state"].values[slow["q"].values <= Q_TOLERANCE], descended):
        met.append((np.abs(ends[:, None] - state).max(-1) <= SAME).any(0) if len(ends) else np.zeros(len(state), bool))
    useful = (points["found"].sum(), slow["found"].where(slow["q"] <= Q_TOLERANCE).sum(), len(descended))
    return _Found(
        points=points,
        output=output,
        counts=[np.bincount(index[there & (index <= BITS)], minlength=BITS + 1) for there in met],
        seconds=np.diff(clock).tolist(),
        useful=[float(number) / starts for number in useful],
        corners=len({tuple(row) for row in np.sign(output[index == 0]).astype(int).tolist()}),
        between=sum(_parts_a_bit(cell, params, state[i]) for i in np.flatnonzero(index == 1)),
        unusual=int((index > BITS).sum()),
        slow=int((slow["q"].values > Q_TOLERANCE).sum()),
        topological_sum=int(points["topological_index"].sum()),
    )


def _descend(params: xr.Dataset, begun: Floats) -> Floats:
    """Minimise q by Adam from all starts, each until it is small enough; give those states at which it is."""
    weight = params["weight_hh_l0"].values
    bias = params["bias_ih_l0"].values + params["bias_hh_l0"].values
    h, done = begun.copy(), np.zeros(len(begun), bool)
    mean, square = np.zeros_like(h), np.zeros_like(h)
    for step in range(1, DESCENT_STEPS + 1):
        new = np.tanh(h @ weight.T + bias)
        rest = new - h
        done = 0.5 * (rest**2).sum(1) <= Q_TOLERANCE
        if done.all():
            break
        slope = (rest * (1 - new**2)) @ weight - rest
        mean += 0.1 * (slope - mean)
        square += 0.001 * (slope**2 - square)
        change = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        h -= np.where(done[:, None], 0.0, DESCENT_RATE * change)
    return h[done]


def _parts_a_bit(cell: VanillaRNN, params: xr.Dataset, state: Floats) -> bool:
    """Whether the two sides of a saddle's unstable direction lead to states that differ in exactly one bit."""
    values, vectors = np.linalg.eig(dynamics.system(cell, params).jacobian(state[None])[0])
    along = vectors[:, np.argmax(np.abs(values))].real
    nudged = state + 1e-4 * np.array([[-1.0], [1.0]]) * along / np.abs(along).max()
    settled = predict(cell, params, np.zeros((2, 2000, BITS)), initial_state=nudged)[:, -1]
    return int((np.sign(settled[0]) != np.sign(settled[1])).sum()) == 1


def plot(data: xr.Dataset) -> "Figure":
    """Draw the cube of read-outs with its fixed points, their eigenvalues, and what the three ways found."""
    colors, markers = ("C0", "C1", "C2", "black"), ("o", "^", "s", "D")
    names = ("stable", "1 unstable direction", "2 unstable directions", "3 unstable directions")
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.9)
        places = figure.add_gridspec(1, 3, width_ratios=(1.25, 1, 1))
        cube = figure.add_subplot(places[0], projection="3d")
        plane, bars = figure.add_subplot(places[1]), figure.add_subplot(places[2])
        path, output, index = data["trajectory"].values, data["output"].values, data["point_index"].values
        cube.grid(visible=False)  # its lines would lie where the outputs go
        cube.plot(*path.T, color="0.45", linewidth=0.8)
        for kind, (color, marker, name) in enumerate(zip(colors, markers, names, strict=True)):
            there = index == kind
            cube.scatter(*output[there].T, color=color, marker=marker, s=26, depthshade=False, label=name)
            plane.plot(
                data["eigenvalue_real"].values[there].ravel(),
                data["eigenvalue_imag"].values[there].ravel(),
                marker,
                color=color,
                markersize=3,
                label=name,
            )
        cube.set(xlabel="bit 0", ylabel="bit 1", title="a  fixed points, read out")
        cube.set_zlabel("bit 2", labelpad=-9)
        cube.set(xticks=(-1, 1), yticks=(-1, 1), zticks=(-1, 1))
        angle = np.linspace(0, 2 * np.pi, 200)
        plane.plot(np.cos(angle), np.sin(angle), color="0.5", linewidth=0.8)
        plane.set_aspect("equal")
        plane.set(xlabel="real part", ylabel="imaginary part", title="b  eigenvalues of the Jacobian there")
        where, median = np.arange(BITS + 1), data["fixed_points"].median("network")
        for number, (way, color) in enumerate(zip(data["way"].values, ("C0", "C1", "C2"), strict=True)):
            seconds = float(data["seconds"].sel(way=way).median())
            bars.bar(
                where + 0.27 * (number - 1), median.sel(way=way), 0.25, color=color, label=f"{way}, {seconds:.1g} s"
            )
        bars.hlines(CUBE, where - 0.4, where + 0.4, color="black", label="of a cube")
        bars.set_xticks(where)
        bars.set(xlabel="unstable directions", ylabel="fixed points (median of the networks)")
        bars.set_title(f"c  found from the same {data.attrs['starts']} starts")
        plotting.legend_below(plane)
        plotting.legend_below(bars)
    return figure


EXPERIMENT = Experiment(
    name="sussillo2013-flip-flop",
    paper=PAPER,
    figure="the 3-bit flip-flop",
    title="Where a network stores three bits",
    shows="that a trained network keeps three bits in eight stable fixed points at the corners of a cube, with saddles on its "
    "edges, faces and in its middle, and how Newton's method finds them beside the minimisation of q",
    scales={
        "quick": Scale("2 networks, 500 starts", "about 8 s"),
        "paper": Scale("10 networks, 500 starts", "about 1 min"),
        "large": Scale("100 networks, 2,000 starts", "about 30 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=flip_flop_claims.claims,
)
