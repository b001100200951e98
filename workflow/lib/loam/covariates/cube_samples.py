"""Samples of a domain from the cube or from point tables, by the read path of maps.

A station is the pixel that holds it. One outside the grid, in the sea or in a masked pixel has no covariates; it is
named in the log, and its days are counted in the table of dropped rows under that reason.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj

from loam.covariates.classes import class_names
from loam.covariates.cube import Cube
from loam.covariates.derive import RowReader, Settings
from loam.covariates.features import FeatureSet, feature_set
from loam.covariates.land import why_not_land
from loam.covariates.points import PointTables
from loam.covariates.probes import STATION_GROUPS
from loam.covariates.reasons import ALL_LAYERS
from loam.covariates.tables import StationTable
from loam.errors import ConfigError, TableError
from loam.grid import Grid, cells_at, crs_of, project

log = logging.getLogger("loam")

STATIONS_AT_ONCE = 2048  # bounds what is read at once of a long record


def within_period(daily: pd.DataFrame, period: Sequence[str], domain: str) -> pd.DataFrame:
    """The rows of ``daily`` from the first to the last day of ``period``.

    Files of covariates hold whole months and the days before that lags reach back to: what is sampled must not depend
    on how much of them there is.

    Raises:
        TableError: no row is in the period.
    """
    first, last = (pd.Timestamp(day) for day in period)
    kept = daily[daily["date"].between(first, last)]
    if len(kept) < len(daily):
        log.info("%s: %d of %d rows are outside acquire.period", domain, len(daily) - len(kept), len(daily))
    if kept.empty and len(daily):
        raise TableError(
            f"no day of the {domain} domain's probes is in the period", where=f"config key 'acquire.period.{domain}'",
            expected=f"days from {daily['date'].min():%Y-%m-%d} to {daily['date'].max():%Y-%m-%d}",
        )  # fmt: skip
    return kept


def sample_domain(
    domain: str,
    source: Cube | PointTables,
    daily: pd.DataFrame,
    stations: pd.DataFrame,
    settings: Settings,
    *,
    layers: Sequence[Mapping[str, Any]],
    groups: Sequence[str],
    features: Mapping[str, Any],
    where: Path,
) -> StationTable:
    """The rows (station, day) that have moisture, with every feature as a map's pixel would have it.

    Args:
        domain: ``source`` or ``target``.
        source: the cube where the domain lies in the run's grid, else its point tables.
        daily: station, date, layer, moisture (m3 m-3, may be missing).
        stations: station, latitude, longitude, and any of ``STATION_GROUPS``.
        settings: how covariates are derived.
        layers, groups, features: of the config. A group is ``landcover`` (the class of the pixel), another column of
            the table of stations, or a static covariate.
        where: the domain's daily table, for errors.

    Raises:
        TableError: no station lies on land of the grid.
        ConfigError: a feature or group is not there.
    """
    names = [layer["name"] for layer in layers]
    daily = daily.assign(station=daily["station"].astype(str))
    moisture = daily[daily["moisture"].notna()].pivot(index=["station", "date"], columns="layer", values="moisture")
    moisture = moisture.reindex(columns=names).rename_axis(columns=None).astype(float).dropna(how="all").sort_index()
    about = stations.assign(station=stations["station"].astype(str)).set_index("station")
    if unknown := sorted(set(daily["station"]) - set(about.index)):
        raise TableError(f"station {unknown[0]} is not in the table of stations", where=where)
    counts = _unobserved(daily, moisture, names)
    about = about.loc[sorted(set(moisture.index.get_level_values("station")))]
    if isinstance(source, Cube):
        rows, cols = pixels_of(source.grid, about)
        lost = _not_on_land(source.grid, about.index, rows, cols, domain)
        kept = np.array([name not in lost for name in about.index], bool)
        about, rows, cols = about[kept], rows[kept], cols[kept]
        counts |= {(name, reason, ""): len(moisture.loc[name]) for name, reason in lost.items()}
    if about.empty:
        raise TableError(
            f"no station of the {domain} domain has moisture and lies on land of the grid", where=where,
            expected="; ".join(f"{name}: {reason}" for name, reason, _ in list(counts)[:5]),
            fix="check the stations' coordinates and mapping.grid, or give the domain point tables",
        )  # fmt: skip
    moisture = moisture[moisture.index.get_level_values("station").isin(about.index)]
    keys = moisture.index.to_frame(index=False)
    station = about.index.get_indexer(keys["station"])
    wanted = feature_set(features)
    values = np.empty((len(keys), len(wanted.all)), np.float32)
    of_group = {name: np.empty(len(about), object) for name in groups}
    day = keys["date"].to_numpy("datetime64[D]")
    order = np.arange(len(about))
    if isinstance(source, Cube):  # stations of a tile together: a chunk is read once
        order = np.lexsort((cols // source.grid.tile, rows // source.grid.tile))
    for first in range(0, len(about), STATIONS_AT_ONCE):
        own = order[first : first + STATIONS_AT_ONCE]
        place = np.full(len(about), -1)
        place[own] = np.arange(len(own))
        inside = np.flatnonzero(place[station] >= 0)
        pixels = source.at(rows[own], cols[own]) if isinstance(source, Cube) else source.at(about.index[own])
        read_samples(wanted, pixels, day[inside], place[station[inside]], settings, values, inside)
        for name in groups:
            of_group[name][own] = np.asarray(_group(name, pixels, about.iloc[own]), object)
    log.info("%s: %d rows of %d stations read from the %s", domain, len(keys), len(about),
             "cube" if isinstance(source, Cube) else "point tables")  # fmt: skip
    index = pd.RangeIndex(1, len(keys) + 1)
    keys["date"] = keys["date"].astype("datetime64[ns]")
    for name in ("latitude", "longitude"):
        keys[name] = about[name].to_numpy(float)[station]
    carried = {name: pd.Series(of_group[name]).infer_objects()[station].to_numpy() for name in groups}
    return StationTable(
        where, domain, keys=keys.set_index(index), layers=moisture.set_index(index),
        covariates=pd.DataFrame(index=index), classes=pd.DataFrame(index=index),
        groups=pd.DataFrame(carried, index=index),
        columns=pd.DataFrame(values.astype(np.float64), index=index, columns=wanted.columns), lost=counts,
    )  # fmt: skip


def read_samples(
    features: FeatureSet, source: Any, day: np.ndarray, pixel: np.ndarray, settings: Settings, out: np.ndarray,
    rows: np.ndarray,
) -> None:  # fmt: skip
    """Read features of rows, each a pixel on a day, into ``out[rows]``: float32, NaN where missing.

    Args:
        features: what to read, one column of ``out`` each.
        source: the pixels (``Cube.at``) or stations.
        day: [row] datetime64[D].
        pixel: [row] positions in the source.
        settings: how covariates are derived.
        out: [any row, feature].
        rows: [row] places in ``out``.
    """
    if not len(day):
        return
    days, place = np.unique(day.astype("datetime64[D]"), return_inverse=True)
    reader = RowReader(features, source, days, settings)
    for column, feature in enumerate(features.all):
        out[rows, column] = reader.column(feature, place, pixel)


def pixels_of(grid: Grid, stations: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pixel that holds each station (columns latitude, longitude); -1 outside the grid."""
    longitude, latitude = (stations[name].to_numpy(float) for name in ("longitude", "latitude"))
    x, y = project(longitude, latitude, pyproj.CRS("EPSG:4326"), crs_of(grid.geobox))
    return cells_at(grid.geobox, x, y)


def _unobserved(daily: pd.DataFrame, moisture: pd.DataFrame, layers: Sequence[str]) -> dict[tuple[str, str, str], int]:
    """Days of stations on which no layer has moisture, by (station, why, what is missing)."""
    days = daily[["station", "date"]].drop_duplicates()
    missing = days[~pd.MultiIndex.from_frame(days).isin(moisture.index)]
    return {
        (name, ALL_LAYERS, ", ".join(layers)): int(rows) for name, rows in missing["station"].value_counts().items()
    }


def _not_on_land(grid: Grid, names: Sequence[str], rows: np.ndarray, cols: np.ndarray, domain: str) -> dict[str, str]:
    lost = {}
    for name, row, col in zip(names, rows, cols, strict=True):
        if reason := why_not_land(grid, int(row), int(col)):
            lost[name] = reason
            log.warning("%s: station %s is left out: %s", domain, name, reason)
    return lost


def _group(name: str, source: Any, about: pd.DataFrame) -> Any:
    """Values of a group at the source's stations."""
    if name == "landcover":
        return class_names(source.classes())
    if name in about:
        return about[name]
    if name in STATION_GROUPS:
        raise ConfigError(f"no table gives group '{name}'", where="config key 'samples.groups'")
    return source.static(name)
