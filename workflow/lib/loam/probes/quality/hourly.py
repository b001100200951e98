"""Readings as hourly series, the form that the ISMN's rules on the shape of a series are made for.

The ISMN keeps the reading at the full hour and drops the others. Here every reading is judged: those of a logger that
reads k times an hour are k hourly series (all readings at :00, all at :15, ...), each of which the rules go over by
itself. A reading at :15 is so compared with those an hour before and after, as the rules' thresholds mean it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HOUR = 3_600_000_000_000  # ns
LONGEST_STEP = 1.5  # h; a series that is read less often has no shape to judge
MOST_PHASES = 60


@dataclass(frozen=True)
class HourlyGrid:
    """Readings on a grid of [phase, hour], NaN where there is none; ``slot`` is each reading's place when flattened."""

    values: np.ndarray
    slot: np.ndarray

    def judge(self, rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Apply a rule of one hourly series to every phase, and give its flags reading by reading."""
        return np.stack([rule(phase) for phase in self.values]).ravel()[self.slot]


def hourly_grid(time: np.ndarray, value: np.ndarray) -> HourlyGrid | None:
    """Lay the readings of one sensor out as hourly series.

    Args:
        time: [reading] int64 ns, ascending.
        value: [reading]; the first observed one of readings at the same time is kept.

    Returns:
        The grid, or None if the typical step is above 1.5 h (daily values, for one).
    """
    steps = np.diff(time)
    steps = steps[steps > 0]
    if not len(steps) or (step := np.median(steps)) > LONGEST_STEP * HOUR:
        return None
    phases = int(np.clip(round(HOUR / step), 1, MOST_PHASES))
    place = np.rint((time - time[0]) / (HOUR / phases)).astype(np.int64)
    hours, phase = place // phases, place % phases
    grid = np.full((phases, hours[-1] + 1), np.nan)
    known = np.flatnonzero(~np.isnan(value))[::-1]  # the first of a slot is written last
    grid[phase[known], hours[known]] = value[known]
    return HourlyGrid(grid, phase * grid.shape[1] + hours)


def centred_sums(series: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the observed values in ``[t - half, t + half]``, cut at the series' ends."""
    known = ~np.isnan(series)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, series, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    here = np.arange(len(series))
    first, stop = (here - half).clip(0), (here + half + 1).clip(max=len(series))
    return total[stop] - total[first], count[stop] - count[first]


def shifted(series: np.ndarray, hours: int) -> np.ndarray:
    """``series[t + hours]`` at t, NaN beyond the ends."""
    result = np.full(len(series), np.nan)
    if abs(hours) >= len(series):
        return result
    if hours >= 0:
        result[: len(series) - hours] = series[hours:]
    else:
        result[-hours:] = series[:hours]
    return result


def runs(condition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last index of every run of True."""
    edges = np.diff(np.concatenate([[0], condition.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def fill_spans(size: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """True in ``first[i] .. last[i]`` of every span; spans may overlap and are cut at ``size``."""
    edges = np.zeros(size + 1, dtype=np.int64)
    np.add.at(edges, np.minimum(first, size), 1)
    np.add.at(edges, np.minimum(last + 1, size), -1)
    return np.cumsum(edges[:-1]) > 0
