"""The angles at which the synthetic Sentinel-1 sees a landscape."""

from __future__ import annotations

import numpy as np
from odc.geo.geobox import GeoBox
from scipy.ndimage import correlate1d

from loam.raster.grid import crs_of, project
from loam.sandbox.radar.radar_orbit import Orbit, Pass, earth_fixed, upward, zero_doppler


def incidence_angles(orbit: Orbit, seen: Pass, geobox: GeoBox, elevation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles between the line of sight and the normals of the landscape and of the ellipsoid, degrees [row, column].

    Args:
        orbit: the satellite's.
        seen: the pass.
        geobox: pixels of the landscape.
        elevation: above the ellipsoid, m [row, column], without gaps; the normal is the mean one over the pixel, of
            the surface that is linear between their centres.
    """
    elevation = np.asarray(elevation, float)
    upright, lying = (_along(elevation, axis) for axis in (0, 1))  # mean heights of rims, once between two pixels' own
    rows, columns = elevation.shape[0] + 2, elevation.shape[1] + 2
    column, row = np.meshgrid(np.arange(columns) - 0.5, np.arange(rows) - 0.5)
    x, y = geobox.transform @ (column, row)
    longitude, latitude = project(x.ravel(), y.ravel(), crs_of(geobox), "EPSG:4326")

    def raised(heights: np.ndarray) -> np.ndarray:
        return earth_fixed(longitude, latitude, np.pad(heights, 1, mode="edge").ravel()).reshape(rows, columns, 3)

    beside, behind = raised(upright), raised(lying)
    across, along = beside[1:-1, 2:] - beside[1:-1, :-2], behind[:-2, 1:-1] - behind[2:, 1:-1]
    middle = raised(_along(upright, 1))[1:-1, 1:-1]
    sight = orbit.position(_times(orbit, seen, middle)) - middle
    return _between(np.cross(across, along), sight), _between(upward(middle), sight)


def _along(heights: np.ndarray, axis: int) -> np.ndarray:
    """Means along an axis, over a pixel, of what is linear between pixels' centres; held beyond the edge."""
    return correlate1d(heights, [0.125, 0.75, 0.125], axis=axis, mode="nearest")


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    cosine = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _times(orbit: Orbit, seen: Pass, place: np.ndarray) -> np.ndarray:
    """Zero-Doppler times, s [row, column], bilinear between those of the corners: to metres along the track."""
    corners = np.stack([place[0, 0], place[0, -1], place[-1, 0], place[-1, -1]])
    (first, second), (third, fourth) = zero_doppler(orbit, corners, seen.time)[0].reshape(2, 2)
    rows, columns = place.shape[:2]
    v, u = np.linspace(0, 1, rows)[:, None], np.linspace(0, 1, columns)[None, :]
    return (first * (1 - u) + second * u) * (1 - v) + (third * (1 - u) + fourth * u) * v
