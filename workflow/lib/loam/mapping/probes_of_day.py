"""What the probes that report on a day say at a map's pixels: the mean of their anomalies, weighted by distance."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from loam.raster.grid import Grid, Tile
from loam.samples.neighbours import anomalies_at
from loam.samples.windows import Windows
from loam.training.extras import anomalies_told

Told = tuple[np.ndarray, np.ndarray]  # anomaly, m3 m-3, and count of the stations that report, each [pixel, layer]

log = logging.getLogger("loam")


class ProbesOfDay:
    """The target's stations on a day.

    All of them tell a map something, as none is held out from it; a station's anomaly is from its own mean over all its
    rows. On a day without a row of any station the networks are told that none reports, and a warning says so.

    Args:
        windows: the target's rows.
        day: YYYY-MM-DD.
        neighbours: ``features.neighbours`` as the networks were trained with it.
    """

    def __init__(self, windows: Windows, day: str, neighbours: Mapping[str, float]) -> None:
        self._series, self._neighbours = windows.series, neighbours
        place = int((np.datetime64(day, "D") - windows.series.days[0]).astype(int))
        self.reporting = int(np.unique(windows.station[windows.day == place]).size)
        of_day = slice(place, place + 1)
        self._anomaly, self._reported = (part[:, of_day] for part in anomalies_told(windows, np.arange(len(windows))))
        if not self.reporting:
            log.warning("%s: no probe has a row of samples on the day, so that the map hears of none", day)

    def at(self, grid: Grid, tile: Tile, pixel: np.ndarray) -> Told:
        """What they say at ``pixel`` [pixel], positions in the tile counted row by row."""
        if not self.reporting:
            return (np.zeros((len(pixel), self._anomaly.shape[2])),) * 2
        longitude, latitude = (part.reshape(-1)[pixel] for part in grid.centres(tile, "EPSG:4326"))
        value, count = anomalies_at(
            latitude, longitude, self._anomaly, self._reported, self._series.latitude, self._series.longitude,
            power=self._neighbours["power"], floor_km=self._neighbours["floor_km"],
        )  # fmt: skip
        return value[:, 0], count[:, 0]
