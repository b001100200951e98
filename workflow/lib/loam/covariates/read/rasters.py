"""The rasters that a day's map reads (the config's ``mapping.inputs``), as a source of covariates.

A file on the run's own grid is read by window. One on another grid, of any CRS, is read at its cell nearest to the
pixel's centre, so a coarse field enters the model as it entered the samples, unsmoothed. Sequences stay on the cells
that they come from, with an index from pixel to cell: a network reads 9 km cells once, not 12,000 times.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from odc.geo.geobox import GeoBox

from loam.codes import LARGEST, Codes
from loam.config.day_boundary import UTC_DAYS, shift_of
from loam.config.sections.mapping import MapInput
from loam.covariates.features import Feature, FeatureSet
from loam.covariates.read.day import MapDay
from loam.covariates.read.day_files import file_of_day
from loam.covariates.read.derive import DAILY, Observations, Series, Settings
from loam.covariates.read.input_units import InputUnits, unit_named
from loam.errors import ConfigError, RasterError
from loam.raster.cell_index import CellIndex, index_pixels
from loam.raster.cells import NETCDF, Cells, open_cells
from loam.raster.grid import Grid, Tile, cells_at, crs_of, project, same_grid
from loam.variables import ranges_of

log = logging.getLogger("loam")


@dataclass(frozen=True)
class _Block:
    """The window of a file that a tile's pixels read, and which cell in it each pixel reads."""

    rows: slice
    cols: slice
    index: CellIndex


class Rasters:
    """The open files of one day; ``at`` gives a tile's pixels, ``check_codes`` is called when all have been read."""

    def __init__(
        self, inputs: Sequence[MapInput], features: FeatureSet, day: date, grid: Grid, stack: ExitStack,
        trained: Mapping[str, tuple[float, float]] | None, shift: timedelta,
    ) -> None:  # fmt: skip
        self.features, self.day, self.grid, self._stack, self._shift = features, day, grid, stack, shift
        self.given = {name: item for item in inputs for name in item.features}
        self._files: dict[tuple[str, tuple[str, ...]], Cells] = {}
        self.codes = {feature.name: self._codes_of(feature) for feature in features.static if feature.kind == "class"}
        self.unknown_codes: Counter[tuple[str, int]] = Counter()
        self.units = InputUnits(trained, features)
        self._missing_codes: dict[str, tuple[Codes, object]] = {}
        self.lags: dict[str, set[int]] = {}
        for feature in features.all:
            if feature.kind == "season":
                continue
            back = range(feature.lag, feature.lag + feature.step.days)
            self.lags.setdefault(feature.name, set()).update(back)
            for lag in back:
                self._check_time(feature, lag)

    def at(self, tile: Tile, land: np.ndarray) -> RasterSource:
        """The pixels at positions ``land`` [pixel] of a tile, counted row by row."""
        return RasterSource(self, tile, land)

    def file(self, name: str, lag: int) -> Cells:
        """The open file that holds a feature ``lag`` days before the day."""
        item = self.given[name]
        path, names = file_of_day(item.file, self.day - timedelta(days=lag)), tuple(item.features)
        if (path, names) not in self._files:
            file = self._stack.enter_context(open_cells(path, names, self._shift))
            self._check_overlap(file)
            self._files[path, names] = file
        return self._files[path, names]

    def read(self, name: str, lag: int, file: Cells, block: _Block) -> np.ndarray:
        """Values of a feature in a block [row, column], float32, in the unit of the training data, NaN where missing.

        Raises:
            RasterError: a number cannot be what the feature is, or its unit is another.
        """
        values = file.read(name, self.day - timedelta(days=lag), block.rows, block.cols)
        if name in self.codes:
            return values
        label = f"{name}_{lag}" if name in self._moving else name
        codes, _ = self._missing_codes.setdefault(label, (Codes(), file.path))
        codes.see(values, block)
        unit = unit_named(self.given[name], name) or file.units(name)
        values = self.units.convert(values, name, unit, file.path)
        _check_range(file, name, values, block)
        return values

    def check_codes(self) -> None:
        """Warn of classes that the model does not know.

        Raises:
            RasterError: a number that stands for a missing value lies apart from all others of its feature.
        """
        for label, (codes, path) in self._missing_codes.items():
            for code in codes.found():
                row, col = code.first.rows.start + code.place[0], code.first.cols.start + code.place[1]
                raise RasterError(
                    f"{label} is {code.value:g} at row {row}, column {col} ({code.count} pixels); the others are "
                    f"{codes.low:g} to {codes.high:g}", where=path, expected="missing values that are marked",
                    fix=f"mark {code.value:g} as nodata, or correct it",
                )  # fmt: skip
        for (name, code), count in sorted(self.unknown_codes.items()):
            log.warning("%s: code %d is none of the model's classes, %d pixels are left out", name, code, count)

    @property
    def _moving(self) -> set[str]:
        return {feature.name for feature in self.features.all if feature.kind in DAILY}

    def _codes_of(self, feature: Feature) -> dict[str, int]:
        """The raster code of each class that is a feature; without ``classes``, the classes are the codes."""
        values = [item.value for item in self.features.static if item.kind == "class" and item.name == feature.name]
        given = self.given[feature.name].classes
        codes = given or {str(value): value for value in values if isinstance(value, int)}
        lacking = [str(value) for value in values if str(value) not in codes]
        if lacking:
            raise ConfigError(
                f"no raster value for class {', '.join(lacking)} of '{feature.name}'",
                where="config key 'mapping.inputs'", fix="give it under `classes`",
            )  # fmt: skip
        return {str(value): codes[str(value)] for value in values}

    def _check_time(self, feature: Feature, lag: int) -> None:
        file, given = self.file(feature.name, lag), self.given[feature.name]
        template, held = given.file, given.date
        told = "{date}" in template or held == (self.day - timedelta(days=lag)).isoformat()
        # of other files than netCDF, loam.config.raster_days has seen the day
        untold = feature.kind in DAILY and file.path.suffix.lower() in NETCDF
        if file.has_time or told or not (lag or untold):
            return
        raise RasterError(
            f"holds {held or 'one day'}, and '{feature.column}' is of {lag} days before {self.day}", where=file.path,
            expected="a netCDF with time, or {date} in the file's name, or that day as its `date`",
            fix="mend mapping.inputs",
        )  # fmt: skip

    def _check_overlap(self, file: Cells) -> None:
        if any(file.geobox == other.geobox for other in self._files.values()):
            return
        for tile in self.grid.tiles:
            x, y = self.grid.centres(tile, crs_of(file.geobox))
            if (cells_at(file.geobox, x, y)[0] >= 0).any():
                return
        raise RasterError(
            "does not overlap the grid of the map", where=file.path, expected=f"data over {self.grid.land}",
            fix="check its CRS and its extent",
        )  # fmt: skip


class RasterSource:
    """Some pixels of a tile, as ``loam.covariates.read.derive`` reads them."""

    def __init__(self, rasters: Rasters, tile: Tile, land: np.ndarray) -> None:
        self.rasters, self.tile, self.land = rasters, tile, land
        self._blocks: dict[GeoBox, _Block] = {}
        self._classes: dict[str, np.ndarray] = {}

    def holds(self, name: str) -> bool:
        """Whether a file has the covariate itself: every feature is in one."""
        return name in self.rasters.given

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily covariate on the cells that the pixels read; only days that a feature needs are read."""
        opened = {lag: self._open(variable, lag) for lag in sorted(self.rasters.lags[variable])}
        blocks = [block for _, block in opened.values()]
        shared = all(block is blocks[0] for block in blocks)
        pixel = np.arange(len(self.land))
        index = blocks[0].index if shared else CellIndex(pixel, pixel, pixel[:, None])  # files of days on several grids
        values = np.full((int((last - first).astype(int)) + 1, len(index.rows)), np.nan, np.float32)
        for lag, (file, block) in opened.items():
            cells = self._cells(variable, lag, file, block)
            place = int((np.datetime64(self.rasters.day, "D") - lag - first).astype(int))
            values[place] = cells if shared else block.index.take(cells[None], np.zeros_like(pixel), pixel)
        return Series(first, values), index

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """None: what rasters hold is the covariate of the day."""
        raise ConfigError(f"no file gives {variable} of {group}", where="config key 'mapping.inputs'")

    def static(self, name: str) -> np.ndarray:
        """A covariate that does not change: [pixel], float32, NaN where missing."""
        file, block = self._open(name, 0)
        pixel = np.arange(len(self.land))
        return block.index.take(self._cells(name, 0, file, block)[None], np.zeros_like(pixel), pixel)

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class: 1 or 0, NaN where the raster has no code, or one that is none of the model's."""
        codes = self.rasters.codes[name]
        if name not in self._classes:
            raw = self.static(name)
            known = np.isin(raw, list(codes.values())) | np.isnan(raw)
            for code, count in zip(*np.unique(raw[~known], return_counts=True), strict=True):
                self.rasters.unknown_codes[name, int(code)] += int(count)
            self._classes[name] = np.where(known, raw, np.float32(np.nan))
        found = self._classes[name]
        return np.where(np.isnan(found), np.float32(np.nan), (found == codes[value]).astype(np.float32))

    def _open(self, name: str, lag: int) -> tuple[Cells, _Block]:
        file = self.rasters.file(name, lag)
        if file.geobox not in self._blocks:
            self._blocks[file.geobox] = self._block(file.geobox)
        return file, self._blocks[file.geobox]

    def _block(self, geobox: GeoBox) -> _Block:
        grid, tile, land = self.rasters.grid, self.tile, self.land
        if same_grid(geobox, grid.geobox):
            index = CellIndex(
                tile.row + land // tile.width, tile.col + land % tile.width, np.arange(len(land))[:, None]
            )
            return _Block(slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width), index)
        x, y = grid.centres(tile)
        x, y = project(x[land], y[land], crs_of(grid.geobox), crs_of(geobox))
        index = index_pixels(geobox, x, y, None, "nearest")
        if not len(index.rows):
            return _Block(slice(0, 0), slice(0, 0), index)
        rows, cols = (slice(int(part.min()), int(part.max()) + 1) for part in (index.rows, index.cols))
        return _Block(rows, cols, index)

    def _cells(self, name: str, lag: int, file: Cells, block: _Block) -> np.ndarray:
        if not len(block.index.rows):
            return np.empty(0, np.float32)
        values = self.rasters.read(name, lag, file, block)
        return values[block.index.rows - block.rows.start, block.index.cols - block.cols.start]


class RasterDay(MapDay):
    """A day's rasters, read tile by tile for a map."""

    def __init__(self, rasters: Rasters) -> None:
        day = np.datetime64(rasters.day, "D")
        super().__init__(rasters.grid, rasters.features, day, Settings(), rasters.at, one_at_a_time=True)
        self._rasters = rasters

    def log_missing(self) -> None:
        """As ``MapDay``; and what ``Rasters.check_codes`` finds."""
        self._rasters.check_codes()
        super().log_missing()


def _check_range(file: Cells, name: str, values: np.ndarray, block: _Block) -> None:
    """Raise a RasterError where a number cannot be what the feature is, in any of the units it may come in."""
    ranges = ranges_of(name) or [(-LARGEST, LARGEST, "at all")]
    with np.errstate(invalid="ignore"):
        outside = [(values < np.float32(low)) | (values > np.float32(high)) for low, high, _ in ranges]
    if not all(wrong.any() for wrong in outside):
        return
    wrong = min(outside, key=np.count_nonzero)
    row, col = (int(part[0]) for part in np.nonzero(wrong))
    said = " or ".join(f"{low:g} to {high:g} {unit}" for low, high, unit in ranges)
    raise RasterError(
        f"{name} is {values[row, col]:g} at row {block.rows.start + row}, column {block.cols.start + col} "
        f"({int(wrong.sum())} of {values.size} pixels)", where=file.path, expected=said,
        fix="mark its missing values as nodata, or correct its unit",
    )  # fmt: skip


@contextmanager
def open_day(
    inputs: Sequence[MapInput], features: FeatureSet, day: str, grid: Grid,
    trained: Mapping[str, tuple[float, float]] | None = None, day_boundary: str = UTC_DAYS,
) -> Iterator[RasterDay]:  # fmt: skip
    """Open the files that a map of ``day`` (YYYY-MM-DD) reads: the config's ``mapping.inputs``.

    Args:
        inputs: the config's.
        features: what the model reads.
        day: to map.
        grid: of the map.
        trained: least and greatest value of each feature over the training rows, by its column, which tell the units
            that rasters have to be in; None where they are not known.
        day_boundary: the config's: where the day begins that a step of a netCDF with bounds ends in.

    Raises:
        RasterError: a file is missing, unreadable, without CRS, elsewhere, lacks a band, a variable or a day.
        ConfigError: a class has no raster value.
    """
    with ExitStack() as stack:
        yield RasterDay(
            Rasters(inputs, features, date.fromisoformat(day), grid, stack, trained, shift_of(day_boundary))
        )
