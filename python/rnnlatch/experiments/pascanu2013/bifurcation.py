"""Figure 3: the bifurcations of one unit, x_t = 5 s(x_{t-1}) + b with the logistic function s, and what crossing them does.

The picture of the paper first: both attractors over b and the unstable fixed point between, which is the boundary of their
basins. What a slow sweep of b makes of it. Then the hypothesis that the paper takes from Doya (1993), that gradients explode
where parameters cross a bifurcation, beside its own, that what counts is a boundary between basins: the derivative of x_T by b
over b and x_0, and how it grows with T in both places. And where in the plane of w and b there are two attractors at all.

All states are pre-activations, as in the paper.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics, plotting
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.pascanu2013 import PAPER, bifurcation_claims
from rnnlatch.experiments.pascanu2013.one_unit import (
    CELL,
    fixed_points,
    largest_derivatives,
    last_state,
    logistic,
    parameters,
    trajectories,
)
from rnnlatch.experiments.results import collect, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

Floats = NDArray[np.float64]

WEIGHT = 5.0
RANGE = (-3.0, -2.0)  # of b
STARTS = (-4.0, 4.0)  # of x_0
STEPS = 50
INNER = 0.95  # of the interval between the bifurcations
INSIDE = 21  # values of b in it
FAR = -3.0  # an x_0 that neither attractor's appearing or vanishing concerns
HORIZONS = (25, 50, 100, 200, 400)
BOUNDARY_HORIZONS = 200  # up to here an orbit that begins on the boundary stays there for rounding
MIDDLE = -2.5  # b, half way between the bifurcations
SHOWN_SWEEP = 1000  # steps of the sweep that is drawn
NEXT = 0.3  # beyond the bifurcation: where the largest derivative is looked for
NARROWINGS = 8
W_RANGE, B_RANGE = (3.0, 7.0), (-4.5, -1.0)  # of the map

SWEEPS: dict[ScaleName, tuple[int, ...]] = {  # steps from one end to the other
    "quick": (100, 1000, 10_000),
    "paper": (100, 1000, 10_000, 100_000),
    "large": (100, 1000, 10_000, 100_000, 1_000_000),
}
SIZES: dict[ScaleName, tuple[int, int, int]] = {  # values of the diagram, along the sides of the plane and of the map
    "quick": (51, 61, 41),
    "paper": (201, 401, 161),
    "large": (1001, 1601, 801),
}


def analyse(material: Material) -> xr.Dataset:
    """Follow the fixed points, sweep b, differentiate the last state over (b, x_0), and map the regimes.

    Returns
    -------
    Dataset
        All that `dynamics.bifurcation` gives for b, and ``regime`` and what else `dynamics.regimes` gives over x (w) and y (b).
        ``saddle_node``, over ``end``, b and x of the two bifurcations in closed form, ``saddle_node_x``.

        Over (direction, sweep): ``jump_b``, at which x passes 0 as b rises or falls by one ``sweep_step`` a step, and
        ``delay``, how far that is beyond the bifurcation; ``predicted_delay`` over ``sweep``. Over (direction, drawn):
        ``sweep_b`` and ``sweep_x``, a sweep of 1000 steps.

        Over (b, start_x): ``derivative``, the largest |dx_T/db| with T up to 50. Over ``b``: ``far_derivative``, |dx_50/db|
        from x_0 = -3. Over ``inside``, values of b between the bifurcations, ``inside_b``: ``boundary``, the unstable fixed
        point, its ``boundary_slope``, and ``boundary_derivative``, |dx_50/db| from there. Over ``horizon``:
        ``bifurcation_derivative``, the largest |dx_T/db| beyond the upper bifurcation of an orbit that begins where the
        attractor vanishes, and ``bifurcation_b``, how far beyond that is; ``middle_derivative``, from the boundary at b = -2.5.
        ``misplaced``, how many orbits that begin on one side of the boundary end on the other, of ``placed``.
    """
    values, across, side = SIZES[material.scale]
    threads = material.threads
    branches = dynamics.bifurcation(
        CELL,
        parameters(WEIGHT, 0.0),
        "bias_ih_l0[0]",
        RANGE,
        variable="pre_activation",
        values=values,
        rng=material.seed,
        threads=threads,
    )
    regimes = dynamics.regimes(
        CELL,
        parameters(WEIGHT, 0.0),
        ("weight_hh_l0[0, 0]", "bias_ih_l0[0]"),
        (np.linspace(*W_RANGE, side), np.linspace(*B_RANGE, side)),
        variable="pre_activation",
        rng=material.seed,
        threads=threads,
    )
    known: dict[str, xr.Variable] = {str(name): part.variable for name, part in branches.data_vars.items()}
    known |= {str(name): part.variable for name, part in regimes.data_vars.items()}
    coords: dict[str, xr.Variable] = {str(name): part.variable for name, part in branches.coords.items()}
    coords |= {str(name): part.variable for name, part in regimes.coords.items()}
    known["value"].attrs["long_name"] = known["special_value"].attrs["long_name"] = "bias b"
    coords["y"].attrs["long_name"], coords["x"].attrs["long_name"] = "bias b", "recurrent weight w"

    ends = _saddle_nodes()
    b, start = np.linspace(*RANGE, across), np.linspace(*STARTS, across)
    horizons, sweeps = np.array(HORIZONS), np.array(SWEEPS[material.scale])
    data = (
        known
        | {
            "saddle_node": quantity("end", ends[:, 1], "bias b of the saddle-node, closed form"),
            "saddle_node_x": quantity("end", ends[:, 0], "state x of the saddle-node, closed form"),
        }
        | _sweeps(ends, sweeps, threads)
        | _plane(b, start, threads)
        | _boundary(ends, threads)
        | _growth(ends, horizons, threads)
    )
    coords |= {
        "end": quantity("end", ["lower", "upper"], "which bifurcation"),
        "direction": quantity("direction", ["up", "down"], "direction of the sweep of b"),
        "sweep": quantity("sweep", sweeps, "steps of the sweep", "steps"),
        "sweep_step": quantity("sweep", np.ptp(RANGE) / sweeps, "change of b in a step"),
        "drawn": quantity("drawn", np.arange(SHOWN_SWEEP + 1), "steps of the sweep", "steps"),
        "b": quantity("b", b, "bias b"),
        "start_x": quantity("start_x", start, "initial state x_0"),
        "horizon": quantity("horizon", horizons, "steps T", "steps"),
    }
    attrs: dict[str, Any] = {"outcome": str(branches["outcome"].values), "variable": "pre_activation"}
    return collect(
        material, f"{__name__}.analyse", data, coords, weight=WEIGHT, steps=STEPS, far=FAR, middle=MIDDLE, **attrs
    )


def _saddle_nodes() -> Floats:
    """Give (x, b) of both, the one at the lower b first: there 5 s (1 - s) = 1."""
    s = (1 + np.array([1, -1]) * np.sqrt(1 - 4 / WEIGHT)) / 2
    x = np.log(s / (1 - s))
    return np.stack([x, x - WEIGHT * s], axis=1)


def _sweeps(ends: Floats, sweeps: NDArray[np.int64], threads: int | None) -> dict[str, xr.Variable]:
    """Move b up and down so slowly, and see where the state jumps."""
    jump, drawn_b, drawn_x = np.empty((2, sweeps.size)), [], []
    for row, (first, last) in enumerate((RANGE, RANGE[::-1])):
        (rest,) = fixed_points(WEIGHT, first)
        for column, steps in enumerate(sweeps.tolist()):
            b = np.linspace(first, last, steps + 1)
            x = trajectories(WEIGHT, 0.0, [rest], b[1:], threads)[0]
            jump[row, column] = b[int(np.argmax(x > 0 if row == 0 else x < 0))]
            if steps == SHOWN_SWEEP:
                drawn_b.append(b)
                drawn_x.append(x)
    delay = np.stack([jump[0] - ends[1, 1], ends[0, 1] - jump[1]])
    # Near the saddle-node x moves by mu + kappa x^2 a step, and mu by r: it escapes where mu is the first zero of Airy's
    # function times (r^2 / kappa)^(1/3) (R. Haberman, SIAM J. Appl. Math. 37, 1979).
    s = logistic(ends[1, 0])
    kappa = WEIGHT * float(s * (1 - s) * (1 - 2 * s)) / 2
    rate = np.ptp(RANGE) / sweeps
    return {
        "jump_b": quantity(("direction", "sweep"), jump, "bias b at which x passes 0"),
        "delay": quantity(("direction", "sweep"), delay, "distance beyond the bifurcation"),
        "predicted_delay": quantity("sweep", 2.338107410459767 * (rate**2 / kappa) ** (1 / 3), "predicted distance"),
        "sweep_b": quantity(("direction", "drawn"), drawn_b, "bias b"),
        "sweep_x": quantity(("direction", "drawn"), drawn_x, "state x"),
    }


def _plane(b: Floats, start: Floats, threads: int | None) -> dict[str, xr.Variable]:
    """Differentiate states over (b, x_0), and count orbits that end on the wrong side."""
    largest, _ = largest_derivatives(WEIGHT, b[:, None], start, STEPS)
    far = last_state(WEIGHT, b, FAR, STEPS, threads)
    misplaced = placed = 0
    first, last = _saddle_nodes()[:, 1].tolist()
    for value in np.linspace(first, last, INSIDE + 2)[1:-1].tolist():
        low, middle, high = fixed_points(WEIGHT, value)
        # From x_0 at 1e-6 of the boundary on either side, and farther, for as long as the slowest of them needs.
        gap = np.concatenate([-np.logspace(1, -6, 15), np.logspace(-6, 1, 15)])
        x = trajectories(WEIGHT, value, middle + gap, np.zeros(3000), threads)[:, -1]
        misplaced += int((np.abs(x - np.where(gap > 0, high, low)) > np.abs(x - np.where(gap > 0, low, high))).sum())
        placed += gap.size
    return {
        "derivative": quantity(("b", "start_x"), largest, f"largest |dx_T/db|, T ≤ {STEPS}"),
        "far_derivative": quantity("b", np.abs(far.by_b), f"|dx_{STEPS}/db| from x_0 = {FAR:g}"),
        "misplaced": quantity((), misplaced, "orbits that end on the other side of the boundary"),
        "placed": quantity((), placed, "orbits that were followed from either side of it"),
    }


def _boundary(ends: Floats, threads: int | None) -> dict[str, xr.Variable]:
    """Differentiate the last state of orbits that begin on the boundary between the basins."""
    middle, half = ends[:, 1].mean(), np.ptp(ends[:, 1]) / 2
    inside = middle + half * INNER * np.linspace(-1, 1, INSIDE)
    boundary = np.array([fixed_points(WEIGHT, value)[1] for value in inside])
    found = last_state(WEIGHT, inside, boundary, STEPS, threads)
    return {
        "inside_b": quantity("inside", inside, "bias b"),
        "boundary": quantity("inside", boundary, "boundary between the basins"),
        "boundary_slope": quantity(
            "inside", WEIGHT * logistic(boundary) * logistic(-boundary), "derivative of the map on the boundary"
        ),
        "boundary_derivative": quantity("inside", np.abs(found.by_b), f"|dx_{STEPS}/db| from the boundary"),
    }


def _growth(ends: Floats, horizons: NDArray[np.int64], threads: int | None) -> dict[str, xr.Variable]:
    """See how |dx_T/db| grows with T: across the upper bifurcation, and on the boundary at b = -2.5."""
    largest, where, middle = [], [], []
    for steps in horizons.tolist():
        low, high = 0.0, NEXT
        for _ in range(NARROWINGS):
            beyond = np.linspace(low, high, 501)
            size = np.abs(last_state(WEIGHT, ends[1, 1] + beyond, ends[1, 0], steps, threads).by_b)
            top = int(size.argmax())
            low, high = beyond[max(top - 2, 0)], beyond[min(top + 2, 500)]
        largest.append(float(size[top]))
        where.append(float(beyond[top]))
        inside = steps <= BOUNDARY_HORIZONS
        middle.append(float(last_state(WEIGHT, MIDDLE, 0.0, steps, threads).by_b) if inside else np.nan)
    return {
        "bifurcation_derivative": quantity("horizon", largest, "largest |dx_T/db| across the bifurcation"),
        "bifurcation_b": quantity("horizon", where, "how far beyond the bifurcation"),
        "middle_derivative": quantity("horizon", middle, f"|dx_T/db| from the boundary at b = {MIDDLE:g}"),
    }


def plot(data: xr.Dataset) -> "Figure":
    """Draw the diagram, slow sweeps over it, the derivative over (b, x_0) and how it grows, and the map over (w, b)."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6.4)
        (diagram, sweep, delay), (plane, growth, regimes) = figure.subplots(2, 3)
        plotting.bifurcation_diagram(data, diagram)
        _arrows(diagram)
        diagram.set_ylabel("state x")
        for text in diagram.texts:  # away from the branches, which turn to the right at b1 and to the left at b2
            right = text.xy[0] > MIDDLE
            text.set(position=(6 if right else -6, 0), ha="left" if right else "right", va="center")
        diagram.legend(loc="upper left", fontsize=7, frameon=True, framealpha=1, edgecolor="none")
        diagram.set_title("a  attractors and bifurcations")
        _draw_sweeps(sweep, data)
        _draw_delay(delay, data)
        _draw_plane(plane, data)
        _draw_growth(growth, data)
        plotting.regime_map(data, regimes)
        regimes.plot(4, -2, "o", color="black", markersize=3.5)
        regimes.annotate("cusp", (4, -2), (-4, 6), textcoords="offset points", ha="right", fontsize=8)
        regimes.axvline(WEIGHT, color="black", linewidth=0.7, linestyle=":")
        regimes.set_title("f  where there are two attractors")
        regimes.legend(loc="lower left", fontsize=7, frameon=True, framealpha=1, edgecolor="none")
    return figure


def _arrows(ax: "Axes") -> None:
    """Mark where states go, as in the figure of the paper."""
    b, x = (part.ravel() for part in np.meshgrid(np.linspace(-2.95, -2.05, 7), np.linspace(-3.4, 3.4, 9)))
    move = WEIGHT * logistic(x) + b - x
    length = 0.35 * np.sign(move) * np.sqrt(np.abs(move) / np.abs(move).max())
    ax.quiver(b, x, 0 * b, length, angles="xy", scale_units="xy", scale=1, width=0.004, color="0.7", zorder=0.5)
    ax.set_ylim(-4, 4)


def _draw_sweeps(ax: "Axes", data: xr.Dataset) -> None:
    ax.plot(data["value"].values.T, data["state"][:, :, 0].values.T, color="0.7", linestyle="--", linewidth=0.9)
    for row, (name, color) in enumerate((("up", "C0"), ("down", "C1"))):
        b, x = data["sweep_b"][row].values, data["sweep_x"][row].values
        ax.plot(b, x, color=color, label=f"b {name}")
        for at in (0.15, 0.8):
            place = int(at * b.size)
            ax.annotate(
                "",
                (b[place + 40], x[place + 40]),
                (b[place], x[place]),
                arrowprops={"arrowstyle": "->", "color": color},
            )
    ax.set_xlabel("bias b")
    ax.set_ylabel("state x")
    ax.set_title(f"b  b moved by {np.ptp(RANGE) / SHOWN_SWEEP:g} a step")
    ax.legend(loc="upper left")


def _draw_delay(ax: "Axes", data: xr.Dataset) -> None:
    rate = data["sweep_step"].values
    for row, (name, dot) in enumerate((("up", "o"), ("down", "x"))):
        ax.plot(rate, data["delay"][row].values, dot, color=f"C{row}", label=f"b {name}")
    ax.plot(rate, data["predicted_delay"].values, color="0.5", linewidth=0.9, label="2.338 (r² / κ)^⅓")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("change r of b in a step")
    ax.set_ylabel("jump, distance beyond b1 or b2")
    ax.set_title("c  the jump comes late")
    ax.legend(loc="upper left")


def _draw_plane(ax: "Axes", data: xr.Dataset) -> None:
    size = np.log10(data["derivative"].values).T
    mesh = ax.imshow(size, origin="lower", aspect="auto", extent=(*RANGE, *STARTS), cmap="magma")
    for end in data["saddle_node"].values:
        ax.axvline(end, color="white", linewidth=0.8, linestyle=":")
    ax.set_xlabel("bias b")
    ax.set_ylabel("initial state x₀")
    ax.set_title("d  where gradients grow")
    scale = ax.figure.colorbar(mesh, ax=ax, label=f"log10 of the largest |dx_T/db|, T ≤ {STEPS}", pad=0.02)
    scale.outline.set_linewidth(0.7)


def _draw_growth(ax: "Axes", data: xr.Dataset) -> None:
    horizon = data["horizon"].values
    ax.plot(horizon, data["middle_derivative"].values, "o-", color="C1", label="boundary, b = −2.5")
    ax.plot(horizon, data["bifurcation_derivative"].values, "s-", color="C0", label="across the bifurcation")
    guide = data["bifurcation_derivative"].values[-1] * (horizon / horizon[-1]) ** 3
    ax.plot(horizon, guide, color="black", linewidth=0.9, linestyle=":", label="T³")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(horizon, [f"{steps}" for steps in horizon])
    ax.minorticks_off()
    ax.set_xlabel("steps T")
    ax.set_ylabel("largest |dx_T/db|")
    ax.set_title("e  an exponential and a power")
    ax.legend(loc="upper left")


EXPERIMENT = Experiment(
    name="pascanu2013-bifurcation",
    paper=PAPER,
    figure="Fig. 3",
    title="Bifurcations and boundaries of one unit",
    shows="the two attractors of one unit over its bias, and whether gradients explode at bifurcations or at basin boundaries",
    scales={
        "quick": Scale("51 values of b, sweeps of up to 10,000 steps", "about 5 s"),
        "paper": Scale("201 values of b, sweeps of up to 100,000 steps", "about 10 s"),
        "large": Scale("1,001 values of b, sweeps of up to 1,000,000 steps", "about 2 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=bifurcation_claims.claims,
)
