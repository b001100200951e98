"""One tile of one day on the run's grid: NDVI, NDWI and the share of each pixel that was seen clearly.

The tile's indices are computed at 20 m, where they are valid, and averaged by area over the pixels of the grid. A
pixel of which less than a minimum share is valid has no index; its share stays. Several products of the same tile
and day (a take cut in two, or processed twice) fill each other: the newest baseline comes first.

Memory is bounded by a block of the tile, whatever the size of the region; pixels of the grid far from land are left
out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyproj
import rasterio

from loam.config.sections.sentinel2 import Sentinel2
from loam.errors import RasterError
from loam.io.atomic import atomic_path
from loam.raster.grid import Grid, Tile, crs_of, pixel_metres, same_grid
from loam.sentinel2.deliveries import open_product
from loam.sentinel2.indices import normalised_difference
from loam.sentinel2.masks import ProductMasks
from loam.sentinel2.offset import settle_offset
from loam.sentinel2.reading import Block, ProductReader
from loam.sentinel2.regrid import area_means
from loam.sentinel2.tile_pass import Product

log = logging.getLogger("loam")

OUTPUT_BANDS = ("ndvi", "ndwi", "valid_share")
SIDE = 1024  # 20 m pixels along a block
FILE_BLOCK = 256


def observe(paths: Sequence[str | Path], grid: Grid, output: str | Path, rules: Sentinel2) -> None:
    """Write the indices of one tile and day on ``grid``: bands ``ndvi``, ``ndwi``, ``valid_share``, float32, 1.

    A tile that does not reach the grid gives a file without any value, and a warning.

    Args:
        paths: products of one tile and day.
        grid: the run's grid.
        output: the GeoTIFF to write.
        rules: which pixels are valid, and the share of a pixel's area that must be.

    Raises:
        RasterError: a product is broken or incomplete, or the products are not of one tile and day.
    """
    products = _newest_first([open_product(path) for path in paths])
    with ExitStack() as stack:
        readers = [stack.enter_context(ProductReader(product)) for product in products]
        if not all(same_grid(readers[0].geobox, reader.geobox) for reader in readers):
            raise RasterError("products of the same tile differ in their pixels", where=products[1].where)
        sources = [_Source(reader, rules) for reader in readers]
        with atomic_path(output) as temporary, rasterio.open(temporary, "w", **_profile(grid)) as dataset:
            seen = _write(dataset, sources, grid, rules.minimum_share)
            _describe(dataset, sources, rules)
    if not seen[0]:
        log.warning("%s does not reach the grid: %s holds no value", products[0].name, output)
    else:
        log.info(
            "%s: %d pixels of the grid in the tile, %.1f %% of their area valid, %d with indices",
            products[0].name,
            *seen,
        )


class _Source:
    """An open product: its indices, block by block."""

    def __init__(self, reader: ProductReader, rules: Sentinel2) -> None:
        self.reader, self.masks = reader, ProductMasks(reader, rules)
        self.doubted = settle_offset(reader, self.masks)

    def indices(self, block: Block) -> tuple[np.ndarray, np.ndarray]:
        """NDVI and NDWI [2, row, column], and where both are valid [row, column]."""
        valid = self.masks.valid(block)
        if not valid.any():
            return np.full((2, *block.shape), np.nan, np.float32), valid
        red, near, short = (self.reader.reflectance(band, block) for band in ("B04", "B8A", "B12"))
        values = np.stack([normalised_difference(near, red), normalised_difference(near, short)])
        return values, valid & np.isfinite(values).all(0)


def _newest_first(products: list[Product]) -> list[Product]:
    products = sorted(products, key=lambda product: product.baseline or (0, 0), reverse=True)
    for product in products[1:]:
        apart = abs(product.time - products[0].time)
        if product.tile != products[0].tile or apart > timedelta(hours=12):
            raise RasterError(
                f"tile {product.tile} of {product.time:%Y-%m-%d} is not tile {products[0].tile} of "
                f"{products[0].time:%Y-%m-%d}",
                where=product.where, expected="products of one tile and day",
            )  # fmt: skip
    return products


def _profile(grid: Grid) -> dict[str, object]:
    height, width = grid.geobox.shape
    return {
        "driver": "GTiff", "dtype": "float32", "count": len(OUTPUT_BANDS), "height": height, "width": width,
        "crs": grid.geobox.crs.to_wkt(), "transform": grid.geobox.transform, "nodata": math.nan, "tiled": True,
        "blockxsize": FILE_BLOCK, "blockysize": FILE_BLOCK, "compress": "deflate", "predictor": 3, "interleave": "band",
        "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip


def _describe(dataset: rasterio.io.DatasetWriter, sources: list[_Source], rules: Sentinel2) -> None:
    products = [source.reader.product for source in sources]
    dataset.descriptions = OUTPUT_BANDS
    dataset.units = ("1",) * len(OUTPUT_BANDS)
    dataset.update_tags(
        products=" ".join(product.name for product in products),
        tile=products[0].tile,
        date=f"{products[0].time:%Y-%m-%d}",
        time=products[0].time.isoformat(timespec="seconds"),
        level=" ".join(product.level for product in products),
        baseline=" ".join(product.baseline_text for product in products),
        offset=" ".join(f"{product.bands['B8A'].offset:g}" for product in products),
        offset_doubted=" ".join("yes" if source.doubted else "no" for source in sources),
        masks="; ".join(", ".join(source.masks.used) for source in sources),
        scl=" ".join(str(code) for code in rules.scl),
        cloud_probability=f"{rules.cloud_probability:g}",
        snow_probability=f"{rules.snow_probability:g}",
        cloud_buffer=f"{rules.cloud_buffer}",
        minimum_share=f"{rules.minimum_share:g}",
    )


def _write(
    dataset: rasterio.io.DatasetWriter, sources: list[_Source], grid: Grid, minimum_share: float
) -> tuple[int, float, int]:
    """Write all blocks; pixels in the tile, percent of their area that is valid, pixels with indices."""
    reader = sources[0].reader
    transformer = pyproj.Transformer.from_crs(crs_of(grid.geobox), crs_of(reader.geobox), always_xy=True)
    inside, area, count = 0, 0.0, 0
    for tile in _blocks(grid, reader.geobox.transform.a):
        values = np.full((3, tile.height, tile.width), np.nan, np.float32)
        values[2] = 0
        if _edge_reaches(tile, grid, reader, transformer):
            columns, rows = _corners(tile, grid, reader, transformer)
            block = _covering(columns, rows, reader.geobox.shape)
            if block is not None:
                indices, valid = _filled(sources, block)
                values[:2], values[2] = area_means(indices, valid, columns - block.left, rows - block.top)
                values[:2, values[2] < minimum_share] = np.nan
                inside += int(_within(columns, rows, reader.geobox.shape).sum())
                area += float(values[2].sum())
                count += int(np.isfinite(values[0]).sum())
        dataset.write(values, window=tile.window)
    return inside, 100 * area / max(inside, 1), count


def _filled(sources: list[_Source], block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the first product, those of the next where it has none, and so on."""
    values, valid = sources[0].indices(block)
    for source in sources[1:]:
        if valid.all():
            break
        others, there = source.indices(block)
        values = np.where(~valid & there, others, values)
        valid |= there
    return values, valid


def _blocks(grid: Grid, pixel: float) -> Iterator[Tile]:
    """Blocks of the grid that hold a tile with land, so small that each covers some ``SIDE`` 20 m pixels a side."""
    height, width = grid.geobox.shape
    side = max(1, min(512, int(SIDE * pixel / max(pixel_metres(grid.geobox)))))
    for row in range(0, height, side):
        for column in range(0, width, side):
            block = Tile(row, column, min(side, height - row), min(side, width - column))
            if any(_meet(block, tile) for tile in grid.tiles):
                yield block


def _meet(first: Tile, second: Tile) -> bool:
    return (
        first.row < second.row + second.height
        and second.row < first.row + first.height
        and first.col < second.col + second.width
        and second.col < first.col + first.width
    )


def _to_pixels(
    grid_columns: np.ndarray, grid_rows: np.ndarray, grid: Grid, reader: ProductReader, transformer: pyproj.Transformer
) -> tuple[np.ndarray, np.ndarray]:
    """Places on the grid, in its columns and rows, as columns and rows of the tile."""
    x, y = transformer.transform(*(grid.geobox.transform @ (grid_columns, grid_rows)))
    return ~reader.geobox.transform @ (x, y)


def _corners(
    tile: Tile, grid: Grid, reader: ProductReader, transformer: pyproj.Transformer
) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a block's pixels, [row + 1, column + 1], as columns and rows of the tile."""
    columns, rows = np.meshgrid(
        np.arange(tile.col, tile.col + tile.width + 1.0), np.arange(tile.row, tile.row + tile.height + 1.0)
    )
    return _to_pixels(columns, rows, grid, reader, transformer)


def _edge_reaches(tile: Tile, grid: Grid, reader: ProductReader, transformer: pyproj.Transformer) -> bool:
    """Whether the box around a block's edge meets the tile."""
    right, bottom = tile.col + tile.width, tile.row + tile.height
    across, down = np.arange(tile.col, right + 1.0), np.arange(tile.row, bottom + 1.0)
    columns = np.concatenate([across, across, np.full(down.size, tile.col), np.full(down.size, right)])
    rows = np.concatenate([np.full(across.size, tile.row), np.full(across.size, bottom), down, down])
    return _covering(*_to_pixels(columns, rows, grid, reader, transformer), reader.geobox.shape) is not None


def _covering(columns: np.ndarray, rows: np.ndarray, shape: tuple[int, int]) -> Block | None:
    """The block of the tile around places on it; None where they do not reach it."""
    known = np.isfinite(columns) & np.isfinite(rows)
    if not known.any():
        return None
    columns, rows = columns[known], rows[known]
    top, left = max(0, math.floor(rows.min())), max(0, math.floor(columns.min()))
    bottom, right = min(shape[0], math.ceil(rows.max())), min(shape[1], math.ceil(columns.max()))
    return Block(top, bottom, left, right) if bottom > top and right > left else None


def _within(columns: np.ndarray, rows: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of the grid, given their corners, that reach the tile."""
    known = np.isfinite(columns + rows)
    lowest, highest = (_of_corners(np.where(known, columns, np.nan), pick) for pick in (np.minimum, np.maximum))
    top, bottom = (_of_corners(np.where(known, rows, np.nan), pick) for pick in (np.minimum, np.maximum))
    return (highest > 0) & (lowest < shape[1]) & (bottom > 0) & (top < shape[0])


def _of_corners(values: np.ndarray, pick: np.ufunc) -> np.ndarray:
    """The least or greatest of each pixel's four corners."""
    return pick(pick(values[:-1, :-1], values[:-1, 1:]), pick(values[1:, :-1], values[1:, 1:]))
