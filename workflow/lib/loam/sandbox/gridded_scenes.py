"""Backscatter of the synthetic radar on the region's own pixels, where a product in radar geometry would cost too much.

What a service gives that has done the chain's work: sigma0 of VV and VH with the noise taken off, and the angle on the
ellipsoid, in the bands that ``loam.sentinel1.mosaic`` reads. A pixel is the mean of as many looks as fall into it. Made
block by block, so that memory does not grow with the region.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio
from scipy.special import gammaincinv

from loam.io.atomic import atomic_path
from loam.raster.grid import Tile, tiles_of
from loam.sandbox.land.cover_map import LANDCOVER
from loam.sandbox.lattice import key_of, lattice_uniform
from loam.sandbox.radar.backscatter import land_backscatter
from loam.sandbox.radar.frame import SPACING
from loam.sandbox.radar.radar_annotation import LEAST_NOISE, POLARISATIONS
from loam.sandbox.radar.takes import Take
from loam.sandbox.radar.view import incidence_angles
from loam.sandbox.synthetic_scenes import SURFACE, day_of, texture_of
from loam.sandbox.world import World, depth_mean
from loam.sandbox.world_settings import INCIDENCE

log = logging.getLogger("loam")

BANDS = ("vv", "vh", "ellipsoidal_incidence")
BLOCK, HALO = 500, 4  # pixels; around a block, for slopes


def write_gridded(world: World, takes: Mapping[Path, Take], *, looks: float, threads: int = 1) -> None:
    """Write a GeoTIFF of ``BANDS`` a take, float32, NaN where the swath does not reach; ``takes`` by path.

    Args:
        world: what they show.
        takes: by path.
        looks: of a sample of 10 m; infinite for no speckle.
        threads: that the world is run with.
    """
    geobox, seed = world.geobox, world.settings.seed
    own = looks * (geobox.transform.a / SPACING) ** 2
    days = sorted({day_of(take.frame.seen.time) for take in takes.values()})
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": len(BANDS), "height": geobox.shape[0],
        "width": geobox.shape[1], "crs": geobox.crs.to_wkt(), "transform": geobox.transform, "nodata": np.nan,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "predictor": 3,
    }  # fmt: skip
    with ExitStack() as stack:
        outputs = {}
        for path in takes:
            temporary = stack.enter_context(atomic_path(path))
            outputs[path] = stack.enter_context(rasterio.open(temporary, "w", **profile))
            outputs[path].descriptions = BANDS
            outputs[path].units = ("1", "1", "degree")
        for tile in tiles_of(geobox, BLOCK):
            texture, cover = texture_of(seed, *_pixels(tile)), world.static(tile)["landcover"]
            angles = {path: _angles(world, take, tile) for path, take in takes.items()}
            for day in world.run(days, tile, threads):
                for path in (path for path, take in takes.items() if day_of(take.frame.seen.time) == day.day):
                    local, ellipsoidal = angles[path]
                    places = _pixels(tile)
                    sigma0 = [
                        _speckled(
                            land_backscatter(
                                polarisation, depth_mean(day.moisture, *SURFACE), day.leaves, cover, LANDCOVER, local,
                                texture,
                            ),
                            10 ** (LEAST_NOISE[polarisation] / 10), own,
                            lattice_uniform(key_of(seed, f"speckle {polarisation} {day.day}"), *places),
                        )
                        for polarisation in POLARISATIONS
                    ]  # fmt: skip
                    outside = (ellipsoidal < INCIDENCE[0]) | (ellipsoidal > INCIDENCE[1])
                    values = np.where(outside, np.nan, np.stack([*sigma0, ellipsoidal])).astype(np.float32)
                    outputs[path].write(values, window=tile.window)
    log.info("%d takes on %d x %d pixels", len(takes), *geobox.shape)


def _speckled(sigma0: np.ndarray, noise: float, looks: float, chance: np.ndarray) -> np.ndarray:
    """Backscatter as measured in the mean of ``looks``, its noise taken off; ``chance``: each pixel's, 0 to 1."""
    if not np.isfinite(looks):
        return sigma0
    return (sigma0 + noise) * gammaincinv(looks, chance) / looks - noise


def _angles(world: World, take: Take, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
    """Local and ellipsoidal incidence angles of a block, degrees, float32 [row, column]."""
    rows, columns = world.geobox.shape
    top, left = max(tile.row - HALO, 0), max(tile.col - HALO, 0)
    bottom, right = min(tile.row + tile.height + HALO, rows), min(tile.col + tile.width + HALO, columns)
    around = Tile(top, left, bottom - top, right - left)
    elevation = np.nan_to_num(world.static(around)["elevation"])
    angles = incidence_angles(take.frame.orbit, take.frame.seen, world.geobox[top:bottom, left:right], elevation)
    inside = slice(tile.row - top, tile.row - top + tile.height), slice(tile.col - left, tile.col - left + tile.width)
    local, ellipsoidal = (angle[inside].astype(np.float32) for angle in angles)
    return local, ellipsoidal


def _pixels(tile: Tile) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices((tile.height, tile.width))
    return rows + tile.row, columns + tile.col
