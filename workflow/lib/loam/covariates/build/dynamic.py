"""The covariates of one month: ``dynamic/<yyyy-mm>.zarr``.

Each kind of data is a group on a grid of its own:

- ``coarse_moisture`` and ``weather``: daily fields [time, y, x] on their native cells, all days of the month, NaN for a
  day that the file does not have;
- ``vegetation`` and other groups of composites (``loam.variables``): [time, y, x] on their native cells, ``time`` the
  day of each;
- ``sentinel1``: observations [time, y, x] on the run's grid, one a pass, ``time`` its day. Backscatter in layover or
  shadow is missing; what lies below the noise is kept, as it was measured;
- ``sentinel2``: observations [time, y, x] on the run's grid, one a day: where tiles of a day overlap, their mean
  weighted by valid share (``loam.sentinel2.observation_series.merge_days``).

Where one variable of an observation is missing, all are.

A month holds its own days only: lags, sums and the last valid observation look into the months before when they are
read. Fields are read a few rows of cells at a time, observations a few rows of tiles.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import zarr
from odc.geo.geobox import GeoBox

from loam.covariates.build.observations import write_observations
from loam.covariates.store import atomic_store, create_days, create_map, describe_grid
from loam.door import Door
from loam.errors import RasterError
from loam.io.netcdf import open_netcdf
from loam.raster.cells import NetCdfCells, open_cells
from loam.raster.day_axis import days_of_steps
from loam.raster.grid import Grid, cells_at, crs_of, project, same_grid
from loam.variables import Variable, kinds, kinds_of, observed

log = logging.getLogger("loam")

CELLS_A_CHUNK = 32  # cells of a coarse field a side of a chunk, all days of a month
COMPOSITE_CHUNK = 256


def build_month(
    month: str,
    grid: Grid,
    path: str | Path,
    **given: Sequence[Path],
) -> None:
    """Write the store of a month (``2022-08``); it appears when it is complete.

    Args:
        month: year and month.
        grid: of the run.
        path: of the store.
        **given: files by kind (``loam.variables``): CF-netCDF of daily fields that hold days of the month (other days
            are left out), or of composites, ``time`` the day of each; of Sentinel-1 and -2 GeoTIFFs on the run's pixels
            (all or a part), their day first in the name.

    Raises:
        RasterError: a file is elsewhere or turned, lacks a variable, repeats a day, or holds impossible values.
    """
    first = date.fromisoformat(f"{month}-01")
    days = [first + timedelta(days=step) for step in range(31)]
    days = [day for day in days if day.month == first.month]
    with atomic_store(path) as store:
        store.attrs.update({"grid": grid.hash, "month": month})
        for kind, files in ((kind, [Path(item) for item in given.get(kind, ())]) for kind in kinds()):
            held = {str(item.variable): item for item in observed(kind).values() if item.derive == "last_valid"}
            if files and kind in kinds_of("scenes"):
                write_observations(store.create_group(kind), kind, files, days, grid)
            elif files and held:
                for variable, own in _by_variable(files, held).items():
                    _write_composites(store.create_group(str(variable.kind)), variable, own, days, grid)
            elif files:
                _write_fields(store.create_group(kind), files, days, grid)


def _write_fields(group: zarr.Group, files: Sequence[Path], days: Sequence[date], grid: Grid) -> None:
    written: dict[str, Path] = {}
    geobox: GeoBox | None = None
    create_days(group, "time", days)
    for path in files:
        names = _variables(path, written)
        with open_cells(path, names) as cells:
            _check_meets(cells, grid)
            if geobox is None:
                geobox = cells.geobox
                describe_grid(group, geobox)
            elif not same_grid(geobox, cells.geobox):
                raise RasterError(f"its cells are not those of {files[0]}", where=path, fix="bring both to one grid")
            missing = [day for day in days if day not in cells.days]
            if missing:
                log.warning("%s: no field of %s", path, ", ".join(map(str, missing)))
            for name in names:
                _write_field(group, cells, name, days)
                written[name] = path
            _write_counts(group, path, days)


def _write_field(group: zarr.Group, cells: NetCdfCells, name: str, days: Sequence[date]) -> None:
    door = Door(name, cells.units(name), cells.path)
    shape = cells.geobox.shape
    array, rows = create_map(
        group, name, shape, CELLS_A_CHUNK, leading={"time": len(days)}, together=True,
        attributes={"units": door.units, "source": str(cells.path)},
    )  # fmt: skip
    held, known = set(cells.days), 0
    for first in range(0, shape[0], rows):
        lines = slice(first, min(first + rows, shape[0]))
        block = np.full((len(days), lines.stop - lines.start, shape[1]), np.nan, np.float32)
        for number, day in enumerate(days):
            if day in held:
                block[number] = door.pass_through(cells.read(name, day, lines, slice(0, shape[1])), day)
        known += int((~np.isnan(block)).sum())
        array[:, lines] = block
    door.close(f"{days[0]} to {days[-1]}")
    log.info(
        "%s: %.3g %% of the cells and days are missing", name, 100 * (1 - known / (len(days) * shape[0] * shape[1]))
    )


def _write_counts(group: zarr.Group, path: Path, days: Sequence[date]) -> None:
    """Keep what a file tells of whole days (``n_fields``, ``model_only``): [time], NaN for a day that it lacks."""
    with open_netcdf(path) as dataset:
        for name, variable in dataset.data_vars.items():
            if variable.ndim == 1 and isinstance(dataset.indexes.get(variable.dims[0]), pd.DatetimeIndex):
                known = days_of_steps(dataset, str(variable.dims[0]), path, daily=False)
                by_day = dict(zip(known, variable.values.astype(float), strict=True))
                values = np.array([by_day.get(day, np.nan) for day in days], np.float32)
                group.create_array(str(name), data=values, chunks=(len(days),), dimension_names=["time"])


def _by_variable(files: Sequence[Path], known: Mapping[str, Variable]) -> dict[Variable, list[Path]]:
    """The files of composites by the variable that they hold.

    Raises:
        RasterError: a file holds none of those that are known.
    """
    found: dict[Variable, list[Path]] = {}
    for path in files:
        with open_netcdf(path) as dataset:
            held = [known[str(name)] for name in dataset.data_vars if name in known]
        if not held:
            raise RasterError("has no composites", where=path, expected=f"one of {', '.join(known)}")
        for variable in held:
            found.setdefault(variable, []).append(path)
    return found


def _write_composites(
    group: zarr.Group, variable: Variable, files: Sequence[Path], days: Sequence[date], grid: Grid
) -> None:
    name = str(variable.variable)
    found: list[tuple[date, Path]] = []
    geobox: GeoBox | None = None
    for path in files:
        with open_cells(path, [name]) as cells:
            _check_meets(cells, grid)
            if geobox is None:
                geobox = cells.geobox
            elif not same_grid(geobox, cells.geobox):
                raise RasterError(f"its cells are not those of {files[0]}", where=path, fix="bring both to one grid")
            found += [(day, path) for day in cells.days if days[0] <= day <= days[-1]]
    found.sort()
    create_days(group, "time", [day for day, _ in found])
    describe_grid(group, geobox)
    shape = geobox.shape
    array, rows = create_map(
        group, name, shape, COMPOSITE_CHUNK, leading={"time": len(found)},
        attributes={"units": variable.units, "source": ", ".join(map(str, files))},
    )  # fmt: skip
    for path in files:
        with open_cells(path, [name]) as cells:
            door = Door(variable.name, cells.units(name), path)
            for number, (day, own) in enumerate(found):
                for first in range(0, shape[0] if own == path else 0, rows):
                    lines = slice(first, min(first + rows, shape[0]))
                    array[number, lines] = door.pass_through(cells.read(name, day, lines, slice(0, shape[1])), day)
            door.close()
    log.info("%s: %d composites", variable.name, len(found))


def _variables(path: Path, written: dict[str, Path]) -> list[str]:
    """The variables of a file that have time and place."""
    with open_netcdf(path) as dataset:
        most = max((variable.ndim for variable in dataset.data_vars.values()), default=0)
        names = [str(name) for name, variable in dataset.data_vars.items() if variable.ndim == most == 3]
    if not names:
        raise RasterError("has no variable with time, y and x", where=path, expected="daily fields")
    if both := [name for name in names if name in written]:
        raise RasterError(f"{both[0]} is also in {written[both[0]]}", where=path, fix="give one file of each variable")
    return names


def _check_meets(cells: NetCdfCells, grid: Grid) -> None:
    """Raise a RasterError unless a cell holds the centre of a land tile's pixel."""
    if not cells.has_time:
        raise RasterError("has no time", where=cells.path, expected="daily fields (time, y, x)")
    for sign in (1, -1):
        for tile in grid.tiles:
            rows = np.linspace(tile.row, tile.row + tile.height - 1, 9).round().astype(int)
            cols = np.linspace(tile.col, tile.col + tile.width - 1, 9).round().astype(int)
            x, y = np.meshgrid(*grid.centres_of(rows, cols))
            x, y = project(x.ravel(), y.ravel(), crs_of(grid.geobox), crs_of(cells.geobox))
            if (cells_at(cells.geobox, x, sign * y)[0] >= 0).any():
                if sign == 1:
                    return
                raise RasterError(
                    "does not overlap the grid of the run", where=cells.path, expected=f"data over {grid.land}",
                    fix="it lies in the wrong hemisphere: its y should have the other sign",
                )  # fmt: skip
    raise RasterError(
        "does not overlap the grid of the run", where=cells.path, expected=f"data over {grid.land}",
        fix="check its CRS and its extent",
    )  # fmt: skip
