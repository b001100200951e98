"""The grid of a run: coordinate reference system, transform, shape, which pixels are land, and tiles of them.

One object goes wherever a grid is meant (a thin layer over ``odc.geo.geobox.GeoBox``), so that nothing passes loose
tuples of CRS, transform, width and height. Rows run from north to south, columns from west to east; a pixel's value
belongs to its centre. The grid is kept as ``grid.json``, where a person can read it.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.errors import CRSError, NotGeoreferencedWarning
from rasterio.windows import Window

from loam.errors import RasterError
from loam.io.atomic import write_text
from loam.io.provenance import hash_of_values
from loam.raster.bands import RASTER_DAMAGE, Raster, present
from loam.raster.dateline import period_of

log = logging.getLogger("loam")


@dataclass(frozen=True)
class Tile:
    """A block of the grid: offset of its first row and column, and its size, in pixels."""

    row: int
    col: int
    height: int
    width: int

    @property
    def window(self) -> Window:
        """The tile as a rasterio window."""
        return Window(self.col, self.row, self.width, self.height)


@dataclass(frozen=True)
class Grid:
    """The target grid of a run.

    Args:
        geobox: CRS, transform and shape.
        land: the raster that gives the grid; its missing pixels are not land.
        tile: pixels a side of a tile.
        tiles: the tiles that hold any land, from north-west to south-east.
    """

    geobox: GeoBox
    land: Path
    tile: int
    tiles: tuple[Tile, ...]

    @cached_property
    def hash(self) -> str:
        """16 hex digits that change with the CRS, the transform or the shape, not with the mask or the tiling."""
        return hash_of_values(_described(self.geobox))

    def land_mask(self, tile: Tile) -> np.ndarray:
        """Which pixels of ``tile`` are land: bool [height, width]."""
        with open_raster(self.land) as dataset:
            return _land_of_tile(dataset, tile)

    def around(self, tile: Tile, reach: int) -> Tile:
        """``tile`` with ``reach`` pixels more on each side, as far as the grid goes."""
        height, width = self.geobox.shape
        row, col = max(tile.row - reach, 0), max(tile.col - reach, 0)
        last_row = min(tile.row + tile.height + reach, height)
        return Tile(row, col, last_row - row, min(tile.col + tile.width + reach, width) - col)

    def centres(self, tile: Tile, crs: pyproj.CRS | str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Centres of a tile's pixels, row by row: x and y, each [height * width].

        Args:
            tile: the tile.
            crs: their CRS, the grid's own if not given; for a geographic one, x is longitude and y latitude (deg).
        """
        columns, rows = np.arange(tile.col, tile.col + tile.width), np.arange(tile.row, tile.row + tile.height)
        x, y = np.meshgrid(*self.centres_of(rows, columns))
        return project(x.ravel(), y.ravel(), crs_of(self.geobox), crs)

    def centres_of(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The x of columns ``cols`` and the y of rows ``rows`` (any shapes): pixels' centres in the grid's CRS."""
        transform = self.geobox.transform
        return transform.c + transform.a * (cols + 0.5), transform.f + transform.e * (rows + 0.5)


def grid_like(raster: str | Path, tile: int) -> Grid:
    """The grid of ``raster``, in tiles of ``tile`` pixels a side; pixels missing in its first band are not land.

    Raises:
        RasterError: not a raster, without a CRS, rotated or not north-up, or without any land.
    """
    raster = Path(raster)
    with open_raster(raster) as dataset:
        geobox = geobox_of(dataset)
        height, width = geobox.shape
        blocks = tiles_of(geobox, tile)
        land = [int(_land_of_tile(dataset, block).sum()) for block in blocks]
    if not any(land):
        raise RasterError("every pixel is missing, there is no land to map", where=raster, fix="check its nodata value")
    tiles = tuple(block for block, count in zip(blocks, land, strict=True) if count)
    log.info(
        "grid %d x %d pixels, %s, %.1f %% land, %d of %d tiles hold any",
        height, width, crs_of(geobox).name, 100 * sum(land) / (height * width), len(tiles), len(blocks),
    )  # fmt: skip
    return Grid(geobox, raster, tile, tiles)


def tiles_of(geobox: GeoBox, tile: int) -> list[Tile]:
    """All tiles of a grid, from north-west to south-east, with and without land."""
    height, width = geobox.shape
    return [
        Tile(row, col, min(tile, height - row), min(tile, width - col))
        for row in range(0, height, tile)
        for col in range(0, width, tile)
    ]


def write_grid(grid: Grid, path: str | Path) -> None:
    """Write ``grid`` as JSON."""
    record = {
        **_described(grid.geobox),
        "hash": grid.hash,
        "land": str(grid.land),
        "tile": grid.tile,
        "tiles": [[tile.row, tile.col, tile.height, tile.width] for tile in grid.tiles],
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in record.items()]
    write_text("{\n" + ",\n".join(lines) + "\n}\n", path)


def read_grid(path: str | Path) -> Grid:
    """Read a grid that ``write_grid`` wrote.

    Raises:
        RasterError: the file is damaged.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        shape, transform = tuple(int(side) for side in record["shape"]), Affine(*map(float, record["transform"]))
        geobox = GeoBox(shape, transform, record["crs"])
        tiles = tuple(Tile(*(int(number) for number in tile)) for tile in record["tiles"])
        return Grid(geobox, Path(record["land"]), int(record["tile"]), tiles)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, pyproj.exceptions.CRSError) as error:
        raise RasterError(
            f"cannot be read as a grid ({type(error).__name__}: {error})", where=path, fix="remove it and run again"
        ) from None


@contextmanager
def open_raster(path: str | Path) -> Iterator[rasterio.DatasetReader]:
    """Open a raster for reading.

    Raises:
        RasterError: there is no such file, or it is not a raster.
    """
    if not Path(path).is_file():
        raise RasterError("no such file", where=path, fix="check the path in the config")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # geobox_of says it better
            with rasterio.Env():  # as rasterio.open: formats are registered
                dataset = Raster(str(path))
    except RASTER_DAMAGE as error:
        raise RasterError(f"cannot be read as a raster ({error})", where=path, expected="a GeoTIFF") from None
    with dataset:
        yield dataset


def geobox_of(dataset: rasterio.DatasetReader) -> GeoBox:
    """CRS, transform and shape of an open raster.

    Raises:
        RasterError: it has no CRS, or its rows do not run from north to south and its columns from west to east.
    """
    try:
        crs = dataset.crs.to_wkt() if dataset.crs else None
        known = crs and pyproj.CRS.from_wkt(crs)
    except (CRSError, pyproj.exceptions.CRSError, ValueError, UnicodeDecodeError) as error:
        raise RasterError(f"its coordinate reference system cannot be read ({error})", where=dataset.name) from None
    if not known:
        raise RasterError("has no coordinate reference system", where=dataset.name, fix="set it, with gdal_edit -a_srs")
    transform = dataset.transform
    if not np.isfinite(transform[:6]).all():
        raise RasterError("its transform holds no numbers", where=dataset.name, fix="fetch or write it again")
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise RasterError(
            "is rotated or not north-up", where=dataset.name, expected="rows from north to south, columns west to east",
            fix="warp it, with gdalwarp",
        )  # fmt: skip
    return GeoBox(dataset.shape, transform, crs)


def same_grid(first: GeoBox, second: GeoBox) -> bool:
    """Whether two grids have the same pixels, to a thousandth of a pixel."""
    if first.shape != second.shape or first.crs != second.crs:
        return False
    steps = ~first.transform @ second.transform  # from pixels of the one to pixels of the other
    corners = [steps @ corner for corner in ((0, 0), first.shape[::-1])]
    return bool(np.allclose(corners, [(0, 0), first.shape[::-1]], rtol=0, atol=1e-3))


def crs_of(geobox: GeoBox) -> pyproj.CRS:
    """The CRS of a grid, as pyproj knows it."""
    return geobox.crs.proj


def project(
    x: np.ndarray, y: np.ndarray, source: pyproj.CRS, target: pyproj.CRS | str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Points x, y (any shape) from one CRS to another; infinite where they have no place in it."""
    if target is None or source == pyproj.CRS.from_user_input(target):
        return x, y
    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform(x, y)


def cells_at(geobox: GeoBox, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the cell that holds each point x, y [point] of the grid's own CRS; -1 where none does.

    The cell that holds a point is the one whose centre is nearest. On a geographic grid, longitudes that differ by
    360 degrees are the same, and on a cylinder's, x that differs by the width of the world.
    """
    transform, (height, width) = geobox.transform, geobox.shape
    with np.errstate(invalid="ignore"):  # a point without a place in the CRS is infinite
        if period := period_of(crs_of(geobox)):
            west = min(transform.c, transform.c + transform.a * width)
            x = np.where((x < west) | (x >= west + period), west + (x - west) % period, x)
        cols, rows = np.floor((x - transform.c) / transform.a), np.floor((y - transform.f) / transform.e)
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    return np.where(inside, rows, -1).astype(np.int64), np.where(inside, cols, -1).astype(np.int64)


def pixel_metres(geobox: GeoBox) -> tuple[float, float]:
    """Width and height of the pixel in the middle of the grid, in metres on the ellipsoid, whatever the CRS's unit."""
    height, width = geobox.shape
    middle = np.array([[width / 2, height / 2], [width / 2 + 1, height / 2], [width / 2, height / 2 + 1]])
    transform = geobox.transform
    x, y = transform.c + transform.a * middle[:, 0], transform.f + transform.e * middle[:, 1]
    longitude, latitude = project(x, y, crs_of(geobox), "EPSG:4326")
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(longitude[[0, 0]], latitude[[0, 0]], longitude[1:], latitude[1:])
    return float(metres[0]), float(metres[1])


def _land_of_tile(dataset: rasterio.DatasetReader, tile: Tile) -> np.ndarray:
    return present(dataset.read(1, window=tile.window), dataset.nodatavals[0])


def _described(geobox: GeoBox) -> dict:
    return {
        "crs": f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else geobox.crs.wkt,
        "transform": list(geobox.transform)[:6],
        "shape": list(geobox.shape),
    }
