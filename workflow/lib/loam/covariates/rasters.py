"""The inputs of a day's map: every feature at every land pixel of a tile, and the sequence once a coarse cell.

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
from typing import Any

import numpy as np
import pandas as pd

from loam.codes import LARGEST, Codes
from loam.config.day_boundary import UTC_DAYS, shift_of
from loam.covariates.cells import NETCDF, Cells, open_cells
from loam.covariates.features import Feature, FeatureSet
from loam.covariates.files import file_of_day
from loam.covariates.input_units import InputUnits, unit_named
from loam.covariates.season import day_of_year
from loam.covariates.tiles import Completeness, TileInputs
from loam.errors import ConfigError, RasterError
from loam.grid import Grid, Tile, cells_at, crs_of, project, same_grid
from loam.variables import ranges_of

log = logging.getLogger("loam")

DAILY = ("daily", "sequence")  # kinds of features that have another value every day


@dataclass(frozen=True)
class _Place:
    """Where a tile's land pixels lie in a file: the block of cells that holds them, and each pixel's cell in it."""

    rows: slice
    cols: slice
    index: np.ndarray  # [pixel], counted row by row in the block; -1 outside the file

    def take(self, block: np.ndarray, index: np.ndarray | None = None) -> np.ndarray:
        index = self.index if index is None else index
        if not block.size:
            return np.full(index.shape, np.nan, np.float32)
        return np.where(index >= 0, block.ravel()[index], np.float32(np.nan))


class DayInputs:
    """The open files of one day. ``open_day`` makes it; ``read`` gives a tile; ``log_missing`` tells what lacked."""

    def __init__(
        self, inputs: Sequence[Mapping[str, Any]], features: FeatureSet, day: date, grid: Grid, stack: ExitStack,
        trained: Mapping[str, tuple[float, float]] | None = None, shift: timedelta = timedelta(0),
    ) -> None:  # fmt: skip
        self.features, self.day, self.grid, self._stack = features, day, grid, stack
        self._shift = shift
        self._given = {name: item for item in inputs for name in _names(item)}
        self._files: dict[tuple[str, tuple[str, ...]], Cells] = {}
        self._codes = {feature.name: self._codes_of(feature) for feature in features.static if feature.kind == "class"}
        self._completeness = Completeness(features)
        self.unknown_codes: Counter[tuple[str, int]] = Counter()
        self._units = InputUnits(trained, features)
        self._missing_codes: dict[str, tuple[Codes, object]] = {}
        for feature in features.all:
            if feature.kind != "season":
                self._check_time(feature, self._file(feature))

    def read(self, tile: Tile) -> TileInputs:
        """Every feature at the land pixels of ``tile`` that have them all."""
        land = np.flatnonzero(self.grid.land_mask(tile))
        places: dict[Any, _Place] = {}
        static = self._static(tile, land, places)
        index, cells = self._sequence(tile, land, places)
        return self._completeness.keep(land, static, index, cells)

    def log_missing(self) -> None:
        """Log how many land pixels were mapped, and the missing share of each feature that lacks any.

        Raises:
            RasterError: a number that stands for a missing value lies apart from all others of its feature.
        """
        for column, (codes, path) in self._missing_codes.items():
            for code in codes.found():
                row, col = code.first.rows.start + code.place[0], code.first.cols.start + code.place[1]
                raise RasterError(
                    f"{column} is {code.value:g} at row {row}, column {col} ({code.count} pixels); the others are "
                    f"{codes.low:g} to {codes.high:g}", where=path, expected="missing values that are marked",
                    fix=f"mark {code.value:g} as nodata, or correct it",
                )  # fmt: skip
        self._completeness.log_missing()
        for (name, code), count in sorted(self.unknown_codes.items()):
            log.warning("%s: code %d is none of the model's classes, %d pixels are left out", name, code, count)

    def _static(self, tile: Tile, land: np.ndarray, places: dict[Any, _Place]) -> np.ndarray:
        values = np.empty((len(land), len(self.features.static)), np.float32)
        codes: dict[str, np.ndarray] = {}
        for column, feature in enumerate(self.features.static):
            if feature.kind == "season":
                values[:, column] = day_of_year(pd.DatetimeIndex([self.day]), feature.value)
            elif feature.kind == "class":
                if feature.name not in codes:
                    codes[feature.name] = self._known_codes(feature, self._pixels(feature, tile, land, places))
                code = self._codes[feature.name][str(feature.value)]
                values[:, column] = np.where(np.isnan(codes[feature.name]), np.nan, codes[feature.name] == code)
            else:
                values[:, column] = self._pixels(feature, tile, land, places)
        return values

    def _sequence(self, tile: Tile, land: np.ndarray, places: dict[Any, _Place]) -> tuple[np.ndarray, np.ndarray]:
        steps = self.features.sequence
        if not steps:
            return np.zeros(len(land), np.int64), np.zeros((1, 0, 0), np.float32)
        files = [self._file(feature) for step in steps for feature in step]
        found = list({id(place): place for place in (self._place(file, tile, land, places) for file in files)}.values())
        key = np.zeros(len(land), np.int64)  # one number for each combination of cells, over the grids there are
        for place in found:
            size = (place.rows.stop - place.rows.start) * (place.cols.stop - place.cols.start) + 1
            key = key * size + place.index + 1
        _, first, index = np.unique(key, return_index=True, return_inverse=True)
        cells = np.empty((len(first), len(steps), len(steps[0])), np.float32)
        for number, step in enumerate(steps):
            for variable, feature in enumerate(step):
                file = self._file(feature)
                place = self._place(file, tile, land, places)
                cells[:, number, variable] = place.take(self._block(file, feature, place), place.index[first])
        return index, cells

    def _pixels(self, feature: Feature, tile: Tile, land: np.ndarray, places: dict[Any, _Place]) -> np.ndarray:
        file = self._file(feature)
        place = self._place(file, tile, land, places)
        return place.take(self._block(file, feature, place))

    def _block(self, file: Cells, feature: Feature, place: _Place) -> np.ndarray:
        values = file.read(feature.name, self.day - timedelta(days=feature.lag), place.rows, place.cols)
        if feature.kind == "class":
            return values
        codes, _ = self._missing_codes.setdefault(feature.column, (Codes(), file.path))
        codes.see(values, place)
        unit = unit_named(self._given[feature.name], feature.name) or file.units(feature.name)
        values = self._units.convert(values, feature, unit, file.path)
        self._check_range(file, feature, values, place)
        return values

    def _check_range(self, file: Cells, feature: Feature, values: np.ndarray, place: _Place) -> None:
        """Raise a RasterError where a number cannot be what the feature is, in any of the units it may come in."""
        ranges = ranges_of(feature.column) or [(-LARGEST, LARGEST, "at all")]
        with np.errstate(invalid="ignore"):
            outside = [(values < np.float32(low)) | (values > np.float32(high)) for low, high, _ in ranges]
        if not all(wrong.any() for wrong in outside):
            return
        wrong = min(outside, key=np.count_nonzero)
        row, col = (int(part[0]) for part in np.nonzero(wrong))
        said = " or ".join(f"{low:g} to {high:g} {unit}" for low, high, unit in ranges)
        raise RasterError(
            f"{feature.name} is {values[row, col]:g} at row {place.rows.start + row}, column {place.cols.start + col} "
            f"({int(wrong.sum())} of {values.size} pixels)", where=file.path, expected=said,
            fix="mark its missing values as nodata, or correct its unit",
        )  # fmt: skip

    def _place(self, file: Cells, tile: Tile, land: np.ndarray, places: dict[Any, _Place]) -> _Place:
        if file.geobox not in places:
            places[file.geobox] = self._locate(file, tile, land)
        return places[file.geobox]

    def _locate(self, file: Cells, tile: Tile, land: np.ndarray) -> _Place:
        if same_grid(file.geobox, self.grid.geobox):
            rows, cols = slice(tile.row, tile.row + tile.height), slice(tile.col, tile.col + tile.width)
            return _Place(rows, cols, land)
        x, y = self.grid.centres(tile)
        x, y = project(x[land], y[land], crs_of(self.grid.geobox), crs_of(file.geobox))
        row, col = cells_at(file.geobox, x, y)
        inside = row >= 0
        if not inside.any():
            return _Place(slice(0, 0), slice(0, 0), row)
        rows = slice(int(row[inside].min()), int(row[inside].max()) + 1)
        cols = slice(int(col[inside].min()), int(col[inside].max()) + 1)
        index = (row - rows.start) * (cols.stop - cols.start) + col - cols.start
        return _Place(rows, cols, np.where(inside, index, -1))

    def _known_codes(self, feature: Feature, raw: np.ndarray) -> np.ndarray:
        known = np.isin(raw, list(self._codes[feature.name].values())) | np.isnan(raw)
        for code, count in zip(*np.unique(raw[~known], return_counts=True), strict=True):
            self.unknown_codes[feature.name, int(code)] += int(count)
        return np.where(known, raw, np.float32(np.nan))

    def _codes_of(self, feature: Feature) -> dict[str, int]:
        """The raster code of each class that is a feature; without ``classes``, the classes are the codes."""
        values = [item.value for item in self.features.static if item.kind == "class" and item.name == feature.name]
        given = self._given[feature.name].get("classes")
        codes = given or {str(value): value for value in values if isinstance(value, int)}
        lacking = [str(value) for value in values if str(value) not in codes]
        if lacking:
            raise ConfigError(
                f"no raster value for class {', '.join(lacking)} of '{feature.name}'",
                where="config key 'mapping.inputs'", fix="give it under `classes`",
            )  # fmt: skip
        return {str(value): codes[str(value)] for value in values}

    def _file(self, feature: Feature) -> Cells:
        item = self._given[feature.name]
        path = file_of_day(item["file"], self.day - timedelta(days=feature.lag))
        names = tuple(_names(item))
        if (path, names) not in self._files:
            file = self._stack.enter_context(open_cells(path, names, self._shift))
            self._check_overlap(file)
            self._files[path, names] = file
        return self._files[path, names]

    def _check_time(self, feature: Feature, file: Cells) -> None:
        template, held = (self._given[feature.name].get(key) for key in ("file", "date"))
        wanted = self.day - timedelta(days=feature.lag)
        told = "{date}" in template or held == wanted.isoformat()
        if file.has_time or told or not (feature.lag or self._changes_untold(feature, file)):
            return
        raise RasterError(
            f"holds {held or 'one day'}, and '{feature.column}' is of {feature.lag} days before {self.day}",
            where=file.path, expected="a netCDF with time, or {date} in the file's name, or that day as its `date`",
            fix="mend mapping.inputs",
        )  # fmt: skip

    @staticmethod
    def _changes_untold(feature: Feature, file: Cells) -> bool:
        """A daily feature in a netCDF without time: of other files, ``loam.config.inputs`` has seen their day."""
        return feature.kind in DAILY and file.path.suffix.lower() in NETCDF

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


@contextmanager
def open_day(
    inputs: Sequence[Mapping[str, Any]], features: FeatureSet, day: str, grid: Grid,
    trained: Mapping[str, tuple[float, float]] | None = None, day_boundary: str = UTC_DAYS,
) -> Iterator[DayInputs]:  # fmt: skip
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
        yield DayInputs(inputs, features, date.fromisoformat(day), grid, stack, trained, shift_of(day_boundary))


def _names(item: Mapping[str, Any]) -> list[str]:
    return [item["feature"]] if isinstance(item["feature"], str) else item["feature"]
