"""From the pixels of a tile to those of the run's grid: area-weighted means of what is valid, and the share that is.

A pixel of the grid is a quadrilateral among the tile's pixels (its four corners, transformed; the sides between are
straight to within millimetres at 80 m). Each tile pixel counts by the area of its intersection with it, exactly:
the quadrilateral is cut by the pixel's four sides (Sutherland and Hodgman 1974). Areas are those of the tile's
projection, whose scale varies by less than 1e-5 within a pixel. The share of valid area is that of the whole
quadrilateral: what lies outside the tile or the swath counts as not valid.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from numba import njit


def area_means(
    values: np.ndarray, valid: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the pixels of a grid of what is valid in a tile, weighted by area.

    Args:
        values: float32 [variable, row, column] of the tile's pixels; only read where valid.
        valid: bool [row, column], of all variables.
        columns: where the corners of the grid's pixels lie, [grid row + 1, grid column + 1], in columns of ``values``
            from its west edge; not finite where a corner has no place in the tile's CRS.
        rows: the same in rows, from its north edge.

    Returns:
        means float32 [variable, grid row, grid column], NaN where nothing is valid; share of the area that is valid
        float32 [grid row, grid column], 0 to 1.
    """
    shape = (columns.shape[0] - 1, columns.shape[1] - 1)
    sums = np.zeros((values.shape[0], *shape))
    covered, area = np.zeros(shape), np.zeros(shape)
    _accumulate(values, valid, columns, rows, sums, covered, area)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(covered > 0, sums / covered, np.nan).astype(np.float32)
        share = np.where(area > 0, np.minimum(covered / area, 1), 0).astype(np.float32)
    return means, share


@njit(cache=True, nogil=True)
def _accumulate(values, valid, columns, rows, sums, covered, area):
    """Add to ``sums``, ``covered`` and ``area`` of each grid pixel what the tile's pixels give."""
    height, width = valid.shape
    quad, strip, piece, spare = np.empty((16, 2)), np.empty((16, 2)), np.empty((16, 2)), np.empty((16, 2))
    for i in range(area.shape[0]):
        for j in range(area.shape[1]):
            quad[0, 0], quad[0, 1] = columns[i, j], rows[i, j]
            quad[1, 0], quad[1, 1] = columns[i, j + 1], rows[i, j + 1]
            quad[2, 0], quad[2, 1] = columns[i + 1, j + 1], rows[i + 1, j + 1]
            quad[3, 0], quad[3, 1] = columns[i + 1, j], rows[i + 1, j]
            if not np.isfinite(quad[:4]).all():
                continue
            area[i, j] = _area(quad, 4)
            first_row = max(0, floor(quad[:4, 1].min()))
            last_row = min(height, ceil(quad[:4, 1].max()))
            for row in range(first_row, last_row):
                count = _cut(quad, 4, 1, float(row), 1.0, spare)
                count = _cut(spare, count, 1, row + 1.0, -1.0, strip)
                if count < 3:
                    continue
                first = max(0, floor(strip[:count, 0].min()))
                last = min(width, ceil(strip[:count, 0].max()))
                west, east = _inner(strip, count, float(row))
                for column in range(first, last):
                    if not valid[row, column]:
                        continue
                    if west <= column and column + 1 <= east:
                        weight = 1.0
                    else:
                        pieces = _cut(strip, count, 0, float(column), 1.0, spare)
                        pieces = _cut(spare, pieces, 0, column + 1.0, -1.0, piece)
                        weight = _area(piece, pieces)
                    covered[i, j] += weight
                    for variable in range(values.shape[0]):
                        sums[variable, i, j] += weight * values[variable, row, column]


@njit(cache=True, nogil=True)
def _cut(polygon, count, axis, limit, side, result):
    """The part of a convex polygon where ``side * (coordinate - limit) >= 0``; its number of vertices."""
    kept = 0
    for k in range(count):
        m = (k + 1) % count
        here, there = side * (polygon[k, axis] - limit), side * (polygon[m, axis] - limit)
        if here >= 0:
            result[kept, 0], result[kept, 1] = polygon[k, 0], polygon[k, 1]
            kept += 1
        if (here > 0 and there < 0) or (here < 0 and there > 0):
            step = here / (here - there)
            for dimension in range(2):
                result[kept, dimension] = polygon[k, dimension] + step * (polygon[m, dimension] - polygon[k, dimension])
            result[kept, axis] = limit
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _inner(strip, count, row):
    """West and east limit between which a strip of a convex polygon fills its row from side to side."""
    west, east = -np.inf, np.inf
    for edge in range(2):
        low, high = np.inf, -np.inf
        for k in range(count):
            if strip[k, 1] == row + edge:
                low, high = min(low, strip[k, 0]), max(high, strip[k, 0])
        west, east = max(west, low), min(east, high)
    return west, east


@njit(cache=True, nogil=True)
def _area(polygon, count):
    """Area of a polygon, by the shoelace formula."""
    total = 0.0
    for k in range(count):
        m = (k + 1) % count
        total += polygon[k, 0] * polygon[m, 1] - polygon[m, 0] * polygon[k, 1]
    return abs(total) / 2
