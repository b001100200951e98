"""The relief that Sentinel-1 is corrected with: the elevation model at its own resolution, and beyond the run's edge.

Covariates take the elevation as its mean over each of the run's pixels, inside the grid. A pass needs more: what stands
beside the grid hides places in it or folds over them, and the slope of a pixel follows from heights closer than pixels.
"""

from __future__ import annotations

import numpy as np
import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.source import Source
from loam.raster.grid import cells_at, crs_of, pixel_metres, project

MARGIN_METRES = 10_000.0  # beyond the grid's edge: layover of differences in height of 5.5 km, seen at 29 degrees
FINEST_METRES = 20.0  # between heights, where the run's pixels are larger: the radar's own resolution
SLACK = 0.05  # of a pixel that is not worth another height
POINTS = 65  # across a grid, at which it is asked whether a raster covers it


def relief_geobox(source: Source, variable: str, geobox: GeoBox) -> GeoBox:
    """The net of heights of a run: its own pixels, each parted evenly, and those of ``MARGIN_METRES`` around.

    A side of a pixel is parted into pieces no longer than the elevation model's pixels, or than ``FINEST_METRES`` where
    those are smaller. The net ends where the elevation model does.

    Args:
        source: the elevation model.
        variable: of its heights.
        geobox: the run's grid.
    """
    wide, side = widened(geobox), max(pixel_metres(geobox))
    native = source.native_metres(variable, wide) or side
    parts = max(int(np.ceil(side / max(native, FINEST_METRES) - SLACK)), 1)
    fine = wide.zoom_out(1 / parts)
    covered = source.covered(variable, fine)
    return fine if covered is None else fine[covered]


def widened(geobox: GeoBox, metres: float = MARGIN_METRES) -> GeoBox:
    """A grid and ``metres`` around it, in whole pixels; none beyond a pole, none twice around the Earth."""
    across, down = (int(np.ceil(metres / side)) for side in pixel_metres(geobox))
    above = below = down
    if geobox.crs.geographic:
        north, size = geobox.transform.f, -geobox.transform.e
        above = min(down, int((90.0 - north) / size + 1e-6))
        below = min(down, int((north - size * geobox.shape[0] + 90.0) / size + 1e-6))
        across = min(across, int((360.0 / geobox.transform.a - geobox.shape[1]) / 2))
    shape = (geobox.shape[0] + above + below, geobox.shape[1] + 2 * across)
    return GeoBox(shape, geobox.transform @ Affine.translation(-across, -above), geobox.crs)


def part_covered(geobox: GeoBox, raster: GeoBox) -> tuple[slice, slice] | None:
    """The rows and columns of a grid between the first and the last that a raster reaches; None where it reaches none.

    Args:
        geobox: the grid.
        raster: CRS, transform and shape of the raster, of any orientation.
    """
    sides = []
    for axis in (0, 1):
        along = np.arange(geobox.shape[axis]) + 0.5
        across = np.linspace(0.5, geobox.shape[1 - axis] - 0.5, POINTS)
        along, across = np.meshgrid(along, across, indexing="ij")
        column, row = (across, along) if axis == 0 else (along, across)
        x, y = geobox.transform @ (column.ravel(), row.ravel())
        rows, _ = cells_at(raster, *project(x, y, crs_of(geobox), pyproj.CRS(raster.crs.to_wkt())))
        reached = np.flatnonzero((rows >= 0).reshape(along.shape).any(axis=1))
        if not len(reached):
            return None
        sides.append(slice(int(reached[0]), int(reached[-1]) + 1))
    return sides[0], sides[1]
