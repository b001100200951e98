"""A synthetic Sentinel-2 L2A item: red, near and short-wave infrared, scene classes and cloud probability at 20 m.

Reflectance is that of leaves and soil by their shares of the ground. Soil darkens as it gets wet, exponentially towards
its saturated value (Lobell & Asner 2002, Soil Sci. Soc. Am. J. 66, 722-727), most so in the short-wave infrared. NDVI
is given: it rises with the share under leaves from bare soil to the full canopy of the land cover, and red follows from
it and the near infrared.

Clouds are where a random field that is correlated over kilometres is high. Their rims are thin, and the surface shows
through. Their shadow lies where the sun puts it. The scene classification sees all of both: what it calls clear is.

The files are those that ``acquire`` leaves: the catalogue's item and beside it one GeoTIFF a band, with the radiometric
offset of processing baseline 04.00 on in the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.windows import Window
from scipy.stats import norm

from loam.io.atomic import atomic_path, write_text
from loam.io.provenance import sha256_of_file
from loam.raster.grid import cells_at, crs_of, project
from loam.sandbox.land.cover_map import by_class
from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform
from loam.sandbox.optical.tile import BASELINE, PIXEL, RELATIVE_ORBIT, Sight, sun_at, tile_of

SCALE, OFFSET = 1e-4, -0.1
INDEX_BANDS = ("B04", "B8A", "B12")
ASSETS = {"B04": "red", "B8A": "nir08", "B12": "swir22", "SCL": "scl", "CLOUD": "cloud"}
BLOCK = 512  # rows and columns at a time
# By land cover: NDVI of a full canopy, and reflectance of leaves at 865 and 2190 nm
FULL_NDVI = {"PAST": 0.86, "FORE": 0.90, "AGRI": 0.88, "SAVA": 0.76, "IRRI": 0.92}
LEAF_NEAR = {"PAST": 0.42, "FORE": 0.30, "AGRI": 0.46, "SAVA": 0.32, "IRRI": 0.50}
LEAF_SHORT = {"PAST": 0.14, "FORE": 0.08, "AGRI": 0.13, "SAVA": 0.15, "IRRI": 0.11}
BARE_NDVI = 0.14
SOIL_NEAR, SOIL_SHORT, WETTING = (0.34, 0.20), (0.40, 0.13), 8.0  # dry and saturated; a m3 m-3
WATER = {"B04": 0.04, "B8A": 0.02, "B12": 0.01}
CLOUD = {"B04": 0.70, "B8A": 0.72, "B12": 0.45}
CLOUD_LENGTH, CLOUD_DETAIL, CLOUD_BASE = 8000.0, 5, 1500.0  # m; finer lattices; m above the ground
THIN, THICK = 0.15, 0.6  # opacity of a cloud's rim; how far the field rises to an opaque cloud
SHADE = 0.45  # of the light that is left in shadow
NOISE = 0.002  # of reflectance, standard deviation of a pixel's own, uniform
NO_DATA, SHADOW, VEGETATION, BARE, WATER_CLASS, UNCLASSIFIED, LIKELY_CLOUD, SURE_CLOUD = 0, 3, 4, 5, 6, 7, 8, 9


@dataclass(frozen=True)
class Land:
    """The ground on the day, on the region's pixels [row, column].

    Args:
        geobox: the region.
        ndvi: NaN off land.
        leaves: share of ground under leaves; NaN off land.
        moisture: of the top few centimetres, m3 m-3; NaN off land.
        landcover: codes, 0 off land (which shows as water).
        codes: of the classes.
    """

    geobox: GeoBox
    ndvi: np.ndarray
    leaves: np.ndarray
    moisture: np.ndarray
    landcover: np.ndarray
    codes: Mapping[str, int]


def ndvi_of(leaves: np.ndarray, landcover: np.ndarray, codes: Mapping[str, int]) -> np.ndarray:
    """NDVI [row, column] of ground of which a share is under leaves; NaN off land."""
    return BARE_NDVI + (by_class(landcover, codes, FULL_NDVI) - BARE_NDVI) * leaves


def write_item(sight: Sight, land: Land, path: str | Path, *, seed: int, cloud_cover: float) -> None:
    """Write the item of a take to ``path`` (JSON) and its bands beside it.

    Args:
        sight: the take.
        land: the ground.
        path: of the item.
        seed: of clouds and noise.
        cloud_cover: share of the tile under cloud, percent.
    """
    path = Path(path)
    _, tile = tile_of(land.geobox)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "count": 1, "height": tile.shape[0], "width": tile.shape[1], "nodata": 0,
        "crs": tile.crs.to_wkt(), "transform": tile.transform, "compress": "deflate", "zlevel": 1, "predictor": 2,
        "tiled": True, "blockxsize": 512, "blockysize": 512,
    }  # fmt: skip
    scene = _Scene(sight, land, tile, seed, cloud_cover)
    files = {band: path.with_name(f"{band}.tif") for band in ASSETS}
    with ExitStack() as stack:
        parts = {band: stack.enter_context(atomic_path(file)) for band, file in files.items()}
        with ExitStack() as opened:
            datasets = {
                band: opened.enter_context(
                    rasterio.open(part, "w", dtype="uint16" if band in INDEX_BANDS else "uint8", **profile)
                )
                for band, part in parts.items()
            }
            for row in range(0, tile.shape[0], BLOCK):
                for column in range(0, tile.shape[1], BLOCK):
                    height, width = min(BLOCK, tile.shape[0] - row), min(BLOCK, tile.shape[1] - column)
                    for band, values in scene.block(row, column, height, width).items():
                        datasets[band].write(values, 1, window=Window(column, row, width, height))
    write_text(json.dumps(_item(sight, tile, files, cloud_cover), indent=1), path)


class _Scene:
    """What a take shows, block by block; every number hangs on its place alone."""

    def __init__(self, sight: Sight, land: Land, tile: GeoBox, seed: int, cloud_cover: float) -> None:
        self.sight, self.land, self.tile = sight, land, tile
        day = sight.time.toordinal()
        self.clouds = key_of(seed, f"clouds {day}")
        self.noise = [key_of(seed, f"noise {day} {band}") for band in INDEX_BANDS]
        self.threshold = float(norm.ppf(1 - np.clip(cloud_cover / 100, 1e-4, 1 - 1e-4)))
        rows, columns = tile.shape
        middle = project(
            *(np.array(part) for part in tile.transform @ (columns / 2, rows / 2)), crs_of(tile), "EPSG:4326"
        )
        elevation, azimuth = sun_at(sight.time, *(float(part) for part in middle))
        reach = CLOUD_BASE / np.tan(np.radians(max(elevation, 5.0))) / PIXEL
        self.towards_sun = (
            round(-reach * np.cos(np.radians(azimuth))), round(reach * np.sin(np.radians(azimuth)))
        )  # fmt: skip
        self.to_region = pyproj.Transformer.from_crs(tile.crs.proj, crs_of(land.geobox), always_xy=True)

    def block(self, row: int, column: int, height: int, width: int) -> dict[str, np.ndarray]:
        """Numbers of every asset in a block."""
        rows, columns = (place + start for place, start in zip(np.indices((height, width)), (row, column), strict=True))
        x, y = self.tile.transform @ (columns + 0.5, rows + 0.5)
        own_row, own_column = cells_at(self.land.geobox, *self.to_region.transform(x, y))
        seen = own_row >= 0
        ndvi, reflectance = self._ground(own_row, own_column)
        opacity, thickness = self._cloud(rows, columns, (0, 0))
        shade = (self._cloud(rows, columns, self.towards_sun)[0] > 0) & (opacity == 0)
        classes = np.where(ndvi >= 0.35, VEGETATION, np.where(ndvi < 0.25, BARE, UNCLASSIFIED))
        classes[np.isnan(ndvi)] = WATER_CLASS
        classes[shade] = SHADOW
        classes[opacity > 0] = LIKELY_CLOUD
        classes[thickness > 0.4] = SURE_CLOUD
        probability = np.where(opacity > 0, 40 + 60 * thickness, 0)
        numbers = {}
        for place, band in enumerate(INDEX_BANDS):
            values = reflectance[band] * np.where(shade, SHADE, 1.0)
            values = values + (CLOUD[band] - values) * opacity
            values = values + NOISE * np.sqrt(12) * (lattice_uniform(self.noise[place], rows, columns) - 0.5)
            counts = np.clip(np.rint((values - OFFSET) / SCALE), 1, 65534)
            numbers[band] = np.where(seen, counts, NO_DATA).astype(np.uint16)
        numbers["SCL"] = np.where(seen, classes, NO_DATA).astype(np.uint8)
        numbers["CLOUD"] = np.where(seen, np.rint(probability), NO_DATA).astype(np.uint8)
        return numbers

    def _ground(self, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        land = self.land
        at = np.maximum(row, 0), np.maximum(column, 0)
        ndvi, leaves, moisture, cover = (
            np.asarray(each)[at] for each in (land.ndvi, land.leaves, land.moisture, land.landcover)
        )
        near, short = (by_class(cover, land.codes, table) for table in (LEAF_NEAR, LEAF_SHORT))
        dry = np.exp(-WETTING * np.maximum(moisture, 0))
        near, short = (
            leaves * full + (1 - leaves) * (soil[1] + (soil[0] - soil[1]) * dry)
            for full, soil in ((near, SOIL_NEAR), (short, SOIL_SHORT))
        )
        found = {"B04": near * (1 - ndvi) / (1 + ndvi), "B8A": near, "B12": short}
        water = ~np.isfinite(found["B04"] + short)
        return (
            np.where(water, np.nan, ndvi),
            {band: np.where(water, WATER[band], values) for band, values in found.items()},
        )

    def _cloud(self, rows: np.ndarray, columns: np.ndarray, shift: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Opacity and thickness, 0 to 1, of the cloud above pixels moved by ``shift``."""
        field = lattice_field(
            self.clouds, rows + shift[0] + 100_000, columns + shift[1] + 100_000, CLOUD_LENGTH / PIXEL, CLOUD_DETAIL
        )
        above = field - self.threshold
        thickness = np.clip(above / THICK, 0.0, 1.0)
        return np.where(above > 0, THIN + (1 - THIN) * thickness, 0.0), thickness


def _item(sight: Sight, tile: GeoBox, files: Mapping[str, Path], cloud_cover: float) -> dict[str, Any]:
    rows, columns = tile.shape
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows], [0, 0]], float).T
    x, y = project(*(tile.transform @ corners), crs_of(tile), "EPSG:4326")
    ring = [[round(float(a), 6), round(float(b), 6)] for a, b in zip(x, y, strict=True)]
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": sight.name, "collection": "sentinel-2-c1-l2a",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))],
        "properties": {
            "datetime": sight.time.isoformat(timespec="milliseconds") + "Z",
            "platform": f"sentinel-2{sight.platform[-1].lower()}", "constellation": "sentinel-2",
            "instruments": ["msi"], "processing:level": "L2A", "s2:product_type": "S2MSI2A",
            "s2:processing_baseline": BASELINE, "grid:code": f"MGRS-{sight.tile}", "s2:mgrs_tile": sight.tile,
            "sat:relative_orbit": RELATIVE_ORBIT, "sat:orbit_state": "descending",
            "eo:cloud_cover": cloud_cover, "proj:code": f"EPSG:{tile.crs.epsg}",
            "earthsearch:boa_offset_applied": False,
        },
        "links": [],
        "assets": {band: _asset(band, file, tile) for band, file in files.items()},
    }  # fmt: skip


def _asset(band: str, file: Path, tile: GeoBox) -> dict[str, Any]:
    described = {"nodata": 0, "spatial_resolution": PIXEL}
    described |= (
        {"data_type": "uint16", "scale": SCALE, "offset": OFFSET} if band in INDEX_BANDS else {"data_type": "uint8"}
    )
    return {
        "href": f"./{file.name}", "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"],
        "raster:bands": [described], "proj:shape": list(tile.shape),
        "proj:transform": [float(value) for value in list(tile.transform)[:6]], "file:size": file.stat().st_size,
        "file:checksum": f"1220{sha256_of_file(file)}", "loam:asset": ASSETS[band],
    }  # fmt: skip
