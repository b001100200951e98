"""Terrain correction of a piece of the map: the mean of the image's intensities in each pixel of it.

A pixel of 80 m holds some 64 image pixels of 10 m. It is cut into sub-pixels no larger than those; each, raised to its
height, has its place in the image (Range-Doppler, Small & Schubert 2008), where the intensity is read bilinearly; the
pixel is their mean. So every image pixel counts by the area of it that falls in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from odc.geo.geobox import GeoBox

from loam.sentinel1.positions import LINE, SAMPLE, Positions, between_node_rows

LEAST_WEIGHT = 0.5  # of the four image pixels around a sub-pixel, that must have an intensity


@dataclass(frozen=True)
class Terrain:
    """Heights of a piece of the map and its surroundings.

    Args:
        geobox: the piece.
        heights: m above the ellipsoid, ``posts`` a side of a pixel, float64; NaN where there is none.
        halo: pixels of surroundings on each side.
        posts: heights a side of a pixel.
    """

    geobox: GeoBox
    heights: np.ndarray
    halo: int
    posts: int

    @cached_property
    def facets(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean height of each pixel of the piece (m), and its slopes (m a pixel to the right, and downwards).

        The slope is the mean one over the pixel, which its rims tell: the mean height along one side less that along
        the other. Where one side has no height, the middle stands for it; where none has, the pixel is level.
        """
        return _facets(self.heights, self.halo, self.posts, self.geobox.shape[0], self.geobox.shape[1])

    @cached_property
    def grown(self) -> np.ndarray:
        """The heights, and around them at the rim of holes and seas the mean of those beside.

        So what is nearest to a height has one too, if not all four posts around it have.
        """
        return _grown(self.heights) if np.isnan(self.heights).any() else self.heights


def net_of(geobox: GeoBox, halo: int, posts: int) -> GeoBox:
    """The net of ``posts`` heights along each pixel's side, of a piece with ``halo`` pixels around."""
    return geobox.pad(halo).zoom_out(1 / posts)


@numba.njit(cache=True, nogil=True)
def _grown(heights):
    rows, columns = heights.shape
    result = heights.copy()
    for row in range(rows):
        for column in range(columns):
            if np.isnan(heights[row, column]):
                total, count = 0.0, 0
                for i in range(max(row - 1, 0), min(row + 2, rows)):
                    for j in range(max(column - 1, 0), min(column + 2, columns)):
                        if not np.isnan(heights[i, j]):
                            total += heights[i, j]
                            count += 1
                if count:
                    result[row, column] = total / count
    return result


@numba.njit(cache=True, nogil=True)
def _facets(heights, halo, posts, rows, columns):
    mean = means(heights[halo * posts : (halo + rows) * posts, halo * posts : (halo + columns) * posts], posts)
    right, down = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
    turned = heights.T
    for row in range(rows):
        for column in range(columns):
            if not np.isnan(mean[row, column]):
                top, left = (row + halo) * posts, (column + halo) * posts
                right[row, column] = _rise(heights, top, left, posts, mean[row, column])
                down[row, column] = _rise(turned, left, top, posts, mean[row, column])
    return mean, right, down


@numba.njit(cache=True, nogil=True, inline="always")
def _rise(heights, top, left, posts, middle):
    """Height of the right rim of a pixel less that of its left one, m; where both are there along the same posts."""
    both, before, after = 0.0, 0.0, 0.0
    pairs, lefts, rights = 0, 0, 0
    for row in range(top, top + posts):
        one = (np.float64(heights[row, left - 1]) + heights[row, left]) / 2.0
        other = (np.float64(heights[row, left + posts - 1]) + heights[row, left + posts]) / 2.0
        if not np.isnan(one) and not np.isnan(other):
            both += other - one
            pairs += 1
        if not np.isnan(one):
            before += one
            lefts += 1
        if not np.isnan(other):
            after += other
            rights += 1
    if pairs:
        return both / pairs
    if rights:
        return 2.0 * (after / rights - middle)
    return 2.0 * (middle - before / lefts) if lefts else 0.0


@numba.njit(cache=True, nogil=True)
def means(values, side):
    """Means of squares of ``side`` x ``side`` values [row, column]; NaN is left out."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    result = np.empty((rows, columns))
    for row in range(rows):
        for column in range(columns):
            total, count = 0.0, 0
            for i in range(row * side, (row + 1) * side):
                for j in range(column * side, (column + 1) * side):
                    value = np.float64(values[i, j])
                    if not np.isnan(value):
                        total += value
                        count += 1
            result[row, column] = total / count if count else np.nan
    return result


@dataclass(frozen=True)
class Gathered:
    """What the sub-pixels of each pixel found in an image; all [row, column].

    Args:
        total: sum of the intensities.
        count: sub-pixels with an intensity.
        empty: sub-pixels inside the image without one.
        holes: sub-pixels without a height.
    """

    total: np.ndarray
    count: np.ndarray
    empty: np.ndarray
    holes: np.ndarray


def gather(
    positions: Positions, terrain: Terrain, image: np.ndarray, first_line: int, first_sample: int,
    size: tuple[int, int], parts: int, wanted: np.ndarray,
) -> Gathered:  # fmt: skip
    """Sum the intensities in each pixel of a piece of the map.

    Args:
        positions, terrain: of the piece.
        image: a window of intensities, float32 [line, sample]; NaN is left out.
        first_line, first_sample: where the window begins in the image.
        size: lines and samples of the whole image.
        parts: sub-pixels a side of a pixel.
        wanted: which pixels to compute, bool [row, column].
    """
    return Gathered(
        *_gather(
            positions.values, positions.breaks, positions.tilt, positions.step, positions.halo, positions.middle,
            positions.scale, terrain.heights, terrain.grown, terrain.halo, terrain.posts, image, first_line,
            first_sample, size[0], size[1], parts, wanted,
        )
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _gather(
    values, breaks, tilt, step, node_halo, middle, scale, heights, grown, halo, posts, image, first_line, first_sample,
    lines, samples, parts, wanted,
):  # fmt: skip
    rows, columns = wanted.shape
    height, width = image.shape[0] - 1, image.shape[1] - 1
    total, count = np.zeros((rows, columns)), np.zeros((rows, columns), np.int32)
    empty, holes = np.zeros((rows, columns), np.int32), np.zeros((rows, columns), np.int32)
    planes, _, node_rows, node_columns = values.shape
    flat = values.reshape(planes * 3, node_rows, node_columns)
    nodes = np.empty((planes * 3, node_columns))
    length = columns * parts
    cell, across = _places(length, parts, node_halo, step, node_columns)
    post, share = np.empty(length, np.int64), np.empty(length)
    for place in range(length):
        at = ((place + 0.5) / parts + halo) * posts - 0.5
        post[place] = int(at)
        share[place] = at - post[place]
    profile = np.empty(heights.shape[1])
    t, line, sample = np.empty(length), np.empty(length), np.empty(length)
    for row in range(rows):
        begin, end = columns, 0
        for column in range(columns):
            if wanted[row, column]:
                begin, end = min(begin, column), column + 1
        if begin >= end:
            continue
        for part in range(parts):
            y = row + (part + 0.5) / parts
            between_node_rows(flat, (y + node_halo) / step, nodes)
            b = (y + halo) * posts - 0.5
            upper = int(b)
            v = b - upper
            for place in range(post[begin * parts], min(post[end * parts - 1] + 2, heights.shape[1])):
                profile[place] = grown[upper, place] + (grown[upper + 1, place] - grown[upper, place]) * v
            for place in range(begin * parts, end * parts):
                low = profile[post[place]]
                t[place] = (low + (profile[post[place] + 1] - low) * share[place] - middle) / scale
                if np.isnan(heights[int(b + 0.5), post[place] + (1 if share[place] >= 0.5 else 0)]):
                    t[place] = np.nan  # nearest to a place without a height
            _image_row(nodes, breaks, tilt, cell, across, t, line, sample, begin * parts, end * parts)
            for column in range(begin, end):
                if not wanted[row, column]:
                    continue
                added, number = 0.0, 0
                for place in range(column * parts, (column + 1) * parts):
                    i, j = line[place] - first_line, sample[place] - first_sample
                    if i >= 0.0 and j >= 0.0 and i < height and j < width:
                        top, left = np.int64(i), np.int64(j)
                        p, q = np.float32(i - top), np.float32(j - left)
                        near, far = image[top, left], image[top + 1, left]
                        near += (image[top, left + 1] - near) * q
                        far += (image[top + 1, left + 1] - far) * q
                        value = near + (far - near) * p
                        if not np.isnan(value):
                            added += value
                            number += 1
                            continue
                    if np.isnan(t[place]):
                        holes[row, column] += 1
                    elif _inside(line[place], lines) and _inside(sample[place], samples):
                        value = _beside_gaps(image, i, j)
                        if np.isnan(value):
                            empty[row, column] += 1
                        else:
                            added += value
                            number += 1
                total[row, column] += added
                count[row, column] += number
    return total, count, empty, holes


@numba.njit(cache=True, nogil=True)
def _places(length, parts, halo, step, node_columns):
    """Node column before each sub-pixel of a row, and how far it is towards the next."""
    cell, across = np.empty(length, np.int64), np.empty(length)
    for place in range(length):
        at = ((place + 0.5) / parts + halo) / step
        cell[place] = min(int(at), node_columns - 2)
        across[place] = at - cell[place]
    return cell, across


@numba.njit(cache=True, nogil=True)
def _image_row(nodes, breaks, tilt, cell, across, t, line, sample, begin, end):
    """Line and sample of the sub-pixels from ``begin`` to ``end`` of a row, from nodes [plane x degree, column].

    Node cell by node cell, each with constant slopes, so that the loops are vectorised. The ground range polynomial
    of a cell is told by the lines at its ends, sub-pixel by sub-pixel where these do not agree.
    """
    start = begin
    while start < end:
        left = cell[start]
        stop = start + 1
        while stop < end and cell[stop] == left:
            stop += 1
        _cell(nodes[3 * LINE : 3 * LINE + 3, left : left + 2], across[start:stop], t[start:stop], line[start:stop])
        record = 0
        if len(breaks):
            first = nodes[3 * SAMPLE, left] * tilt
            slack = 0.5
            for column in range(left, left + 2):
                slack += abs(nodes[3 * LINE + 1, column]) + abs(nodes[3 * LINE + 2, column])
            low = min(nodes[3 * LINE, left], nodes[3 * LINE, left + 1]) + first - slack
            high = max(nodes[3 * LINE, left], nodes[3 * LINE, left + 1]) + first + slack
            record = np.searchsorted(breaks, low)
            same = record == np.searchsorted(breaks, high)
        else:
            same = True
        plane = 3 * (SAMPLE + record)
        _cell(nodes[plane : plane + 3, left : left + 2], across[start:stop], t[start:stop], sample[start:stop])
        if not same:
            for place in range(start, stop):
                own = np.searchsorted(breaks, line[place] + tilt * sample[place])
                if own != record:
                    plane = 3 * (SAMPLE + own)
                    _cell(
                        nodes[plane : plane + 3, left : left + 2], across[place : place + 1], t[place : place + 1],
                        sample[place : place + 1],
                    )  # fmt: skip
        start = stop


@numba.njit(cache=True, nogil=True)
def _cell(nodes, across, t, result):
    a0, a1, a2 = nodes[0, 0], nodes[1, 0], nodes[2, 0]
    b0, b1, b2 = nodes[0, 1] - a0, nodes[1, 1] - a1, nodes[2, 1] - a2
    for place in range(len(result)):
        u, height = across[place], t[place]
        result[place] = (a0 + b0 * u) + height * ((a1 + b1 * u) + height * (a2 + b2 * u))


@numba.njit(cache=True, nogil=True, inline="always")
def _inside(place, size):
    return place > -0.5 and place < size - 0.5


@numba.njit(cache=True, nogil=True)
def _beside_gaps(image, line, sample):
    """Intensity at a broken line and sample where some of the four pixels around have none or are not in the window.

    NaN where these hold more than half of the weight.
    """
    top, left = int(np.floor(line)), int(np.floor(sample))
    p, q = line - top, sample - left
    value, weight = 0.0, 0.0
    for i in range(max(top, 0), min(top + 2, image.shape[0])):
        along = p if i > top else 1.0 - p
        for j in range(max(left, 0), min(left + 2, image.shape[1])):
            item = np.float64(image[i, j])
            if not np.isnan(item):
                part = along * (q if j > left else 1.0 - q)
                value += item * part
                weight += part
    return value / weight if weight >= LEAST_WEIGHT else np.nan
