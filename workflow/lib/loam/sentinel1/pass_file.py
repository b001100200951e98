"""The GeoTIFF of one pass on the run's grid: its bands, their units, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio

from loam.io.atomic import atomic_path
from loam.raster.grid import Grid, crs_of
from loam.sentinel1.validity import Validity

BANDS = ("vv", "vh", "local_incidence", "ellipsoidal_incidence", "validity")
UNITS = ("1", "1", "degree", "degree", "1")
BLOCK = 256  # pixels a side of the file's blocks


@contextmanager
def open_pass(path: str | Path, grid: Grid, tags: Mapping[str, object]) -> Iterator[rasterio.io.DatasetWriter]:
    """Open the file for writing, float32 with NaN where missing; it appears when the block ends well.

    Args:
        path: of the file.
        grid: the run's.
        tags: what the file says of itself, besides the quantity, the flags and the grid's hash.
    """
    height, width = grid.geobox.shape
    with (
        atomic_path(path) as temporary,
        rasterio.open(
            temporary, "w", driver="GTiff", height=height, width=width, count=len(BANDS), dtype="float32",
            nodata=np.nan, crs=crs_of(grid.geobox).to_wkt(), transform=grid.geobox.transform, tiled=True,
            blockxsize=BLOCK, blockysize=BLOCK, compress="deflate", zlevel=1, predictor=3, interleave="band",
            BIGTIFF="IF_SAFER",
        ) as output,
    ):  # fmt: skip
        output.descriptions, output.units = BANDS, UNITS
        flags = ", ".join(f"{flag.value} {flag.name.lower()}" for flag in Validity)
        output.update_tags(quantity="sigma0, linear", validity=flags, grid=grid.hash, **tags)
        yield output
