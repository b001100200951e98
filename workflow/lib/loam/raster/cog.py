"""Write a map tile by tile and leave it as a cloud-optimised GeoTIFF: compressed, tiled, with overviews, checked.

Tiles go to a temporary tiled file beside the map; GDAL copies that block by block, so memory does not grow with the
region. Bands lie apart, so that who reads one reads no other: that is what GDAL's GTiff driver writes from a file with
overviews (COPY_SRC_OVERVIEWS, INTERLEAVE=BAND); its COG driver mixes them (before GDAL 3.11). The map appears under its
name only when rio-cogeo's validator has no complaint.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rio_cogeo.cogeo import cog_validate

from loam.errors import RasterError
from loam.io.atomic import atomic_path
from loam.raster.grid import Grid, Tile

BLOCK = 256  # pixels a side
PREDICTORS = {"f": 3, "i": 2, "u": 2}  # of TIFF: differences of floating-point numbers, and of whole ones


@dataclass(frozen=True)
class Class:
    """A value of a band of classes, in words and as a colour of its own, which no ramp of numbers holds."""

    value: int
    name: str
    colour: str


@dataclass(frozen=True)
class Content:
    """What the bands of a file hold.

    Args:
        dtype: type of a value.
        missing: what stands where there is none.
        title: of the file.
        units: of the values.
        overviews: how several pixels become one.
        more_classes: likewise of the bands after the first.
        scale: of whole numbers: what one stands for, in ``units``.
        classes: of a band of classes, the first one, their values, names and colours; the file holds them as tags, and
            as a colour table where it has no other band, which TIFF asks for.
    """

    title: str
    dtype: str
    missing: float
    units: str
    overviews: Resampling
    classes: Sequence[Class] = ()
    more_classes: Sequence[Sequence[Class]] = ()
    scale: float = 1.0

    def encoded(self, values: np.ndarray) -> np.ndarray:
        """Numbers in ``units`` (any shape) as the file holds them: NaN is ``missing``, and what is too large for whole
        numbers the largest of them.
        """
        if self.scale == 1.0:
            return values
        most = np.iinfo(self.dtype).max
        whole = np.rint(values.astype(np.float64) / self.scale).clip(-most, most)
        return np.where(np.isnan(whole), self.missing, whole).astype(self.dtype)


class MapWriter:
    """Takes the bands of one tile after another; pixels that no tile gives are missing."""

    def __init__(self, dataset: rasterio.io.DatasetWriter, content: Content) -> None:
        self._dataset, self._content = dataset, content

    def write(self, tile: Tile, pixel: np.ndarray, values: np.ndarray) -> None:
        """Write the values [pixel, band] of the pixels at positions ``pixel`` of a tile, counted row by row."""
        shape = (values.shape[1], tile.height * tile.width)
        block = np.full(shape, self._content.missing, self._content.dtype)
        block[:, pixel] = self._content.encoded(values).T
        self._dataset.write(block.reshape(-1, tile.height, tile.width), window=tile.window)


@contextmanager
def open_map(
    path: str | Path, grid: Grid, bands: Sequence[str], tags: Mapping[str, object], content: Content, threads: int = 1
) -> Iterator[MapWriter]:
    """Open a map on ``grid`` for writing; it appears at ``path`` when the block ends well.

    Args:
        path: of the map.
        grid: its grid.
        bands: names of its bands.
        tags: of the file: day, model and so on.
        content: what its bands hold.
        threads: to compress with.
    """
    height, width = grid.geobox.shape
    profile = {
        "driver": "GTiff", "dtype": content.dtype, "count": len(bands), "height": height, "width": width,
        "crs": grid.geobox.crs.to_wkt(), "transform": grid.geobox.transform, "nodata": content.missing, "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK, "sparse_ok": True, "bigtiff": "if_safer", "interleave": "band",
    }  # fmt: skip
    with atomic_path(path) as temporary:
        tiles = temporary.with_name(f"{temporary.name}.tiles.tif")  # removed with ``temporary``
        with rasterio.open(tiles, "w", **profile) as dataset:
            if content.classes and len(bands) == 1:  # before the first pixel, or the file is no palette
                dataset.write_colormap(1, {item.value: rgb(item.colour) for item in content.classes})
            yield MapWriter(dataset, content)
            dataset.descriptions = tuple(bands)
            dataset.units = (content.units,) * len(bands)
            if content.scale != 1.0:
                dataset.scales, dataset.offsets = (content.scale,) * len(bands), (0.0,) * len(bands)
            dataset.update_tags(TIFFTAG_IMAGEDESCRIPTION=content.title)
            dataset.update_tags(**{name: str(value) for name, value in tags.items()})
            for number, classes in enumerate([content.classes, *content.more_classes][: len(bands)], start=1):
                dataset.update_tags(number, **{f"class_{item.value}": item.name for item in classes})
        with rasterio.Env(GDAL_NUM_THREADS=threads), rasterio.open(tiles, "r+") as dataset:
            dataset.build_overviews(overview_factors(height, width), content.overviews)
        copy(
            tiles, temporary, driver="GTiff", copy_src_overviews=True, interleave="band", tiled=True, blockxsize=BLOCK,
            blockysize=BLOCK, compress="deflate", predictor=PREDICTORS[np.dtype(content.dtype).kind],
            bigtiff="if_safer", num_threads=threads,
        )  # fmt: skip
        valid, errors, _ = cog_validate(temporary)
        if not valid:
            raise RasterError(f"is not a valid cloud-optimised GeoTIFF ({'; '.join(errors)})", where=path)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of ``#rrggbb``."""
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def overview_factors(height: int, width: int) -> list[int]:
    """Factors 2, 4, ... down to an overview of one block; at least one."""
    count = max(1, math.ceil(math.log2(max(height, width) / BLOCK)))
    return [2**level for level in range(1, count + 1)]
