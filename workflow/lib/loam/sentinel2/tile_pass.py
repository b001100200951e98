"""What a Sentinel-2 product is to the rest of the chain, whichever way it was delivered: one tile of one pass.

A product names its rasters and says how their numbers become reflectance; nothing is read from the rasters here.
``loam.sentinel2.deliveries.open_product`` makes one from a SAFE folder, a zip of one, or a STAC item with GeoTIFFs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

Bounds = tuple[float, float, float, float]
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")  # as band_id counts
INDEX_BANDS = ("B04", "B8A", "B12")  # red, narrow near infrared, short-wave infrared
SATURATED = 65535  # special value of the product specification; 0 is no data
OFFSET_SINCE = (4, 0)  # processing baseline from which pixels carry the radiometric offset


@dataclass(frozen=True)
class Band:
    """A reflectance band: reflectance = DN * scale + offset, where DN is neither ``nodata`` nor saturated."""

    raster: str
    scale: float
    offset: float
    nodata: float = 0


@dataclass(frozen=True)
class Polygons:
    """Areas in a product's own CRS: rings of each polygon, the outer first, each [vertex, (x, y)] in metres."""

    rings: tuple[tuple[np.ndarray, ...], ...] = ()


@dataclass(frozen=True)
class Product:
    """One tile of one pass.

    Args:
        name: the product's identifier.
        where: file or folder it was read from.
        tile: MGRS tile, as ``29RKH``.
        time: when the tile was sensed, UTC.
        level: ``L2A`` (surface reflectance of Sen2Cor), ``L1C`` (top of atmosphere) or ``NBART`` (surface reflectance
            of Digital Earth Australia, Fmask in place of the scene classification).
        baseline: processing baseline, as (4, 0); None where the metadata do not tell.
        bands: reflectance bands, by name.
        classes: raster of the scene classification (SCL).
        class_codes: where ``classes`` holds another product's codes: their nearest SCL class.
        cloud_probability: raster of the cloud probability, percent.
        snow_probability: raster of the snow probability, percent.
        cloud_classes: raster MSK_CLASSI of a level-1C product: opaque cloud, cirrus, snow.
        cloud_areas: clouds as polygons (older level-1C products).
        quality: raster MSK_QUALIT, by band.
        defect_areas: lost, defective and saturated pixels of the index bands as polygons (older products).
        crs: the CRS the metadata promise.
        bounds: west, south, east, north the metadata promise, by raster, metres; one without must lie where 8A
            does.
        catalogue: whether a catalogue delivered it, whose word on the offset is checked against the pixels.
    """

    name: str
    where: Path
    tile: str
    time: datetime
    level: str
    baseline: tuple[int, int] | None
    bands: Mapping[str, Band]
    classes: str | None = None
    class_codes: Mapping[int, int] | None = None
    cloud_probability: str | None = None
    snow_probability: str | None = None
    cloud_classes: str | None = None
    cloud_areas: Polygons | None = None
    quality: Mapping[str, str] = field(default_factory=dict)
    defect_areas: Polygons = field(default_factory=Polygons)
    crs: str | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    catalogue: bool = False

    @property
    def baseline_text(self) -> str:
        """The baseline as ESA writes it, ``04.00``; ``unknown`` where it is."""
        return "unknown" if self.baseline is None else "{:02d}.{:02d}".format(*self.baseline)


def crs_of_tile(tile: str) -> str:
    """The UTM zone of an MGRS tile: ``29RKH`` lies in EPSG:32629."""
    return f"EPSG:{326 if tile[2] >= 'N' else 327}{tile[:2]}"


def baseline_of(text: str) -> tuple[int, int]:
    """Processing baseline ``04.00`` as (4, 0), which compares as it should.

    Raises:
        ValueError: not two numbers with a point between.
    """
    major, minor = text.split(".")
    return int(major), int(minor)
