"""Rows as series: the moisture of each station on each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.samples.neighbours import same_day_anomaly


@dataclass(frozen=True)
class StationDays:
    """Moisture of a domain by station and day.

    Args:
        station, day: of each row [row], places in ``moisture``.
        moisture: [station, day, layer] m3 m-3, NaN where not observed; days without a gap.
        latitude, longitude: [station] degrees.
    """

    station: np.ndarray
    day: np.ndarray
    moisture: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame, layers: Sequence[str]) -> StationDays:
        """The series of samples: station, date, latitude, longitude and the layers."""
        station, names = pd.factorize(rows["station"])
        days = rows["date"].to_numpy("datetime64[D]").astype(int)
        day = days - days.min()
        moisture = np.full((len(names), day.max() + 1, len(layers)), np.nan)
        moisture[station, day] = rows[list(layers)].to_numpy(float)
        places = rows.groupby(station)[["latitude", "longitude"]].first()
        return cls(station, day, moisture, *places.to_numpy(float).T)

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Whether a station has one of ``rows`` (positions) on a day: bool [station, day]."""
        found = np.zeros(self.moisture.shape[:2], bool)
        found[self.station[rows], self.day[rows]] = True
        return found

    def neighbours(self, rows: np.ndarray) -> np.ndarray:
        """What the other stations' ``rows`` (positions) say of the day at each row [row, 2 x layer].

        The anomaly of every layer (``loam.samples.neighbours``), then whether anyone reported it.
        """
        anomaly, count = same_day_anomaly(self.moisture, self.at(rows), self.latitude, self.longitude)
        at = (self.station, self.day)
        return np.concatenate([anomaly[at], count[at] > 0], axis=1)
