"""A Sentinel-1 product over a grid, of a landscape that is known at every pixel, as a zip; and its elevation model.

    take = write_scene(folder, geobox, elevation, {"vv": array, "vh": array}, date(2022, 8, 1), looks=4.4)
    write_orbit_file(take, folder)                     # the precise orbit, with the name that ESA would give
    write_dem(folder / "elevation.tif", geobox, elevation)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from loam.raster.grid import crs_of
from loam.sandbox.radar.radar_image import write_images
from loam.sandbox.radar.radar_orbit import MISSION
from loam.sandbox.radar.orbit_file import orbit_file
from loam.sandbox.radar.radar_product import height_of, pack, write_metadata
from loam.sandbox.radar.takes import Take, takes_of


def write_scene(
    folder: Path, geobox: GeoBox, elevation: np.ndarray, sigma0: Mapping[str, np.ndarray], day: date, *,
    looks: float = np.inf, seed: int = 1,
) -> Take:  # fmt: skip
    """Write the zip of a product that sees the grid on a day (UTC), from the west, on the way south.

    Args:
        folder: where the zip goes.
        geobox: pixels of the landscape.
        elevation: above the ellipsoid, m [row, column].
        sigma0: by polarisation, linear [row, column].
        day: of the take.
        looks: of the speckle; infinite for none.
        seed: of all draws.
    """
    (take,) = takes_of(
        geobox, day, day, incidence=38.0, direction="descending", every=1, identity="own", directions=["descending"]
    )
    folder.mkdir(parents=True, exist_ok=True)
    safe = write_metadata(take.frame, take.name, folder, crs_of(geobox), height_of(elevation, geobox))
    write_images(take.frame, take.name, safe, geobox, elevation, sigma0, looks=looks, seed=seed)
    pack(safe, folder / f"{take.name.product}.zip")
    shutil.rmtree(safe)
    return take


def write_orbit_file(take: Take, folder: Path) -> Path:
    """Write the precise orbit of a take, under its own name."""
    text = orbit_file(take.frame, MISSION)
    path = folder / f"{re.search('<File_Name>(.*)</File_Name>', text)[1]}.EOF"
    path.write_text(text, encoding="utf-8")
    return path


def write_dem(path: Path, geobox: GeoBox, elevation: np.ndarray) -> None:
    """Write heights, m [row, column], as a GeoTIFF that does not say what they stand on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=geobox.height, width=geobox.width, count=1, dtype="float32", nodata=-9999,
        crs=crs_of(geobox).to_wkt(), transform=geobox.transform,
    ) as output:  # fmt: skip
        output.write(np.asarray(elevation, np.float32), 1)
