"""What is added to the map of a day, pixel by pixel: by measurements of a user's own or by the probes of the day."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from loam.raster.grid import Grid, Tile

AT_ONCE = 4_000_000  # pairs of a pixel and a place that tells something; bounds the memory


class LevelShift(ABC):
    """A shift of every layer at every place.

    Args:
        layers: how many.
        telling: how many places tell something, at most.
    """

    def __init__(self, layers: int, telling: int) -> None:
        self._count, self._telling = layers, max(telling, 1)

    @abstractmethod
    def shift_at(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """The shift [place, layer], m3 m-3, at places [place] in degrees."""

    def at(self, grid: Grid, tile: Tile, pixel: np.ndarray) -> np.ndarray:
        """The shift [pixel, layer], m3 m-3, at positions in the tile counted row by row."""
        found = np.zeros((len(pixel), self._count))
        if not len(pixel):
            return found
        longitude, latitude = (part.reshape(-1)[pixel] for part in grid.centres(tile, "EPSG:4326"))
        step = max(1, AT_ONCE // self._telling)
        for first in range(0, len(pixel), step):
            part = slice(first, first + step)
            found[part] = self.shift_at(latitude[part], longitude[part])
        return found

    def moved(self, grid: Grid, tile: Tile, pixel: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``mean`` [pixel, layer] with the shift, within 0 to 1, and which pixels left that [pixel]."""
        shifted = mean + self.at(grid, tile, pixel)
        return shifted.clip(0, 1).astype(mean.dtype), ((shifted < 0) | (shifted > 1)).any(axis=1)
