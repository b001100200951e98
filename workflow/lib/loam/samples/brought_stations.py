"""Stations of a table that a person brings, as ``loam.covariates.read.derive`` reads them.

A daily covariate is a series from its column, or from ready lags: ``rain_2`` of a row is the rain of two days before.
What is called static but changes at a station is a series too, named by the feature's column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loam.covariates.features import feature_set
from loam.covariates.read.derive import Observations, Series, observed_as
from loam.errors import TableError
from loam.raster.cell_index import CellIndex
from loam.samples.brought_table import StationTable, lag_windows, ready_lags

ROUNDING = 1e-6  # share of a value by which ready lags of one day may differ


class TableStations:
    """The covariates of a table by station and day.

    Args:
        table: of a domain.
        features: the config's.

    Raises:
        TableError: ready lags of one day differ.
    """

    def __init__(self, table: StationTable, features: Mapping[str, Any]) -> None:
        self.table = table
        self.names, self._station = np.unique(table.keys["station"].to_numpy(object), return_inverse=True)
        days = table.keys["date"].to_numpy("datetime64[D]")
        self.first = days.min()
        self._day = (days - self.first).astype(np.int64)
        self.fixed: dict[str, np.ndarray] = {}
        self._dense: dict[str, tuple[np.datetime64, np.ndarray]] = {}
        for feature in feature_set(features).static:
            if feature.kind in ("static", "class"):
                self._take_static(feature.column, self._of_rows(feature.kind, feature.name, feature.value))
        for name, lags in lag_windows(features).items():
            if ready := ready_lags(list(table.covariates), name, lags):
                self._dense[name] = self._from_lags(name, ready, lags[0])

    def at(self, stations: Sequence[str]) -> TableSource:
        """Some stations, as pixels in this order; one that the table has not lacks everything."""
        return TableSource(self, list(stations))

    def place(self, stations: Sequence[str]) -> np.ndarray:
        """Positions among ``names``, -1 where the table has no such station."""
        return pd.Index(self.names).get_indexer(list(stations))

    def dense(self, name: str) -> tuple[np.datetime64, np.ndarray] | None:
        """A series: its first day and [station, day], float64; None where the table has none of that name."""
        if name not in self._dense and name in self.table.covariates:
            self._dense[name] = (self.first, self._spread(self.table.covariates[name].to_numpy(float)))
        return self._dense.get(name)

    def changes(self, column: str) -> bool:
        """Whether a static feature or class changes from day to day at any station."""
        return column not in self.fixed

    def group(self, name: str, stations: Sequence[str], days: np.ndarray) -> np.ndarray:
        """A column carried along: [station] where it does not change at any, else [station, day]; "" or NaN missing."""
        values = self.table.groups[name]
        text = not pd.api.types.is_numeric_dtype(values)
        values = values.fillna("").to_numpy(object) if text else values.to_numpy()
        first = np.zeros(len(self.names), np.int64)
        first[self._station[::-1]] = np.arange(len(values))[::-1]
        place = self.place(stations)
        here = values[first][self._station]
        found = place >= 0
        missing = "" if text else np.nan
        if ((values == here) | (pd.isna(values) & pd.isna(here))).all():
            return values[first][place] if found.all() else np.where(found, values[first][place], missing)
        wide = self._spread(values if text else values.astype(float), missing)
        at = (days - self.first).astype(np.int64)
        inside = (at >= 0) & (at < wide.shape[1])
        carried = np.full((len(place), len(days)), missing, wide.dtype)
        carried[np.ix_(found, inside)] = wide[np.ix_(place[found], at[inside])]
        return carried

    def _of_rows(self, kind: str, name: str, value: object) -> np.ndarray:
        if kind == "static":
            return self.table.covariates[name].to_numpy(float)
        given = self.table.classes[name]
        return (given == str(value)).astype(float).where(given.notna()).to_numpy(float)

    def _take_static(self, column: str, values: np.ndarray) -> None:
        first = pd.Series(values).groupby(self._station).first().reindex(range(len(self.names))).to_numpy(float)
        here = first[self._station]
        if ((values == here) | (np.isnan(values) & np.isnan(here))).all():
            self.fixed[column] = first
            return
        wide = self._spread(values)
        listed = self._spread(np.ones(len(values)), 0.0) > 0
        self._dense[column] = (self.first, np.where(listed, wide, first[:, None]))

    def _spread(self, values: np.ndarray, missing: object = np.nan) -> np.ndarray:
        length = int(self._day.max()) + 1
        wide = np.full((len(self.names), length), missing, values.dtype)
        wide[self._station, self._day] = values
        return wide

    def _from_lags(self, name: str, columns: Sequence[str], least: int) -> tuple[np.datetime64, np.ndarray]:
        """A series from its ready lags: that of n days on a row is the value of the day n days before."""
        lags = [least + number for number in range(len(columns))]
        shape = (len(self.names), int(self._day.max()) + 1 + lags[-1] - least)
        wide, row, source = np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        first = self.first - np.timedelta64(lags[-1], "D")
        for number, column in enumerate(columns):
            values = self.table.covariates[column].to_numpy(float)
            day = self._day + lags[-1] - lags[number]
            known = wide[self._station, day]
            with np.errstate(invalid="ignore"):
                differs = np.abs(known - values) > ROUNDING * np.maximum(np.abs(known), np.abs(values))
            if differs.any():
                self._refuse(name, column, int(np.flatnonzero(differs)[0]), day, known, columns, row, source, first)
            new = np.isnan(known) & ~np.isnan(values)
            at = (self._station[new], day[new])
            wide[at], row[at], source[at] = values[new], self.table.keys.index.to_numpy()[new], number
        return first, wide

    def _refuse(
        self, name: str, column: str, wrong: int, day: np.ndarray, known: np.ndarray, columns: Sequence[str],
        row: np.ndarray, source: np.ndarray, first: np.datetime64,
    ) -> None:  # fmt: skip
        place = (self._station[wrong], day[wrong])
        raise TableError(
            f"'{name}' of station '{self.names[place[0]]}' on {first + np.timedelta64(int(day[wrong]), 'D')} is "
            f"{known[wrong]:g} in column '{columns[source[place]]}' of row {row[place]} and "
            f"{self.table.covariates[column].to_numpy(float)[wrong]:g} in column '{column}' of row "
            f"{self.table.keys.index[wrong]}",
            where=self.table.path, expected="one value of a station's day, whichever row tells it",
            fix=f"correct one of them, or give one daily column '{name}' in their place",
        )  # fmt: skip


@dataclass(frozen=True)
class TableSource:
    """Some stations of a table."""

    table: TableStations
    stations: Sequence[str]

    def holds(self, name: str) -> bool:
        """Whether the table has the covariate itself."""
        return self.table.dense(name) is not None

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable of the stations."""
        values = np.full((int((last - first).astype(int)) + 1, len(self.stations)), np.nan)
        here = np.arange(len(self.stations))
        index = CellIndex(here, np.zeros_like(here), here[:, None])
        begin, wide = self.table.dense(variable)
        place, at = self.table.place(self.stations), int((begin - first).astype(int))
        low, high = max(0, at), min(len(values), at + wide.shape[1])
        if low < high:
            values[low:high, place >= 0] = wide[place[place >= 0], low - at : high - at].T
        return Series(first, values), index

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """The days, and what the table has of the covariate on them."""
        series, index = self.series(observed_as(group, variable), first, last)
        return Observations(np.arange(first, last + 1), series.values), index

    def static(self, name: str) -> np.ndarray:
        """A column that does not change: [station], float64, NaN where missing."""
        place = self.table.place(self.stations)
        return np.where(place >= 0, self.table.fixed[name][place], np.nan)

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class that does not change: 1 or 0, NaN where the table has none: [station], float64."""
        return self.static(f"{name}_{value}")
