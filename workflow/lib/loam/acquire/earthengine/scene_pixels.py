"""The pixels of a scene of Earth Engine, written as the later stages read them.

Sentinel-1: sigma0 is aggregated to the run's pixels as power, not in decibels, where a mean would be that of another
quantity (Ulaby and Long, 2014, section 5-4). Sentinel-2: the tile's own 20 m pixels, so that cloud is masked before
anything is averaged; all scenes of a tile are cut alike.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ee
import numpy as np
import pyproj
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from loam.acquire.canonical.canonical import bounds_of
from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.ee_maps import NODATA, on_grid
from loam.acquire.earthengine.listing import Listed, native_grid
from loam.acquire.earthengine.pixel_requests import read_pixels
from loam.errors import AcquireError, ConfigError
from loam.io.atomic import atomic_path, write_text
from loam.raster.grid import crs_of, pixel_metres, project

log = logging.getLogger("loam")

SENTINEL1_M = 10.0  # width of its pixels
SENTINEL1 = {"vv": "1", "vh": "1", "ellipsoidal_incidence": "degree"}  # bands and units
SENTINEL2 = {"B04": "B4", "B8A": "B8A", "B12": "B12", "SCL": "SCL"}  # band -> its name on Earth Engine
REFLECTANCE = 0.0001
STRIP = 1024  # rows in memory at a time
STEPS = 21  # points along an edge of a footprint


def write_sentinel1(client: Client, image: Listed, geobox: GeoBox, path: Path) -> dict[str, Any]:
    """Write backscatter on the run's grid, as far as the scene reaches: sigma0 of VV and VH (linear) and the incidence
    angle to the ellipsoid (degrees), float32.

    Raises:
        ConfigError: ``path`` is not that of a GeoTIFF.
        AcquireError: the scene lies outside the grid, or every pixel of a band is missing.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise ConfigError("backscatter of Earth Engine is a GeoTIFF", where=path, expected="a name that ends in .tif")
    part = _reached(image, geobox)
    scene = ee.Image(image.id)
    ratio = float(np.mean(pixel_metres(geobox))) / SENTINEL1_M
    power = scene.select(["VV", "VH"]).multiply(math.log(10) / 10).exp()  # of the image, so that it keeps its pixels
    sigma0 = on_grid(power, part, ratio, "average", classes=False)
    angle = on_grid(scene.select(["angle"]), part, 0.0, "average", classes=False)  # kept on coarser pixels
    bands = list(SENTINEL1)
    _write(
        client, ee.Image.cat([sigma0, angle]).rename(bands), part, path, bands, image.id, dtype="float32",
        nodata=NODATA, units=list(SENTINEL1.values()),
    )  # fmt: skip
    return {"pixels": list(part.shape)}


def write_sentinel2(client: Client, image: Listed, geobox: GeoBox, path: Path) -> dict[str, Any]:
    """Write a STAC item with a GeoTIFF a band: red, near infrared, short-wave infrared (numbers, uint16) and the scene
    classification (uint8), on the 20 m pixels of the tile that the run's region needs.

    Raises:
        AcquireError: the tile lies outside the region, or every pixel of a band is missing.
    """
    native = native_grid(image, SENTINEL2["B8A"])
    part = native.cover(bounds_of(geobox), where=f"Earth Engine image {image.id}").geobox
    scene, assets = ee.Image(image.id), {}
    for name, band in SENTINEL2.items():
        dtype = "uint8" if name == "SCL" else "uint16"
        pixels = scene.select([band])
        if name == "B04":  # its pixels are of 10 m
            pixels = on_grid(pixels, part, 2.0, "average", classes=False).round()
        _write(
            client, pixels.rename([name]), part, path.with_name(f"{name}.tif"), [name], image.id, dtype=dtype, nodata=0,
            units=["1"],
        )  # fmt: skip
        assets[name] = _asset(name, part)
    write_text(json.dumps(_item(image, assets), indent=1), path)
    return {"pixels": list(part.shape), "files": [f"{name}.tif" for name in SENTINEL2]}


def _item(image: Listed, assets: dict[str, Any]) -> dict[str, Any]:
    properties = image.properties
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": image.name, "collection": "sentinel-2-l2a",
        "geometry": image.footprint, "links": [], "assets": assets,
        "properties": {
            "datetime": image.start.isoformat() if image.start else None,
            "processing:level": "L2A",
            "s2:mgrs_tile": properties.get("MGRS_TILE"),
            "s2:processing_baseline": properties.get("PROCESSING_BASELINE"),
            "s2:product_uri": properties.get("PRODUCT_ID"),
            "eo:cloud_cover": properties.get("CLOUDY_PIXEL_PERCENTAGE"),
            "earthsearch:boa_offset_applied": True,  # what HARMONIZED means, in the words that loam.sentinel2 reads
        },
    }  # fmt: skip


def _asset(name: str, geobox: GeoBox) -> dict[str, Any]:
    band = {"nodata": 0} | ({} if name == "SCL" else {"scale": REFLECTANCE, "offset": 0})
    return {
        "href": f"./{name}.tif", "type": "image/tiff; application=geotiff", "roles": ["data"],
        "proj:epsg": geobox.crs.epsg, "proj:shape": list(geobox.shape),
        "proj:transform": [float(value) for value in list(geobox.transform)[:6]], "raster:bands": [band],
    }  # fmt: skip


def _reached(image: Listed, geobox: GeoBox) -> GeoBox:
    """The pixels of the grid within the box around the scene's footprint; all where it has none."""
    rings = (image.footprint or {}).get("coordinates")
    if not rings:
        return geobox
    points = np.array(rings if (image.footprint or {}).get("type") in ("LinearRing", "LineString") else rings[0], float)
    steps = np.linspace(0, 1, STEPS)[:, None]
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    along = np.concatenate([a + (b - a) * steps for a, b in zip(points[:-1, :2], points[1:, :2], strict=True)])
    x, y = project(along[:, 0], along[:, 1], pyproj.CRS("EPSG:4326"), crs_of(geobox))
    if geobox.crs.geographic:  # a turn away, where the grid goes on beyond 180
        x = x - 360.0 * np.round((x.mean() - (geobox.transform @ (geobox.shape[1] / 2, 0))[0]) / 360.0)
    inverse = ~geobox.transform
    cols, rows = inverse.a * x + inverse.c, inverse.e * y + inverse.f
    height, width = geobox.shape
    top, bottom = max(0, math.floor(rows.min())), min(height, math.ceil(rows.max()))
    left, right = max(0, math.floor(cols.min())), min(width, math.ceil(cols.max()))
    if top >= bottom or left >= right:
        raise AcquireError(
            "does not reach the run's grid", where=f"Earth Engine image {image.id}", fix="run `snakemake scenes`"
        )
    return geobox[top:bottom, left:right]


def _write(
    client: Client,
    image: ee.Image,
    geobox: GeoBox,
    path: Path,
    bands: Sequence[str],
    scene: str,
    *,
    dtype: str,
    nodata: float,
    units: Sequence[str],
) -> None:
    """Write the pixels of ``image`` on ``geobox``, a strip of rows in memory at a time."""
    height, width = geobox.shape
    profile = {
        "driver": "GTiff", "dtype": dtype, "count": len(bands), "height": height, "width": width, "nodata": nodata,
        "crs": geobox.crs.to_wkt(), "transform": geobox.transform, "compress": "deflate", "tiled": True,
        "blockxsize": 512, "blockysize": 512, "predictor": 3 if dtype == "float32" else 2, "bigtiff": "if_safer",
    }  # fmt: skip
    there = np.zeros(len(bands), bool)
    with atomic_path(path) as temporary:
        with rasterio.open(temporary, "w", **profile) as file:
            file.descriptions, file.units = tuple(bands), tuple(units)
            for top in range(0, height, STRIP):
                part = geobox[top : min(height, top + STRIP), :]
                values = read_pixels(
                    client, image, bands, part, dtype=dtype, nodata=nodata, what=f"Earth Engine, {scene} rows {top} on"
                )
                there |= (values != nodata).any(axis=(1, 2))
                file.write(values, window=Window(0, top, width, part.shape[0]))
        if not there.all():
            lacking = ", ".join(name for name, found in zip(bands, there, strict=True) if not found)
            raise AcquireError(f"every pixel of {lacking} is missing", where=f"Earth Engine image {scene}")
