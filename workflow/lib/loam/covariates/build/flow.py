"""The topographic wetness index: how much land drains through a pixel, against how steeply it drains on.

TWI = ln(a / tan b) (Beven and Kirkby, 1979, Hydrological Sciences Bulletin 24), where a is the area drained through a
metre of contour and b the local slope. Pits are filled from the outside in with a least gradient, so that water leaves
flats too (priority flood, Barnes et al., 2014, Computers & Geosciences 62, algorithm 3); the area is passed on from
high to low to all lower neighbours, in proportion to the slope and the contour's length (Quinn et al., 1991,
Hydrological Processes 5; Freeman, 1991). The flood visits pixels from low to high, so that its order backwards is the
order in which areas are passed on, and nothing has to be sorted.

Water knows no tiles: accumulation needs the region at once. With the elevations it takes 21 bytes a pixel and the rim
of the flood (a region of 3,900 x 4,300 pixels: 0.4 GB), so it grows with the region's area. From ``ON_DISK`` pixels on
(1.6 GB) the arrays are files that are mapped into memory, whose pages the system may put aside; what cannot be put
aside is then one byte a pixel and the rim.
"""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np

from loam.io.atomic import scratch_beside

LEAST_SLOPE = 1e-3  # tangent; flats would have an infinite index
ON_DISK = 75_000_000  # pixels
_ROWS = np.array([-1, -1, -1, 0, 0, 1, 1, 1])
_COLS = np.array([-1, 0, 1, -1, 1, -1, 0, 1])


class Scratch:
    """Arrays of a region: in memory, or in files beside what is made of them if it has ``ON_DISK`` pixels or more."""

    def __init__(self, pixels: int, beside: Path) -> None:
        self._folder = scratch_beside(beside) if pixels >= ON_DISK else None
        self._count = 0

    def array(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """A new array of zeros."""
        if self._folder is None:
            return np.zeros(shape, dtype)
        self._count += 1
        return np.memmap(Path(self._folder.name) / f"{self._count}.bin", dtype=dtype, mode="w+", shape=shape)

    def close(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            self._folder.cleanup()


def accumulate(elevation: np.ndarray, width: np.ndarray, height: np.ndarray, scratch: Scratch) -> np.ndarray:
    """The area that drains through each pixel, its own included, m2: [row, column], float32, NaN where missing.

    Water leaves at the edge of the region and into missing pixels (the sea). ``elevation`` is filled in place.

    Args:
        elevation: [row, column], m, float32, NaN where missing.
        width, height: of the pixels of each row, m: [row].
        scratch: where arrays are made.
    """
    order = scratch.array((elevation.size,), np.int32)
    visited = scratch.array(elevation.shape, np.bool_)
    count = _flood(elevation, visited, order)
    area = scratch.array(elevation.shape, np.float32)
    _pass_on(elevation, order, count, width, height, area)
    area[np.isnan(elevation)] = np.nan
    return area


def wetness(area: np.ndarray, slope: np.ndarray, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    """TWI of pixels: [any shape], float32.

    Args:
        area: drained through the pixel, m2.
        slope: degrees.
        width, height: of the pixel, m; the contour is taken as long as the side of a square of the same area.
    """
    side = np.sqrt(width * height)
    tangent = np.maximum(np.tan(np.radians(slope.astype(np.float64))), LEAST_SLOPE)
    return np.log(area / side / tangent).astype(np.float32)


@numba.njit(cache=True)
def _push(keys: np.ndarray, cells: np.ndarray, size: int, key: float, cell: int) -> None:  # pragma: no cover
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] < key or (keys[parent] == key and cells[parent] <= cell):
            break
        keys[place], cells[place] = keys[parent], cells[parent]
        place = parent
    keys[place], cells[place] = key, cell


@numba.njit(cache=True)
def _pop(keys: np.ndarray, cells: np.ndarray, size: int) -> int:  # pragma: no cover
    """Remove the lowest of ``size`` cells; ties by position, so that the order is always the same."""
    lowest = cells[0]
    key, cell = keys[size - 1], cells[size - 1]
    place, last = 0, size - 1
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        other = child + 1
        if other < last and (keys[other] < keys[child] or (keys[other] == keys[child] and cells[other] < cells[child])):
            child = other
        if key < keys[child] or (key == keys[child] and cell <= cells[child]):
            break
        keys[place], cells[place] = keys[child], cells[child]
        place = child
    keys[place], cells[place] = key, cell
    return lowest


@numba.njit(cache=True)
def _flood(z: np.ndarray, visited: np.ndarray, order: np.ndarray) -> int:  # pragma: no cover
    """Fill pits of ``z`` in place; the order in which pixels are visited, low to high, and how many there are."""
    rows, cols = z.shape
    keys, cells = np.empty(1 << 16, np.float32), np.empty(1 << 16, np.int32)
    size = 0
    for row in range(rows):
        for col in range(cols):
            if np.isnan(z[row, col]):
                visited[row, col] = True
                continue
            outlet = row == 0 or col == 0 or row == rows - 1 or col == cols - 1
            if not outlet:
                for k in range(8):
                    outlet = outlet or np.isnan(z[row + _ROWS[k], col + _COLS[k]])
            if outlet:
                if size == len(keys):
                    keys, cells = np.append(keys, np.empty_like(keys)), np.append(cells, np.empty_like(cells))
                _push(keys, cells, size, z[row, col], row * cols + col)
                size += 1
                visited[row, col] = True
    count = 0
    while size:
        cell = _pop(keys, cells, size)
        size -= 1
        order[count] = cell
        count += 1
        row, col = cell // cols, cell % cols
        least = np.nextafter(z[row, col], np.float32(np.inf))
        for k in range(8):
            r, c = row + _ROWS[k], col + _COLS[k]
            if r < 0 or c < 0 or r >= rows or c >= cols or visited[r, c]:
                continue
            visited[r, c] = True
            if z[r, c] < least:
                z[r, c] = least
            if size == len(keys):
                keys, cells = np.append(keys, np.empty_like(keys)), np.append(cells, np.empty_like(cells))
            _push(keys, cells, size, z[r, c], r * cols + c)
            size += 1
    return count


@numba.njit(cache=True)
def _pass_on(
    z: np.ndarray, order: np.ndarray, count: int, width: np.ndarray, height: np.ndarray, area: np.ndarray
) -> None:  # pragma: no cover
    rows, cols = z.shape
    share = np.empty(8)
    for place in range(count - 1, -1, -1):
        cell = order[place]
        row, col = cell // cols, cell % cols
        w, h = width[row], height[row]
        own = area[row, col] + w * h
        area[row, col] = own
        total = 0.0
        for k in range(8):
            share[k] = 0.0
            r, c = row + _ROWS[k], col + _COLS[k]
            if r < 0 or c < 0 or r >= rows or c >= cols or np.isnan(z[r, c]):
                continue
            drop = z[row, col] - z[r, c]
            if drop <= 0:
                continue
            if _ROWS[k] == 0:
                distance, contour = w, 0.5 * h
            elif _COLS[k] == 0:
                distance, contour = h, 0.5 * w
            else:
                distance = np.sqrt(w * w + h * h)
                contour = 0.25 * distance
            share[k] = drop / distance * contour
            total += share[k]
        if total > 0:
            for k in range(8):
                if share[k] > 0:
                    area[row + _ROWS[k], col + _COLS[k]] += own * share[k] / total
