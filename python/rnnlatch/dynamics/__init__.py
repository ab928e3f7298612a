"""The dynamical system behind a network: where its state settles, from where, how fast, and what a parameter does to it.

Examples
--------
One tanh unit with a weight of 2 to itself, as a map of its state:

>>> import numpy as np
>>> from rnnlatch import cells, dynamics
>>> unit = dynamics.system(cells.LatchNeuron(), {"weight": 2.0})
>>> unit.step(np.array([[0.0], [0.5]])).round(3)
array([[0.   ],
       [0.762]])
"""

from rnnlatch.dynamics.attraction import basins
from rnnlatch.dynamics.bifurcations import bifurcation
from rnnlatch.dynamics.continuations import continuation
from rnnlatch.dynamics.escape import measure_escape
from rnnlatch.dynamics.horizon import memory_horizon
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.latch import (
    NoiseBound,
    attractor,
    escape_threshold,
    escape_time,
    latch_edge,
    latch_fixed_points,
    latch_noise_bound,
    latch_slope,
)
from rnnlatch.dynamics.latching import reduced_attracting_set, robustly_latched
from rnnlatch.dynamics.lyapunov import lyapunov_spectrum
from rnnlatch.dynamics.noise_bounds import noise_bound
from rnnlatch.dynamics.orbits import displacement_field, map_curve, orbit
from rnnlatch.dynamics.periodic import periodic_orbits
from rnnlatch.dynamics.regime_maps import regimes
from rnnlatch.dynamics.slow import slow_points
from rnnlatch.dynamics.stationary import fixed_points
from rnnlatch.dynamics.systems import Map, System, system

__all__ = [
    "Interval",
    "Map",
    "NoiseBound",
    "System",
    "attractor",
    "basins",
    "bifurcation",
    "continuation",
    "displacement_field",
    "escape_threshold",
    "escape_time",
    "fixed_points",
    "latch_edge",
    "latch_fixed_points",
    "latch_noise_bound",
    "latch_slope",
    "lyapunov_spectrum",
    "map_curve",
    "measure_escape",
    "memory_horizon",
    "noise_bound",
    "orbit",
    "periodic_orbits",
    "reduced_attracting_set",
    "regimes",
    "robustly_latched",
    "slow_points",
    "system",
]
