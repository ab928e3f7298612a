"""Figure 6: the error surface of one unit, its wall, and a step of gradient descent that meets it, clipped and not.

The unit is x_t = w s(x_{t-1}) + b with the logistic function s, from x_0 = 0.5 without inputs, and the cost is
(s(x_50) - 0.7)^2. Here the state is what comes after the nonlinearity, h_t = s(x_t), and starts at s(0.5). Losses are half
squared errors: a weight of 2 on the term takes the half away, from the loss, the gradient and the curvature.

The wall is where the gradient is largest along b. It is far thinner than any grid, and is found by narrowing. Profiles across
it, at distances down to 1e-9, show how gradient and curvature grow on it, and in which direction. A descent that meets it,
and descents from starts all over the picture, show what clipping does.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import gradients, plotting
from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.pascanu2013 import PAPER, error_surface_claims
from rnnlatch.experiments.results import collect, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT", "logistic", "unit"]

Floats = NDArray[np.float64]

STEPS = 50
START = 0.5  # x_0
TARGET = 0.7
AXES = ("weight_hh_l0[0, 0]", "bias_hh_l0[0]")
W_RANGE, B_RANGE = (4.0, 5.4), (-2.9, -2.0)  # of the picture
WALLS = (4.6, 4.8, 5.0, 5.2, 5.4)
SEARCHED = (-6.0, 1.0)  # in b
CANDIDATES = 2**15
PIXEL = 0.01  # the step of the grid of the figure
DRAWN_FROM = 10.0  # norm of the gradient from which on the picture shows a wall

DISTANCES = np.logspace(-9, -0.5, 851)  # from the wall; one 2.3 % farther than the one before
FROM, RATE, CLIP, LENGTH = (5.2, -2.2), 0.25, 0.5, 500  # of the descents

LINEAR_WEIGHTS, LINEAR_STEPS = (0.9, 1.1), 200

GRIDS: dict[ScaleName, tuple[int, int, int]] = {  # values of w and of b, and levels of refinement
    "quick": (71, 46, 2),
    "paper": (281, 181, 4),
    "large": (1401, 901, 4),
}
STARTS: dict[ScaleName, int] = {"quick": 10, "paper": 40, "large": 200}  # along each side


def logistic(x: Any) -> Any:
    """Give 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-np.asarray(x)))


def unit() -> dict[str, Any]:
    """Give the arguments that make the functions of `rnnlatch.gradients` work on the unit of the figure."""
    zero = np.zeros(1)
    return {
        "cell": VanillaRNN(inputs=1, hidden=1, activation="logistic"),
        "params": {
            "weight_ih_l0": zero[:, None],
            "weight_hh_l0": zero[:, None],
            "bias_ih_l0": zero,
            "bias_hh_l0": zero,
        },
        "inputs": np.zeros((1, STEPS, 1)),
        "targets": [[TARGET]],
        "mask": [2.0],
        "initial_state": [float(logistic(START))],
        "parameters": AXES,
    }


def analyse(material: Material) -> xr.Dataset:
    """Compute the surface, find its wall, measure across it, and descend.

    Returns
    -------
    Dataset
        Over (x, y), the weight w and the bias b: ``loss`` and ``gradient_norm``; over ``leaf`` what the refinement of the grid
        found, as in `gradients.error_surface`; over ``x`` the wall of the picture, ``line_b`` and ``line_gradient_norm``.

        Over ``w``: ``wall_b``, where the norm of the gradient by (w, b) is largest, ``wall_gradient_norm``, the derivatives
        ``wall_gradient_w`` and ``wall_gradient_b``, ``wall_loss``, ``wall_tolerance``, ``wall_width``, between the points at
        which the norm has fallen to half, ``wall_slope``, db/dw of the wall, and ``rival_gradient_norm``, the next largest local
        maximum; ``typical_gradient_norm``, the median along the b of the picture; ``unstable_b``, the bias at which x_0 is a
        fixed point of the unit, and ``multiplier``, its derivative there.

        Over (w, side, distance) from the wall: ``profile_norm``, ``profile_curvature``, the second derivative along the
        gradient's direction, ``profile_eigenvalue``, the eigenvalue of largest modulus, and ``profile_angle``, in degrees
        between its eigenvector and the gradient. Over ``w``: ``steepest_curvature`` and ``steepest_angle``, the same at the
        wall itself; ``steep_curvature`` and ``steep_angle``, the same where that second derivative is largest within
        the wall.

        Over (clipping, step): a descent ``path_x``, ``path_y``, ``path_loss``, ``path_norm`` and ``path_clipped``. Over
        (clipping, trial): ``final_loss`` and ``farthest``, how far outside the picture a descent from there came.

        Over ``linear_weight``: ``linear_first`` and ``linear_second``, the derivatives of x_200 by w of a linear unit.
    """
    threads, given = material.threads, unit()
    across, up, levels = GRIDS[material.scale]
    w, b = np.linspace(*W_RANGE, across), np.linspace(*B_RANGE, up)
    surface = gradients.error_surface(
        **given, values=(w, b), refine=levels, refine_share=0.05, max_points=200_000, threads=threads
    )
    line = gradients.steepest(
        **given, values=(w, (B_RANGE[0] - 0.1, B_RANGE[1] + 0.1)), candidates=500, threads=threads
    )
    seen = line["wall_gradient_norm"].values >= DRAWN_FROM
    data: dict[str, xr.Variable] = {
        str(name): quantity(surface[name].dims, surface[name].values, surface[name].attrs["long_name"])
        for name in surface.data_vars
        if name in ("loss", "gradient_norm", "refinement_outcome", "refinement_points") or str(name).startswith("leaf_")
    }
    data |= {
        "line_b": quantity("x", np.where(seen, line["wall_y"].values, np.nan), "b at which the gradient is largest"),
        "line_gradient_norm": quantity("x", line["wall_gradient_norm"].values, "norm of the gradient there"),
    }
    walls, wall_b = _walls(given, threads)
    data |= (
        walls | _profiles(given, wall_b, threads) | _descents(given, STARTS[material.scale], threads) | _linear(threads)
    )
    coords = {
        "x": quantity("x", w, "weight w"),
        "y": quantity("y", b, "bias b"),
        "w": quantity("w", WALLS, "weight w"),
        "side": quantity("side", ["below", "above"], "side of the wall, along b"),
        "distance": quantity("distance", DISTANCES, "distance from the wall, along b"),
        "clipping": quantity("clipping", [np.inf, CLIP], "norm to which gradients are clipped"),
        "step": quantity("step", np.arange(LENGTH + 1), "steps of gradient descent"),
        "trial": quantity("trial", np.arange(STARTS[material.scale] ** 2), "start of a descent"),
        "linear_weight": quantity("linear_weight", LINEAR_WEIGHTS, "weight w of a linear unit"),
    }
    return collect(
        material,
        f"{__name__}.analyse",
        data,
        coords,
        steps=STEPS,
        x_0=START,
        target=TARGET,
        pixel=PIXEL,
        searched=list(SEARCHED),
        learning_rate=RATE,
        clip_norm=CLIP,
    )


def _walls(given: dict[str, Any], threads: int | None) -> tuple[dict[str, xr.Variable], Floats]:
    """Find the wall at some weights, with its slope by differences, and what it is compared with."""
    w = np.array(WALLS)
    found = gradients.steepest(**given, values=(w, SEARCHED), candidates=CANDIDATES, threads=threads)
    near = 1e-3
    around = np.sort(np.concatenate([w - near, w + near]))
    shifted = gradients.steepest(
        **given, values=(around, (B_RANGE[0] - 0.1, B_RANGE[1])), candidates=2000, tolerance=1e-12, threads=threads
    )["wall_y"].values
    column = gradients.error_surface(**given, values=(w, np.linspace(*B_RANGE, 901)), threads=threads)
    state = float(logistic(START))
    wall_b = found["wall_y"].values
    return {
        "wall_b": quantity("w", wall_b, "bias b at which the gradient is largest"),
        "wall_gradient_norm": quantity("w", found["wall_gradient_norm"].values, "norm of the gradient at the wall"),
        "wall_gradient_w": quantity("w", found["wall_gradient_x"].values, "derivative of the cost by w at the wall"),
        "wall_gradient_b": quantity("w", found["wall_gradient_y"].values, "derivative of the cost by b at the wall"),
        "wall_loss": quantity("w", found["wall_loss"].values, "cost at the wall"),
        "wall_tolerance": quantity("w", found["wall_tolerance"].values, "width of the interval that the wall is in"),
        "wall_width": quantity(
            "w",
            (found["wall_below"] + found["wall_above"]).values,
            "width of the wall at half the norm of the gradient",
        ),
        "wall_slope": quantity("w", (shifted[1::2] - shifted[::2]) / (2 * near), "db/dw along the wall"),
        "wall_outcome": quantity("w", found["wall_outcome"].values, "where in the interval searched the wall is"),
        "rival_gradient_norm": quantity(
            "w", found["rival_gradient_norm"].values, "largest norm of the gradient at another local maximum"
        ),
        "typical_gradient_norm": quantity(
            "w", column["gradient_norm"].median("y").values, "median norm of the gradient along the b of the picture"
        ),
        "unstable_b": quantity("w", START - w * state, "bias b at which x_0 is a fixed point"),
        "multiplier": quantity("w", w * state * (1 - state), "derivative of the unit's map at that fixed point"),
    }, wall_b


def _profiles(given: dict[str, Any], wall_b: Floats, threads: int | None) -> dict[str, xr.Variable]:
    """Measure gradient and curvature at distances from the wall on both sides, and at the wall itself."""
    offsets = np.concatenate([-DISTANCES[::-1], [0.0], DISTANCES])
    parts = []
    for w, b in zip(WALLS, wall_b, strict=True):
        line = gradients.error_surface(**given, values=([w], b + offsets), curvature=True, threads=threads)
        parts.append(_along_gradient(line.isel(x=0)))
    norm, curvature, eigenvalue, angle = (np.stack(each) for each in zip(*parts, strict=True))
    middle = DISTANCES.size
    in_wall = norm >= norm[:, middle, None] / 2
    most = np.where(in_wall, np.abs(curvature), -1).argmax(axis=1)
    rows = np.arange(len(WALLS))

    def sides(values: Floats) -> Floats:
        return np.stack([values[:, middle - 1 :: -1], values[:, middle + 1 :]], axis=1)

    by = ("w", "side", "distance")
    return {
        "profile_norm": quantity(by, sides(norm), "norm of the gradient"),
        "profile_curvature": quantity(by, sides(curvature), "second derivative along the gradient"),
        "profile_eigenvalue": quantity(by, sides(eigenvalue), "eigenvalue of the curvature of largest modulus"),
        "profile_angle": quantity(by, sides(angle), "angle between its eigenvector and the gradient", "degrees"),
        "steepest_curvature": quantity("w", curvature[:, middle], "second derivative along the gradient at the wall"),
        "steepest_angle": quantity(
            "w", angle[:, middle], "angle between eigenvector and gradient at the wall", "degrees"
        ),
        "steep_curvature": quantity(
            "w", curvature[rows, most], "largest second derivative along the gradient in the wall"
        ),
        "steep_angle": quantity("w", angle[rows, most], "angle between eigenvector and gradient there", "degrees"),
    }


def _along_gradient(line: xr.Dataset) -> tuple[Floats, ...]:
    """Give the norm of the gradient, the curvature along it, the leading eigenvalue, and the angle to its vector."""
    gradient = np.stack([line["gradient_x"].values, line["gradient_y"].values], axis=-1)
    xx, xy, yy = (line[f"curvature_{name}"].values for name in ("xx", "xy", "yy"))
    matrix = np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-1)
    norm = line["gradient_norm"].values
    direction = gradient / norm[:, None]
    values, vectors = np.linalg.eigh(matrix)
    rows, leading = np.arange(norm.size), np.abs(values).argmax(axis=1)
    # The sine by the cross product: an angle near 0 is not known by its cosine.
    vector = vectors[rows, :, leading]
    sine = np.abs(vector[:, 0] * direction[:, 1] - vector[:, 1] * direction[:, 0])
    angle = np.degrees(np.arcsin(np.minimum(sine, 1.0)))
    return norm, np.einsum("ni,nij,nj->n", direction, matrix, direction), values[rows, leading], angle


def _descents(given: dict[str, Any], along: int, threads: int | None) -> dict[str, xr.Variable]:
    """Descend from one place, and from places all over the picture, without and with clipping."""
    how: dict[str, Any] = given | {"learning_rate": RATE, "steps": LENGTH, "threads": threads}
    path = gradients.descend(**how, start=FROM, clip_norm=[np.inf, CLIP])
    # Middles of equal rectangles.
    w, b = (low + (high - low) * (np.arange(along) + 0.5) / along for low, high in (W_RANGE, B_RANGE))
    start = (np.repeat(w, along), np.tile(b, along))
    final, farthest = [], []
    for clip in (np.inf, CLIP):
        found = gradients.descend(**how, start=start, clip_norm=clip)
        outside = [
            np.maximum(np.maximum(low - found[name].values, found[name].values - high), 0.0)
            for name, (low, high) in (("x", W_RANGE), ("y", B_RANGE))
        ]
        final.append(found["loss"].values[:, -1])
        farthest.append(np.nanmax(np.hypot(*outside), axis=1))
    by, each = ("clipping", "step"), ("clipping", "trial")
    return {
        "path_x": quantity(by, path["x"].values, "weight w"),
        "path_y": quantity(by, path["y"].values, "bias b"),
        "path_loss": quantity(by, path["loss"].values, "cost"),
        "path_norm": quantity(by, path["gradient_norm"].values, "norm of the gradient, before clipping"),
        "path_clipped": quantity(by, path["clipped"].values, "whether the step from here was clipped"),
        "final_loss": quantity(each, final, f"cost after {LENGTH} steps"),
        "farthest": quantity(each, farthest, "largest distance from the picture, outside"),
    }


def _linear(threads: int | None) -> dict[str, xr.Variable]:
    """Give the derivatives of a linear unit's last state by its weight: of half (x - d)^2 for two d, by their difference."""
    zero = np.zeros(1)
    params = {"weight_ih_l0": zero[:, None], "weight_hh_l0": zero[:, None], "bias_ih_l0": zero, "bias_hh_l0": zero}
    found = [
        gradients.error_surface(
            VanillaRNN(inputs=1, hidden=1, activation="linear"),
            params,
            np.zeros((1, LINEAR_STEPS, 1)),
            [[target]],
            initial_state=[START],
            parameters=AXES,
            values=(LINEAR_WEIGHTS, [0.0]),
            curvature=True,
            threads=threads,
        ).isel(y=0)
        for target in (0.0, 1.0)
    ]
    first, second = ((found[0][name] - found[1][name]).values for name in ("gradient_x", "curvature_xx"))
    return {
        "linear_first": quantity("linear_weight", first, f"derivative of x_{LINEAR_STEPS} by w"),
        "linear_second": quantity("linear_weight", second, f"second derivative of x_{LINEAR_STEPS} by w"),
    }


def plot(data: xr.Dataset) -> "Figure":
    """Draw the surface with its wall and two descents, flat and as a relief, and how gradient and curvature grow."""
    surface = data[["loss", *(name for name in data.data_vars if str(name).startswith("leaf_"))]]
    names = {"path_x": "x", "path_y": "y", "path_loss": "loss"}
    # The paths' x and y are no coordinates of the surface.
    paths = xr.Dataset({new: (("start", "step"), data[old].values) for old, new in names.items()})
    paths["clip_norm"] = ("start", data["clipping"].values)
    wall = xr.Dataset({"wall_y": ("x", data["line_b"].values)}, {"x": data["x"].values})
    levels = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
    with plotting.style():
        figure = plotting.new_figure(9.4, 7.6)
        flat = figure.add_subplot(2, 2, 1)
        plotting.error_surface(surface, flat, wall=wall, paths=paths, levels=levels)
        flat.legend(loc="lower left", frameon=True, edgecolor="none")
        flat.set_title("a  the surface, its wall, and two descents")
        relief = figure.add_subplot(2, 2, 2, projection="3d")
        plotting.error_surface_relief(surface, relief, paths=paths)
        relief.set_title("b  the same as a relief")
        _profile_panel(data, figure.add_subplot(2, 2, 3))
        _growth_panel(data, figure.add_subplot(2, 2, 4))
    return figure


def _profile_panel(data: xr.Dataset, ax: "Axes") -> None:
    distance = data["distance"].values
    for number, w in enumerate(data["w"].values):
        part = data["profile_norm"].sel(w=w)
        ax.plot(distance, part.sel(side="above"), color=f"C{number}", label=f"w = {w:g}")
        ax.plot(distance, part.sel(side="below"), color=f"C{number}", linestyle=":", linewidth=1)
    ax.axvline(data.attrs["pixel"], color="0.4", linewidth=0.8)
    ax.annotate(" a grid step", (data.attrs["pixel"], 2e4), fontsize=7.5, color="0.3")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1e-8, distance[-1])
    ax.set_xlabel("distance from the wall along b (dotted: below it)")
    ax.set_ylabel("norm of the gradient")
    ax.set_title("c  the wall is thinner than a pixel")
    ax.legend(loc="lower left")


def _growth_panel(data: xr.Dataset, ax: "Axes") -> None:
    w = data["w"].values
    steps = data.attrs["steps"]
    for values, marker, color, label in (
        (np.abs(data["steep_curvature"]), "s-", "C1", "curvature along the gradient, largest"),
        (np.abs(data["steepest_curvature"]), "s:", "C1", "at the steepest point"),
        (data["wall_gradient_norm"], "o-", "C0", "norm of the gradient"),
        (data["multiplier"].values ** steps, "--", "0.4", f"λ^{steps} of the fixed point"),
        (data["wall_width"], "^-", "C2", "width along b"),
    ):
        ax.plot(w, values, marker, color=color, fillstyle="none" if marker == "s:" else "full", label=label)
    ax.set_yscale("log")
    ax.set_xticks(w)
    ax.set_xlabel("weight w")
    ax.set_title("d  where the gradient explodes, so does the curvature")
    plotting.legend_below(ax)


EXPERIMENT = Experiment(
    name="pascanu2013-error-surface",
    paper=PAPER,
    figure="Fig. 6",
    title="The wall in the error surface, and what clipping does at it",
    shows="how thin and how steep the wall is, that gradient and curvature explode on it in one direction, and where a step "
    "with and without clipping goes",
    scales={
        "quick": Scale("71 x 46 points, 5 walls, 2 x 100 descents of 500 steps", "about 4 s"),
        "paper": Scale("281 x 181 points, 5 walls, 2 x 1,600 descents of 500 steps", "about 8 s"),
        "large": Scale("1401 x 901 points, 5 walls, 2 x 40,000 descents of 500 steps", "about 1 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=error_surface_claims.claims,
)
