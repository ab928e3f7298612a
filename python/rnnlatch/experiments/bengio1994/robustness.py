"""Section IV: theorems 1 to 4 and the lemma on the boundary, in latches of one unit and in networks of two, three and five.

Whatever is compared with a theorem is the worst that a search finds: noise that is turned, step by step, to where it drives
the network farthest. Bounds are bounds: they come from intervals. `bengio1994-gradient-decay` has what noise of several sizes
does to the gradient of one unit.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import dynamics
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.bengio1994 import PAPER, robustness_claims, robustness_plot
from rnnlatch.experiments.bengio1994.robustness_adversary import (
    course_distance,
    farthest,
    least_noise,
    way_out,
    worst_course,
)
from rnnlatch.experiments.bengio1994.robustness_networks import (
    ALTERNATIONS,
    SETTING,
    STEPS,
    Boundary,
    Course,
    Latching,
    along_the_boundary,
    alternation,
    draw,
    grown,
    latch_of,
    tube,
)
from rnnlatch.experiments.results import collect, quantity

__all__ = ["EXPERIMENT"]

Floats = NDArray[np.float64]

WEIGHTS = (1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)  # of the latches of one unit
SIZES = (2, 3, 5)  # of networks
DRAWN = ((0.0, -2.4), (-0.6, 1.4))  # the weights of the network that is drawn in the picture
REACH = 3.5  # of its phase plane
BOUNDARY_STEPS = 250
MANY = 800  # states of the network in the picture
TENFOLD = 10.0


class Extent(NamedTuple):
    """How much is computed at one scale: networks of each size, and states along a side of the phase plane."""

    networks: int
    resolution: int


EXTENTS: dict[ScaleName, Extent] = {"quick": Extent(4, 80), "paper": Extent(25, 240), "large": Extent(200, 400)}


class Seen(NamedTuple):
    """What was measured of one network."""

    network: Latching
    inside: Floats
    outside: Floats
    course: Course
    radius: float
    alternating: tuple[Floats, Floats]
    boundary: Boundary | None


def analyse(material: Material) -> xr.Dataset:
    """Draw networks that latch, and measure on each what the theorems bound.

    Returns
    -------
    Dataset
        Over ``network``, of which the first ones are latches of one unit: ``units``; ``multiplier`` of the attractor;
        ``bound``, ``distance`` and ``factor`` of theorem 3 in the Euclidean norm, ``adapted_bound``, what it allows in a norm
        that is adapted to the attractor, as a Euclidean norm; ``least_noise``, the smallest that the search found to turn
        the bit, ``threshold``, h* of the latches; ``random_distance`` and ``worst_distance``, how far random and the worst
        noise of the size of the bound drive it; ``latched``, whether random noise of that size leaves it robustly latched;
        ``excess`` of the gradient's logarithm over that of lambda^t, ``decay``, its logarithm after 100 steps of
        noise within ``adapted_bound``;
        ``inside`` and ``outside``, states sampled in the reduced attracting set and in the rest of the basin,
        ``inside_grown``, ``outside_grown`` and ``outside_tenfold``, those from which the norm of (M^l)' exceeds 1, or 10;
        ``pair_radius``, the largest eigenvalue of M'(a) M'(b) over pairs of states inside, ``pair_latched`` and
        ``pair_log_norm``, what becomes of the network that inputs drive to and fro between the two;
        ``boundary_rate``, ``boundary_expected`` and ``boundary_peak``, the growth of the gradient a step on the boundary, what
        the saddle's eigenvalue makes it, and the largest log10, with ``boundary_rest``, that of the geometric mean of the
        other singular values there. Over ``orbit``:
        ``expanding``, for each periodic attractor, the largest eigenvalue of M' on it. For the picture, of one network of two
        units: what is over (a0, a1), ``step``, ``course``, ``start``, ``alternation`` and ``boundary_step``.
    """
    extent = EXTENTS[material.scale]
    rng = np.random.default_rng([material.seed, 4])
    groups = [[latch_of(w) for w in WEIGHTS]]
    expanding: list[float] = []
    for units in SIZES:
        networks, orbits = draw(units, extent.networks, rng)
        groups.append(networks)
        expanding += orbits
    seen = [[_look(network, rng) for network in group] for group in groups]
    least = np.concatenate([least_noise(group, rng) for group in groups])
    worst = np.concatenate(
        [
            farthest(group, np.array([one.course.bound for one in row]), rng)
            for group, row in zip(groups, seen, strict=True)
        ]
    )
    data = _of_networks([one for row in seen for one in row], least, worst)
    coords = {
        "network": quantity("network", np.arange(len(least)), "network"),
        "orbit": quantity("orbit", np.arange(len(expanding)), "periodic attractor"),
    }
    data["expanding"] = quantity("orbit", np.array(expanding, np.float64), "largest eigenvalue of M' on the orbit")
    drawn, drawn_coords = _picture(extent.resolution, material.threads, rng)
    return collect(
        material,
        f"{__name__}.analyse",
        data | drawn,
        coords | drawn_coords,
        drawn_weights=np.ravel(DRAWN).tolist(),
        alternations=ALTERNATIONS,
        noise_steps=STEPS,
    )


def _look(network: Latching, rng: np.random.Generator) -> Seen:
    inside, outside, states = grown(network, rng)
    course = tube(network, rng)
    radius, latched, log_norm, _ = alternation(network, states, MANY)
    boundary = along_the_boundary(network, rng, BOUNDARY_STEPS) if network.units > 1 else None
    return Seen(network, inside, outside, course, radius, (latched, log_norm), boundary)


def _of_networks(seen: list[Seen], least: Floats, worst: Floats) -> dict[str, xr.Variable]:
    latches = len(WEIGHTS)
    threshold = np.full(len(seen), np.nan)
    threshold[:latches] = dynamics.escape_threshold(np.array(WEIGHTS))
    columns = {
        "units": ([len(one.network.centre) for one in seen], "units"),
        "multiplier": ([one.network.multiplier for one in seen], "largest eigenvalue at the attractor"),
        "bound": ([one.course.bound for one in seen], "noise that theorem 3 allows"),
        "distance": ([one.course.distance for one in seen], "distance d of theorem 3"),
        "factor": ([one.course.factor for one in seen], "factor lambda of theorem 3"),
        "adapted_bound": ([one.course.adapted for one in seen], "noise that it allows in an adapted norm"),
        "least_noise": (least, "smallest noise found that turns the bit"),
        "threshold": (threshold, "h*"),
        "random_distance": ([one.course.farthest for one in seen], "largest distance under random noise"),
        "worst_distance": (worst, "largest distance under the worst noise found"),
        "latched": ([one.course.latched for one in seen], "whether random noise leaves it robustly latched"),
        "excess": ([one.course.excess for one in seen], "largest logarithm of the gradient over lambda^t"),
        "decay": ([one.course.decay for one in seen], "largest logarithm of the gradient at the last step"),
        "inside": ([len(one.inside) for one in seen], "states sampled in the reduced attracting set"),
        "inside_grown": ([int((one.inside > 1).sum()) for one in seen], "of these, derivatives that exceed 1"),
        "outside": ([len(one.outside) for one in seen], "states sampled in the rest of the basin"),
        "outside_grown": ([int((one.outside >= 1).sum()) for one in seen], "of these, derivatives that reach 1"),
        "outside_tenfold": ([int((one.outside > TENFOLD).sum()) for one in seen], "of these, that exceed 10"),
        "pair_radius": ([one.radius for one in seen], "largest eigenvalue of a product of two derivatives"),
        "pair_latched": ([bool(one.alternating[0].all()) for one in seen], "whether it stays latched to and fro"),
        "pair_log_norm": ([one.alternating[1][-1] for one in seen], "logarithm of the gradient to and fro"),
    }
    nothing = Boundary(np.array([np.nan]), np.array([np.nan]), np.nan, np.nan)
    boundaries = [one.boundary or nothing for one in seen]
    peaks = [int(np.argmax(boundary.log_norm)) for boundary in boundaries]
    columns |= {
        "boundary_rate": ([boundary.rate for boundary in boundaries], "growth a step on the boundary"),
        "boundary_expected": ([boundary.expected for boundary in boundaries], "logarithm of the saddle's eigenvalue"),
        "boundary_peak": (
            [float(b.log_norm.max()) / np.log(10) for b in boundaries],
            "log10 of the largest gradient on the boundary",
        ),
        "boundary_rest": (
            [float(b.log_rest[at]) / np.log(10) for b, at in zip(boundaries, peaks, strict=True)],
            "log10 of the mean of the other singular values there",
        ),
    }
    return {name: quantity("network", np.asarray(values), words) for name, (values, words) in columns.items()}


Found = tuple[dict[str, xr.Variable], dict[str, xr.Variable]]


def _picture(resolution: int, threads: int | None, rng: np.random.Generator) -> Found:
    """Measure one network of two units in detail."""
    weight = np.array(DRAWN)
    cell, params = Latching(weight, np.zeros(2), np.zeros((1, 2)), np.nan).network
    found = dynamics.reduced_attracting_set(
        cell, params, box=[-REACH, REACH], resolution=resolution, threads=threads, **SETTING
    )
    first = int(np.flatnonzero(found["state"].values[:, 0, 0] < 0)[0])
    centre = found["state"].values[first, 0]
    network = Latching(weight, centre, -centre[None], float(found["multiplier"][first]))
    course = tube(network, rng)
    least = float(least_noise([network], rng)[0])
    own = found["basin"].values == first
    sets = own.astype(np.int64) * 2 + found["reduced"].values
    random = course_distance(network, course.bound, STEPS, rng)
    worst = np.maximum(worst_course(network, course.bound, STEPS, rng), np.maximum.accumulate(random))
    radius = course.bound * (1 - course.factor ** np.arange(STEPS + 1)) / (1 - course.factor)
    _, _, states = grown(network, rng, MANY)
    pair_radius, _, pair_norm, pair = alternation(network, states, MANY)
    boundary = along_the_boundary(network, rng, BOUNDARY_STEPS)
    growths, gaps = _growths(network)
    dims = ("a0", "a1")
    return {
        "sets": quantity(dims, sets, "other basin, its reduced set, basin, its reduced set"),
        "drawn_attractor": quantity("unit", centre, "attractor"),
        "drawn_distance": quantity((), course.distance, "distance d"),
        "drawn_bound": quantity((), course.bound, "noise that theorem 3 allows"),
        "drawn_factor": quantity((), course.factor, "factor lambda"),
        "drawn_least": quantity((), least, "smallest noise found that turns the bit"),
        "drawn_way": quantity(("way", "unit"), way_out(network, least, rng), "states on the way out"),
        "random_course": quantity("step", random, "largest distance, random noise"),
        "worst_course": quantity("step", worst, "largest distance, worst noise found"),
        "guaranteed": quantity("step", radius, "distance that is guaranteed"),
        "latched_log_norm": quantity(
            ("sequence", "step"), course.log_norm, "logarithm of the gradient under noise", "nats"
        ),
        "alternating_log_norm": quantity("alternation", pair_norm, "logarithm of the gradient to and fro", "nats"),
        "drawn_pair": quantity(("end", "unit"), pair, "states to and fro"),
        "drawn_pair_radius": quantity((), pair_radius, "largest eigenvalue of M'(a) M'(b)"),
        "boundary_log_norm": quantity(
            "boundary_step", boundary.log_norm, "logarithm of the gradient on the boundary", "nats"
        ),
        "boundary_log_rest": quantity(
            "boundary_step", boundary.log_rest, "logarithm of the other singular value", "nats"
        ),
        "drawn_rate": quantity((), boundary.expected, "logarithm of the saddle's eigenvalue"),
        "growth": quantity(("start", "step"), growths, "log10 of the norm of (M^l)'"),
    }, {
        "a0": quantity("a0", found["a0"], "pre-activation of unit 0"),
        "a1": quantity("a1", found["a1"], "pre-activation of unit 1"),
        "step": quantity("step", np.arange(STEPS + 1), "time step t", "steps"),
        "alternation": quantity("alternation", np.arange(ALTERNATIONS + 1), "time step t", "steps"),
        "boundary_step": quantity("boundary_step", np.arange(BOUNDARY_STEPS + 1), "time step t", "steps"),
        "start": quantity("start", gaps, "distance from the boundary, over the attractor's"),
    }


def _growths(network: Latching) -> tuple[Floats, Floats]:
    """Give log10 of the norms of the products of derivatives from near the boundary, which leads through 0, and from farther."""
    gaps = np.array([1e-6, 1e-3, 0.1, 0.9])
    a, product = gaps[:, None] * network.centre, np.eye(2)
    found = np.zeros((len(gaps), STEPS + 1))
    for step in range(1, STEPS + 1):
        product = network.derivative(a) @ product
        a = network.step(a)
        found[:, step] = np.log10(np.linalg.norm(product, 2, axis=(1, 2)))
    return found, gaps


EXPERIMENT = Experiment(
    name="bengio1994-robustness",
    paper=PAPER,
    figure="section IV, theorems 1 to 4",
    title="What a latched network stands",
    shows="how tight theorem 3's bound on noise is, in one unit and in networks, and where theorem 4 needs a norm",
    scales={
        "quick": Scale("7 latches and 3 x 4 networks", "about 8 s"),
        "paper": Scale("7 latches and 3 x 25 networks", "about 1 min"),
        "large": Scale("7 latches and 3 x 200 networks", "about 8 min"),
    },
    analyse=analyse,
    plot=robustness_plot.plot,
    claims=robustness_claims.claims,
)
