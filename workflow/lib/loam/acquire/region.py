"""The run's grid, as the config gives it by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.canonical import bounds_of
from loam.acquire.plan import grid_of
from loam.acquire.source import Bounds
from loam.errors import ConfigError
from loam.grid import pixel_metres


def geobox_of_run(grid: Mapping[str, Any]) -> GeoBox:
    """The grid of ``mapping.grid``.

    Raises:
        ConfigError: it is not given by crs, bounds and resolution.
    """
    if any(grid.get(key) is None for key in ("crs", "bounds", "resolution")):
        raise ConfigError(
            "data are fetched for a grid given by numbers", where="config key 'mapping.grid'",
            expected="crs, bounds and resolution",
        )  # fmt: skip
    described = grid_of(grid)
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
