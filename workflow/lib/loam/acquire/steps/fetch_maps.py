"""Fetch a map tile by tile and leave it as a GeoTIFF on the run's grid.

Each tile is checked and kept as soon as it is there, so that a rerun after a kill asks for the missing ones only. The
tiles are joined one at a time: memory is bounded by a tile, never by the region.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import Extremes, checked_tile, nodata_of, type_of
from loam.acquire.canonical.check import check_map
from loam.acquire.catalogue import Dataset, Variable
from loam.acquire.source import Source
from loam.acquire.steps.fetched_parts import complete
from loam.errors import AcquireError, ConfigError, LoamError
from loam.io.atomic import atomic_path
from loam.io.progress import Progress, progress
from loam.raster.grid import Tile, geobox_of, open_raster, same_grid

log = logging.getLogger("loam")

BLOCK = 512  # pixels a side of the GeoTIFF's own blocks
CACHE_MB = 64  # of GDAL's blocks, which else grow with the map up to a share of the machine's memory
EMPTY_FIX = "check that the dataset covers the region, and its bands in datasets.yaml"


def fetch_map(source: Source, variable: str, geobox: GeoBox, path: str | Path, request: Mapping[str, Any]) -> None:
    """Fetch one variable of a map to ``path``: bands, units and nodata as the catalogue says.

    Tiles are kept in ``source.workspace``, which is removed when the map is complete. Source's ``concurrent`` tiles are
    asked for at once.

    Args:
        source: the dataset from a back end.
        variable: name in the catalogue.
        geobox: the grid.
        path: of the GeoTIFF.
        request: what was asked for (``loam.acquire.steps.fetched_parts.request_of``), for the provenance.

    Raises:
        ConfigError: the dataset has no such variable.
        AcquireError: the server did not give a tile, gave another, or a band is missing everywhere.
    """
    path, started = Path(path), datetime.now(UTC)
    item = variable_of(source.dataset, variable)
    dataset = source.as_held(item)
    folder = source.workspace / "tiles"
    folder.mkdir(parents=True, exist_ok=True)
    blocks = list(_blocks(geobox, max(16, source.tile)))
    kept = sum(_is_kept(folder, block, item, dataset, geobox) for block in blocks)
    log.info("%s, %s: %d tiles, %d kept from before", dataset.name, variable, len(blocks), kept)
    with progress(len(blocks), f"{dataset.name} {variable} tiles") as bar:
        bar.keep(kept)
        _fetch_tiles(source, item, geobox, [block for block in blocks if not _tile_path(folder, block).exists()], bar)
    with atomic_path(path) as temporary, rasterio.Env(GDAL_CACHEMAX=CACHE_MB):
        try:
            _join(folder, blocks, item, dataset, geobox, temporary)
            _check(temporary, item, dataset, geobox)
        except AcquireError as error:
            shutil.rmtree(folder)  # each tile passed, the whole does not: the next attempt asks for all of them
            raise AcquireError(error.what, where=path, expected=error.expected, fix=error.fix) from None
    complete(path, source, request, started, tiles=len(blocks))


def variable_of(dataset: Dataset, name: str) -> Variable:
    """The variable of that name.

    Raises:
        ConfigError: the dataset does not have it.
    """
    if name not in dataset.variables:
        raise ConfigError(
            f"no variable '{name}'",
            where=f"dataset '{dataset.name}'",
            expected=f"one of {', '.join(dataset.variables)}",
        )
    return dataset.variables[name]


def _blocks(geobox: GeoBox, size: int) -> Iterator[Tile]:
    height, width = geobox.shape
    for row in range(0, height, size):
        for col in range(0, width, size):
            yield Tile(row, col, min(size, height - row), min(size, width - col))


def _part(geobox: GeoBox, block: Tile) -> GeoBox:
    return geobox[block.row : block.row + block.height, block.col : block.col + block.width]


def _tile_path(folder: Path, block: Tile) -> Path:
    return folder / f"{block.row:06d}_{block.col:06d}_{block.height}x{block.width}.tif"


def _fetch_tiles(source: Source, variable: Variable, geobox: GeoBox, blocks: list[Tile], bar: Progress) -> None:
    """Fetch, check and keep each tile; the first error ends the run when the tiles under way are done."""
    where = f"{source.dataset.name} from {source.back_end}, {variable.name}"

    def fetch(block: Tile) -> None:
        part = _part(geobox, block)
        here = f"{where}, tile at row {block.row}, column {block.col}"
        values = checked_tile(source.read_map(variable.name, part), variable, source.dataset, part, here)
        _keep(values, variable, source.dataset, part, _tile_path(source.workspace / "tiles", block))

    if source.concurrent <= 1:
        for block in blocks:
            fetch(block)
            bar.step()
        return
    pool = ThreadPoolExecutor(source.concurrent, thread_name_prefix="tile")
    try:
        for future in as_completed([pool.submit(fetch, block) for block in blocks]):
            future.result()
            bar.step()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _profile(variable: Variable, dataset: Dataset, geobox: GeoBox) -> dict[str, Any]:
    height, width = geobox.shape
    return {
        "driver": "GTiff", "dtype": type_of(variable, dataset), "count": len(variable.bands) or 1, "height": height,
        "width": width, "crs": geobox.crs.to_wkt(), "transform": geobox.transform,
        "nodata": nodata_of(variable, dataset), "compress": "deflate",
    }  # fmt: skip


def _keep(values: np.ndarray, variable: Variable, dataset: Dataset, geobox: GeoBox, path: Path) -> None:
    filled = (
        values if variable.classes else np.where(np.isfinite(values), values, np.float32(nodata_of(variable, dataset)))
    )
    with atomic_path(path) as temporary, rasterio.open(
        temporary, "w", **_profile(variable, dataset, geobox), zlevel=1
    ) as file:  # fmt: skip
        file.write(filled)


def _is_kept(folder: Path, block: Tile, variable: Variable, dataset: Dataset, geobox: GeoBox) -> bool:
    """Whether the tile is there and still passes; one that does not is removed."""
    path = _tile_path(folder, block)
    if not path.exists():
        return False
    part = _part(geobox, block)
    try:
        with open_raster(path) as file:
            if not same_grid(geobox_of(file), part):
                raise AcquireError("is on another grid", where=path)
            checked_tile(_values(file, variable), variable, dataset, part, str(path))
    except (LoamError, OSError, rasterio.errors.RasterioError) as error:
        log.warning("%s is fetched again (%s)", path.name, error)
        path.unlink()
        return False
    return True


def _values(file: rasterio.DatasetReader, variable: Variable) -> np.ndarray:
    values = file.read()
    return values if variable.classes else np.where(values == file.nodata, np.float32(np.nan), values)


def _join(folder: Path, blocks: list[Tile], variable: Variable, dataset: Dataset, geobox: GeoBox, path: Path) -> None:
    profile = _profile(variable, dataset, geobox)
    seen = [Extremes() for _ in range(profile["count"])]
    with rasterio.open(
        path, "w", **profile, tiled=True, blockxsize=BLOCK, blockysize=BLOCK, bigtiff="if_safer",
        predictor=2 if variable.classes else 3,
    ) as file:  # fmt: skip
        file.descriptions = variable.bands or (variable.name,)
        file.units = (variable.units,) * profile["count"]
        file.update_tags(**_tags(variable, dataset))
        for block in blocks:
            with rasterio.open(_tile_path(folder, block)) as tile:
                values = tile.read()
            for band, extremes in zip(values, seen, strict=True):
                extremes.add(band, band != np.asarray(file.nodata, band.dtype))
            file.write(values, window=block.window)
    names = variable.bands or (variable.name,)
    for name, extremes in zip(names, seen, strict=True):
        if not extremes.count:
            raise AcquireError(
                f"every pixel of band {name} is missing", expected=f"{dataset.title} in the region", fix=EMPTY_FIX
            )
        extremes.report(variable, f"{dataset.name}, band {name}")


def _tags(variable: Variable, dataset: Dataset) -> dict[str, str]:
    tags = {"dataset": dataset.name, "version": dataset.version, "title": variable.title}
    return tags | ({"vertical_datum": dataset.vertical_datum} if dataset.vertical_datum else {})


def _check(path: Path, variable: Variable, dataset: Dataset, geobox: GeoBox) -> None:
    names = variable.bands or (variable.name,)
    slack = 1e-5 * (variable.high - variable.low)
    limits = dict.fromkeys(names, (variable.low, variable.high))
    check_map(path, geobox, names, limits, _tags(variable, dataset), tolerance=slack)
