"""What the tests of Sentinel-2 share."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from sentinel2_files import CRS, NORTH, WEST

from loam.raster.grid import Grid, Tile


def grid_on(geobox: GeoBox, tile: int = 512) -> Grid:
    height, width = geobox.shape
    tiles = tuple(
        Tile(row, column, min(tile, height - row), min(tile, width - column))
        for row in range(0, height, tile)
        for column in range(0, width, tile)
    )
    return Grid(geobox, Path("land.tif"), tile, tiles)


@pytest.fixture
def grid() -> Grid:
    """A grid of 80 m over the middle of the synthetic tile, on its pixels: 5 x 5 pixels from (5, 5)."""
    return grid_on(GeoBox((5, 5), Affine(80, 0, WEST + 100, 0, -80, NORTH - 100), CRS))


@pytest.fixture
def read():
    """Bands of an observation, by name, and its tags."""

    def read_file(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        with rasterio.open(path) as dataset:
            return dict(zip(dataset.descriptions, dataset.read(), strict=True)), dataset.tags()

    return read_file
