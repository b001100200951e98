"""Covariates of a domain that is a set of stations: point tables, read as the cube's pixels are.

Tables that have a date hold daily values (station, date, variables); those without hold what does not change (station,
variables; ``clay_1`` to ``clay_4``). A station is a pixel and its own cell, so that lags and sums are derived by the
same function as everywhere. Land cover comes as the product's own code, in a column of the product's name, and goes
through the same crosswalk; shares are not known of a point, so a class is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from loam.covariates.read.derive import Observations, Series, observed_as
from loam.errors import ConfigError, TableError
from loam.io.numbers import refuse_impossible
from loam.io.tables import read_table
from loam.raster.cell_index import CellIndex
from loam.raster.classes import CODES, FOLDER, NO_CLASS, crosswalk_of
from loam.variables import variable_of

COUNTS = ("n_fields", "model_only")  # tables of several datasets may tell of these
PRODUCTS = {path.stem for path in FOLDER.glob("*.csv")}


@dataclass(frozen=True)
class PointTables:
    """The point tables of a domain.

    Args:
        maps: what does not change, by station.
        daily: columns station, date and the daily variables.
        where: their folders, for errors.
    """

    maps: pd.DataFrame
    daily: pd.DataFrame
    where: str

    def at(self, stations: Sequence[str]) -> PointSource:
        """Some stations, as pixels in this order."""
        return PointSource(list(stations), self)


class PointSource:
    """Stations of point tables, as ``loam.covariates.read.derive`` reads them."""

    def __init__(self, stations: list[str], tables: PointTables) -> None:
        self.where, self._maps = tables.where, tables.maps.reindex(stations)
        place = {name: number for number, name in enumerate(stations)}
        self._daily = tables.daily[tables.daily["station"].isin(place)]
        self._station = self._daily["station"].map(place).to_numpy(np.int64)
        self._day = self._daily["date"].to_numpy("datetime64[D]")
        here = np.arange(len(stations))
        self._index = CellIndex(here, np.zeros_like(here), here[:, None])

    def holds(self, name: str) -> bool:
        """Whether the tables have the covariate itself: never; all is made from what datasets have."""
        return False

    def static(self, name: str) -> np.ndarray:
        """A covariate that does not change: [station], float32, NaN where missing.

        Of a point, ``landcover_share_<class>`` is 1 or 0.
        """
        if name.startswith("landcover_share_") and name not in self._maps:
            return self.class_of("landcover", name.removeprefix("landcover_share_"), shares=False)
        if name not in self._maps:
            raise ConfigError(
                f"no table has covariate '{name}'", where=self.where, expected=f"one of {', '.join(self._maps)}",
                fix="leave it out of features, or give the domain a region (slope and wetness need neighbours)",
            )  # fmt: skip
        return self._maps[name].to_numpy(np.float32)

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class: 1 or 0, NaN where the station has no code."""
        codes = self.classes()
        if value not in CODES:
            raise ConfigError(
                f"no land cover class '{value}'", where="config key 'features.classes'",
                expected=f"one of {', '.join(CODES)}",
            )  # fmt: skip
        return np.where(np.isnan(codes), np.float32(np.nan), (codes == CODES[value]).astype(np.float32))

    def classes(self) -> np.ndarray:
        """Land-cover classes as in the cube: codes 1 to 5, 0 for any other, NaN where missing: [station], float32."""
        products = [name for name in self._maps if name in PRODUCTS]
        if len(products) != 1:
            raise ConfigError(
                f"{len(products)} columns of land cover",
                where=self.where,
                expected=f"one of {', '.join(sorted(PRODUCTS))}",
            )
        codes = self._maps[products[0]].to_numpy(float)
        classes = crosswalk_of(products[0]).classes(codes, ~np.isnan(codes), self.where)
        numbers = np.zeros(NO_CLASS + 1, np.float32)
        numbers[list(CODES.values())], numbers[NO_CLASS] = list(CODES.values()), np.nan
        return numbers[classes]

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable of the stations."""
        if variable not in self._daily:
            known = [name for name in self._daily if name not in ("station", "date")]
            raise ConfigError(
                f"no table has daily covariate '{variable}'", where=self.where, expected=f"one of {', '.join(known)}"
            )
        values = np.full((int((last - first).astype(int)) + 1, len(self._index.rows)), np.nan, np.float32)
        inside = (self._day >= first) & (self._day <= last)
        values[(self._day[inside] - first).astype(int), self._station[inside]] = self._daily[variable].to_numpy(
            np.float32
        )[inside]
        return Series(first, values), self._index

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """Observations of the stations: rows of the tables where the covariate has a value."""
        column = observed_as(group, variable)
        column = column if column in self._daily else variable
        series, index = self.series(column, first, last)
        return Observations(np.arange(first, last + np.timedelta64(1, "D")), series.values), index


def read_points(paths: Sequence[str | Path]) -> PointTables:
    """The point tables of a domain.

    Raises:
        TableError: a table has no column station, repeats a station or a day, names a variable that another has, or
            holds impossible values.
    """
    maps, daily = {}, []
    for path in map(Path, paths):
        table = read_table(path)
        keys = ["station", "date"] if "date" in table else ["station"]
        if "station" not in table:
            raise TableError("no column 'station'", where=path, expected="station, date (for daily values), variables")
        table["station"] = table["station"].astype(str)
        if table.duplicated(keys).any():
            again = table[table.duplicated(keys)].iloc[0]
            raise TableError(f"{' '.join(str(again[key]) for key in keys)} is there twice", where=path)
        if "date" in table:
            table["date"] = pd.to_datetime(table["date"]).dt.normalize().astype("datetime64[ns]")
        _check(table, path)
        if "date" in table:
            daily.append(table.set_index(keys))
            continue
        for name in table.columns.drop("station"):
            if name in maps:
                raise TableError(f"'{name}' is in another table too", where=path, fix="give one table of each variable")
            maps[name] = table.set_index("station")[name]
    where = ", ".join(sorted({str(Path(path).parent) for path in paths}))
    return PointTables(pd.DataFrame(maps), _joined(daily), where)


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Daily tables side by side: months of the same variables under each other, others beside."""
    if not tables:
        return pd.DataFrame({"station": pd.Series(dtype=str), "date": pd.Series(dtype="datetime64[ns]")})
    stacked: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    for table in tables:
        stacked.setdefault(tuple(table.columns), []).append(table)
    joined = None
    for parts in stacked.values():
        own = pd.concat(parts)
        if own.index.duplicated().any():
            station, day = own.index[own.index.duplicated()][0]
            raise TableError(f"station {station} has {day:%Y-%m-%d} in two tables of {', '.join(own.columns)}")
        if joined is not None:
            own = own.drop(columns=[name for name in COUNTS if name in joined], errors="ignore")
            if both := [name for name in own if name in joined]:
                raise TableError(f"'{both[0]}' is in tables of two datasets", fix="give one dataset of each variable")
        joined = own if joined is None else joined.join(own, how="outer")
    return joined.reset_index()


def _check(table: pd.DataFrame, path: Path) -> None:
    for name in table.columns.drop(["station", "date"], errors="ignore"):
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise TableError(f"column '{name}' holds no numbers", where=path, expected="numbers, or missing")
        variable = variable_of(name)
        if variable is None:
            if name not in PRODUCTS:
                refuse_impossible(table[name].set_axis(table.index + 1), path)
            continue
        values = table[name].to_numpy(np.float32)
        wrong = (values < np.float32(variable.low)) | (values > np.float32(variable.high))
        if wrong.any():
            row = table[wrong].iloc[0]
            when = f" on {row['date']:%Y-%m-%d}" if "date" in row else ""
            raise TableError(
                f"{name} is {row[name]:g} at station {row['station']}{when}",
                where=path, expected=variable.possible,
                fix="bring the column to these units",
            )  # fmt: skip
        refuse_impossible(table[name].set_axis(table.index + 1), path)
