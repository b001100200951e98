"""The 180th meridian: boxes that lie across it, longitudes that go on beyond it, and grids cut open along it.

A box in degrees is west, south, east, north with west from -180 to below 180 and east beyond 180 where the box lies
across the meridian. Only this module cuts, joins and shifts; whoever asks a provider asks for the parts.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import pyproj

Bounds = tuple[float, float, float, float]  # west, south, east, north, degrees

_CYLINDERS = ("Cylindrical", "Mercator", "Equidistant Cylindrical", "Plate")
_NOT_CYLINDERS = ("Transverse", "Oblique")


def envelope_of_ring(longitude: np.ndarray, latitude: np.ndarray) -> Bounds:
    """The box around a closed ring of points [point], degrees, neighbours less than 180 degrees apart.

    A ring around a pole gives all longitudes and the latitudes up to the pole.
    """
    unrolled = np.unwrap(longitude, period=360.0)
    if abs(unrolled[-1] - unrolled[0]) > 180.0:
        south, north = float(latitude.min()), float(latitude.max())
        return (-180.0, south, 180.0, 90.0) if latitude.mean() > 0 else (-180.0, -90.0, 180.0, north)
    return normalised(float(unrolled.min()), float(latitude.min()), float(unrolled.max()), float(latitude.max()))


def normalised(west: float, south: float, east: float, north: float) -> Bounds:
    """The same box with its west from -180 to below 180; a box of all longitudes is -180 to 180."""
    if east - west >= 360.0:
        return -180.0, south, 180.0, north
    turns = 360.0 * np.floor((west + 180.0) / 360.0)
    return float(west - turns), south, float(east - turns), north


def parts_of(bounds: Bounds) -> list[Bounds]:
    """The box, or the two on either side of the meridian where it lies across it, the western one first."""
    west, south, east, north = bounds
    if east <= 180.0:
        return [bounds]
    return [(west, south, 180.0, north), (-180.0, south, east - 360.0, north)]


def within_longitudes(longitude: np.ndarray | float, west: float, east: float) -> np.ndarray | bool:
    """Whether longitudes lie from ``west`` to below ``east``; across the meridian where east is less than west."""
    if west <= east:
        return (west <= longitude) & (longitude < east)
    return (west <= longitude) | (longitude < east)


def unrolled(longitude: np.ndarray) -> np.ndarray:
    """Longitudes [point] of one region as one stretch: beyond 180 where the region lies across the meridian.

    Regions of more than 180 degrees come back as they are.
    """
    if not longitude.size or (np.ptp(longitude) <= 180.0 and longitude.min() >= -180.0 and longitude.max() <= 180.0):
        return longitude
    east = longitude % 360.0
    return east if np.ptp(east) < 180.0 else longitude


@lru_cache(maxsize=64)
def period_of(crs: pyproj.CRS) -> float | None:
    """After how much of x a CRS is at the same place again: 360 degrees, a cylinder's width, or None."""
    if crs.is_geographic:
        return 360.0
    method = crs.coordinate_operation.method_name if crs.coordinate_operation else ""
    if any(word in method for word in _NOT_CYLINDERS) or not any(word in method for word in _CYLINDERS):
        return None
    transformer = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    middle = float(transformer.transform(0.0, 0.0, direction="INVERSE")[0])
    width = 2 * (transformer.transform(middle + 90.0, 0.0)[0] - transformer.transform(middle - 90.0, 0.0)[0])
    return float(width) if np.isfinite(width) and width > 0 else None


def counted_from_180(crs: pyproj.CRS) -> str:
    """A geographic CRS with longitudes counted from the 180th meridian, so that nothing near it is cut."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PROJ strings know fewer words; the datum's shift is in them
        text = pyproj.CRS.from_wkt(crs.to_wkt()).to_proj4()
    words = [word for word in text.split() if not word.startswith(("+pm=", "+type="))]
    return " ".join([*words, "+pm=180", "+type=crs"])
