"""The grid of a run given by numbers (CRS, bounds, resolution), and its land by a land-cover map.

``land.tif`` has two bands: ``land`` is 1 where a pixel is land and missing (0) elsewhere; ``reason`` says why a pixel
is not land: 0 it is, 1 its most frequent class is water, 2 the map has no class there, or the raster that gives the
grid (``like``) has no value. A grid by a raster alone has no reasons: its missing pixels are masked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from loam.acquire.region import geobox_of_run
from loam.acquire.run_grid import grid_of
from loam.covariates.reasons import LAND, MASKED, NO_COVER, OUTSIDE, REASONS, SEA
from loam.errors import ConfigError, RasterError
from loam.io.atomic import atomic_path
from loam.raster.classes import NO_CLASS, WATER, crosswalk_of
from loam.raster.grid import Grid, Tile, grid_like, open_raster, tiles_of
from loam.raster.warp import Warped

log = logging.getLogger("loam")


def build_grid(settings: Mapping[str, Any], tile: int, landcover: str | Path | None, land: str | Path | None) -> Grid:
    """The grid of ``mapping.grid``; writes ``land`` where it is given by numbers, or where a land-cover map is given.

    Args:
        settings: ``like`` (a raster), or ``crs``, ``bounds`` (west, south, east, north) and ``resolution`` in its unit.
        tile: pixels a side of a tile.
        landcover: canonical map, named by its product; None leaves all pixels (of ``like``: those that it has) land.
        land: path of ``land.tif``.

    Raises:
        ConfigError: neither is given, or the bounds hold no whole number of pixels.
        RasterError: the map does not meet the grid, or no pixel is land.
    """
    if settings.get("like"):
        like = grid_like(settings["like"], tile)
        if landcover is None:
            return like
        write_land(like.geobox, tile, landcover, land, within=like)
        return grid_like(land, tile)
    if grid_of(settings) is None:
        raise ConfigError("no grid", where="config key 'mapping.grid'", expected="like, or crs, bounds and resolution")
    geobox = geobox_of_run(settings)
    write_land(geobox, tile, landcover, land)
    return grid_like(land, tile)


def write_land(
    geobox: GeoBox, tile: int, landcover: str | Path | None, path: str | Path, within: Grid | None = None
) -> None:
    """Write ``land.tif``, tile by tile; pixels that are not land of ``within`` are masked."""
    height, width = geobox.shape
    side = min(max(tile // 16 * 16, 16), 512)
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 2, "height": height, "width": width, "nodata": 0,
        "crs": geobox.crs.to_wkt(), "transform": geobox.transform, "tiled": True, "blockxsize": side,
        "blockysize": side, "compress": "deflate", "bigtiff": "if_safer",
    }  # fmt: skip
    counts = np.zeros(3, np.int64)
    with atomic_path(path) as temporary, ExitStack() as stack:
        output = stack.enter_context(rasterio.open(temporary, "w", **profile))
        output.descriptions = ("land", "reason")
        output.update_tags(2, meaning="0 land, 1 water, 2 masked or no land cover")
        crosswalk = warped = None
        if landcover is None and within is None:
            log.warning("acquire.landcover is null: every pixel of the grid counts as land")
        if landcover is not None:
            crosswalk = crosswalk_of(Path(landcover).stem)
            warped = Warped(stack.enter_context(open_raster(landcover)), geobox)
        for block in tiles_of(geobox, tile):
            reason = np.full((block.height, block.width), LAND, np.uint8)
            if warped is not None:
                classes = warped.majority(crosswalk, block)
                reason[classes == WATER], reason[classes == NO_CLASS] = SEA, NO_COVER
            if within is not None:
                reason[~within.land_mask(block)] = NO_COVER
            counts += np.bincount(reason.ravel(), minlength=3)
            output.write((reason == LAND).astype(np.uint8), 1, window=block.window)
            output.write(reason, 2, window=block.window)
        if not counts[LAND]:
            raise RasterError("no pixel is land", where=landcover, fix="check mapping.grid.bounds and its CRS")
    shares = 100 * counts / counts.sum()
    log.info("land cover: %.2f %% land, %.2f %% water, %.2f %% masked or without a class", *shares)


def why_not_land(grid: Grid, row: int, col: int) -> str | None:
    """Why no sample can be had of a pixel (-1: outside the grid); None where it is land."""
    if row < 0:
        return OUTSIDE
    tile = Tile(row, col, 1, 1)
    if grid.land_mask(tile)[0, 0]:
        return None
    with open_raster(grid.land) as dataset:
        if dataset.count < 2 or dataset.descriptions[1] != "reason":
            return MASKED
        return REASONS.get(int(dataset.read(2, window=tile.window)[0, 0]), MASKED)
