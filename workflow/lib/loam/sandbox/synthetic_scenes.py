"""Make the synthetic scenes: the ground on their days, run once for all of them, and the products that show it.

The day of a scene is that of its time in UTC. The ground is held for the whole region, some 10 bytes a pixel and day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from loam.io.atomic import scratch_beside
from loam.io.progress import counted
from loam.raster.grid import crs_of, tiles_of
from loam.sandbox.land.cover_map import LANDCOVER
from loam.sandbox.lattice import key_of, lattice_field
from loam.sandbox.optical.optical_item import Land, ndvi_of, write_item
from loam.sandbox.optical.tile import Sight, cloud_cover_on
from loam.sandbox.radar.backscatter import land_backscatter
from loam.sandbox.radar.orbit_file import write_orbit
from loam.sandbox.radar.radar_annotation import POLARISATIONS
from loam.sandbox.radar.radar_image import write_images
from loam.sandbox.radar.radar_orbit import MISSION, utc
from loam.sandbox.radar.radar_product import height_of, pack, write_metadata
from loam.sandbox.radar.takes import Take
from loam.sandbox.radar.view import incidence_angles
from loam.sandbox.world import World, depth_mean

log = logging.getLogger("loam")

BLOCK = 500  # pixels of the world run at a time
TEXTURE, TEXTURE_LENGTH = 0.25, 5.0  # of the logarithm of roughness; pixels
SURFACE = (0.0, 5.0)  # cm that the radar and the eye see


@dataclass(frozen=True)
class Ground:
    """The region on some days.

    Args:
        elevation: m [row, column]; 0 at sea.
        landcover: codes [row, column]; 0 off land.
        moisture: of the top few centimetres, m3 m-3, float32 [day, row, column]; NaN off land.
        leaves: share of ground under leaves, float32 [day, row, column].
        place: number of each day.
    """

    elevation: np.ndarray
    landcover: np.ndarray
    moisture: np.ndarray
    leaves: np.ndarray
    place: Mapping[date, int]


def ground_on(world: World, days: Sequence[date], threads: int = 1) -> Ground:
    """The ground on ``days``, in any order."""
    days = sorted(set(days))
    shape = world.geobox.shape
    elevation, landcover = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    moisture, leaves = (np.full((len(days), *shape), np.nan, np.float32) for _ in range(2))
    for tile in tiles_of(world.geobox, BLOCK):
        own = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
        static = world.static(tile)
        elevation[own], landcover[own] = np.nan_to_num(static["elevation"]), static["landcover"]
        for number, day in enumerate(world.run(days, tile, threads) if days else ()):
            moisture[number][own], leaves[number][own] = depth_mean(day.moisture, *SURFACE), day.leaves
    return Ground(elevation, landcover, moisture, leaves, {day: number for number, day in enumerate(days)})


def write_radar(
    world: World, takes: Mapping[Path, Take], orbits: Mapping[Path, Take], *, looks: float, threads: int = 1
) -> None:
    """Write Sentinel-1 products as zips, and the orbits of takes as files of their own.

    Args:
        world: what they show.
        takes: by path of the zip.
        orbits: takes by path of the orbit file.
        looks: of the speckle.
        threads: that the world is run with.
    """
    for path, take in orbits.items():
        write_orbit(take.frame, MISSION, path)
    seed, geobox = world.settings.seed, world.geobox
    ground = ground_on(world, [day_of(take.frame.seen.time) for take in takes.values()], threads)
    height = height_of(ground.elevation, geobox)
    texture = texture_of(seed, *np.indices(geobox.shape))
    for path, take in counted(takes.items(), "Sentinel-1 products"):
        begun, number = time.perf_counter(), ground.place[day_of(take.frame.seen.time)]
        angle, _ = incidence_angles(take.frame.orbit, take.frame.seen, geobox, ground.elevation)
        sigma0 = {
            polarisation: land_backscatter(
                polarisation,
                ground.moisture[number],
                ground.leaves[number],
                ground.landcover,
                LANDCOVER,
                angle,
                texture,
            )
            for polarisation in POLARISATIONS
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch_beside(path) as folder:
            safe = write_metadata(take.frame, take.name, Path(folder), crs_of(geobox), height)
            write_images(take.frame, take.name, safe, geobox, ground.elevation, sigma0, looks=looks, seed=seed)
            pack(safe, path)
        log.info(
            "%s: %d x %d pixels, %.0f MB, %.1f s", take.name.product, take.frame.lines, take.frame.samples,
            path.stat().st_size / 1e6, time.perf_counter() - begun,
        )  # fmt: skip


def write_optical(world: World, sights: Mapping[Path, Sight], threads: int = 1) -> None:
    """Write Sentinel-2 items and their bands; ``sights`` by path of the item."""
    ground = ground_on(world, [sight.time.date() for sight in sights.values()], threads)
    for path, sight in counted(sights.items(), "Sentinel-2 items"):
        begun, number = time.perf_counter(), ground.place[sight.time.date()]
        leaves = ground.leaves[number]
        land = Land(
            world.geobox, ndvi_of(leaves, ground.landcover, LANDCOVER), leaves, ground.moisture[number],
            ground.landcover, LANDCOVER,
        )  # fmt: skip
        cover = cloud_cover_on(world.settings.seed, sight.time.date())
        write_item(sight, land, path, seed=world.settings.seed, cloud_cover=cover)
        log.info("%s: cloud cover %.0f %%, %.1f s", sight.name, cover, time.perf_counter() - begun)


def texture_of(seed: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Natural logarithm of a factor of the roughness at pixels, the same on all days."""
    return TEXTURE * lattice_field(key_of(seed, "target roughness"), rows, columns, TEXTURE_LENGTH, 1)


def day_of(time_s: float) -> date:
    """The day (UTC) of a time in seconds since ``loam.sandbox.radar.radar_orbit.EPOCH``."""
    return utc(time_s).astype("datetime64[D]").astype(date)
