"""Which depths a sensor stands for.

A spline needs intervals; many sensors are points. A point sensor stands for the soil halfway to its neighbours: up to
the middle between it and the sensor above, down to the middle between it and the sensor below (if there is none, as far
down as up). The uppermost sensor reaches the surface if it lies no deeper than ``NEAR_SURFACE``; else as far up as down
and never more than halfway, because a deep sensor says nothing about the surface. A point without neighbours reaches
``LONE_REACH`` either way, or to the surface and as far down. An interval sensor is an average already and is taken as
it is; the soil between it and its neighbours is shared out in the same way, but only to judge how much of a layer is
known.

The rule reads a station's whole set of depths, not those of one day: what a sensor stands for does not change when its
neighbour is silent, and the layers do not jump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loam.errors import TableError
from loam.probes.spline import TOUCHING

Interval = tuple[float, float]

NEAR_SURFACE = 20.0  # cm; an uppermost sensor down to here stands for the soil up to the surface
LONE_REACH = 10.0  # cm; farther up or down a point without neighbours says nothing


@dataclass(frozen=True)
class SensorInterval:
    """A sensor's depths, cm.

    Args:
        top, bottom: the interval whose mean the spline is told is the reading.
        reach_top, reach_bottom: the soil that the sensor stands for, halfway to its neighbours.
        measured: whether the interval is the instrument's own (an interval sensor), not a point's share.
    """

    top: float
    bottom: float
    reach_top: float
    reach_bottom: float
    measured: bool


def sensor_intervals(depths: Sequence[Interval]) -> list[SensorInterval]:
    """The intervals of a station's sensors, in the order given.

    A sensor's neighbours are the nearest ones that lie wholly above and wholly below it.

    Args:
        depths: (from, to) cm of each sensor, a point sensor with from == to; no two alike.

    Raises:
        TableError: a depth is negative or not a number, from is below to, two sensors have one depth, or a point
            sensor has no soil left to stand for (at the surface, or at the lower edge of the sensor above it).
    """
    _check(depths)
    found = []
    for top, bottom in depths:
        others = [depth for depth in depths if depth != (top, bottom)]
        above = [lower for _, lower in others if lower <= top]
        below = [upper for upper, _ in others if upper >= bottom]
        point = top == bottom
        down = (min(below) - bottom) / 2 if below else (LONE_REACH if point else 0.0)
        if above:
            reach_top = (max(above) + top) / 2
        elif top <= NEAR_SURFACE and (below or not point):
            reach_top = 0.0
        else:
            reach_top = max(0.0, top - (min(down, top / 2) if below else down))
        last = 2 * bottom - reach_top if point else bottom
        reach_bottom = (min(below) + bottom) / 2 if below else last
        if reach_bottom - reach_top <= TOUCHING:
            raise TableError(
                f"a point sensor at {top:g} cm has no soil to stand for",
                expected="a depth below the surface and apart from the other sensors' intervals",
                fix="give its interval (from, to) or correct its depth",
            )
        interval = (reach_top, reach_bottom) if point else (top, bottom)
        found.append(SensorInterval(*interval, reach_top, reach_bottom, measured=not point))
    return found


def without_overlaps(intervals: Sequence[SensorInterval]) -> list[int]:
    """Positions of those that stay where intervals overlap, from the surface down.

    Those stay that share no depth and together cover the most of it; of equals, the more numerous; then those that
    begin higher. (A 0-5 cm sensor goes where 0-30 cm is measured; a 0-100 cm one goes where five depths cover as much.)
    """
    order = sorted(range(len(intervals)), key=lambda place: (intervals[place].bottom, intervals[place].top))
    best: list[tuple[float, int, float, list[int]]] = [(0.0, 0, 0.0, [])]  # over the first 0, 1, 2 ... in that order
    for count, place in enumerate(order):
        interval = intervals[place]
        free = max(
            prior
            for prior in range(count + 1)
            if prior == 0 or intervals[order[prior - 1]].bottom <= interval.top + TOUCHING
        )
        covered, number, higher, chosen = best[free]
        taken = (
            round(covered + interval.bottom - interval.top, 6), number + 1, higher - interval.top, [*chosen, place]
        )  # fmt: skip
        best.append(max(best[-1], taken, key=lambda option: option[:3]))
    return best[-1][3]


def _check(depths: Sequence[Interval]) -> None:
    for top, bottom in depths:
        if not (np.isfinite([top, bottom]).all() and 0 <= top <= bottom):
            raise TableError(f"sensor depth {top:g} to {bottom:g} cm", expected="0 <= from <= to, cm below the surface")
    if repeated := sorted({depth for depth in depths if list(depths).count(depth) > 1}):
        raise TableError(
            f"two sensors at {repeated[0][0]:g}-{repeated[0][1]:g} cm", expected="their mean, as one depth"
        )
