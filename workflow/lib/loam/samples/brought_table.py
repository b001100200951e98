"""Read the table of one domain that a person brings: one row a (station, date), CSV or Parquet.

Whatever is wrong with it is said in one line with the file and the row as the person counts it: in a CSV the header is
row 1, as in a spreadsheet; in Parquet the first record is row 1.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from loam.config.covariates import days_of_steps
from loam.covariates.read.derive import Settings, base_of
from loam.errors import TableError
from loam.io.numbers import row_of
from loam.io.tables import PARQUET, check_widths, read_parquet
from loam.samples.values import dates_of, numbers_of, texts_of

NO_SUMS = Settings()
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A"]  # cells of a CSV that hold no number


@dataclass(frozen=True)
class StationTable:
    """The table of one domain, sorted by station and date; all parts share one index, the row numbers in the file.

    Args:
        path: file it came from.
        domain: ``source`` or ``target``.
        keys: station (text), date (datetime64[ns], midnight), latitude, longitude (degrees).
        layers: one column a layer, by the layer's name; m3 m-3, NaN where not observed.
        covariates: static, daily and ready lagged columns by their names in the file; float64, NaN where missing.
        classes: class columns as text, None where missing.
        groups: columns carried along.
    """

    path: Path
    domain: str
    keys: pd.DataFrame
    layers: pd.DataFrame
    covariates: pd.DataFrame
    classes: pd.DataFrame
    groups: pd.DataFrame


def read_station_table(
    path: str | Path,
    domain: str,
    *,
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
    settings: Settings = NO_SUMS,
    more: Sequence[str] = (),
) -> StationTable:
    """Read the columns that the config's ``layers``, ``samples.columns``, ``samples.groups`` and ``features`` name.

    A table of covariates alone is read with no ``layers`` and only station and date in ``columns``. What it lacks is
    made from what it has where ``settings`` say how: a sum of rain, the age of an observation. ``more`` are daily
    columns that are no features, the moisture of teachers.

    Raises:
        TableError: the file or a column is missing, a name, date or number cannot be read, or a pair (station, date)
            occurs twice.
    """
    path = Path(path)
    header = _parquet_header(path) if path.suffix in PARQUET else _csv_header(path)
    covariates = dict.fromkeys([*_covariates(header, features, settings), *more])
    wanted = _wanted_columns(path, header, layers, columns, groups, features, covariates)
    classes = [item["name"] for item in features["classes"]]
    text = {columns["station"], columns["date"], *classes}
    frame = _read_parquet(path, wanted) if path.suffix in PARQUET else _read_csv(path, header, wanted, text)
    if frame.empty:
        raise TableError("the table has no rows", where=path, fix=f"the {domain} domain needs at least one station")

    station = _stations(frame[columns["station"]], path)
    date = dates_of(frame[columns["date"]], path)
    _check_duplicates(station, date, path)
    keys = pd.DataFrame({"station": station, "date": date})
    for name in [name for name in ("latitude", "longitude") if name in columns]:
        keys[name] = _coordinate(frame[columns[name]], station, name, path)
    parts = {
        "keys": keys,
        "layers": pd.DataFrame(
            {layer["name"]: numbers_of(frame[layer["column"]], path) for layer in layers}, index=frame.index
        ),
        "covariates": pd.DataFrame({name: numbers_of(frame[name], path) for name in covariates}, index=frame.index),
        "classes": pd.DataFrame({name: texts_of(frame[name]) for name in classes}, index=frame.index),
        "groups": pd.DataFrame({name: _group(frame[name]) for name in groups}, index=frame.index),
    }
    order = np.lexsort((keys["date"].to_numpy(), pd.factorize(station, sort=True)[0]))
    return StationTable(path, domain, **{name: part.iloc[order] for name, part in parts.items()})


def ready_lags(header: Sequence[str], name: str, lags: Sequence[int]) -> list[str]:
    """Columns ``<name>_<lag>`` of the window ``lags`` (first, last), if the table has all of them; else none."""
    ready = [f"{name}_{lag}" for lag in range(lags[0], lags[1] + 1)]
    return ready if set(ready) <= set(header) else []


def lag_windows(features: Mapping[str, Any]) -> dict[str, Sequence[int]]:
    """First and last lag of every covariate that has lags, in days: the daily ones, then the sequence's variables."""
    sequence = features["sequence"]
    return {item["name"]: item["lags"] for item in features["daily"]} | dict.fromkeys(
        sequence["variables"], days_of_steps(sequence)
    )


def _covariates(header: Sequence[str], features: Mapping[str, Any], settings: Settings) -> list[str]:
    names = dict.fromkeys(features["static"])
    windows = lag_windows(features)
    for name, lags in windows.items():
        found = ready_lags(header, name, lags) or [name]
        base = base_of(name, settings)
        if found == [name] and name not in header and (others := _given(header, base, windows.get(base, (0, 0)))):
            found = others
        names.update(dict.fromkeys(found))
    return list(names)


def _given(header: Sequence[str], name: str, lags: Sequence[int]) -> list[str]:
    return ready_lags(header, name, lags) or [name] * (name in header)


def _wanted_columns(
    path: Path,
    header: Sequence[str],
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
    covariates: Iterable[str],
) -> list[str]:
    windows = lag_windows(features)
    asked = {column: f"samples.columns.{key}" for key, column in columns.items()}
    asked |= {layer["column"]: f"layers, '{layer['name']}'" for layer in layers}
    asked |= dict.fromkeys(groups, "samples.groups")
    asked |= {item["name"]: "features.classes" for item in features["classes"]}
    asked |= dict.fromkeys(covariates, "features.static")
    asked |= {name: "features.daily" for name in asked.keys() & {item["name"] for item in features["daily"]}}
    asked |= dict.fromkeys(asked.keys() & set(features["sequence"]["variables"]), "features.sequence.variables")
    for name, key in asked.items():
        if header.count(name) > 1:
            raise TableError(f"two columns are named '{name}'", where=path, fix="rename or delete one of them")
        if name not in header:
            nearest = _nearest(name, header)
            first, last = windows.get(name, (0, 0))
            ready = f"{name}_{first}" + (f" to {name}_{last}" if last > first else "")
            raise TableError(
                f"no column '{name}'" + (f" (nor the ready lags {ready})" if name in windows else ""),
                where=path,
                expected=f"what config key '{key}' names",
                fix=f"did you mean '{nearest}'?" if nearest else f"the columns are {', '.join(header)}",
            )
    return list(asked)


def _nearest(name: str, header: Sequence[str]) -> str | None:
    lower = {column.lower(): column for column in header}
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return lower[found[0]] if found else None


def _csv_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
    except FileNotFoundError:
        raise TableError("no such file", where=path, fix="check samples.source and samples.target") from None
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        raise _unreadable(path, error) from None
    if not any(header):
        raise TableError("the file is empty", where=path, expected="a row of column names, then one row a day")
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise TableError(
                f"columns are separated by {word}", where=path, expected="commas between columns, points in numbers",
                fix="save it again as CSV (comma-separated, UTF-8), or as Parquet",
            )  # fmt: skip
    return header


def _read_csv(path: Path, header: list[str], wanted: list[str], text: set[str]) -> pd.DataFrame:
    place = {header.index(name): name for name in wanted}
    check_widths(path)
    try:
        frame = pd.read_csv(
            path, encoding="utf-8-sig", header=None, skiprows=1, usecols=list(place), skip_blank_lines=False,
            dtype={number: str for number, name in place.items() if name in text}, low_memory=False,
            keep_default_na=False,
            na_values={number: [""] if name in text else MISSING for number, name in place.items()},
        )  # fmt: skip
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=wanted)
    except (pd.errors.ParserError, UnicodeDecodeError, OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    frame = frame.rename(columns=place)[wanted]
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame[frame.notna().any(axis=1)]  # blank lines count as rows and hold nothing


def _parquet_header(path: Path) -> list[str]:
    try:
        return pq.read_schema(path).names
    except FileNotFoundError:
        raise TableError("no such file", where=path, fix="check samples.source and samples.target") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _read_parquet(path: Path, wanted: list[str]) -> pd.DataFrame:
    frame = read_parquet(path, wanted)[wanted]
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _unreadable(path: Path, error: Exception) -> TableError:
    return TableError(
        f"cannot be read as a table ({error})", where=path, expected="CSV (UTF-8, commas) with a header, or Parquet"
    )


def _stations(column: pd.Series, path: Path) -> pd.Series:
    names = texts_of(column)
    empty = names.isna().to_numpy()
    if empty.any():
        raise TableError("no station name", where=row_of(path, empty, column.index), fix="name it, or delete the row")
    return names.astype(str)


def _check_duplicates(station: pd.Series, date: pd.Series, path: Path) -> None:
    keys = pd.DataFrame({"station": station, "date": date})
    again = keys.duplicated().to_numpy()
    if again.any():
        name, day = keys[again].iloc[0]
        first = keys.index[(keys["station"] == name) & (keys["date"] == day)][0]
        raise TableError(
            f"station '{name}' has {day.date()} a second time, first in row {first}",
            where=row_of(path, again, keys.index), expected="one row a station and day",
            fix="delete one, or average readings to days first",
        )  # fmt: skip


def _coordinate(column: pd.Series, station: pd.Series, name: str, path: Path) -> pd.Series:
    limit = {"latitude": 90, "longitude": 180}[name]
    values = numbers_of(column, path)
    outside = (values.abs() > limit).to_numpy()
    if outside.any():
        raise TableError(
            f"{name} {values[outside].iloc[0]:g} of station '{station[outside].iloc[0]}' is not on Earth",
            where=row_of(path, outside, column.index), expected=f"degrees from -{limit} to {limit} (WGS 84)",
            fix="check that latitude and longitude are not swapped or in metres",
        )  # fmt: skip
    by_station = values.groupby(station)
    given = by_station.transform("first")
    absent = given.isna().to_numpy()
    if absent.any():
        raise TableError(
            f"station '{station[absent].iloc[0]}' has no {name}", where=row_of(path, absent, column.index),
            fix=f"fill in column '{column.name}'",
        )  # fmt: skip
    moved = ((values - given).abs() > 1e-6).to_numpy()  # 0.1 m
    if moved.any():
        raise TableError(
            f"{name} of station '{station[moved].iloc[0]}' changes from {given[moved].iloc[0]:g} to "
            f"{values[moved].iloc[0]:g}",
            where=row_of(path, moved, column.index), expected="one place a station",
            fix="correct it, or give the station a new name where it was moved",
        )  # fmt: skip
    return given


def _group(column: pd.Series) -> pd.Series:
    return column if pd.api.types.is_numeric_dtype(column) else texts_of(column)
