"""What the paper shows of the 3-bit flip-flop, put as statements on networks that were trained here."""

from typing import Any

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.sussillo2013 import PAPER

__all__ = ["claims"]

FLIP_FLOP = f"{PAPER}, the 3-bit flip-flop, in our words"
CUBE = (8, 12, 6, 1)  # corners, edges, faces, and the middle
LEARNED = 0.01
FASTER = 3.0


def claims(data: xr.Dataset) -> list[Claim]:
    """Test what is stored where, what lies between, and how the two ways of looking compare."""
    newton, gauss_newton, adam = (data["fixed_points"].values[:, way] for way in range(3))
    networks = len(newton)
    error, corners = data["test_error"].values, data["corners"].values
    between, total = data["between"].values, data["topological_sum"].values
    as_cube = (newton == CUBE).all(1) & (data["unusual"].values == 0)
    seconds, useful = data["seconds"].median("network").values, data["useful"].median("network").values
    slow = data["slow_points"].values
    return [
        Claim(
            statement="Networks of 24 tanh units learn the task: on unseen sequences, eight times as long, fewer than one step "
            "in a hundred has a wrong bit.",
            source="our control",
            measured={"largest share of wrong steps": float(error.max()), "networks": networks},
            held=bool((error < LEARNED).all()),
            expected=True,
            reason="Adam on minibatches of 16 sequences; both are our choice.",
            deviations=("training",),
        ),
        Claim(
            statement="The eight patterns of bits are stored in eight stable fixed points, one at each corner of a cube.",
            source=FLIP_FLOP,
            measured={"stable points": _range(newton[:, 0]), "corners that they read out": _range(corners)},
            held=bool((newton[:, 0] == CUBE[0]).all() and (corners == CUBE[0]).all()),
            expected=True,
            reason="Nothing but a fixed point holds a bit for as long as no pulse comes.",
        ),
        Claim(
            statement="Between neighbouring corners lie saddles with one unstable direction, whose two sides lead to states that "
            "differ in exactly one bit: at least one for each of the 12 edges.",
            source=FLIP_FLOP,
            measured={"such saddles": _range(between), "points with one unstable direction": _range(newton[:, 1])},
            held=bool((between >= CUBE[1]).all()),
            expected=True,
            reason="Their stable manifolds are the boundaries of basins that a pulse has to cross.",
        ),
        Claim(
            statement="The whole is a cube: 8 corners, 12 edges, 6 faces and a middle, with 0, 1, 2, 3 unstable directions, and "
            "nothing else, in every network.",
            source="our reading of it",
            measured={"networks in which it is so": int(as_cube.sum()), "networks": networks},
            held=bool(as_cube.all()),
            expected=True,
            reason="It is what three independent bits give, 3 x 3 x 3 points.",
        ),
        Claim(
            statement="The topological indices of what Newton's method found add up to 1, as those of all fixed points of a map "
            "that keeps a cube of states within itself must.",
            source="Lefschetz's fixed-point theorem",
            measured={"sum": _range(total)},
            held=bool((total == 1).all()),
            expected=True,
            reason="A missing point would show here, unless two of opposite index were missing.",
        ),
        Claim(
            statement="Minimising q from the same starts with Gauss and Newton's second derivatives, as the paper does, finds "
            "nearly all of them: at most two are missing.",
            source="our comparison",
            measured={
                "found": _range(gauss_newton.sum(1)),
                "found by Newton's method": _range(newton.sum(1)),
                "useful starts": float(useful[1]),
                "seconds": float(seconds[1]),
                "seconds, Newton's method": float(seconds[0]),
            },
            held=bool((gauss_newton.sum(1) >= newton.sum(1) - 2).all()),
            expected=True,
            reason="Close to a solution both take the same steps; further away they go to different ones.",
        ),
        Claim(
            statement="Minimising q with Adam, as tools of today do, finds nearly all of them as well.",
            source="our comparison",
            measured={
                "found": _range(adam.sum(1)),
                "by unstable directions": _counts(adam),
                "useful starts": float(useful[2]),
            },
            held=bool((adam.sum(1) >= newton.sum(1) - 2).all()),
            expected=True,
            reason="q falls towards saddles as it falls towards stable points.",
        ),
        Claim(
            statement="But it takes more than three times as long as Newton's method.",
            source="our comparison; both in double precision, all starts at once",
            measured={"ratio": float(seconds[2] / seconds[0]), "seconds": float(seconds[2])},
            held=bool(seconds[2] > FASTER * seconds[0]),
            expected=True,
            reason="A first-order method creeps along the directions in which q is flat; Newton's method doubles its correct "
            "digits with each of the last steps.",
        ),
        Claim(
            statement="Minimising q finds slow points that are no fixed points.",
            source=f"{PAPER}: slow points beside fixed points; on this task our question",
            measured={"slow points": _range(slow)},
            held=bool((slow > 0).any()),
            expected=False,
            reason="Networks that are trained to hold bits for long have fixed points where these are held.",
        ),
    ]


def _range(values: Any) -> str:
    low, high = int(np.min(values)), int(np.max(values))
    return str(low) if low == high else f"{low} to {high}"


def _counts(values: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.median(values, axis=0))
