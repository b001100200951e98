"""What terrain tells of single pixels, wherever they lie: the ground on which soil and land cover are made.

Soil and land cover are functions of a pixel's own terrain and of random fields that are functions of place, so that a
station, a block and the whole map get the same values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loam.sandbox.land.relief import Relief


@dataclass(frozen=True)
class Ground:
    """Pixels of a region, each field of one shape; float64 but ``land`` and ``lake``.

    Args:
        relief: of the region.
        rows, cols: of the pixels; those outside the region are not land.
        easting: from 0 in the wet west to 1 in the dry east.
        elevation: m. slope: degrees. north, east: of the aspect. wetness: index. valley: m.
        land: neither sea nor lake, inside the region.
        lake: under a lake.
    """

    relief: Relief
    rows: np.ndarray
    cols: np.ndarray
    easting: np.ndarray
    elevation: np.ndarray
    slope: np.ndarray
    north: np.ndarray
    east: np.ndarray
    wetness: np.ndarray
    valley: np.ndarray
    land: np.ndarray
    lake: np.ndarray

    @property
    def height(self) -> np.ndarray:
        """Elevation in standard deviations about the region's mean."""
        mean, spread = self.relief.level
        return (self.elevation - mean) / spread

    @property
    def hollow(self) -> np.ndarray:
        """``valley`` in standard deviations: about -3 on a ridge, 3 in a valley."""
        return self.valley / self.relief.dissection


def ground_at(relief: Relief, rows: np.ndarray, cols: np.ndarray, easting: np.ndarray | None = None) -> Ground:
    """The ground of pixels ``rows``, ``cols`` (integers of any one shape); sea and outside get zeros.

    Args:
        relief: of the region.
        rows, cols: of the pixels.
        easting: of the pixels, 0 to 1; their place in the region if not given.
    """
    rows, cols = np.ascontiguousarray(rows, np.int64), np.ascontiguousarray(cols, np.int64)
    height, width = relief.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    place = np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)
    found = inside & ~np.isnan(relief.elevation[place])

    def value(field: np.ndarray) -> np.ndarray:
        return np.where(found, field[place], 0.0).astype(np.float64)

    lake = found & relief.lake[place]
    if easting is None:
        easting = (cols + 0.5) / width
    return Ground(
        relief, rows, cols, easting, value(relief.elevation), value(relief.slope), value(relief.north),
        value(relief.east), value(relief.wetness), value(relief.valley), found & ~lake, lake,
    )  # fmt: skip
