"""The static covariates of a run: ``static.zarr``, made from canonical maps of soil, terrain and land cover.

Everything is made block by block on the run's grid, in rows of tiles, except for the flow of water, which needs the
elevations of the whole region (``loam.covariates.build.flow`` says how much memory that is).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr

from loam.covariates.build.flow import Scratch, accumulate, wetness
from loam.covariates.build.slopes import HALO, close_holes, pixel_sizes, slope_and_aspect
from loam.covariates.store import atomic_store, create_map, describe_grid
from loam.door import Door
from loam.errors import ConfigError, RasterError
from loam.raster.bands import unit_of
from loam.raster.classes import CLASSES, CODES, NO_CLASS, crosswalk_of
from loam.raster.grid import Grid, Tile, open_raster, tiles_of
from loam.raster.warp import Warped

log = logging.getLogger("loam")

LARGEST_HOLE = 100  # pixels of the elevation that are filled from their rim
TERRAIN = {
    "elevation": ("m", "height above the geoid"),
    "slope": ("degree", "slope (Horn, 1981)"),
    "aspect_cos": ("1", "cosine of the aspect: 1 faces north"),
    "aspect_sin": ("1", "sine of the aspect: 1 faces east"),
    "wetness": ("1", "topographic wetness index"),
}


def build_static(
    grid: Grid,
    path: str | Path,
    *,
    soil: Sequence[Path] = (),
    terrain: Sequence[Path] = (),
    landcover: Sequence[Path] = (),
    shares: bool = False,
    largest_hole: int = LARGEST_HOLE,
) -> None:
    """Write ``static.zarr``; it appears when it is complete.

    Args:
        grid: of the run.
        path: of the store.
        soil: maps, named by their variable (``clay.tif``); each band of several becomes ``clay_<band>``.
        terrain: the elevation, one map; none if there is none.
        landcover: one map, named by its product (``clum.tif``); none if there is none.
        shares: also write ``landcover_share_<class>``.
        largest_hole: pixels of a hole in the elevation that is filled.

    Raises:
        RasterError: a map is elsewhere, turned, of impossible values or of unknown classes.
        ConfigError: two maps of terrain or land cover, or two of one name.
    """
    names = [Path(item).stem for item in soil]
    for kind, items in (("terrain", terrain), ("landcover", landcover)):
        if len(items) > 1:
            raise ConfigError(f"{len(items)} maps", where=f"config key 'acquire.{kind}'", expected="one")
    if len(set(names)) < len(names):
        raise ConfigError(f"two maps of one variable among {', '.join(names)}", where="config key 'acquire.soil'")
    with atomic_store(path) as store:
        describe_grid(store, grid.geobox)
        store.attrs.update({"grid": grid.hash, "tile": grid.tile})
        for item in soil:
            _write_numbers(store, grid, Path(item))
        for item in terrain:
            _write_terrain(store, grid, Path(item), largest_hole, Path(path))
        for item in landcover:
            _write_classes(store, grid, Path(item), shares)


@contextmanager
def _open(path: Path, grid: Grid) -> Iterator[Warped]:
    with open_raster(path) as dataset:
        yield Warped(dataset, grid.geobox)


def _write_numbers(store: zarr.Group, grid: Grid, path: Path) -> None:
    with _open(path, grid) as warped:
        for band in range(1, warped.dataset.count + 1):
            name = path.stem if warped.dataset.count == 1 else f"{path.stem}_{band}"
            door = Door(name, unit_of(warped.dataset, band), path)

            def read(tile: Tile, band: int = band, door: Door = door) -> np.ndarray:
                return warped.numbers(band, tile, door)

            _write(store, grid, name, read, door.units, path)
            door.close()


def _write_terrain(store: zarr.Group, grid: Grid, path: Path, largest_hole: int, beside: Path) -> None:
    shape = tuple(grid.geobox.shape)
    scratch = Scratch(shape[0] * shape[1], beside)
    try:
        elevation = scratch.array(shape, np.float32)
        with _open(path, grid) as warped:
            door = Door("elevation", unit_of(warped.dataset, 1), path)
            datum = warped.dataset.tags().get("vertical_datum", "")
            for tile in _blocks(grid):
                elevation[_slices(tile)] = warped.numbers(1, tile, door)
            door.close()
        if np.isnan(elevation).all():
            raise RasterError("every elevation is missing", where=path, fix="check its nodata value")
        filled, left = close_holes(elevation, largest_hole, scratch.array(shape, np.int32))
        log.info("elevation: %d pixels in small holes filled, %d in large holes stay missing", filled, left)
        flooded = scratch.array(shape, np.float32)
        flooded[:] = elevation
        sizes = [pixel_sizes(grid.geobox, Tile(row, shape[1] // 2, min(grid.tile, shape[0] - row), 1))
                 for row in range(0, shape[0], grid.tile)]  # fmt: skip
        width, height = (np.concatenate([size[part][:, 0] for size in sizes]) for part in (0, 1))
        area = accumulate(flooded, width, height, scratch)
        arrays = {}
        for name, (units, title) in TERRAIN.items():
            attributes = {"units": units, "long_name": title, "source": str(path)}
            attributes |= {"vertical_datum": datum} if name == "elevation" and datum else {}
            arrays[name], rows = create_map(store, name, shape, grid.tile, attributes=attributes)
        for first in range(0, shape[0], rows):
            strip = {name: np.full((min(rows, shape[0] - first), shape[1]), np.nan, np.float32) for name in TERRAIN}
            for tile in _blocks(grid, first, first + rows):
                place = slice(tile.row - first, tile.row - first + tile.height), slice(tile.col, tile.col + tile.width)
                for name, values in zip(TERRAIN, _terrain_of(elevation, area, grid, tile), strict=True):
                    strip[name][place] = values
            for name, values in strip.items():
                arrays[name][first : first + rows] = values
        del elevation, flooded, area
    finally:
        scratch.close()
    missing = 100 * (1 - _known_share(arrays["elevation"], grid))
    if missing:
        log.warning("elevation is missing on %.3g %% of the land", missing)


def _terrain_of(elevation: np.ndarray, area: np.ndarray, grid: Grid, tile: Tile) -> list[np.ndarray]:
    """The covariates of ``TERRAIN`` for a tile."""
    rows = np.clip(np.arange(tile.row - HALO, tile.row + tile.height + HALO), 0, elevation.shape[0] - 1)
    cols = np.clip(np.arange(tile.col - HALO, tile.col + tile.width + HALO), 0, elevation.shape[1] - 1)
    block = np.asarray(elevation[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1])
    block = block[np.ix_(rows - rows[0], cols - cols[0])]
    outside_rows = (np.arange(len(rows)) + tile.row - HALO) != rows
    outside_cols = (np.arange(len(cols)) + tile.col - HALO) != cols
    block[outside_rows], block[:, outside_cols] = np.nan, np.nan
    width, height = pixel_sizes(grid.geobox, tile)
    slope, cosine, sine = slope_and_aspect(block, width, height)
    own = np.asarray(elevation[_slices(tile)])
    return [own, slope, cosine, sine, wetness(np.asarray(area[_slices(tile)]), slope, width, height)]


def _write_classes(store: zarr.Group, grid: Grid, path: Path, shares: bool) -> None:
    crosswalk = crosswalk_of(path.stem)
    untold = [name for name in CLASSES if name not in crosswalk.told]
    store.attrs.update(
        {"landcover_product": path.stem, "classes_told": list(crosswalk.told), "classes_not_told": untold}
    )
    if untold:
        log.warning("land cover: %s cannot tell %s; it is 0 everywhere", path.stem, ", ".join(untold))
    numbers = np.zeros(NO_CLASS + 1, np.float32)
    numbers[list(CODES.values())] = list(CODES.values())
    numbers[NO_CLASS] = np.nan
    with _open(path, grid) as warped:
        _write(
            store, grid, "landcover", lambda tile: numbers[warped.majority(crosswalk, tile)], "1", path,
            flag_values=list(CODES.values()), flag_meanings=" ".join(CODES),
        )  # fmt: skip
        if shares:
            _write_shares(store, grid, path, lambda tile: warped.shares(crosswalk, tile))


def _write_shares(store: zarr.Group, grid: Grid, path: Path, read: Callable[[Tile], np.ndarray]) -> None:
    shape, arrays = tuple(grid.geobox.shape), []
    for name in CLASSES:
        attributes = {"units": "1", "source": str(path), "long_name": f"share of {name} in the pixel"}
        array, rows = create_map(store, f"landcover_share_{name}", shape, grid.tile, attributes=attributes)
        arrays.append(array)
    for first in range(0, shape[0], rows):
        strip = np.full((len(CLASSES), min(rows, shape[0] - first), shape[1]), np.nan, np.float32)
        for tile in _land_tiles(grid, first, first + rows):
            lines = slice(tile.row - first, tile.row - first + tile.height)
            strip[:, lines, tile.col : tile.col + tile.width] = read(tile)
        for array, values in zip(arrays, strip, strict=True):
            array[first : first + rows] = values


def _write(
    store: zarr.Group, grid: Grid, name: str, read: Callable[[Tile], np.ndarray], units: str, path: Path,
    **attributes: object,
) -> None:  # fmt: skip
    shape = tuple(grid.geobox.shape)
    attributes = {"units": units, "source": str(path), **attributes}
    array, rows = create_map(store, name, shape, grid.tile, attributes=attributes)
    for first in range(0, shape[0], rows):
        strip = np.full((min(rows, shape[0] - first), shape[1]), np.nan, np.float32)
        for tile in _land_tiles(grid, first, first + rows):
            lines = slice(tile.row - first, tile.row - first + tile.height)
            strip[lines, tile.col : tile.col + tile.width] = read(tile)
        array[first : first + rows] = strip
    known = _known_share(array, grid)
    if not known:
        raise RasterError(f"{name} is missing on all of the land", where=path, fix="check its extent and nodata value")
    log.info("%s: missing on %.3g %% of the land", name, 100 * (1 - known))


def _known_share(array: zarr.Array, grid: Grid) -> float:
    """The share of the land's pixels that have a value."""
    land = known = 0
    for tile in grid.tiles:
        mask = grid.land_mask(tile)
        land += int(mask.sum())
        known += int((mask & ~np.isnan(np.asarray(array[_slices(tile)]))).sum())
    return known / max(land, 1)


def _slices(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)


def _land_tiles(grid: Grid, first: int, stop: int) -> list[Tile]:
    return [tile for tile in grid.tiles if first <= tile.row < stop]


def _blocks(grid: Grid, first: int = 0, stop: int | None = None) -> list[Tile]:
    """All tiles of the grid, with and without land, in rows ``first`` to ``stop``."""
    return [
        tile for tile in tiles_of(grid.geobox, grid.tile) if first <= tile.row and (stop is None or tile.row < stop)
    ]
