"""Pixels around stations, for networks that look at a neighbourhood; beside the series of the samples:

    patch [station, day, row, column, band]              bands that change from day to day, a chunk a station
    patch_static [station, row, column, static_band]     bands that do not

A pixel of a patch that has no value (outside the grid, water, masked, not observed) takes that of the middle one, the
station's own, and is counted. Where the middle one has none, the row lacks that covariate, as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

PATCHES = {
    "patch": ("station", "day", "row", "column", "band"),
    "patch_static": ("station", "row", "column", "static_band"),
}


@dataclass(frozen=True)
class Patches:
    """The patches of a domain's samples.

    Args:
        size: pixels a side.
        moving: names of the bands that change from day to day.
        still: names of those that do not.
        arrays: those of ``PATCHES``, float32, NaN where the middle pixel has no value; numpy's, or zarr's on disk.
    """

    size: int
    moving: Sequence[str]
    still: Sequence[str]
    arrays: Mapping[str, Any]

    def of(self, which: str, names: Sequence[str], size: int) -> np.ndarray:
        """Some bands of an array of ``PATCHES``, in this order, ``size`` pixels a side, the middle ones: float32."""
        known = list(self.moving if which == "patch" else self.still)
        edge = (self.size - size) // 2
        inside = slice(edge, edge + size)
        return np.asarray(self.arrays[which][..., inside, inside, :])[..., [known.index(name) for name in names]]


@dataclass(frozen=True)
class PatchParts:
    """Patches that are read while they are written.

    Args:
        size, moving, still: as of ``Patches``.
        stations, days: how many.
        parts: positions of some stations, and their part of each array.
    """

    size: int
    moving: Sequence[str]
    still: Sequence[str]
    stations: int
    days: int
    parts: Iterator[tuple[np.ndarray, Mapping[str, np.ndarray]]]

    def write(self, path: Path) -> None:
        """Write the arrays into a store that is being written, a few stations at a time."""
        group, side = zarr.open_group(path, mode="a", zarr_format=2), (self.size, self.size)
        shapes = {"patch": (self.days, *side, len(self.moving)), "patch_static": (*side, len(self.still))}
        arrays = {
            which: group.create_array(
                which, shape=(self.stations, *shape), dtype="float32", chunks=(1, *(max(size, 1) for size in shape)),
                fill_value=np.float32(np.nan), attributes={"_ARRAY_DIMENSIONS": list(PATCHES[which])},
            )
            for which, shape in shapes.items()
        }  # fmt: skip
        for own, part in self.parts:
            for which, values in part.items():
                for station, patches in zip(own.tolist(), values, strict=True):
                    arrays[which][station] = patches
        zarr.consolidate_metadata(path, zarr_format=2)


def open_patches(path: Path, size: int, moving: Sequence[str], still: Sequence[str]) -> Patches:
    """The patches of a store, not read yet; ``moving`` and ``still`` are its coordinates."""
    group = zarr.open_group(path, mode="r", zarr_format=2)
    return Patches(size, moving, still, {which: group[which] for which in PATCHES})


def join_patches(parts: Sequence[tuple[Patches, np.ndarray, slice]], stations: int, days: int) -> Patches:
    """Patches of several domains together.

    Args:
        parts: the patches of each domain, of the same bands and size, the positions of its stations among all, and its
            days among all.
        stations, days: of all.
    """
    first = parts[0][0]
    side = (first.size, first.size)
    patch = np.full((stations, days, *side, len(first.moving)), np.nan, np.float32)
    static = np.full((stations, *side, len(first.still)), np.nan, np.float32)
    for own, rows, columns in parts:
        patch[rows, columns] = own.of("patch", first.moving, first.size)
        static[rows] = own.of("patch_static", first.still, first.size)
    return Patches(first.size, first.moving, first.still, {"patch": patch, "patch_static": static})
