"""Write a map tile by tile and leave it as a cloud-optimised GeoTIFF: compressed, tiled, with overviews, checked.

Tiles go to a temporary tiled file beside the map; GDAL's COG driver copies that block by block, so memory does not
grow with the region. The map appears under its name only when rio-cogeo's validator has no complaint.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rio_cogeo.cogeo import cog_validate

from loam.errors import RasterError
from loam.grid import Grid, Tile
from loam.io.atomic import atomic_path

BLOCK = 256  # pixels a side
UNITS = "m3 m-3"


class MapWriter:
    """Takes the bands of one tile after another; pixels that no tile gives are missing."""

    def __init__(self, dataset: rasterio.io.DatasetWriter) -> None:
        self._dataset = dataset

    def write(self, tile: Tile, pixel: np.ndarray, values: np.ndarray) -> None:
        """Write the values [pixel, band] of the pixels at positions ``pixel`` of a tile, counted row by row."""
        block = np.full((values.shape[1], tile.height * tile.width), np.nan, np.float32)
        block[:, pixel] = values.T
        self._dataset.write(block.reshape(-1, tile.height, tile.width), window=tile.window)


@contextmanager
def open_map(path: str | Path, grid: Grid, bands: Sequence[str], tags: Mapping[str, object]) -> Iterator[MapWriter]:
    """Open a map on ``grid`` for writing; it appears at ``path`` when the block ends well.

    Args:
        path: of the map.
        grid: its grid.
        bands: names of its bands: float32, m3 m-3, missing where NaN.
        tags: of the file: day, model and so on.
    """
    height, width = grid.geobox.shape
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": len(bands), "height": height, "width": width,
        "crs": grid.geobox.crs.to_wkt(), "transform": grid.geobox.transform, "nodata": math.nan, "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK, "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    with atomic_path(path) as temporary:
        tiles = temporary.with_suffix(".tiles.tif")
        try:
            with rasterio.open(tiles, "w", **profile) as dataset:
                yield MapWriter(dataset)
                dataset.descriptions = tuple(bands)
                dataset.units = (UNITS,) * len(bands)
                dataset.update_tags(**{name: str(value) for name, value in tags.items()})
            with rasterio.open(tiles, "r+") as dataset:
                dataset.build_overviews(overview_factors(height, width), Resampling.average)
            copy(
                tiles, temporary, driver="COG", compress="deflate", predictor="yes", blocksize=BLOCK,
                bigtiff="if_safer",
            )  # fmt: skip
        finally:
            tiles.unlink(missing_ok=True)
        valid, errors, _ = cog_validate(temporary)
        if not valid:
            raise RasterError(f"is not a valid cloud-optimised GeoTIFF ({'; '.join(errors)})", where=path)


def overview_factors(height: int, width: int) -> list[int]:
    """Factors 2, 4, ... down to an overview of one block; at least one."""
    count = max(1, math.ceil(math.log2(max(height, width) / BLOCK)))
    return [2**level for level in range(1, count + 1)]
