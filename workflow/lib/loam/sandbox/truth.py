"""The truth as a file that evaluation alone reads: moisture at 0-30 and 30-60 cm, and land cover, of every pixel.

Blocks are run and written one after the other, so memory is that of a block.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import netCDF4
import numpy as np

from loam.io.atomic import atomic_path
from loam.raster.grid import crs_of, tiles_of
from loam.sandbox.land.cover_map import LANDCOVER
from loam.sandbox.world import World, depth_mean

log = logging.getLogger("loam")

BLOCK = 500  # pixels a side
CHUNK = 250
LAYERS = {"surface": (0, 30), "subsurface": (30, 60)}  # cm


def write_truth(world: World, days: Sequence[date], path: str | Path, threads: int = 1, block: int = BLOCK) -> None:
    """Write the truth of ``days`` as CF-netCDF.

    ``surface`` and ``subsurface`` [time, y, x], m3 m-3, and ``landcover`` [y, x], codes of ``LANDCOVER``, 0 where there
    is no land.
    """
    days = sorted(days)
    height, width = world.geobox.shape
    with atomic_path(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        _describe(file, world, days)
        for tile in tiles_of(world.geobox, block):
            rows, cols = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
            file["landcover"][rows, cols] = world.static(tile)["landcover"]
            for number, day in enumerate(world.run(days, tile, threads) if days else ()):
                for name, depths in LAYERS.items():
                    file[name][number, rows, cols] = depth_mean(day.moisture, *depths)
    log.info("truth: %d days of %d x %d pixels", len(days), height, width)


def _describe(file: netCDF4.Dataset, world: World, days: Sequence[date]) -> None:
    transform, (height, width) = world.geobox.transform, world.geobox.shape
    file.setncatts({"Conventions": "CF-1.8", "title": "true moisture of a synthetic world"})
    for name, size in (("time", len(days)), ("y", height), ("x", width)):
        file.createDimension(name, size)
    time = file.createVariable("time", "i4", ("time",))
    time.setncatts({"standard_name": "time", "units": "days since 1970-01-01", "calendar": "standard"})
    time[:] = [(day - date(1970, 1, 1)).days for day in days]
    for name, start, step, size in (("y", transform.f, transform.e, height), ("x", transform.c, transform.a, width)):
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts({"standard_name": f"projection_{name}_coordinate", "units": "m"})
        axis[:] = start + step * (np.arange(size) + 0.5)
    file.createVariable("crs", "i4").setncatts(crs_of(world.geobox).to_cf())
    packed, chunk = {"compression": "zlib", "complevel": 4}, (min(CHUNK, height), min(CHUNK, width))
    cover = file.createVariable("landcover", "u1", ("y", "x"), fill_value=0, chunksizes=chunk, **packed)
    cover.setncatts({
        "long_name": "true land cover", "grid_mapping": "crs", "flag_meanings": " ".join(LANDCOVER),
        "flag_values": np.array(list(LANDCOVER.values()), np.uint8),
    })  # fmt: skip
    for name, (top, bottom) in LAYERS.items():
        values = file.createVariable(
            name, "f4", ("time", "y", "x"), fill_value=np.float32(np.nan), chunksizes=(1, *chunk), **packed
        )
        title = f"true moisture {top}-{bottom} cm, mean of the day"
        values.setncatts({"units": "m3 m-3", "long_name": title, "grid_mapping": "crs"})
