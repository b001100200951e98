"""How the radar sees a piece of the map: incidence angles, layover and shadow.

The local incidence angle stands between the line of sight and the normal of the elevation model, both Earth-fixed
(Schreier 1993, SAR Geocoding, eqs 14.10, 14.11); the ellipsoidal one between it and the normal of the ellipsoid.

A place lies in layover if, along its line of the image, a place nearer to the satellite is at a larger slant range or a
farther one at a smaller; in shadow, if a nearer one is seen under a larger angle from the satellite's nadir. Terrain is
walked once along each line, both ways, with the largest and smallest value so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.sentinel1.positions import RADIUS, SLANT, Positions, between_node_rows
from loam.sentinel1.terrain import Terrain, means

HALO_METRES = 3000.0  # how far the terrain around a piece is looked at, at least
WALK_METRES = (20.0, 40.0)  # least and most between places along a line
MAJORITY = 0.5  # share of a pixel's places that makes the pixel one of layover or shadow


def incidence(positions: Positions, terrain: Terrain) -> tuple[np.ndarray, np.ndarray]:
    """Local and ellipsoidal incidence angle, degrees, of a piece's pixels [row, column]; NaN where heights lack.

    The normal spans the mean heights of the pixels around, of the pixel itself where one of those lacks.
    """
    return _angles(
        terrain.pixel_means(1), positions.frame, positions.step, positions.halo, positions.middle,
        terrain.geobox.shape[0], terrain.geobox.shape[1],
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _angles(heights, frame, step, halo, middle, rows, columns):  # noqa: ANN001, ANN202, PLR0913
    """Angles of the pixels; ``heights`` has a pixel more on each side."""
    local, ellipsoidal = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
    nodes = np.empty((9, frame.shape[2]))
    width = columns + 2
    points = np.empty((3, width, 3))  # of the row above, the row itself and the row below
    sights, ups = np.empty((3, width, 3)), np.empty((3, width, 3))
    for row in range(-1, rows + 1):
        newest = (row + 1) % 3
        between_node_rows(frame, (row + 0.5 + halo) / step, nodes)
        for column in range(width):
            at = (column - 0.5 + halo) / step
            left = min(max(int(at), 0), frame.shape[2] - 2)
            u, raised = at - left, heights[row + 1, column] - middle
            for axis in range(3):
                satellite = nodes[axis, left] + (nodes[axis, left + 1] - nodes[axis, left]) * u
                up = nodes[6 + axis, left] + (nodes[6 + axis, left + 1] - nodes[6 + axis, left]) * u
                place = nodes[3 + axis, left] + (nodes[3 + axis, left + 1] - nodes[3 + axis, left]) * u
                ups[newest, column, axis] = up
                points[newest, column, axis] = place + raised * up
                sights[newest, column, axis] = satellite - points[newest, column, axis]
        if row < 1:
            continue
        above, here, below = points[(newest + 1) % 3], points[(newest + 2) % 3], points[newest]
        sight, up = sights[(newest + 2) % 3], ups[(newest + 2) % 3]
        for column in range(columns):
            own = here[column + 1]
            if np.isnan(own[0]):
                continue
            west, east = _or_own(here[column], own), _or_own(here[column + 2], own)
            north, south = _or_own(above[column + 1], own), _or_own(below[column + 1], own)
            ex, ey, ez = east[0] - west[0], east[1] - west[1], east[2] - west[2]
            nx, ny, nz = north[0] - south[0], north[1] - south[1], north[2] - south[2]
            local[row - 1, column] = _angle(sight[column + 1], ey * nz - ez * ny, ez * nx - ex * nz, ex * ny - ey * nx)
            upward = up[column + 1]
            ellipsoidal[row - 1, column] = _angle(sight[column + 1], upward[0], upward[1], upward[2])
    return local, ellipsoidal


@numba.njit(cache=True, nogil=True, inline="always")
def _or_own(point, own):  # noqa: ANN001, ANN202
    return own if np.isnan(point[0]) else point


@numba.njit(cache=True, nogil=True, inline="always")
def _angle(sight, x, y, z):  # noqa: ANN001, ANN202
    """Angle between two vectors, degrees; NaN where the second is none."""
    squares = (x * x + y * y + z * z) * (sight[0] ** 2 + sight[1] ** 2 + sight[2] ** 2)
    if not squares > 0.0:
        return np.nan
    cosine = (sight[0] * x + sight[1] * y + sight[2] * z) / np.sqrt(squares)
    return np.degrees(np.arccos(min(max(cosine, -1.0), 1.0)))


@dataclass(frozen=True)
class Surroundings:
    """A coarser net of heights over a piece and what lies around it.

    Args:
        geobox: of the net.
        halo: pixels of the piece from the net's edge to the piece.
        places: heights a side of a pixel; below 1, one height stands for 1 / places pixels.
    """

    geobox: GeoBox
    halo: int
    places: float


def surroundings_of(geobox: GeoBox, sides: tuple[float, float]) -> Surroundings:
    """The net on which layover and shadow of a piece are looked for.

    Args:
        geobox: the piece.
        sides: of its pixels, m.
    """
    walk = float(np.clip(max(sides) / 2, *WALK_METRES))
    halo = int(np.ceil(HALO_METRES / min(sides)))
    if max(sides) >= walk:
        places = max(round(max(sides) / walk), 1)
        return Surroundings(geobox.pad(halo).zoom_out(1 / places), halo, places)
    pixels = max(round(walk / max(sides)), 1)
    halo = pixels * int(np.ceil(halo / pixels))
    shape = tuple(int(np.ceil((size + 2 * halo) / pixels)) for size in geobox.shape)
    transform = geobox.transform @ Affine.translation(-halo, -halo) @ Affine.scale(pixels)
    return Surroundings(GeoBox(shape, transform, geobox.crs), halo, 1 / pixels)


def layover_and_shadow(
    positions: Positions, surroundings: Surroundings, heights: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a piece lie in layover, and which in shadow: bool [row, column].

    Args:
        positions: of the piece and the surroundings' halo.
        surroundings: of the piece.
        heights: on their net, m above the ellipsoid; NaN where there is none.
        shape: rows and columns of the piece.
    """
    slant, angle = _seen(
        heights, surroundings.places, positions.values, positions.step, positions.middle, positions.scale,
        positions.satellite,
    )  # fmt: skip
    look_row, look_column = positions.look
    if abs(look_column) >= abs(look_row):
        layover, shadow = _hidden(slant, angle, look_row / look_column, look_column > 0)
    else:
        layover, shadow = _hidden(
            np.ascontiguousarray(slant.T), np.ascontiguousarray(angle.T), look_column / look_row, look_row > 0
        )
        layover, shadow = layover.T, shadow.T
    return tuple(_of_pixels(each, surroundings, shape) for each in (layover, shadow))


def _of_pixels(flags: np.ndarray, surroundings: Surroundings, shape: tuple[int, int]) -> np.ndarray:
    """Flags of a net as those of a piece's pixels."""
    places, halo = surroundings.places, surroundings.halo
    if places < 1:
        rows, columns = (((np.arange(size) + halo) * places + 1e-9).astype(np.int64) for size in shape)
        return flags[np.ix_(rows, columns)]
    places = int(places)
    inside = flags[halo * places : (halo + shape[0]) * places, halo * places : (halo + shape[1]) * places]
    return means(inside, places) >= MAJORITY


@numba.njit(cache=True, nogil=True)
def _seen(heights, places, values, step, middle, scale, satellite):  # noqa: ANN001, ANN202, PLR0913
    """Slant range (m) of each place, and minus the cosine of its angle at the satellite from nadir; NaN: no height."""
    rows, columns = heights.shape
    slant, lifted = np.empty((rows, columns)), np.empty((rows, columns))
    planes = values[SLANT : RADIUS + 1].reshape(6, values.shape[2], values.shape[3])
    nodes = np.empty((6, values.shape[3]))
    for row in range(rows):
        between_node_rows(planes, (row + 0.5) / places / step, nodes)
        for column in range(columns):
            at = (column + 0.5) / places / step
            left = min(int(at), values.shape[3] - 2)
            u, t = at - left, (heights[row, column] - middle) / scale
            distance, radius, power = 0.0, 0.0, 1.0
            for degree in range(3):
                distance += (nodes[degree, left] + (nodes[degree, left + 1] - nodes[degree, left]) * u) * power
                low = nodes[3 + degree, left]
                radius += (low + (nodes[3 + degree, left + 1] - low) * u) * power
                power *= t
            slant[row, column] = distance
            lifted[row, column] = -(satellite**2 + distance**2 - radius**2) / (2.0 * satellite * distance)
    return slant, lifted


@numba.njit(cache=True, nogil=True)
def _hidden(slant, angle, slope, rising):  # noqa: ANN001, ANN202
    """Layover and shadow of each place.

    Args:
        slant, angle: of the places; ``angle`` may be anything that grows with it.
        slope: rows a column along a line of the image.
        rising: whether the satellite is where columns grow.
    """
    rows, columns = slant.shape
    layover, shadow = np.zeros((rows, columns), np.bool_), np.zeros((rows, columns), np.bool_)
    shift = np.rint(slope * np.arange(columns)).astype(np.int64)
    own_slant, own_angle = np.empty(columns), np.empty(columns)
    for start in range(-shift.max(), rows - shift.min()):
        for column in range(columns):  # values on the line itself, between rows
            at = start + slope * column
            row = min(max(int(np.floor(at)), 0), rows - 2)
            v = min(max(at - row, 0.0), 1.0)
            own_slant[column] = slant[row, column] + (slant[row + 1, column] - slant[row, column]) * v
            own_angle[column] = angle[row, column] + (angle[row + 1, column] - angle[row, column]) * v
            if start + shift[column] < 0 or start + shift[column] >= rows:
                own_slant[column] = np.nan
        farthest, highest = -np.inf, -np.inf
        for place in range(columns):  # away from the satellite
            column = columns - 1 - place if rising else place
            if np.isnan(own_slant[column]):
                continue
            row = start + shift[column]
            layover[row, column] = farthest > own_slant[column]
            shadow[row, column] = highest > own_angle[column]
            farthest, highest = max(farthest, own_slant[column]), max(highest, own_angle[column])
        nearest = np.inf
        for place in range(columns):  # towards it
            column = place if rising else columns - 1 - place
            if np.isnan(own_slant[column]):
                continue
            layover[start + shift[column], column] |= nearest < own_slant[column]
            nearest = min(nearest, own_slant[column])
    return layover, shadow
