"""Slope and aspect of a digital elevation model, and its small holes closed.

Slope is Horn's (1981, Proc. IEEE 69, 14-47): weighted differences over the eight neighbours, in metres on the ellipsoid
whatever the grid's unit, so that a grid in degrees or feet gives what a metric one gives. Aspect is where the slope
faces, clockwise from the grid's north, as cosine and sine; both are 0 where the ground is flat. At the edge of the
elevations a missing neighbour takes the middle's own height.
"""

from __future__ import annotations

import logging

import numpy as np
import pyproj
from odc.geo.geobox import GeoBox
from scipy import ndimage

from loam.raster.grid import Tile, crs_of, project

log = logging.getLogger("loam")

HALO = 1  # pixels around a block that slope reads


def slope_and_aspect(
    elevation: np.ndarray, width: np.ndarray, height: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope (degrees), cosine and sine of the aspect of the inner pixels of a block: each [row - 2, column - 2].

    Args:
        elevation: with a halo of one pixel, [row, column], m, NaN where missing.
        width, height: of the inner pixels, m.

    Returns:
        float32; NaN where the pixel itself has no elevation.
    """
    middle = elevation[1:-1, 1:-1].astype(np.float64)
    near = {}
    for row in range(3):
        for col in range(3):
            value = elevation[row : row + middle.shape[0], col : col + middle.shape[1]]
            near[row, col] = np.where(np.isnan(value), middle, value)
    east = near[0, 2] + 2 * near[1, 2] + near[2, 2] - near[0, 0] - 2 * near[1, 0] - near[2, 0]
    north = near[0, 0] + 2 * near[0, 1] + near[0, 2] - near[2, 0] - 2 * near[2, 1] - near[2, 2]
    east, north = east / (8 * width), north / (8 * height)
    steepness = np.where(np.isnan(middle), np.nan, np.hypot(east, north))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine, sine = (np.where(steepness == 0, 0.0, -part / steepness) for part in (north, east))
    return tuple(part.astype(np.float32) for part in (np.degrees(np.arctan(steepness)), cosine, sine))


def pixel_sizes(geobox: GeoBox, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
    """Width and height in metres of the pixels of a tile: each [height, width], float64.

    Measured on the ellipsoid at the tile's corners and interpolated between them (a tile of 512 pixels of 80 m: to
    1e-5 of the size, since both change slowly).
    """
    columns, rows = (
        np.array([start, start + size]) for start, size in ((tile.col, tile.width), (tile.row, tile.height))
    )
    corner_cols, corner_rows = (part.ravel().astype(float) for part in np.meshgrid(columns, rows))
    ends = [(corner_cols + dx, corner_rows + dy) for dx, dy in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))]
    transform = geobox.transform
    places = []
    for cols, lines in ends:
        x, y = transform.c + transform.a * cols, transform.f + transform.e * lines
        places.append(project(x, y, crs_of(geobox), "EPSG:4326"))
    geod = pyproj.Geod(ellps="WGS84")
    sizes = []
    for first, second in ((0, 1), (2, 3)):
        _, _, metres = geod.inv(*places[first], *places[second])
        sizes.append(_between(np.asarray(metres).reshape(2, 2), tile))
    return sizes[0], sizes[1]


def close_holes(elevation: np.ndarray, largest: int, labels: np.ndarray) -> tuple[int, int]:
    """Fill small holes of ``elevation`` [row, column] in place, and say what is left.

    A hole is a connected set of missing pixels (by their sides) that does not touch the edge; the sea around an island
    is none. Up to ``largest`` pixels it is filled by the surface that continues its rim smoothly (Laplace's equation,
    which carries a plane on exactly); a larger one stays missing.

    Args:
        elevation: m, float32, NaN where missing.
        largest: pixels of a hole that is filled.
        labels: an int32 array of the same shape, to work in.

    Returns:
        Pixels that were filled, and pixels in holes that were too large.
    """
    if not ndimage.label(np.isnan(elevation), output=labels):
        return 0, 0
    places = ndimage.find_objects(labels)
    filled = left = 0
    for number, (rows, cols) in enumerate(places, start=1):
        if not (rows.start and cols.start and rows.stop < labels.shape[0] and cols.stop < labels.shape[1]):
            continue
        inside = labels[rows, cols] == number
        size = int(inside.sum())
        if size > largest:
            left += size
            middle = (rows.start + rows.stop) // 2, (cols.start + cols.stop) // 2
            log.warning("elevation: a hole of %d pixels around row %d, column %d stays missing", size, *middle)
            continue
        _fill(elevation[rows.start - 1 : rows.stop + 1, cols.start - 1 : cols.stop + 1], np.pad(inside, 1))
        filled += size
    return filled, left


def _fill(block: np.ndarray, inside: np.ndarray) -> None:
    """Solve for the pixels ``inside`` of ``block``, each the mean of its four neighbours."""
    rows, cols = np.nonzero(inside)
    number = np.full(block.shape, -1)
    number[rows, cols] = np.arange(len(rows))
    matrix, right = 4.0 * np.eye(len(rows)), np.zeros(len(rows))
    for down, across in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        other = number[rows + down, cols + across]
        within = other >= 0
        matrix[np.flatnonzero(within), other[within]] -= 1
        right[~within] += block[rows + down, cols + across][~within]
    block[rows, cols] = np.linalg.solve(matrix, right)


def _between(corners: np.ndarray, tile: Tile) -> np.ndarray:
    """Values at pixel centres, between those at a tile's corners [2, 2]."""
    down = ((np.arange(tile.height) + 0.5) / tile.height)[:, None]
    across = ((np.arange(tile.width) + 0.5) / tile.width)[None]
    top = corners[0, 0] * (1 - across) + corners[0, 1] * across
    bottom = corners[1, 0] * (1 - across) + corners[1, 1] * across
    return top * (1 - down) + bottom * down
