"""Two systems beside one another: their scores at the stations that both have, and how far the difference can be told.

The interval is that of the median paired difference, by the bootstrap over stations (Efron, 1979). Where it holds zero,
these stations do not tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.evaluation.summary import draw_stations, interval, median_of_draws

System = tuple[str, str]  # model and scenario


@dataclass(frozen=True)
class Paired:
    """A system against one rival, by an error at the stations that both have; m3 m-3.

    Args:
        ours, theirs: median error over the stations.
        lower: stations at which ours is the lower, of ``stations``.
        difference, low, high: median paired difference (ours - theirs) and its 95 % interval, NaN with one station.
    """

    ours: float
    theirs: float
    lower: int
    stations: int
    difference: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """Whether the interval says that ours errs less."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """Whether the interval says that the rival errs less."""
        return self.low > 0


def compare(by_system: pd.DataFrame, ours: System, rival: System, *, draws: int, seed: int) -> Paired | None:
    """Compare two systems; None where they share no station.

    Args:
        by_system: an error of each station (row) and system (column, model and scenario); NaN where undefined.
        ours, rival: columns of it.
        draws: bootstrap draws of the stations.
        seed: of the draws.
    """
    both = by_system[[ours, rival]].dropna()
    if both.empty:
        return None
    difference = (both[ours] - both[rival]).to_numpy()
    stations = len(difference)
    low, high = np.nan, np.nan
    if stations > 1:
        low, high = interval(median_of_draws(difference, draw_stations(stations, draws, seed)))
    return Paired(
        float(both[ours].median()), float(both[rival].median()), int(np.sum(difference < 0)), stations,
        float(np.median(difference)), low, high,
    )  # fmt: skip
