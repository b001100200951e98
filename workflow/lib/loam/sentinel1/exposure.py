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

WALK_METRES = (20.0, 40.0)  # least and most between places along a line
ALIKE = 0.6  # of what is between places, that posts may stand apart to serve as them
MAJORITY = 0.5  # share of a pixel's places that makes the pixel one of layover or shadow


def incidence(positions: Positions, terrain: Terrain) -> tuple[np.ndarray, np.ndarray]:
    """Local and ellipsoidal incidence angle, degrees, of a piece's pixels [row, column]; NaN where heights lack.

    The normal is the mean one of the surface over the pixel, which hangs on the heights along its rims alone.
    """
    return _angles(*terrain.facets, positions.frame, positions.step, positions.halo, positions.middle)


@numba.njit(cache=True, nogil=True)
def _angles(mean, right, down, frame, step, halo, middle):
    rows, columns = mean.shape
    local, ellipsoidal = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
    nodes = np.empty((3, 9, frame.shape[2]))
    here, above, below = nodes[0], nodes[1], nodes[2]
    vectors = np.empty((6, 3))
    satellite, up, place, east, south, sight = (
        vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5],
    )  # fmt: skip
    for row in range(rows):
        between_node_rows(frame, (row + 0.5 + halo) / step, here)
        between_node_rows(frame, (row + halo) / step, above)
        between_node_rows(frame, (row + 1.0 + halo) / step, below)
        for column in range(columns):
            if np.isnan(mean[row, column]):
                continue
            raised, at = mean[row, column] - middle, (column + 0.5 + halo) / step
            for axis in range(3):
                satellite[axis] = _between(here[axis], at)
                up[axis] = _between(here[6 + axis], at)
                place[axis] = _between(here[3 + axis], at) + raised * up[axis]
                sight[axis] = satellite[axis] - place[axis]
                wide = _between(here[6 + axis], at + 0.5 / step) - _between(here[6 + axis], at - 0.5 / step)
                east[axis] = _between(here[3 + axis], at + 0.5 / step) - _between(here[3 + axis], at - 0.5 / step)
                east[axis] += raised * wide + right[row, column] * up[axis]
                wide = _between(below[6 + axis], at) - _between(above[6 + axis], at)
                south[axis] = _between(below[3 + axis], at) - _between(above[3 + axis], at)
                south[axis] += raised * wide + down[row, column] * up[axis]
            local[row, column] = _angle(
                sight, south[1] * east[2] - south[2] * east[1], south[2] * east[0] - south[0] * east[2],
                south[0] * east[1] - south[1] * east[0],
            )  # fmt: skip
            ellipsoidal[row, column] = _angle(sight, up[0], up[1], up[2])
    return local, ellipsoidal


@numba.njit(cache=True, nogil=True, inline="always")
def _between(nodes, at):
    """A value at a broken node."""
    left = min(max(int(at), 0), nodes.shape[0] - 2)
    return nodes[left] + (nodes[left + 1] - nodes[left]) * (at - left)


@numba.njit(cache=True, nogil=True, inline="always")
def _angle(sight, x, y, z):
    """Angle between two vectors, degrees."""
    squares = (x * x + y * y + z * z) * (sight[0] ** 2 + sight[1] ** 2 + sight[2] ** 2)
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


def surroundings_of(geobox: GeoBox, sides: tuple[float, float], reach: float, posts: int = 1) -> Surroundings:
    """The net on which layover and shadow of a piece are looked for.

    Args:
        geobox: the piece.
        sides: of its pixels, m.
        reach: how far around the piece the net goes at least, m.
        posts: heights a side of a pixel that are at hand, which are taken where they stand about as far apart.
    """
    walk = float(np.clip(max(sides) / 2, *WALK_METRES))
    halo = int(np.ceil(reach / min(sides)))
    if max(sides) >= walk:
        places = posts if ALIKE * walk <= max(sides) / posts <= walk else max(round(max(sides) / walk), 1)
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
def _seen(heights, places, values, step, middle, scale, satellite):
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
def _hidden(slant, angle, slope, rising):
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
