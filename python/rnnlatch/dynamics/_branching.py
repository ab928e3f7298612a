"""The branches of a system along a parameter: each followed once, with what leaves them at their special points."""

from dataclasses import dataclass, replace

import numpy as np

from rnnlatch._parameter_axes import Axis
from rnnlatch.dynamics._branches import Branch, Steps, branch_of
from rnnlatch.dynamics._curves import correct, first_point, make_point
from rnnlatch.dynamics._families import Family, family
from rnnlatch.dynamics.special_points import DOUBLING, Special
from rnnlatch.dynamics.systems import Floats, System

__all__ = ["Branching"]

_SAME = 1e-6  # of the size of the box: points that are one
_NEAR = 0.05  # of it: beyond that a point is not compared with a curve
_PERIOD = 1e-7  # of it: an orbit that comes back so near has come round


@dataclass
class Branching:
    """The branches so far.

    Parameters
    ----------
    system : System
        What they are branches of.
    axis : Axis
        What changes.
    bounds : tuple of float
        From where to where.
    steps : Steps
        How curves are followed.
    branch_period : int
        The longest period of what leaves at period-doublings.
    branches : list of Branch
        Those that are known.
    """

    system: System
    axis: Axis
    bounds: tuple[float, float]
    steps: Steps
    branch_period: int
    branches: list[Branch]

    def add(self, state: Floats, value: float, period: int) -> None:
        """Follow the curve of points of a period through a state, if it is new."""
        curves = family(self.system, self.axis, self.bounds, period, state[None])
        point = first_point(curves, state, value)
        if point is None:
            return
        orbit = curves.orbit(curves.state(point.place), value)
        least = _least_period(curves, orbit)
        if least < period:  # what comes back after p steps may have done so before
            self.add(orbit[0], value, least)
        elif np.isfinite(orbit).all() and not self.known(orbit, value):
            self.branches.append(branch_of(curves, point, self.steps))

    def known(self, orbit: Floats, value: float) -> bool:
        """Whether one of the points of an orbit is on a branch of its period."""
        return any(_on(branch, orbit, value) for branch in self.branches if branch.family.period == len(orbit))

    def switch(self) -> None:
        """Follow what leaves the branches at their special points, and what leaves that."""
        number = 0
        while number < len(self.branches):
            branch = self.branches[number]
            for _, special in branch.specials:
                self._leave(branch.family, special)
            number += 1

    def _leave(self, curves: Family, special: Special) -> None:
        if special.direction is None:
            return
        if special.kind == DOUBLING:
            curves = replace(curves, period=2 * curves.period)
            if curves.period > self.branch_period:
                return
        row = special.direction / np.linalg.norm(special.direction)
        for sense in (row, -row):
            aim = special.place + self.steps.step * sense
            found = correct(curves, aim, sense, float(sense @ aim))
            if found is None:
                continue
            value = curves.value(found[0])
            point = make_point(curves, found[0], sense) if self.bounds[0] <= value <= self.bounds[1] else None
            if point is None:
                continue
            orbit = curves.orbit(curves.state(found[0]), value)
            if _least_period(curves, orbit) < curves.period:  # what doubled its period here
                self.add(orbit[0], value, curves.period)
            elif not self.known(orbit, value):
                self.branches.append(branch_of(curves, point, self.steps))
            return

    def specials(self) -> list[tuple[int, int, Special]]:
        """Give the special points, each once: the number of the first branch it is on, and of the point before it."""
        found: list[tuple[int, int, Special]] = []
        orbits: list[tuple[Floats, Floats]] = []
        for row, branch in enumerate(self.branches):
            curves = branch.family
            for number, special in branch.specials:
                state, value = curves.state(special.place), curves.value(special.place)
                # The size of the box and of the interval, as for places; a doubling is on the orbits of either period.
                size = np.append(curves.scale, curves.width)
                orbit = np.column_stack([curves.orbit(state, value), np.full(curves.period, value)]) / size
                here = np.append(state, value) / size
                if any((np.abs(other - here).max(axis=1) < 10 * _SAME).any() for other in orbits):
                    continue
                orbits.append(orbit)
                found.append((row, number, special))
        return found


def _on(branch: Branch, orbit: Floats, value: float) -> bool:
    """Whether one of the points of an orbit is on a branch."""
    places = branch.places
    if len(places) < 2:
        return False
    curves = branch.family
    start, along = places[:-1], np.diff(places, axis=0)
    length = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    for state in orbit:
        place = curves.join(state, value)
        share = np.clip(((place - start) * along).sum(axis=1) / length, 0.0, 1.0)
        foot = start + share[:, None] * along
        distance = np.linalg.norm(foot - place, axis=1)
        nearest = int(np.argmin(distance))
        if distance[nearest] > _NEAR:
            continue
        # The point of the curve in the plane across it through the place: the chord is only near it.
        row = along[nearest] / np.sqrt(length[nearest])
        found = correct(curves, foot[nearest], row, float(row @ place))
        if found is not None and np.abs(found[0] - place).max() < _SAME:
            return True
    return False


def _least_period(curves: Family, orbit: Floats) -> int:
    """Give the period of an orbit, which may be a part of how many points it has."""
    for period in range(1, len(orbit)):
        if len(orbit) % period == 0 and (np.abs(orbit[period] - orbit[0]) / curves.scale).max() < _PERIOD:
            return period
    return len(orbit)
