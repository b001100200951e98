"""What today's probes say of the error of a map: their residuals, kriged to every pixel (``evaluation.condition``)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.evaluation.condition import Conditioner, Residuals
from loam.raster.grid import Grid, Tile

AT_ONCE = 4_000_000  # pairs of a pixel and a station; bounds the memory

log = logging.getLogger("loam")


class ConditionedDay:
    """What is added to the map of a day.

    Args:
        predictions: held-out ones of the model that makes the map (schema PREDICTIONS).
        places: columns latitude and longitude, degrees, by station.
        layers: names, in the map's order.
        day: of the map, YYYY-MM-DD; residuals of other days tell how alike errors are, and the levels.
    """

    def __init__(self, predictions: pd.DataFrame, places: pd.DataFrame, layers: Sequence[str], day: str) -> None:
        self._day = np.array([np.datetime64(day, "D").astype(int)])
        self._parts: list[Conditioner | None] = []
        for layer in layers:
            of_layer = predictions[predictions["layer"] == layer]
            told = Conditioner(Residuals.of(of_layer, places)) if len(of_layer) else None
            self._parts.append(told)
            reporting = int((of_layer["date"] == pd.Timestamp(day)).sum())
            if not reporting:
                log.warning("%s: no probe of %s has a held-out prediction on the day: the map is not conditioned on "
                            "any", day, layer)  # fmt: skip
            elif told is not None and told.days is not None:
                log.info("%s, %s: %d probes report; errors of a day share %.0f %% of their variance everywhere, "
                         "%.0f %% more nearby (1 / e at %.3g km)", day, layer, reporting,
                         *told.days.shares, told.days.range_km)  # fmt: skip

    def at(self, grid: Grid, tile: Tile, pixel: np.ndarray) -> np.ndarray:
        """The shift [pixel, layer], m3 m-3, at positions in the tile counted row by row."""
        found = np.zeros((len(pixel), len(self._parts)))
        if not len(pixel):
            return found
        longitude, latitude = (part.reshape(-1)[pixel] for part in grid.centres(tile, "EPSG:4326"))
        for column, told in enumerate(self._parts):
            if told is None:
                continue
            step = max(1, AT_ONCE // len(told.about))
            for first in range(0, len(pixel), step):
                part = slice(first, first + step)
                of_day, _ = told.days_at(latitude[part], longitude[part], self._day)
                found[part, column] = of_day[:, 0] + told.level_at(latitude[part], longitude[part])
        return found

    def moved(self, grid: Grid, tile: Tile, pixel: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``mean`` [pixel, layer] with the shift, within 0 to 1, and which pixels left that [pixel]."""
        shifted = mean + self.at(grid, tile, pixel)
        return shifted.clip(0, 1).astype(mean.dtype), ((shifted < 0) | (shifted > 1)).any(axis=1)
