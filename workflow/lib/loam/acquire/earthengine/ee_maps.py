"""Maps that do not change (soil, terrain, land cover) as expressions on the run's grid.

Where the run's pixels are wider than 1.5 native ones, a pixel is the mean of the native pixels that it covers, weighted
by overlap, or for classes the one that covers most of it (``reduceResolution``). Where they are not, there is nothing
to average: numbers are interpolated bilinearly (the relief for Sentinel-1 by cubics), a class is that of the nearest
native pixel.

Keys read from datasets.yaml, under ``earthengine``:
  image, mosaic, latest, images  the asset: an image; a collection of tiles; a collection whose newest image is taken; a
                                 collection that holds each variable as an image of its own (``filter``)
  pixel_m                        width of a native pixel, m
  bands.<variable>               ``bands``: one entry a band of the map, a list where it is the mean of several;
                                 ``minus``: bands to take off; ``image``, ``images``: an asset of its own;
                                 ``filter``, ``index``: properties or name of the image in a collection;
                                 ``scale``, ``offset``: value = (band - minus) * scale + offset
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Mapping
from typing import Any

import ee
import numpy as np
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import bounds_of
from loam.acquire.catalogue import Dataset, Variable
from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.listing import Listed, list_images
from loam.acquire.earthengine.pixel_requests import crs_of, read_pixels, transform_of
from loam.acquire.source import Bounds
from loam.errors import AcquireError, ConfigError
from loam.raster.grid import pixel_metres

log = logging.getLogger("loam")

NODATA = -9999.0
COARSER = 1.5  # run's pixels wider than so many native ones are aggregated
MOST = 65_535  # native pixels a pixel that Earth Engine aggregates


class Maps:
    """The maps of one dataset.

    Args:
        client: the connection.
        dataset: the entry of the catalogue.
        keys: its part for Earth Engine.
    """

    def __init__(self, client: Client, dataset: Dataset, keys: Mapping[str, Any]) -> None:
        self.client, self.dataset, self.keys = client, dataset, keys
        self.assets: dict[str, str] = {}  # variable -> id of the image that it was read from
        self._empty: dict[str, bool] = {}
        self._lock = threading.Lock()  # tiles are read in several threads, assets are looked up once

    def read(self, variable: str, geobox: GeoBox, *, smooth: bool = False) -> np.ndarray:
        """A variable on the pixels of ``geobox``: [band, height, width], canonical units, NaN where missing; classes as
        integers with the dataset's nodata.

        Raises:
            ConfigError: the dataset does not have the variable on Earth Engine.
            CredentialError, AcquireError: the server refuses, or does not have the asset.
        """
        about, item = self._item(variable)
        dtype, nodata = _storage(about, self.dataset)
        native = self.image(variable, _bounds(geobox))
        if native is None:
            return np.full((len(about.bands), *geobox.shape), np.nan if dtype == "float32" else nodata, dtype=dtype)
        metres = float(np.mean(pixel_metres(geobox)))
        image = on_grid(
            native, geobox, metres / self.keys["pixel_m"], self.dataset.resampling, classes=about.classes, smooth=smooth
        )
        raw = read_pixels(
            self.client, image, _names(about), geobox, dtype=dtype, nodata=nodata,
            what=f"Earth Engine, {self.dataset.name} {variable}",
        )  # fmt: skip
        return raw if about.classes else in_units(raw, item, nodata)

    def image(self, variable: str, bounds: Bounds) -> ee.Image | None:
        """A variable on its native pixels, a band for each of the map's, not yet scaled; None if nothing is there."""
        about, item = self._item(variable)
        source = self._source(variable, item, bounds)
        if source is None:
            return None
        bands = [_mean(source, band) for band in item["bands"]]
        if item.get("minus"):
            bands = [band.subtract(source.select([less])) for band, less in zip(bands, item["minus"], strict=True)]
        return ee.Image.cat(bands).rename(_names(about))

    def scaled(self, variable: str, raw: np.ndarray) -> np.ndarray:
        """Values of the server, NaN where missing, in the canonical units."""
        return in_units(raw, self._item(variable)[1], NODATA)

    def _item(self, variable: str) -> tuple[Variable, Mapping[str, Any]]:
        bands = self.keys.get("bands") or {}
        if variable not in bands:
            raise ConfigError(
                f"'{variable}' is not on Earth Engine", where=f"dataset '{self.dataset.name}'",
                expected=f"one of {', '.join(bands) or 'none'}",
                fix="choose another dataset or back end for it",
            )  # fmt: skip
        return self.dataset.variables[variable], bands[variable]

    def _source(self, variable: str, item: Mapping[str, Any], bounds: Bounds) -> ee.Image | None:
        if "image" in item or "image" in self.keys:
            self.assets[variable] = item.get("image") or self.keys["image"]
        elif "mosaic" in self.keys:
            return self._mosaic(variable, self.keys["mosaic"], item, bounds)
        else:
            with self._lock:
                if variable not in self.assets:
                    found = self._only(item) if "images" in self.keys or "images" in item else self._newest()
                    log.info("%s: %s is %s", self.dataset.name, variable, found.id)
                    self.assets[variable] = found.id
        return ee.Image(self.assets[variable])

    def _mosaic(self, variable: str, collection: str, item: Mapping[str, Any], bounds: Bounds) -> ee.Image | None:
        """The tiles that touch ``bounds`` as one image; None where there are none, as at sea."""
        tiles = list_images(self.client, collection, bounds=bounds)
        self.assets[variable] = collection
        if not tiles:
            if collection not in self._empty:
                self._empty[collection] = not list_images(self.client, collection, most=1)
            if self._empty[collection]:
                raise _nothing(collection, self.dataset.name)
            return None
        images = [ee.Image(tile.id) for tile in tiles]
        if len(images) == 1:
            return images[0]
        first = images[0].select([_first(item["bands"][0])])
        return ee.ImageCollection(images).mosaic().setDefaultProjection(first.projection())

    def _only(self, item: Mapping[str, Any]) -> Listed:
        collection = item.get("images") or self.keys["images"]
        wanted = [f'{name} = "{value}"' for name, value in item.get("filter", {}).items()]
        found = list_images(self.client, collection, properties=wanted)
        if "index" in item and found:
            there = ", ".join(image.name for image in found)
            found = [image for image in found if image.name == item["index"]]
            if not found:
                raise AcquireError(
                    f"has no image {item['index']}",
                    where=f"Earth Engine collection {collection}",
                    expected=f"it among {there}",
                )
        if not found:
            raise _nothing(f"{collection} ({' and '.join(wanted) or 'all'})", self.dataset.name)
        if len(found) > 1:
            raise AcquireError(
                f"{len(found)} images fit ({', '.join(image.name for image in found[:4])})",
                where=f"Earth Engine collection {collection}", expected="one",
            )  # fmt: skip
        return found[0]

    def _newest(self) -> Listed:
        found = list_images(self.client, self.keys["latest"])
        if not found:
            raise _nothing(self.keys["latest"], self.dataset.name)
        return found[-1]


def on_grid(
    image: ee.Image, geobox: GeoBox, ratio: float, resampling: str, *, classes: bool, smooth: bool = False
) -> ee.Image:
    """``image`` as the pixels of ``geobox`` see it.

    Args:
        image: on its native pixels.
        geobox: the pixels wanted.
        ratio: their width in native pixels.
        resampling: ``average`` or ``mode``, where there is something to aggregate.
        classes: whether values are codes, which are never interpolated.
        smooth: whether numbers are interpolated by cubics where there is nothing to aggregate.
    """
    if ratio > COARSER:
        reducer = ee.Reducer.mode() if classes or resampling == "mode" else ee.Reducer.mean()
        most = min(MOST, max(64, 4 * math.ceil(ratio) ** 2))
        image = image.reduceResolution(reducer, ratio**2 > most, most)
    elif not classes:
        image = image.resample("bicubic" if smooth else "bilinear")
    crs = crs_of(geobox)
    return image.reproject(crs.get("crsCode") or crs["crsWkt"], transform_of(geobox))


def in_units(
    raw: np.ndarray, item: Mapping[str, Any], nodata: float, days: int | np.ndarray = 1
) -> np.ndarray:  # fmt: skip
    """Values of the server (any shape) in the canonical units, float32, NaN where missing.

    Args:
        raw: as the server sent them.
        item: ``scale``, ``offset``, ``clip_below``, ``valid`` and ``summed`` of the catalogue.
        nodata: what stands for missing.
        days: that each value is of; what is summed over them becomes the mean of a day.
    """
    missing = (raw == raw.dtype.type(nodata)) | ~np.isfinite(raw)
    if "valid" in item:
        missing |= (raw < item["valid"][0]) | (raw > item["valid"][1])
    values = raw.astype(np.float64) * item.get("scale", 1.0) + item.get("offset", 0.0)
    if item.get("summed"):
        values /= days
    if "clip_below" in item:
        np.maximum(values, item["clip_below"], out=values, where=~missing)
    return np.where(missing, np.nan, values).astype(np.float32)


def _storage(about: Variable, dataset: Dataset) -> tuple[str, float]:
    if not about.classes:
        return "float32", NODATA
    return ("uint8" if about.high <= 255 else "uint16"), int(dataset.nodata)


def _mean(source: ee.Image, band: str | list[str]) -> ee.Image:
    if isinstance(band, str):
        return source.select([band])
    total = source.select([band[0]])
    for other in band[1:]:
        total = total.add(source.select([other]))
    return total.divide(len(band))


def _first(band: str | list[str]) -> str:
    return band if isinstance(band, str) else band[0]


def _names(about: Variable) -> list[str]:
    """Names of the bands as Earth Engine takes them (letters, digits and _, a letter first)."""
    return [f"{about.name}_{number}" for number in range(1, len(about.bands) + 1)]


def _bounds(geobox: GeoBox) -> Bounds:
    return bounds_of(geobox)


def _nothing(collection: str, dataset: str) -> AcquireError:
    return AcquireError(
        "no image is listed", where=f"Earth Engine collection {collection}", expected="at least one",
        fix=f"see whether the provider has withdrawn it, and choose another back end for '{dataset}'",
    )  # fmt: skip
