"""Gaps in the daily covariates of samples: short ones are filled, the days after long ones are no targets.

Weather and modelled moisture run on smoothly from day to day, and are drawn linearly over a few missing days; rain does
not, and never is. A network that reads a long series does not know what fell in a long gap: what it says in the days
after is not held against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from loam.config.covariates import fillable
from loam.covariates.read.derive import OBSERVED, Observations, Series, Source
from loam.covariates.reasons import WARM_UP
from loam.raster.cell_index import CellIndex
from loam.samples.series import SampleSeries


@dataclass(frozen=True)
class Gaps:
    """How gaps are treated.

    Args:
        fill_days: longest gap that is filled, days.
        warm_up: days after a longer one whose moisture is masked.
        names: covariates that are filled.
    """

    fill_days: int = 0
    warm_up: int = 0
    names: frozenset[str] = frozenset()


def gaps_of(samples: Mapping[str, Any], features: Mapping[str, Any]) -> Gaps:
    """What the config's ``samples.gaps`` says."""
    given = samples["gaps"]
    return Gaps(given["fill_days"], given["warm_up"], frozenset(fillable(given["variables"], features)))


class Filled:
    """A source whose short gaps are filled."""

    def __init__(self, source: Source, gaps: Gaps) -> None:
        self.source, self.gaps = source, gaps
        self.counts: Counter[str] = Counter()  # values that were filled, by covariate

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable; gaps at the ends are filled too, where the source has the days beyond."""
        if variable not in self.gaps.names or not self.gaps.fill_days:
            return self.source.series(variable, first, last)
        more = self.gaps.fill_days
        given, index = self.source.series(variable, first - more, last + more)
        filled = fill(given.values, self.gaps.fill_days)
        inside = slice(more, len(filled) - more)
        self.counts[variable] += int((np.isfinite(filled) & ~np.isfinite(given.values))[inside].sum())
        return Series(first, filled[inside]), index

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """What the source observes, as it is: the last valid observation stands for the days after it."""
        return self.source.observations(group, variable, first, last)


def fill(values: np.ndarray, longest: int) -> np.ndarray:
    """``values`` [day, cell] with gaps of up to ``longest`` days drawn linearly between the days around them."""
    known, day = np.isfinite(values), np.arange(len(values))[:, None]
    before = np.maximum.accumulate(np.where(known, day, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, day, len(values))[::-1], axis=0)[::-1]
    short = ~known & (before >= 0) & (after < len(values)) & (after - before - 1 <= longest)
    at, cell = np.nonzero(short)
    low, high = before[at, cell], after[at, cell]
    share = (at - low) / (high - low)
    filled = values.copy()
    filled[at, cell] = values[low, cell] * (1 - share) + values[high, cell] * share
    return filled


def mask_after_gaps(series: SampleSeries, gaps: Gaps) -> tuple[SampleSeries, dict[tuple[str, str, str], int]]:
    """Series without moisture in the ``warm_up`` days after a gap of over ``fill_days`` days in any daily covariate.

    A covariate that is observed now and then has no gaps; nor is the time before a covariate's first value one.

    Returns:
        The series, and how many days with moisture went: by (station, why, the covariates that had the gap).
    """
    if not gaps.warm_up:
        return series, {}
    observed = np.isfinite(series.moisture).any(axis=(0, 3))
    after = {
        name: after_gaps(values, gaps.fill_days, gaps.warm_up)
        for name, values in series.daily.items() if name not in OBSERVED
    }  # fmt: skip
    masked: Counter[tuple[str, str, str]] = Counter()
    hidden = np.zeros(observed.shape, bool)
    for mask in after.values():
        hidden |= mask
    for station, day in zip(*np.nonzero(hidden & observed), strict=True):
        names = ", ".join(name for name, mask in after.items() if mask[station, day])
        masked[series.stations[station], WARM_UP, names] += 1
    return replace(series, moisture=np.where(hidden[None, :, :, None], np.nan, series.moisture)), dict(masked)


def after_gaps(values: np.ndarray, longest: int, warm_up: int) -> np.ndarray:
    """Which of ``values`` [station, day] lie in the ``warm_up`` days after a gap of more than ``longest`` days."""
    known, day = np.isfinite(values), np.arange(values.shape[1])
    before = np.maximum.accumulate(np.where(known, day, -1), axis=1)
    previous = np.concatenate([np.full((len(values), 1), -1), before[:, :-1]], axis=1)
    ends = known & (previous >= 0) & (day - previous - 1 > longest)
    since = day - np.maximum.accumulate(np.where(ends, day, -warm_up - 1), axis=1)
    return since < warm_up
