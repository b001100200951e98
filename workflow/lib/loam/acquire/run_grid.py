"""The run's grid where the config gives it by numbers, and the hashes that stand in the names of files on it.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loam.errors import ConfigError
from loam.io.provenance import hash_of_values

MOST_PIXELS = 1_000_000  # a side
FINER = 4  # class maps whose shares are wanted are fetched on pixels of a quarter of the side


def grid_of(grid: Mapping[str, Any]) -> dict[str, Any] | None:
    """CRS, transform and shape of the config's ``mapping.grid`` where it is given by numbers; None where by a raster.

    Raises:
        ConfigError: bounds that do not hold a whole number of pixels, or more than a map can have.
    """
    if any(grid.get(key) is None for key in ("crs", "bounds", "resolution")):
        return None
    west, south, east, north = (float(limit) for limit in grid["bounds"])
    size = float(grid["resolution"])
    width, height = (east - west) / size, (north - south) / size
    if not (east > west and north > south):
        raise ConfigError(
            f"{grid['bounds']} is no box",
            where="config key 'mapping.grid.bounds'",
            expected="west, south, east, north (in degrees across 180: east beyond 180)",
        )
    if not (0.5 < width < MOST_PIXELS and 0.5 < height < MOST_PIXELS):
        raise ConfigError(
            f"{width:g} x {height:g} pixels of {size:g}", where="config key 'mapping.grid'",
            expected=f"1 to {MOST_PIXELS:,} pixels a side", fix="give bounds and resolution in the unit of the CRS",
        )  # fmt: skip
    if abs(width - round(width)) > 1e-6 or abs(height - round(height)) > 1e-6:
        raise ConfigError(
            f"{width:g} x {height:g} pixels of {size:g}", where="config key 'mapping.grid.bounds'",
            expected="a whole number of pixels of mapping.grid.resolution",
        )  # fmt: skip
    return {
        "crs": grid["crs"],
        "transform": [size, 0.0, west, 0.0, -size, north],
        "shape": [round(height), round(width)],
    }


def area_of(config: Mapping[str, Any]) -> str:
    """The hash of the run's grid that stands in the names of gridded files; ``none`` for a grid given by a raster."""
    grid = grid_of(config["mapping"]["grid"])
    return hash_of_values(grid) if grid else "none"


def class_grid_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config's ``mapping.grid`` for maps of classes: finer where the share of each class in a pixel is wanted."""
    grid = dict(config["mapping"]["grid"])
    if grid_of(grid) and config["covariates"]["landcover"] == "shares":
        grid["resolution"] = grid["resolution"] / FINER
    return grid


def class_area_of(config: Mapping[str, Any]) -> str:
    """The hash of the grid of class maps."""
    grid = grid_of(class_grid_of(config))
    return hash_of_values(grid) if grid else "none"
