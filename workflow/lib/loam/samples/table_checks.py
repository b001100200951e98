"""Checks of the two tables of a run, before anything is made from them.

Whether each file can be read is the business of ``loam.samples.brought_table``; here it is whether what they say can be
learned from and scored: moisture in m3 m-3, something observed in every layer, every feature there, classes known,
domains apart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.covariates.features import feature_set
from loam.errors import ConfigError, TableError
from loam.io.numbers import row_of
from loam.samples.brought_table import StationTable

log = logging.getLogger("loam")

NOTHING: Mapping[str, str] = {}
EARLIEST = pd.Timestamp("1950-01-01")
CHANGED = 1e-6  # share of a value by which a static one may differ from day to day: rounding
RESERVED = {"station", "day", "variable", "layer", "teacher", "static", "moisture", "weight"}  # of the store of samples
KEYS = ["station", "date", "latitude", "longitude"]


def check_names(
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
    taught: Mapping[str, str] = NOTHING,
) -> None:
    """Raise a ConfigError if there is no feature, two columns would have one name, or what is predicted is a feature.

    Args:
        layers, columns, groups, features: of the config.
        taught: columns that teachers say moisture in, and which teacher.
    """
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
    for feature in wanted.all:
        moving = feature.kind in ("daily", "sequence")
        if feature.series in RESERVED or (moving and feature.series in KEYS):
            raise ConfigError(
                f"a covariate cannot be named '{feature.series}', which samples have already",
                where="config key 'features'", fix="rename it, in the tables too",
            )  # fmt: skip
    read = {feature.name for feature in wanted.all}
    for layer in layers:
        if layer["column"] in read:
            raise ConfigError(
                f"'{layer['column']}' is what is predicted (layer '{layer['name']}')", where="config key 'features'",
                fix="leave it out of the features",
            )  # fmt: skip
    for column in sorted(read & set(taught)):
        raise ConfigError(
            f"'{column}' is what teacher '{taught[column]}' says, and a feature", where="config key 'features'",
            fix="leave it out of the features, or of samples.teachers",
        )  # fmt: skip


def check_moisture(layers: pd.DataFrame, where: Path, domain: str) -> None:
    """Raise a TableError for a layer without observation, or moisture that cannot be.

    Args:
        layers: one column a layer, by row numbers of the file; m3 m-3, NaN where not observed.
        where: the file.
        domain: ``source`` or ``target``.
    """
    for layer, moisture in layers.items():
        if moisture.isna().all():
            raise TableError(
                f"layer '{layer}' has no observation in the {domain} domain", where=where,
                fix="fill in its column, or remove the layer from the config's layers",
            )  # fmt: skip
        outside = ((moisture < 0) | (moisture > 1)).to_numpy()
        if outside.any():
            first = moisture.loc[moisture.index[outside].min()]
            percent = 1 < first <= 100
            raise TableError(
                f"moisture {first:g} of layer '{layer}' is outside 0 to 1",
                where=row_of(where, outside, moisture.index), expected="m3 of water in m3 of soil",
                fix="this looks like percent: divide the column by 100" if percent else "correct or empty the cell",
            )  # fmt: skip


def check_covariates(table: StationTable, features: Mapping[str, Any]) -> None:
    """Raise a TableError for a covariate without any value or a class that the config does not name."""
    for name in table.covariates:
        if table.covariates[name].isna().all():
            raise TableError(
                f"feature '{name}' has no value", where=table.path, expected=f"numbers in the {table.domain} domain",
                fix="fill it in, or leave it out of the config's features",
            )  # fmt: skip
    for item in features["classes"]:
        _check_classes(table, item["name"], [str(value) for value in item["values"]])


def check_days(days: pd.Series, where: Path) -> None:
    """Raise a TableError for a day that has not come, or is older than any record of soil moisture.

    Args:
        days: by row numbers of the file.
        where: the file.
    """
    latest = pd.Timestamp.now("UTC").tz_localize(None).normalize() + pd.Timedelta(days=1)  # somewhere it is tomorrow
    for wrong, what in ((days > latest, "lies in the future"), (days < EARLIEST, "is older than any soil moisture")):
        if wrong.any():
            rows = wrong.to_numpy()
            day = days.loc[days.index[rows].min()]
            raise TableError(
                f"day {day.date()} {what}", where=row_of(where, rows, days.index),
                expected=f"days from {EARLIEST.date()} to {latest.date()}", fix="correct the date, or delete the rows",
            )  # fmt: skip


def check_static(table: StationTable, features: Mapping[str, Any]) -> None:
    """Warn of a static feature that has several values at a station: a map reads one of them for every day."""
    for name in features["static"]:
        by_station = table.covariates[name].groupby(table.keys["station"])
        low, high = by_station.min(), by_station.max()
        moved = (high - low) > CHANGED * high.abs().combine(low.abs(), max)
        if moved.any():
            station = moved.idxmax()
            log.warning(
                "%s: static feature '%s' changes from day to day at %d of %d stations, from %g to %g at '%s': name it "
                "in features.daily, or correct the column", table.path, name, moved.sum(), len(moved), low[station],
                high[station], station,
            )  # fmt: skip


def check_ranges_meet(extremes: Mapping[str, pd.DataFrame], features: Mapping[str, Any]) -> None:
    """Warn of features whose values in one domain lie far from all those in the other: kelvin and degrees Celsius.

    They lie far when the gap between the two ranges is larger than both of them together.

    Args:
        extremes: ``min`` and ``max`` of each feature's column over the rows of each domain.
        features: the config's.
    """
    if len(extremes) < 2:
        return
    (one, first), (two, second) = extremes.items()
    for feature in feature_set(features).all:
        if feature.kind in ("class", "season") or feature.lag != 0:
            continue
        ranges = [(frame["min"][feature.column], frame["max"][feature.column]) for frame in (first, second)]
        (low, high), (least, most) = sorted(ranges)
        if least - high > (high - low) + (most - least) and least > high:
            said = [f"{low:g} to {high:g}" for low, high in ranges]
            log.warning(
                "feature '%s' is %s in the %s domain and %s in the %s domain: are both in one unit? A network that was "
                "trained on the one has never seen the other", feature.name, said[0], one, said[1], two,
            )  # fmt: skip


def check_constant(extremes: Mapping[str, pd.DataFrame], features: Mapping[str, Any]) -> None:
    """Raise a TableError if a feature has one value in all rows of both domains: nothing can be learned from it.

    A class that no row has does not count, as long as the class column has two. Arguments as ``check_ranges_meet``'s.
    """
    wanted = feature_set(features)
    low = pd.concat([frame["min"] for frame in extremes.values()], axis=1).min(axis=1)
    high = pd.concat([frame["max"] for frame in extremes.values()], axis=1).max(axis=1)
    constant = low == high
    for feature in wanted.all:
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
