"""The run's grid, as the config gives it by numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import bounds_of
from loam.acquire.run_grid import grid_of
from loam.acquire.source import Bounds
from loam.errors import ConfigError
from loam.raster.grid import pixel_metres


def geobox_of_run(grid: Mapping[str, Any]) -> GeoBox:
    """The grid of ``mapping.grid``.

    Raises:
        ConfigError: it is not given by crs, bounds and resolution, or they do not fit each other.
    """
    if any(grid.get(key) is None for key in ("crs", "bounds", "resolution")):
        raise ConfigError(
            "data are fetched for a grid given by numbers", where="config key 'mapping.grid'",
            expected="crs, bounds and resolution",
        )  # fmt: skip
    described = grid_of(grid)
    _check_crs(described["crs"], grid["bounds"])
    return GeoBox(tuple(described["shape"]), Affine(*described["transform"]), described["crs"])


def resolution_of_run(grid: Mapping[str, Any]) -> float:
    """Side of the run's pixels, m; in degrees, the longer side of the pixel in the middle of the grid.

    Raises:
        ConfigError: the grid is not given by crs, bounds and resolution.
    """
    geobox = geobox_of_run(grid)
    return max(pixel_metres(geobox)) if geobox.crs.geographic else float(grid["resolution"])


def bounds_of_run(grid: Mapping[str, Any]) -> Bounds:
    """West, south, east and north of the run's grid, degrees.

    Raises:
        ConfigError: the grid is not given by crs, bounds and resolution.
    """
    return bounds_of(geobox_of_run(grid))


def _check_crs(code: str, bounds: Sequence[float]) -> None:
    """Raise where PROJ does not know the CRS of a grid, it is not one of maps, or the bounds are in another unit."""
    where = "config key 'mapping.grid.crs'"
    try:
        crs = pyproj.CRS.from_user_input(code)
    except pyproj.exceptions.CRSError:
        raise ConfigError(
            f"'{code}' is no coordinate reference system that PROJ knows", where=where,
            expected="one like EPSG:28355", fix="look it up at epsg.org",
        ) from None  # fmt: skip
    if not (crs.is_projected or crs.is_geographic) or len(crs.axis_info) != 2:
        raise ConfigError(
            f"{code} ({crs.name}) is no CRS of a map", where=where, expected="a projected or geographic one"
        )
    west, south, east, north = (float(limit) for limit in bounds)
    degrees = max(abs(west), abs(east)) <= 540 and max(abs(south), abs(north)) <= 90
    if degrees != crs.is_geographic:
        unit = "degrees" if degrees else "no degrees"
        raise ConfigError(
            f"{list(bounds)} are {unit}, and {code} ({crs.name}) counts in {crs.axis_info[0].unit_name}s",
            where="config key 'mapping.grid.bounds'", expected="west, south, east, north in units of the CRS",
        )  # fmt: skip
