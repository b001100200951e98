"""Observations of a month on the run's pixels: passes of Sentinel-1, days of Sentinel-2.

Flags come before ranges: a pixel in shadow or layover is missing whatever its numbers say, and only what is left has to
be possible. An observation is valid in all its variables or in none; but where flags say that a pixel is good, a
polarisation without a value was lost, or not taken, and does not take the other one along. Tiles of Sentinel-2 that
overlap on a day become one, the mean weighted by valid share.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
import zarr
from rasterio.windows import Window

from loam.covariates.store import create_days, create_map, describe_grid
from loam.door import Door
from loam.errors import RasterError
from loam.raster.bands import unit_of, values_of_band
from loam.raster.grid import Grid, crs_of, geobox_of, open_raster
from loam.sentinel1.validity import MISSING, Validity
from loam.sentinel2.observation_series import merge_days
from loam.variables import observed, variables

log = logging.getLogger("loam")

ALONE = ("vv", "vh")  # count where the other is missing, at pixels that are good by their flags
UNUSABLE = int(MISSING | Validity.LAYOVER | Validity.SHADOW)  # bits of band ``validity`` of a pass
DATE = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def day_of_file(path: Path) -> date:
    """The day that a file's name begins with.

    Raises:
        RasterError: it does not begin with one.
    """
    found = DATE.match(path.name)
    if not found:
        raise RasterError("its name does not begin with a day", where=path, expected="2022-08-15_<pass>.tif")
    return date(*map(int, found.groups()))


def orbit_of_file(path: Path) -> int:
    """The relative orbit that a pass's file is named by (``2020-01-01_083_S1A.tif``); 0 for a file of no orbit."""
    found = re.match(r"\d{4}-?\d{2}-?\d{2}_(\d{1,3})_S1[A-D]", path.name)
    return int(found[1]) if found else 0


def write_observations(group: zarr.Group, kind: str, files: Sequence[Path], days: Sequence[date], grid: Grid) -> None:
    """Write the observations of some days: [time, y, x] of each variable, ``time`` and ``relative_orbit``.

    Args:
        group: of the month's store.
        kind: ``sentinel1``, an observation a file, or ``sentinel2``, one a day.
        files: GeoTIFFs on the run's pixels (all or a part), their day first in the name.
        days: of the month; files of other days are left out.
        grid: of the run.

    Raises:
        RasterError: a file is on other pixels, lacks a band, is damaged, or holds impossible values.
    """
    dated = sorted((day_of_file(path), path.name, path) for path in files)
    kept = [(day, path) for day, _, path in dated if days[0] <= day <= days[-1]]
    if len(kept) < len(dated):
        log.info("%d of %d files are of other months", len(dated) - len(kept), len(dated))
    takes = [(day, [path]) for day, path in kept]
    if kind == "sentinel2":
        takes = [(day, [path for own, path in kept if own == day]) for day in sorted({day for day, _ in kept})]
    create_days(group, "time", [day for day, _ in takes])
    orbits = np.array([orbit_of_file(paths[0]) for _, paths in takes], np.int16)
    group.create_array("relative_orbit", data=orbits, dimension_names=["time"])
    describe_grid(group, grid.geobox)
    layers = [name for name, variable in observed(kind).items() if variable.derive == "last_valid"]
    arrays, rows = [], grid.tile
    for name in layers:
        array, rows = create_map(
            group, name, tuple(grid.geobox.shape), grid.tile, leading={"time": len(takes)},
            attributes={"units": variables()[name].units, "source": ", ".join(path.name for _, path in kept)},
        )  # fmt: skip
        arrays.append(array)
    for number, (day, paths) in enumerate(takes):
        with ExitStack() as stack:
            datasets = [stack.enter_context(open_raster(path)) for path in paths]
            _write_take(arrays, rows, number, [_File(dataset, layers, grid) for dataset in datasets], day)


def _write_take(arrays: Sequence[zarr.Array], rows: int, number: int, files: Sequence[_File], day: date) -> None:
    """Write one observation, ``rows`` rows at a time."""
    height, width = arrays[0].shape[1:]
    valid = 0
    for first in range(0, height, rows):
        stop = min(first + rows, height)
        parts = [part for file in files if (part := file.read(first, stop, width, day)) is not None]
        if not parts:
            continue
        values, share = (np.stack(items) for items in zip(*parts, strict=True))
        same_day = np.zeros(len(parts), "datetime64[D]")
        merged = merge_days(values, np.broadcast_to(share[:, None], values.shape), same_day)[0][0]
        valid += int((~np.isnan(merged)).any(0).sum())
        for array, block in zip(arrays, merged, strict=True):
            array[number, first:stop] = block
    for file in files:
        file.close(day)
    log.info("%s: %d valid pixels", ", ".join(file.path.name for file in files), valid)


@dataclass
class _File:
    """An open file of an observation, and where it lies on the run's grid."""

    dataset: rasterio.DatasetReader
    names: Sequence[str]
    grid: Grid

    def __post_init__(self) -> None:
        self.path = Path(self.dataset.name)
        self.row, self.col = _offset(self.dataset, self.grid)
        self.bands = {name: number for number, name in enumerate(self.dataset.descriptions, start=1) if name}
        if lacking := [name for name in self.names if name not in self.bands]:
            raise RasterError(
                f"has no band {', '.join(lacking)}", where=self.path, expected=f"bands named {', '.join(self.names)}",
                fix=f"its bands are {', '.join(self.bands) or 'without names'}",
            )  # fmt: skip
        self.doors = {name: Door(name, unit_of(self.dataset, self.bands[name]), self.path) for name in self.names}

    def read(self, first: int, stop: int, width: int, day: date) -> tuple[np.ndarray, np.ndarray] | None:
        """Rows ``first`` to ``stop`` of the grid: values [variable, row, column], NaN where one of the variables is
        missing, but for polarisations of a file with flags, which count alone; valid share [row, column], 1 where the
        file does not tell it. None where the file holds nothing.
        """
        top, bottom = max(first, self.row), min(stop, self.row + self.dataset.height)
        left, right = max(self.col, 0), min(self.col + self.dataset.width, width)
        if top >= bottom or left >= right:
            return None
        window = Window(left - self.col, top - self.row, right - left, bottom - top)
        usable = np.ones((bottom - top, right - left), bool)
        if "validity" in self.bands:
            flags = np.nan_to_num(self.dataset.read(self.bands["validity"], window=window)).astype(np.int64)
            usable = (flags & UNUSABLE) == 0
        blocks = np.stack([self._block(name, window, usable, day) for name in self.names])
        valid = ~np.isnan(blocks)
        if not valid.any():
            return None
        inside = (..., slice(top - first, bottom - first), slice(left, right))
        values = np.full((len(blocks), stop - first, width), np.nan, np.float32)
        values[inside] = np.where(self._whole(valid), blocks, np.float32(np.nan))
        share = np.zeros((stop - first, width), np.float32)
        share[inside] = 1
        if "valid_share" in self.bands:
            share[inside] = np.nan_to_num(self.dataset.read(self.bands["valid_share"], window=window))
        return values, share

    def _whole(self, valid: np.ndarray) -> np.ndarray:
        """Where a variable counts, bool [variable, row, column], from where it has a value."""
        alone = np.array([name in ALONE and "validity" in self.bands for name in self.names])
        some = valid[alone].any(0) if alone.any() else np.ones(valid.shape[1:], bool)
        others = [own for own in valid[~alone] if own.any()]  # what a file lacks altogether is not asked for
        common = np.logical_and.reduce([some, *others])
        return np.where(alone[:, None, None], valid & common, common)

    def close(self, day: date) -> None:
        """Check what can be said of a whole file only."""
        for door in self.doors.values():
            door.close(day)

    def _block(self, name: str, window: Window, usable: np.ndarray, day: date) -> np.ndarray:
        values = values_of_band(self.dataset, self.bands[name], window)
        return self.doors[name].pass_through(np.where(usable, values, np.float32(np.nan)), day)


def _offset(dataset: rasterio.DatasetReader, grid: Grid) -> tuple[int, int]:
    """Row and column of the run's grid that a raster on its pixels begins at."""
    geobox = geobox_of(dataset)
    steps = ~grid.geobox.transform @ geobox.transform
    row, col = round(steps.f), round(steps.c)
    off = max(
        abs(steps.a - 1) * dataset.width, abs(steps.e - 1) * dataset.height, abs(steps.c - col), abs(steps.f - row)
    )
    if geobox.crs != grid.geobox.crs or off > 1e-2:
        raise RasterError(
            "is not on the pixels of the run's grid", where=dataset.name,
            expected=f"{crs_of(grid.geobox).name}, {grid.geobox.transform.a:g} a pixel", fix="make it again",
        )  # fmt: skip
    return row, col
