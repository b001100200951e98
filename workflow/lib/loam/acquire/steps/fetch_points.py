"""Values at stations, for a domain that is a set of stations and not a region: tables of maps and of fields.

A back end that samples on its server is asked to. From another one a map's value is that of one pixel of the run's
resolution around the station, in the station's UTM zone (so that the pixel is square in metres anywhere), and a field's
value is that of the cell whose centre is nearest, as ``loam.raster.grid.cells_at`` takes it for a map. For fields,
stations are gathered in boxes, so that a continent of stations does not read the continent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from loam.acquire.canonical.canonical import check_range, checked_fields, checked_samples, checked_tile
from loam.acquire.canonical.manifest import check_manifest, is_empty, write_manifest
from loam.acquire.catalogue import Variable
from loam.acquire.source import Fields, Source
from loam.acquire.station_places import boxes_of, envelope_of, named, nearest_cells, pixel_at
from loam.acquire.steps.across import read_across
from loam.acquire.steps.fetch_maps import variable_of
from loam.acquire.steps.fetched_parts import complete
from loam.acquire.steps.month_days import (
    counts_of,
    days_to_fetch,
    flags_of_days,
    kept_fields,
    manifest_of,
    may_be_empty,
    months_of,
)
from loam.errors import AcquireError
from loam.io.atomic import atomic_path
from loam.io.progress import progress
from loam.io.tables import write_table

log = logging.getLogger("loam")

BATCH = 25  # stations whose pixels are kept together


def fetch_point_maps(
    source: Source,
    stations: pd.DataFrame,
    variables: Sequence[str],
    resolution: float,
    path: str | Path,
    request: Mapping[str, Any],
) -> None:
    """Fetch variables of a dataset of maps at stations.

    The table: station, then ``<variable>`` of a map with one band, ``<variable>_1`` .. of one with more; missing where
    the map has nothing. Classes are whole numbers.

    Args:
        source: the dataset from a back end.
        stations: of ``loam.acquire.station_places.read_stations``.
        variables: names in the catalogue.
        resolution: side of the square that a value stands for, m.
        path: of the table.
        request: what was asked for, for the provenance.

    Raises:
        ConfigError: the dataset has no such variable.
        AcquireError: what came is not what was asked for, or a variable is missing at every station.
    """
    started, dataset = datetime.now(UTC), source.dataset
    table = stations[["station"]].copy()
    for variable in [variable_of(dataset, name) for name in variables]:
        values = _map_at(source, variable, stations, resolution)
        names = (
            [variable.name] if values.shape[1] == 1 else [f"{variable.name}_{n + 1}" for n in range(values.shape[1])]
        )
        for name, column in zip(names, values.T, strict=True):
            if np.isnan(column).all():
                (source.workspace / f"{variable.name}.npy").unlink()  # the next attempt asks for it again
                raise AcquireError(
                    f"{name} is missing at every station", where=f"{dataset.name} from {source.back_end}",
                    fix="check that the dataset covers the stations, and its bands in datasets.yaml",
                )  # fmt: skip
            if np.isnan(column).any():
                log.warning("%s has no %s at station %s", dataset.name, name, named(stations, np.isnan(column)))
            table[name] = pd.array(column, "Int32") if variable.classes else column.astype(np.float32)
    _write(table, path, source, request, started, {"stations": len(stations)})


def fetch_point_fields(
    source: Source,
    stations: pd.DataFrame,
    span: str,
    state: str,
    path: str | Path,
    manifest_path: str | Path,
    request: Mapping[str, Any],
) -> None:
    """Fetch the fields of a month or year at stations.

    The table: station, date, the dataset's variables, and ``n_fields`` and ``model_only`` as in the files of fields;
    one row for every station and day.

    Args:
        source: the dataset from a back end.
        stations: of ``loam.acquire.station_places.read_stations``.
        span: ``2020-01`` or ``2020``.
        state: ``final``, ``provisional`` or ``open <day it is asked on>``.
        path: of the table.
        manifest_path: of its manifest.
        request: what was asked for, for the provenance.

    Raises:
        AcquireError: days failed, or what came is not what was asked for; no file is left then.
    """
    started, dataset = datetime.now(UTC), source.dataset
    days = days_to_fetch(dataset, span, state)
    months = [_month_at(source, stations, month) for month in months_of(days)]
    manifest = manifest_of(dataset, days, months, state)
    where = f"{dataset.name} from {source.back_end}, {span}"
    try:
        check_manifest(manifest, where=where)
        found = np.concatenate([month.found for month in months])
        table = _table(stations, days, months)
        for name in dataset.variables:
            if table[name].isna().all() and not (is_empty(manifest) or may_be_empty(dataset, source.back_end)):
                raise AcquireError(
                    f"{name} is missing at every station on every day", where=where,
                    fix="check that the dataset covers the stations, and its bands in datasets.yaml",
                )  # fmt: skip
            lacking = table[name].isna().groupby(table["station"]).all().reindex(stations["station"]).to_numpy()
            if lacking.any() and not is_empty(manifest):
                log.warning("%s: no %s at station %s", where, name, named(stations, lacking))
    except AcquireError:
        for file in source.workspace.glob("*.nc"):
            file.unlink()  # the next attempt asks for them again
        raise
    for name, values, _ in flags_of_days(dataset, manifest, found):
        table[name] = np.tile(values, len(stations))
    write_manifest(manifest, manifest_path)
    _write(table, path, source, request, started, {"stations": len(stations), "days": counts_of(manifest)})


def _map_at(source: Source, variable: Variable, stations: pd.DataFrame, resolution: float) -> np.ndarray:
    """[station, band] as float64, NaN where missing; kept in the workspace."""
    where = f"{source.dataset.name} from {source.back_end}, {variable.name}"
    kept = source.workspace / f"{variable.name}.npy"
    if kept.exists():
        return np.load(kept)
    values = source.sample_map(variable.name, stations, resolution)
    if values is None:
        values = _pixels(source, variable, stations, resolution, where)
    shape = (len(stations), len(variable.bands) or 1)
    if values.shape != shape:
        raise AcquireError(f"the reply has {values.shape} values", where=where, expected=f"{shape} (stations, bands)")
    values = values.astype(float)
    if variable.classes:
        values[values == source.dataset.nodata] = np.nan
    check_range(values, variable, where=where, place=lambda index: f"station '{stations['station'].iloc[index[0]]}'")
    _save(kept, values)
    for batch in source.workspace.glob(f"{variable.name}_[0-9]*.npy"):
        batch.unlink()
    return values


def _pixels(source: Source, variable: Variable, stations: pd.DataFrame, resolution: float, where: str) -> np.ndarray:
    """A pixel around each station with ``read_map``: [station, band], classes with nodata."""

    def pixel(row: tuple[str, float, float]) -> np.ndarray:
        name, latitude, longitude = row
        geobox = pixel_at(longitude, latitude, resolution)
        given = source.read_map(variable.name, geobox)
        return checked_tile(given, variable, source.dataset, geobox, f"{where}, station '{name}'")[:, 0, 0]

    rows, batches = list(stations[["station", "latitude", "longitude"]].itertuples(index=False, name=None)), []
    with (
        progress(len(rows), f"{source.dataset.name} {variable.name} stations") as bar,
        ThreadPoolExecutor(max(1, source.concurrent), thread_name_prefix="station") as pool,
    ):
        for start in range(0, len(rows), BATCH):
            batch, kept = rows[start : start + BATCH], source.workspace / f"{variable.name}_{start:06d}.npy"
            if kept.exists():
                batches.append(np.load(kept))
            else:
                batches.append(np.stack(list(pool.map(pixel, batch))))
                _save(kept, batches[-1])
            bar.step(len(batch))
    return np.concatenate(batches)


def _month_at(source: Source, stations: pd.DataFrame, days: Sequence[date]) -> Fields:
    """Fields whose variables have dimensions station and time."""
    dataset, month = source.dataset, f"{days[0]:%Y-%m}"
    where = f"{dataset.name} from {source.back_end}, {month}"
    names = stations["station"].tolist()

    def check(fields: Fields) -> Fields:
        values = {name: fields.data[name].to_numpy() for name in dataset.variables}
        if fields.data["station"].to_numpy().tolist() != names or len(fields.data["time"]) != len(days):
            raise AcquireError("is of other stations or days", where=where)
        if any(block.shape != (len(names), len(days)) for block in values.values()):
            raise AcquireError("is of other stations or days", where=where)
        return fields

    def sample() -> Fields:
        answer = source.sample_fields(stations, days)
        if answer is None:
            return _boxes_at(source, stations, days, where)
        table, fields = answer
        values = checked_samples(table, fields, dataset, names, days, where)
        return _stacked(values, names, days, list(dataset.variables), fields)

    return kept_fields(source.workspace / f"{month}.nc", sample, check)


def _boxes_at(source: Source, stations: pd.DataFrame, days: Sequence[date], where: str) -> Fields:
    """Values of stations box by box; what is kept of each box is the values at its stations."""
    dataset = source.dataset
    boxes, variables = boxes_of(stations, source.box), list(dataset.variables)
    values = np.full((len(variables), len(stations), len(days)), np.nan, np.float32)
    parts: list[Fields] = []
    with progress(len(boxes), f"{dataset.name} {days[0]:%Y-%m} boxes of stations") as bar:
        for number, box in enumerate(boxes):
            inside = stations.iloc[box].reset_index(drop=True)

            def sample(inside: pd.DataFrame = inside) -> Fields:
                fields = checked_fields(read_across(source, envelope_of(inside), days), dataset, days, where)
                sampled = nearest_cells(fields.data, inside, variables, where)
                return _stacked(sampled, inside["station"].tolist(), days, variables, fields)

            file = source.workspace / f"{days[0]:%Y-%m}_{number:05d}.nc"
            part = kept_fields(file, sample, lambda fields: fields)
            values[:, box] = np.stack([part.data[name].to_numpy() for name in variables])
            parts.append(part)
            bar.step()
    until = [part.published_until for part in parts if part.published_until is not None]
    whole = Fields(
        parts[0].data, np.min([part.found for part in parts], axis=0),
        frozenset().union(*(part.provisional for part in parts)), max(until, default=None),
    )  # fmt: skip
    return _stacked(values, stations["station"].tolist(), days, variables, whole)


def _stacked(
    values: np.ndarray, names: Sequence[str], days: Sequence[date], variables: Sequence[str], like: Fields
) -> Fields:
    data = xr.Dataset(
        {name: (("station", "time"), block) for name, block in zip(variables, values, strict=True)},
        coords={"station": list(names), "time": pd.DatetimeIndex(list(days)).to_numpy()},
    )
    return Fields(data, np.asarray(like.found), like.provisional, like.published_until)


def _table(stations: pd.DataFrame, days: Sequence[date], months: Sequence[Fields]) -> pd.DataFrame:
    data = xr.concat([month.data for month in months], "time")
    table = pd.DataFrame({
        "station": np.repeat(stations["station"].to_numpy(), len(days)),
        "date": np.tile(pd.DatetimeIndex(list(days)).to_numpy().astype("datetime64[ns]"), len(stations)),
    })  # fmt: skip
    for name in data.data_vars:
        table[name] = data[name].transpose("station", "time").to_numpy().ravel().astype(np.float32)
    return table


def _write(
    table: pd.DataFrame,
    path: str | Path,
    source: Source,
    request: Mapping[str, Any],
    started: datetime,
    extra: Mapping[str, Any],
) -> None:
    write_table(table, path)
    complete(Path(path), source, request, started, **extra)


def _save(path: Path, values: np.ndarray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, values)
