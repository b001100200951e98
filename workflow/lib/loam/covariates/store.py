"""Stores of the covariate cube: zarr groups of arrays on a grid, in chunks of a tile, several chunks to a file.

A store is written beside its place under a temporary name and renamed when it is complete, so that none is ever half
there. Arrays are float32 with NaN where a value is missing; chunks without a value take no space. Each group carries
``crs``, ``transform`` and the coordinates of its cells, so that xarray opens it as it opens any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox
from zarr.codecs import BloscCodec
from zarr.core.sync import sync

from loam.errors import RasterError, naming
from loam.io.atomic import atomic_folder

AGAIN = "build it again"
SHARD_CELLS = 16 * 2**20  # at most so many numbers a file (64 MiB), but at least one row of tiles
AT_ONCE = 2**20  # numbers of a block that is read whole
EPOCH = np.datetime64("1970-01-01", "D")
COMPRESSOR = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle", typesize=4)


@contextmanager
def atomic_store(path: str | Path) -> Iterator[zarr.Group]:
    """A new zarr group that appears as ``path`` when the block ends well, in place of what was there."""
    with atomic_folder(path) as temporary:
        try:
            yield zarr.open_group(temporary, mode="w", zarr_format=3)
        except BaseException:
            sync(_settle())
            raise


async def _settle() -> None:
    """Wait for zarr's other writes, which go on when one has failed and would make the folder again."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def open_store(path: str | Path) -> zarr.Group:
    """Open a store for reading.

    Raises:
        RasterError: there is none, or it is not one.
    """
    if not Path(path).is_dir():
        raise RasterError("no such store", where=path, fix="run the rule that builds it")
    with naming(RasterError, "cannot be read as a zarr store", where=path, fix=AGAIN):
        group = zarr.open_group(Path(path), mode="r", zarr_format=3)
        for described in Path(path).rglob("*/zarr.json"):  # zarr passes over members that it does not understand
            dict(group[described.parent.relative_to(path).as_posix()].attrs)
        return group


def path_of(node: zarr.Group | zarr.Array) -> Path:
    """Where a group or an array lies."""
    return Path(str(node.store_path).removeprefix("file://"))


def describe_grid(group: zarr.Group, geobox: GeoBox) -> None:
    """Write a grid into a group: CRS (WKT), transform, and the centres of its cells as arrays ``x`` and ``y``."""
    shape, transform = [int(length) for length in geobox.shape], [float(part) for part in list(geobox.transform)[:6]]
    group.attrs.update({"crs": geobox.crs.to_wkt(), "transform": transform, "shape": shape})
    for name, count, first, step in (
        ("y", geobox.shape[0], geobox.transform.f, geobox.transform.e),
        ("x", geobox.shape[1], geobox.transform.c, geobox.transform.a),
    ):
        centres = first + step * (np.arange(count) + 0.5)
        group.create_array(name, data=centres, chunks=(max(count, 1),), dimension_names=[name])


def grid_of_group(group: zarr.Group) -> GeoBox:
    """The grid that ``describe_grid`` wrote.

    Raises:
        RasterError: it is damaged.
    """
    with naming(RasterError, "does not describe its grid", where=path_of(group), fix=AGAIN):
        return GeoBox(tuple(group.attrs["shape"]), Affine(*group.attrs["transform"]), group.attrs["crs"])


def create_map(
    group: zarr.Group, name: str, shape: tuple[int, int], tile: int, *, leading: Mapping[str, int] | None = None,
    together: bool = False, attributes: Mapping[str, Any] | None = None,
) -> tuple[zarr.Array, int]:  # fmt: skip
    """An empty float32 array [..., y, x] in chunks of ``tile`` cells a side.

    Args:
        group: where.
        name: of the variable.
        shape: rows and columns.
        tile: cells a side of a chunk.
        leading: dimensions before y and x (``{"time": 31}``).
        together: a chunk holds all of the leading dimension (days of a cell), else one of it (a layer).
        attributes: units and the like.

    Returns:
        The array, and how many of its rows belong to one file: write as many at a time, all columns.
    """
    leading = dict(leading or {})
    wide = -(-shape[1] // tile) * tile
    first = [max(length, 1) if together else 1 for length in leading.values()]
    most = SHARD_CELLS // (tile * wide * int(np.prod(first)))
    rows = max(1, min(most, -(-shape[0] // tile))) * tile
    array = group.create_array(
        name, shape=(*leading.values(), *shape), dtype="float32", fill_value=np.float32(np.nan),
        chunks=(*first, tile, tile), shards=(*first, rows, wide), compressors=COMPRESSOR,
        dimension_names=[*leading, "y", "x"], attributes=dict(attributes or {}),
    )  # fmt: skip
    return array, rows


def create_days(group: zarr.Group, name: str, days: Sequence[np.datetime64] | np.ndarray) -> None:
    """The coordinate ``name`` of days, as CF tells them."""
    numbers = (np.asarray(days, "datetime64[D]") - EPOCH).astype(np.int32)
    group.create_array(
        name, data=numbers, chunks=(max(len(numbers), 1),), dimension_names=[name],
        attributes={"units": "days since 1970-01-01", "calendar": "proleptic_gregorian"},
    )  # fmt: skip


def days_of(group: zarr.Group, name: str) -> np.ndarray:
    """The days that ``create_days`` wrote: datetime64[D].

    Raises:
        RasterError: they are damaged.
    """
    return EPOCH + read_along(group, name).astype("timedelta64[D]")


def read_along(group: zarr.Group, name: str) -> np.ndarray:
    """All values of an array of a group that has one dimension.

    Raises:
        RasterError: it is damaged.
    """
    with naming(RasterError, f"'{name}' cannot be read", where=path_of(group), fix=AGAIN):
        values = np.asarray(group[name][:])
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise RasterError(
                f"'{name}' is {values.dtype} of {values.ndim} dimensions", where=path_of(group), fix=AGAIN
            )
        return values


def read_cells(array: zarr.Array, rows: np.ndarray, cols: np.ndarray, leading: Any = ()) -> np.ndarray:
    """Values at cells ``rows``, ``cols`` [cell] of an array [..., y, x]: [..., cell].

    A chunk that holds any of the cells is read once, whatever their order; a small block around all of them at once.

    Args:
        array: the array.
        rows, cols: [cell], inside it.
        leading: indices or slices of the dimensions before y and x.

    Raises:
        RasterError: the array is damaged.
    """
    with naming(RasterError, "cannot be read", where=path_of(array), fix=AGAIN):
        return _read_cells(array, rows, cols, leading)


def _read_cells(array: zarr.Array, rows: np.ndarray, cols: np.ndarray, leading: Any) -> np.ndarray:
    leading = tuple(leading)
    if array.ndim == 2 and len(rows) and not _close(rows, cols, 1):
        return np.asarray(array.get_coordinate_selection((rows, cols)))
    shape = [
        len(range(*part.indices(size)))
        for part, size in zip(leading, array.shape, strict=False)
        if isinstance(part, slice)
    ]
    out = np.empty((*shape, len(rows)), array.dtype)
    for own in _blocks(rows, cols, array, int(np.prod(shape))):
        top, left = rows[own].min(), cols[own].min()
        block = array[(*leading, slice(int(top), int(rows[own].max()) + 1), slice(int(left), int(cols[own].max()) + 1))]
        out[..., own] = np.asarray(block)[..., rows[own] - top, cols[own] - left]
    return out


def _blocks(rows: np.ndarray, cols: np.ndarray, array: zarr.Array, deep: int) -> list[np.ndarray]:
    """Positions of cells that are read together: all of them where they lie close, else those of each chunk."""
    if not len(rows):
        return []
    if _close(rows, cols, deep):
        return [np.arange(len(rows))]
    tall, wide = array.chunks[-2:]
    chunk = (rows // tall) * (-(-array.shape[-1] // wide)) + cols // wide
    order = np.argsort(chunk, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(chunk[order])) + 1)


def _close(rows: np.ndarray, cols: np.ndarray, deep: int) -> bool:
    return (np.ptp(rows) + 1) * (np.ptp(cols) + 1) * deep <= AT_ONCE
