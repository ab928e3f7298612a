"""Not both: how much noise a trained latch stands, against the gradient that it leaves.

Thousands of single units are trained to keep a bit, over initial weights and noise levels, and networks of five units to tell
two classes by their first inputs. Of each that has learned it we measure, from where it rests, the largest noise under which
it keeps its bit, and how much of the gradient is left after 20 steps.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics, gradients, plotting
from rnnlatch.algorithms import Adam
from rnnlatch.cells import LatchNeuron, Uniform, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.bengio1994 import settings
from rnnlatch.experiments.own import OWN, trade_off_claims
from rnnlatch.experiments.results import collect, counts, quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.simulation import simulate
from rnnlatch.tasks import TwoSequence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

    from rnnlatch.store import Store

__all__ = ["EXPERIMENT"]

Floats = NDArray[np.float64]

LENGTH, EPOCHS, THRESHOLD = 20, 100, 0.15  # training of the single units, as for Fig. 2a of the paper
HOLD = 100  # steps for which a bit has to be kept
LOST = 0.05  # share of the sequences that may lose it
LAG = 20  # steps that the gradient has to come back
SEQUENCES = 200  # of noise, the same for all levels
REST = 1000  # steps without noise in which a network comes to rest
FADED = 1e-3  # a unit whose state is smaller by then holds nothing
LEVELS = np.geomspace(0.004, 4.0, 40)  # of the noise
UNITS = 5
CELL = VanillaRNN(inputs=1, hidden=UNITS, bias=False, read_unit=UNITS - 1, init_ih=Uniform(0.5), init_hh=Uniform(0.5))
DISTURBED = VanillaRNN(inputs=UNITS, hidden=UNITS, bias=False, read_unit=UNITS - 1)  # the same with noise on every unit
# What tells the classes of the networks, the same for all of them.
KEYS = ((-0.7, 0.2, -0.5), (0.4, 0.6, -0.1))
AT_ONCE = 20  # latches or networks on all levels at once: about 100 MB

WEIGHTS: dict[ScaleName, Floats] = {
    "quick": np.linspace(0.9, 2.4, 6),
    "paper": np.linspace(0.8, 2.5, 18),
    "large": np.linspace(0.8, 2.5, 18),
}
NOISE: dict[ScaleName, Floats] = {
    "quick": np.array([0.05, 0.2]),
    "paper": np.linspace(0.025, 0.475, 10),
    "large": np.linspace(0.025, 0.475, 10),
}
RUNS: dict[ScaleName, int] = {"quick": 10, "paper": 18, "large": 180}
NETWORK_NOISE = (0.0, 0.1, 0.2, 0.4)
NETWORK_RUNS: dict[ScaleName, int] = {"quick": 12, "paper": 150, "large": 1500}


def study(noise_level: float, initial_weight: float) -> Run:
    """Return the run of one single unit, as for Fig. 2a, the noise level being a standard deviation."""
    cell = LatchNeuron(w=initial_weight, train_w=True, initial_input=settings.INITIAL_INPUT)
    reading = settings.STANDARD_DEVIATION
    return settings.fixed_set_run(cell, LENGTH, noise_level, reading, epochs=EPOCHS, threshold=THRESHOLD)


def network_study(noise_level: float) -> Run:
    """Return the run of one network of five units."""
    task = TwoSequence(
        length=(10, LENGTH), prefix=len(KEYS[0]), noise_std=noise_level, sequences_per_class=10, prototypes=KEYS
    )
    learned = Criterion(measure="consecutive")
    return Run(CELL, task, Adam(learning_rate=0.01), learned, max_presentations=20_000)


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Return the sweep of the single units and that of the networks."""
    axes = {"noise_level": NOISE[scale].round(6).tolist(), "initial_weight": WEIGHTS[scale].round(6).tolist()}
    return (
        SweepPlan("sweep.sqlite", study, axes, common=(), runs=RUNS[scale]),
        SweepPlan(
            "networks.sqlite", network_study, {"noise_level": list(NETWORK_NOISE)}, common=(), runs=NETWORK_RUNS[scale]
        ),
    )


def analyse(material: Material) -> xr.Dataset:
    """Measure what each unit and each network that has learned its task withstands, and what gradient it leaves.

    Returns
    -------
    Dataset
        Over (noise_level, initial_weight): ``runs`` and how many of them ``converged``.
        Over ``latch``: ``weight``, ``tolerance``, the largest standard deviation of noise under which 95 % of the sequences
        keep their sign for 100 steps, 0 where there is none and infinite beyond the largest tried; ``log_gradient``, log10 of
        |dx_T/dx_(T-20)| at rest, ``log_gradient_noise``, its median under half the noise that is tolerated, of the sequences
        that keep the bit; ``threshold``, h* of the weight; ``trained_noise``. Over ``network`` the same of the networks, with
        the gradient of the unit that holds the bit with respect to h_(T-20); ``latched``, whether the two classes come to
        different sides and stay there without noise; ``swings``, whether one changes sides for ever. Over ``curve``:
        ``curve_weight``, ``curve_threshold``, ``curve_log_gradient``, of single units in closed form.
    """
    rng = np.random.default_rng([material.seed, HOLD])
    noise = rng.standard_normal((SEQUENCES, HOLD, UNITS))
    single = _learned(material.stores["sweep.sqlite"])
    weight = single["weight"].values
    latches = _Measured.of(weight.size)
    for first in range(0, weight.size, AT_ONCE):
        some = slice(first, first + AT_ONCE)
        latches.put(some, *_latches(weight[some], noise[:, :, 0]))
    above = weight > 1
    threshold = np.zeros(weight.size)
    threshold[above] = dynamics.escape_threshold(weight[above])

    nets = _learned(material.stores["networks.sqlite"])
    networks = _Measured.of(nets.sizes["sample"])
    latched, swings = np.zeros((2, nets.sizes["sample"]), bool)
    params = {name: nets[name].transpose("sample", ...).values for name in ("weight_ih_l0", "weight_hh_l0")}
    for first in range(0, len(latched), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        found = _networks({name: value[some] for name, value in params.items()}, noise, material.threads)
        networks.put(some, *found[:3])
        latched[some], swings[some] = found[3:]

    curve = np.concatenate([1 + np.geomspace(1e-3, 0.02, 20), np.linspace(1.025, 3.5, 80)])
    slope = dynamics.latch_slope(curve, dynamics.attractor(curve))
    data = {
        "weight": quantity("latch", weight, "recurrent weight w"),
        "threshold": quantity("latch", threshold, "escape threshold h*"),
        "trained_noise": quantity("latch", single["noise_level"].values, "standard deviation of the noise in training"),
        "network_trained_noise": quantity("network", nets["noise_level"].values, "noise in training"),
        "latched": quantity("network", latched, "whether the classes stay on different sides without noise"),
        "swings": quantity("network", swings, "whether a class changes sides for ever without noise"),
        "curve_weight": quantity("curve", curve, "recurrent weight w"),
        "curve_threshold": quantity("curve", dynamics.escape_threshold(curve), "escape threshold h*"),
        "curve_log_gradient": quantity("curve", LAG * np.log10(slope), f"log10 of |dx_T/dx_(T-{LAG})| at rest"),
    }
    data |= latches.variables("latch", "")
    trained = counts(material.stores["sweep.sqlite"])
    data |= {name: trained[name].variable for name in ("runs", "converged")}
    data |= networks.variables("network", "network_")
    words = {"noise_level": "noise level s", "initial_weight": "initial weight w0"}
    coords = {axis: quantity(axis, trained[axis].values, text) for axis, text in words.items()}
    return collect(
        material, f"{__name__}.analyse", data, coords, hold=HOLD, lag=LAG, lost=LOST, sequences=SEQUENCES, units=UNITS
    )


class _Measured:
    """Three numbers of each latch or network."""

    def __init__(self, tolerance: Floats, log_gradient: Floats, log_gradient_noise: Floats) -> None:
        self.arrays = {
            "tolerance": tolerance,
            "log_gradient": log_gradient,
            "log_gradient_noise": log_gradient_noise,
        }

    @classmethod
    def of(cls, count: int) -> "_Measured":
        return cls(*(np.full(count, np.nan) for _ in range(3)))

    def put(self, where: slice, *values: Floats) -> None:
        for array, value in zip(self.arrays.values(), values, strict=True):
            array[where] = value

    def variables(self, dim: str, prefix: str) -> dict[str, xr.Variable]:
        words = (
            "largest standard deviation of noise that is withstood",
            f"log10 of the gradient left after {LAG} steps, at rest",
            f"log10 of the gradient left after {LAG} steps, under half that noise",
        )
        return {
            prefix + name: quantity(dim, values, text)
            for (name, values), text in zip(self.arrays.items(), words, strict=True)
        }


def _learned(store: "Store") -> xr.Dataset:
    """Give those runs that have converged, one after the other."""
    runs = store.to_xarray().load()
    dims = list(runs["outcome"].dims)
    flat = runs.stack(sample=dims)
    return flat.isel(sample=np.flatnonzero(flat["outcome"].values == Outcome.CONVERGED)).reset_index("sample")


def _latches(weight: Floats, noise: Floats) -> tuple[Floats, Floats, Floats]:
    """Give tolerance, and log10 of the gradient at rest and under half that noise, of single units."""
    rest = np.zeros(weight.size)
    above = weight > 1
    rest[above] = dynamics.attractor(weight[above])
    at_rest = LAG * np.log10(np.abs(dynamics.latch_slope(weight, rest)))
    lost = (_noisy(weight, rest, LEVELS, noise).min(-1) <= 0).mean(-1)
    tolerance = np.where(above, _crossing(lost), 0.0)
    noisy = np.full(weight.size, np.nan)
    for i in np.flatnonzero(np.isfinite(tolerance) & (tolerance > 0)):
        state = _noisy(weight[i : i + 1], rest[i : i + 1], tolerance[i : i + 1] / 2, noise)[0, 0]
        kept = state[state.min(-1) > 0]
        if len(kept):
            noisy[i] = np.median(np.log10(weight[i] * (1 - kept[:, -LAG:] ** 2)).sum(-1))
    return tolerance, at_rest, noisy


def _noisy(weight: Floats, rest: Floats, levels: Floats, noise: Floats) -> Floats:
    """Run single units from where they rest through noise of some levels: states (latch, level, sequence, step)."""
    drive = np.empty((levels.size, *noise.shape[:1], noise.shape[1] + 1))
    drive[:, :, 1:] = levels[:, None, None] * noise
    every = np.broadcast_to(drive, (weight.size, *drive.shape)).copy()
    every[..., 0] = rest[:, None, None]
    flat = every.reshape(weight.size, -1, drive.shape[-1], 1)
    states = simulate(LatchNeuron(), {"weight": weight}, flat)
    return states.reshape(weight.size, levels.size, len(noise), -1)[..., 1:]


def _crossing(lost: Floats) -> Floats:
    """Give the level up to which at most a share `LOST` loses its bit: 0 below the first level, infinite beyond the last."""
    over = lost > LOST
    first = np.where(over.any(-1), over.argmax(-1), LEVELS.size)
    found = np.where(first == 0, 0.0, np.inf)
    for i in np.flatnonzero((first > 0) & (first < LEVELS.size)):
        low, high = lost[i, first[i] - 1], lost[i, first[i]]
        share = (LOST - low) / (high - low)
        found[i] = np.exp(np.interp(share, [0, 1], np.log(LEVELS[first[i] - 1 : first[i] + 1])))
    return found


def _networks(
    params: dict[str, Floats], noise: Floats, threads: int | None
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Give tolerance, log10 of the gradient at rest and under half that noise, and whether networks latch, or swing."""
    count = len(params["weight_hh_l0"])
    shown = np.zeros((len(KEYS), len(KEYS[0]) + REST, 1))
    shown[:, : len(KEYS[0]), 0] = KEYS
    _, rest = simulate(CELL, params, shown, final_state=True, threads=threads)  # (network, class, unit)
    side = np.sign(rest[..., CELL.read_unit])
    # What swings from side to side holds nothing there, though at one moment its classes may be on different sides.
    quiet = np.zeros((len(KEYS), HOLD, 1))
    later = simulate(CELL, params, quiet, initial_state=rest, threads=threads)[..., CELL.read_unit] * side[..., None]
    swings = (later < -FADED).any((1, 2))
    latched = (side[:, 0] * side[:, 1] < 0) & (later > FADED).all((1, 2))
    at_rest = _log_gradient(CELL, params, rest, np.zeros((len(KEYS), LAG, 1)), threads).max(-1)

    # Every sequence starts where one of the classes rests; the classes take turns. Noise is added to every unit's sum, as
    # the theorems have it: a network could be deaf to that of its input.
    turns = np.arange(len(noise)) % len(KEYS)
    disturbed = {**params, "weight_ih_l0": np.broadcast_to(np.eye(UNITS), (count, UNITS, UNITS)).copy()}
    lost = np.empty((count, LEVELS.size))
    for number, level in enumerate(LEVELS):
        h = simulate(DISTURBED, disturbed, level * noise, initial_state=rest[:, turns], threads=threads)
        lost[:, number] = (h[..., CELL.read_unit] * side[:, turns, None] <= 0).any(-1).mean(-1)
    tolerance = np.where(latched, _crossing(lost), 0.0)
    noisy = np.full(count, np.nan)
    for i in np.flatnonzero(np.isfinite(tolerance) & (tolerance > 0)):
        one = {name: value[i] for name, value in disturbed.items()}
        drive = tolerance[i] / 2 * noise
        h = simulate(DISTURBED, one, drive, initial_state=rest[i, turns], threads=threads)
        kept = (h[..., CELL.read_unit] * side[i, turns, None] > 0).all(-1)
        if kept.any():
            start = h[kept, -LAG - 1]
            noisy[i] = np.median(_log_gradient(DISTURBED, one, start, drive[kept, -LAG:], threads))
    return tolerance, at_rest, noisy, latched, swings


def _log_gradient(
    cell: VanillaRNN, params: dict[str, Floats], start: Floats, drive: Floats, threads: int | None
) -> Floats:
    """Give log10 of the norm of the gradient of the unit that holds the bit with respect to the states that it starts from."""
    last = simulate(cell, params, drive, initial_state=start, threads=threads)[..., -1, [UNITS - 1]]
    # Where the error is 1, the gradient of half its square is that of the unit.
    products = gradients.jacobian_products(
        cell, params, drive, last - 1.0, norms=(), bounds=False, initial_state=start, threads=threads
    )
    return np.asarray(products["log_loss_gradient"].isel(lag=-1).values / np.log(10))


def plot(data: xr.Dataset) -> "Figure":
    """Draw what is withstood against the gradient that is left, of single units and of networks."""
    withstood, left = data["tolerance"].values, data["log_gradient_noise"].values
    there = data["latched"].values & (data["network_tolerance"].values > 0)
    single_ones = (withstood > 0) & np.isfinite(left)
    with plotting.style():
        figure = plotting.new_figure(10.2, 4.0)
        single, many = figure.subplots(1, 2, sharey=True)
        image = _cloud(single, withstood, left, data["weight"].values, "viridis", (1.0, 2.5))
        figure.colorbar(image, ax=single, label="recurrent weight w", extend="max")
        single.plot(
            data["curve_threshold"],
            data["curve_log_gradient"],
            color="C1",
            label="closed form: h* and the gradient at rest",
        )
        single.set_title(f"a  {single_ones.sum():,} single units")
        single.set_ylabel(f"log10 of the gradient left after {data.attrs['lag']} steps")
        many.scatter(withstood, left, color="0.8", s=5, linewidths=0, label="single units, as in a", rasterized=True)
        image = _cloud(
            many,
            data["network_tolerance"].values[there],
            data["network_log_gradient_noise"].values[there],
            data["network_trained_noise"].values[there],
            "cividis",
            (0.0, 0.4),
        )
        figure.colorbar(image, ax=many, label="noise in training")
        many.set_title(f"b  {there.sum():,} networks of {data.attrs['units']} units")
        for ax in (single, many):
            ax.set_xscale("log")
            ax.set(xlim=(6e-3, 2), ylim=(-32, 2), xlabel="largest noise (std) that is withstood")
            ax.axhline(0, color="0.5", linewidth=0.8, linestyle=":")
            plotting.legend_below(ax, columns=1)
    return figure


def _cloud(ax: "Axes", x: Floats, y: Floats, color: Floats, cmap: str, limits: tuple[float, float]) -> "PathCollection":
    low, high = limits
    return ax.scatter(x, y, c=color, s=6, cmap=cmap, vmin=low, vmax=high, linewidths=0, rasterized=True)


EXPERIMENT = Experiment(
    name="trade-off",
    paper=OWN,
    figure="after section IV of Bengio, Simard & Frasconi (1994)",
    title="Not both: noise withstood, and gradient left",
    shows="over thousands of trained units and networks that what withstands more noise leaves less gradient",
    scales={
        "quick": Scale("120 single units and 48 networks", "about 10 s"),
        "paper": Scale("3,240 single units and 600 networks", "about 2 min"),
        "large": Scale("32,400 single units and 6,000 networks", "about 20 min"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=trade_off_claims.claims,
)
