"""Checks of the two tables of a run, before anything is made from them.

Whether each file can be read is the business of ``loam.covariates.tables``; here it is whether what they say can be
learned from and scored: moisture in m3 m-3, something observed in every layer, every feature there, classes known,
domains apart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loam.covariates.features import feature_set
from loam.covariates.tables import StationTable
from loam.errors import ConfigError, TableError
from loam.io.numbers import row_of

log = logging.getLogger("loam")

EARLIEST = pd.Timestamp("1950-01-01")
CHANGED = 1e-6  # share of a value by which a static one may differ from day to day: rounding
KEYS = ["station", "date", "latitude", "longitude"]


def check_names(
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
) -> None:
    """Raise a ConfigError if there is no feature, two columns would have one name, or a layer is its own feature."""
    wanted = feature_set(features)
    if not wanted.columns:
        raise ConfigError("there is no feature", where="config key 'features'", fix="name what the models read")
    taken = [*KEYS, *(layer["name"] for layer in layers)]
    for name in [*groups, *wanted.columns]:
        key = columns.get(name) == name  # a key may be carried along as a group, a coordinate may be a feature
        if wanted.columns.count(name) > 1 or (name in taken and not key):
            raise ConfigError(
                f"two columns of the samples would be named '{name}'",
                where="config keys 'layers', 'samples.groups' and 'features'", fix="rename one, in the tables too",
            )  # fmt: skip
    read = {feature.name for feature in wanted.static} | set(features["sequence"]["variables"])
    for layer in layers:
        if layer["column"] in read:
            raise ConfigError(
                f"'{layer['column']}' is what is predicted (layer '{layer['name']}')", where="config key 'features'",
                fix="leave it out of the features",
            )  # fmt: skip


def check_table(table: StationTable, features: Mapping[str, Any]) -> None:
    """Raise a TableError for the first thing in a domain's table that cannot be used."""
    for layer, moisture in table.layers.items():
        _check_moisture(table, layer, moisture)
    numbers = table.covariates if table.columns is None else table.columns
    for name in numbers:
        if numbers[name].isna().all():
            raise TableError(
                f"feature '{name}' has no value", where=table.path, expected=f"numbers in the {table.domain} domain",
                fix="fill it in, or leave it out of the config's features",
            )  # fmt: skip
    for item in features["classes"] if table.columns is None else []:
        _check_classes(table, item["name"], [str(value) for value in item["values"]])


def check_days(table: StationTable) -> None:
    """Raise a TableError for a day that has not come, or is older than any record of soil moisture."""
    days = table.keys["date"]
    latest = pd.Timestamp.now("UTC").tz_localize(None).normalize() + pd.Timedelta(days=1)  # somewhere it is tomorrow
    for wrong, what in ((days > latest, "lies in the future"), (days < EARLIEST, "is older than any soil moisture")):
        if wrong.any():
            rows = wrong.to_numpy()
            day = days.loc[days.index[rows].min()]
            raise TableError(
                f"day {day.date()} {what}", where=row_of(table.path, rows, days.index),
                expected=f"days from {EARLIEST.date()} to {latest.date()}", fix="correct the date, or delete the rows",
            )  # fmt: skip


def check_static(table: StationTable, features: Mapping[str, Any]) -> None:
    """Warn of a static feature that has several values at a station: a map reads one of them for every day."""
    numbers = table.covariates if table.columns is None else table.columns
    for name in features["static"]:
        if name not in numbers:
            continue
        by_station = numbers[name].groupby(table.keys["station"])
        low, high = by_station.min(), by_station.max()
        moved = (high - low) > CHANGED * high.abs().combine(low.abs(), max)
        if moved.any():
            station = moved.idxmax()
            log.warning(
                "%s: static feature '%s' changes from day to day at %d of %d stations, from %g to %g at '%s': name it "
                "in features.daily, or correct the column", table.path, name, moved.sum(), len(moved), low[station],
                high[station], station,
            )  # fmt: skip


def check_ranges_meet(samples: Mapping[str, pd.DataFrame], features: Mapping[str, Any]) -> None:
    """Warn of features whose values in one domain lie far from all those in the other: kelvin and degrees Celsius.

    They lie far when the gap between the two ranges is larger than both of them together.
    """
    wanted = feature_set(features)
    if len(samples) < 2:
        return
    (one, first), (two, second) = samples.items()
    for feature in [*wanted.static, *(feature for step in wanted.sequence for feature in step)]:
        if feature.kind in ("class", "season") or feature.lag != 0:
            continue
        low_high = [(frame[feature.column].min(), frame[feature.column].max()) for frame in (first, second)]
        (low, high), (least, most) = sorted(low_high)
        if least - high > (high - low) + (most - least) and least > high:
            ranges = [
                f"{frame[feature.column].min():g} to {frame[feature.column].max():g}" for frame in (first, second)
            ]
            log.warning(
                "feature '%s' is %s in the %s domain and %s in the %s domain: are both in one unit? A network that was "
                "trained on the one has never seen the other", feature.name, ranges[0], one, ranges[1], two,
            )  # fmt: skip


def check_domains(source: StationTable, target: StationTable) -> None:
    """Raise a TableError if a station is in both domains: its held-out days would have been trained on."""
    both = sorted(set(source.keys["station"]) & set(target.keys["station"]))
    if both:
        raise TableError(
            f"station '{both[0]}' is also in {target.path}" + (f" (and {len(both) - 1} more)" if both[1:] else ""),
            where=source.path, expected="a station in one domain only",
            fix="remove it from one table, or rename it if these are different places",
        )  # fmt: skip


def check_constant(samples: Mapping[str, pd.DataFrame], features: Mapping[str, Any]) -> None:
    """Raise a TableError if a feature has one value in all rows of both domains: nothing can be learned from it.

    A class that no row has does not count, as long as the class column has two.
    """
    wanted = feature_set(features)
    extremes = [frame[wanted.columns].agg(["min", "max"]) for frame in samples.values()]
    low, high = pd.concat(extremes).min(), pd.concat(extremes).max()
    constant = low == high
    for feature in [*wanted.static, *(feature for step in wanted.sequence for feature in step)]:
        if feature.kind == "class":
            same = (low == 1)[[other.column for other in wanted.static if other.name == feature.name]].any()
        else:
            same = constant[feature.column]
        if same:
            what = f"feature '{feature.name}'" + (f" (column '{feature.column}')" if feature.lag else "")
            raise TableError(
                f"{what} is constant over all complete rows of both domains", where="source and target tables",
                fix="leave it out of the config's features" if feature.kind != "season"
                else "set features.day_of_year to false",
            )  # fmt: skip


def _check_moisture(table: StationTable, layer: str, moisture: pd.Series) -> None:
    if moisture.isna().all():
        raise TableError(
            f"layer '{layer}' has no observation in the {table.domain} domain", where=table.path,
            fix="fill in its column, or remove the layer from the config's layers",
        )  # fmt: skip
    outside = ((moisture < 0) | (moisture > 1)).to_numpy()
    if outside.any():
        first = moisture.loc[moisture.index[outside].min()]
        percent = 1 < first <= 100
        raise TableError(
            f"moisture {first:g} of layer '{layer}' is outside 0 to 1",
            where=row_of(table.path, outside, moisture.index), expected="m3 of water in m3 of soil",
            fix="this looks like percent: divide the column by 100" if percent else "correct or empty the cell",
        )  # fmt: skip


def _check_classes(table: StationTable, name: str, known: list[str]) -> None:
    values = table.classes[name]
    if values.isna().all():
        raise TableError(f"class column '{name}' has no value", where=table.path, fix="fill it in, or leave it out")
    unknown = (values.notna() & ~values.isin(known)).to_numpy()
    if unknown.any():
        raise TableError(
            f"class '{values.loc[values.index[unknown].min()]}' in column '{name}' is not in the config",
            where=row_of(table.path, unknown, values.index), expected=f"one of {', '.join(known)}",
            fix="correct the cell, or add the class to features.classes",
        )  # fmt: skip
