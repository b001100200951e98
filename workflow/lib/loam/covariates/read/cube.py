"""The covariate cube of a run, opened for reading: pixels of the grid, on any days, for maps and for samples.

``results/<run>/covariates/static.zarr`` holds what does not change, on the run's grid; ``dynamic/<yyyy-mm>.zarr`` one
month of what does: daily fields on their own coarse cells (groups ``coarse_moisture``, ``weather``), and observations
by pass or composite (``sentinel1``, ``sentinel2``, ``vegetation``). A map's tile and a station's samples are both made
by ``GridSource`` here and ``RowReader`` in ``loam.covariates.read.derive``; nothing else reads the stores.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyproj
import zarr
from odc.geo.geobox import GeoBox

from loam.covariates.read.derive import Observations, Series, Settings
from loam.covariates.store import days_of, grid_of_group, open_store, read_along, read_cells
from loam.errors import ConfigError, RasterError
from loam.raster.cell_index import CellIndex, index_pixels, transformer_between
from loam.raster.classes import CODES
from loam.raster.grid import Grid, same_grid
from loam.sentinel1.decibel import to_decibel
from loam.sentinel1.outliers import outliers
from loam.variables import kinds_of, observed, variables

log = logging.getLogger("loam")

DAILY_GROUPS = sorted({str(item.kind) for item in variables().values() if item.kind in kinds_of("fields")} - {
    str(item.kind) for item in observed().values()
})  # fmt: skip
BACKSCATTER = ("vv", "vh")


class Cube:
    """The open stores of a run.

    Args:
        grid: of the run.
        static: ``static.zarr``.
        months: the stores of months, by their names (``2022-08.zarr``) in any order.
        settings: how covariates are derived.
        outliers: z-score, among the passes of its relative orbit, beyond which backscatter is left out; None for none.
            For samples: a map's one day knows too few passes.

    Raises:
        RasterError: a store is missing, or was built for another grid.
    """

    def __init__(
        self,
        grid: Grid,
        static: str | Path,
        months: Sequence[str | Path],
        settings: Settings,
        *,
        outliers: float | None = None,
    ) -> None:
        self.grid, self.settings, self.outliers = grid, settings, outliers
        self.static_path, self.static = Path(static), open_store(static)
        self.months: dict[str, zarr.Group] = {Path(path).stem: open_store(path) for path in sorted(map(Path, months))}
        for path, store in [
            (self.static_path, self.static),
            *zip(sorted(map(Path, months)), self.months.values(), strict=True),
        ]:
            if store.attrs.get("grid") != grid.hash:
                raise RasterError("was built for another grid", where=path, fix="build it again, with this run's grid")
        self._group_of: dict[str, str] = {}
        self._static: dict[str, zarr.Array] = {}
        self._groups: dict[tuple[str, str], zarr.Group] = {}
        self._arrays: dict[tuple[str, str, str], zarr.Array] = {}
        self._days: dict[tuple[str, str], np.ndarray] = {}
        self._grids: dict[str, GeoBox] = {}
        self._transformers: dict[str, pyproj.Transformer | None] = {}

    def at(self, rows: np.ndarray, cols: np.ndarray) -> GridSource:
        """The pixels at ``rows``, ``cols`` [pixel] of the run's grid."""
        return GridSource(self, np.asarray(rows, np.int64), np.asarray(cols, np.int64))

    def group_of(self, variable: str) -> str:
        """The group that holds a daily variable.

        Raises:
            ConfigError: none does.
        """
        if variable in self._group_of:
            return self._group_of[variable]
        names: set[str] = set()
        for month in self.months.values():
            for group in DAILY_GROUPS:
                if group in month:
                    own = {name for name, array in month[group].arrays() if array.ndim == 3}
                    if variable in own:
                        self._group_of[variable] = group
                        return group
                    names |= own
        known = sorted(names)
        raise ConfigError(
            f"the cube has no daily covariate '{variable}'", where="config key 'features'",
            expected=f"one of {', '.join(known)}" if known else "one that a dataset of section 'acquire' gives",
        )  # fmt: skip

    def values(
        self, variable: str, rows: np.ndarray, cols: np.ndarray, first: np.datetime64, last: np.datetime64
    ) -> np.ndarray:
        """A daily variable from ``first`` to ``last`` in cells of its group's grid: [day, cell], float32."""
        group = self.group_of(variable)
        values = np.full((int((last - first).astype(int)) + 1, len(rows)), np.nan, np.float32)
        for month in _months_of(self.months, first, last):
            array = self.array(month, group, variable)
            if array is not None and len(rows):
                days = self.days(month, group)
                inside = np.flatnonzero((days >= first) & (days <= last))
                if len(inside):
                    part = read_cells(array, rows, cols, (slice(int(inside[0]), int(inside[-1]) + 1),))
                    values[(days[inside] - first).astype(int)] = part[inside - inside[0]]
        return values

    def array(self, month: str, group: str, name: str) -> zarr.Array | None:
        """An array of a month; None where the month has no such group or variable."""
        key = (month, group, name)
        if key not in self._arrays:
            if (month, group) not in self._groups:
                self._groups[month, group] = self.months[month].get(group)
            own = self._groups[month, group]
            self._arrays[key] = own.get(name) if own is not None else None
        return self._arrays[key]

    def days(self, month: str, group: str) -> np.ndarray:
        """The days of a month's group."""
        if (month, group) not in self._days:
            self._days[month, group] = days_of(self.months[month][group], "time")
        return self._days[month, group]

    def geobox(self, group: str) -> GeoBox:
        """The native grid of a group, the same in all months.

        Raises:
            RasterError: months differ.
        """
        if group not in self._grids:
            found = {month: grid_of_group(store[group]) for month, store in self.months.items() if group in store}
            first = next(iter(found))
            for month, geobox in found.items():
                if not same_grid(geobox, found[first]):
                    raise RasterError(
                        f"the cells of {group} are not those of {first}", where=f"dynamic/{month}.zarr",
                        fix="fetch both from the same back end, for the same area, and build both again",
                    )  # fmt: skip
            self._grids[group] = found[first]
        return self._grids[group]

    def transformer(self, group: str) -> pyproj.Transformer | None:
        """From the run's CRS to that of a group's grid."""
        if group not in self._transformers:
            self._transformers[group] = transformer_between(self.grid.geobox, self.geobox(group))
        return self._transformers[group]

    def static_array(self, name: str) -> zarr.Array:
        """An array of the static store.

        Raises:
            ConfigError: it has no such covariate.
        """
        if name in self._static:
            return self._static[name]
        if name not in self.static:
            known = sorted(set(self.static.array_keys()) - {"x", "y"})
            raise ConfigError(
                f"the cube has no static covariate '{name}'", where="config key 'features'",
                expected=f"one of {', '.join(known)}", fix=f"see section 'acquire', or build {self.static_path} again",
            )  # fmt: skip
        self._static[name] = self.static[name]
        return self._static[name]


class GridSource:
    """Some pixels of the run's grid, as ``loam.covariates.read.derive`` reads them."""

    def __init__(self, cube: Cube, rows: np.ndarray, cols: np.ndarray) -> None:
        self.cube, self.rows, self.cols = cube, rows, cols
        self._static: dict[str, np.ndarray] = {}
        self._index: dict[str, CellIndex] = {}

    def holds(self, name: str) -> bool:
        """Whether the cube has the covariate itself: never; all is made from what it has."""
        return False

    def static(self, name: str) -> np.ndarray:
        """A static covariate: [pixel], float32, NaN where missing."""
        if name not in self._static:
            self._static[name] = read_cells(self.cube.static_array(name), self.rows, self.cols)
        return self._static[name]

    def classes(self) -> np.ndarray:
        """Codes of the five land-cover classes, 0 for any other: [pixel], float32, NaN where missing."""
        return self.static("landcover")

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class: 1 or 0 (0 too where the pixel has a class that is none of the models'), or its share."""
        if shares:
            return self.static(f"{name}_share_{value}")
        if value not in CODES:
            raise ConfigError(
                f"no land cover class '{value}'", where="config key 'features.classes'",
                expected=f"one of {', '.join(CODES)}",
            )  # fmt: skip
        codes = self.static(name)
        return np.where(np.isnan(codes), np.float32(np.nan), (codes == CODES[value]).astype(np.float32))

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable on the coarse cells that the pixels read."""
        index = self._cells(self.cube.group_of(variable))
        return Series(first, self.cube.values(variable, index.rows, index.cols, first, last)), index

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """Observations of the pixels themselves (Sentinel), or of the native cells that they read (vegetation)."""
        months = _months_of(self.cube.months, first, last)
        months = [month for month in months if self.cube.array(month, group, variable) is not None]
        if not any(group in store for store in self.cube.months.values()):
            raise ConfigError(
                f"the cube has no {group}", where="config key 'features'",
                fix=f"give section 'acquire' a source of {group}, or leave its covariates out of the features",
            )  # fmt: skip
        index = self._cells(group)
        parts, days = [np.empty((0, len(index.rows)), np.float32)], [np.empty(0, "datetime64[D]")]
        orbits = [np.empty(0, np.int16)]
        for month in months:
            own = self.cube.days(month, group)
            inside = np.flatnonzero((own >= first) & (own <= last))
            if len(inside):
                part = slice(int(inside[0]), int(inside[-1]) + 1)
                parts.append(read_cells(self.cube.array(month, group, variable), index.rows, index.cols, (part,)))
                days.append(own[part])
                if "relative_orbit" in self.cube.months[month][group]:
                    orbits.append(read_along(self.cube.months[month][group], "relative_orbit")[part])
        values = np.concatenate(parts)
        if self.cube.outliers is not None and variable in BACKSCATTER:
            found = outliers(to_decibel(values), np.concatenate(orbits), self.cube.outliers)
            values = np.where(found, np.float32(np.nan), values)
            log.info("%s: %d of %d values of passes stand out", variable, found.sum(), np.isfinite(values).sum())
        return Observations(np.concatenate(days), values), index

    def _cells(self, group: str) -> CellIndex:
        if group not in self._index:
            geobox = self.cube.geobox(group)
            if same_grid(geobox, self.cube.grid.geobox):
                self._index[group] = CellIndex(self.rows, self.cols, np.arange(len(self.rows))[:, None])
            else:
                x, y = self.cube.grid.centres_of(self.rows, self.cols)
                method = self.cube.settings.cell_index
                self._index[group] = index_pixels(geobox, x, y, self.cube.transformer(group), method)
        return self._index[group]


def _months_of(months: Mapping[str, zarr.Group], first: np.datetime64, last: np.datetime64) -> list[str]:
    wanted = (str(first.astype("datetime64[M]")), str(last.astype("datetime64[M]")))
    return [month for month in months if wanted[0] <= month <= wanted[1]]
