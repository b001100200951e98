"""What the samples of a domain are made from: stations, their observed moisture, and a source of covariates.

Three kinds give all of it: a table that holds covariates and moisture; a table of covariates, with the moisture of
probes; the cube or point tables, with the moisture of probes. In the cube a station is the pixel that holds it, or the
block of pixels around it. One outside the grid, in the sea or in a masked pixel has no covariates; it is named in the
log, and its days are counted in the table of dropped rows under that reason.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loam.covariates.build.land import why_not_land
from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import Settings, Source
from loam.covariates.reasons import ALL_LAYERS
from loam.errors import ConfigError, TableError
from loam.raster.classes import class_names
from loam.raster.grid import Grid
from loam.samples.blocks import BlockSource
from loam.samples.brought_stations import TableStations
from loam.samples.brought_table import StationTable
from loam.samples.coarse import CoarseCells
from loam.samples.point_tables import PointTables
from loam.samples.probes import moisture_of
from loam.samples.station_pixels import pixels_around, pixels_of
from loam.samples.table_checks import check_days, check_moisture
from loam.samples.teachers import Teacher, combined, of_source, of_table

log = logging.getLogger("loam")

STATION_GROUPS = ("elevation", "landcover", "soil")  # groups that the table of stations gives
NEVER = frozenset[str]()


@dataclass(frozen=True)
class Domain:
    """What the samples of a domain are made from.

    Args:
        name: ``source`` or ``target``.
        where: the file that its stations came from, for errors.
        about: latitude, longitude and more of each station that has moisture, by its name, sorted.
        moisture: by (station, date), one column a layer; m3 m-3, sorted; days with any layer only: the first teacher's
            that has it.
        read: the covariates of some stations (rows of ``about``).
        group: a group's values (name, source, rows of ``about``, days): [station] or [station, day].
        order: positions of the stations, those together that are best read together.
        changes: features called static that are to be read day by day.
        lost: days of stations that are no rows, by (station, why, what is missing).
        teachers: whom models learn moisture from.
        said: what each teacher says, as ``moisture``; of one that is not there, ``moisture`` is its own or the source
            has it.
        around: the land pixels around some stations (rows of ``about``), so many a side: their covariates, and which
            they are of all, [station, row, column]; None where stations are no pixels.
    """

    name: str
    where: Path
    about: pd.DataFrame
    moisture: pd.DataFrame
    read: Callable[[pd.DataFrame], Source]
    group: Callable[[str, Any, pd.DataFrame, np.ndarray], np.ndarray]
    order: np.ndarray
    changes: Callable[[str], bool] = NEVER.__contains__
    lost: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    teachers: Sequence[Teacher] = (Teacher(),)
    said: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    around: Callable[[pd.DataFrame, int], tuple[Source, np.ndarray]] | None = None


def domain_of_table(
    name: str, table: StationTable, features: Mapping[str, Any], layers: Sequence[str],
    teachers: Sequence[Teacher] = (Teacher(),),
) -> Domain:  # fmt: skip
    """A domain whose table holds covariates and moisture, read with ``layers_to_read(teachers, ...)``.

    Raises:
        TableError: moisture or a day cannot be, or ready lags of one day differ.
    """
    check_days(table.keys["date"], table.path)
    check_moisture(table.layers, table.path, name)
    covariates = TableStations(table, features)
    index = pd.MultiIndex.from_frame(table.keys[["station", "date"]])
    said = [part.set_axis(index) for part in of_table(table.layers, teachers, layers)]
    about = table.keys.groupby("station")[["latitude", "longitude"]].first()
    domain = _with_table(
        name, table.path, about, combined(said).dropna(how="all"), covariates,
        lambda group, source, about, days: covariates.group(group, about.index, days),
    )  # fmt: skip
    named = {teacher.name: part for teacher, part in zip(teachers, said, strict=True)}
    return replace(domain, teachers=teachers, said=named)


def domain_of_probes(
    name: str, table: StationTable, daily: pd.DataFrame, stations: pd.DataFrame, layers: Sequence[str],
    features: Mapping[str, Any], teachers: Sequence[Teacher] = (Teacher(),),
) -> Domain:  # fmt: skip
    """A domain with the moisture of probes, whose table holds covariates alone.

    Args:
        name: ``source`` or ``target``.
        table: read without layers and coordinates; stations that have no probe are left out.
        daily: station, date, layer, moisture (m3 m-3, may be missing).
        stations: station, latitude, longitude, and any of ``STATION_GROUPS``.
        layers: names.
        features: the config's.
        teachers: whom models learn moisture from.

    Raises:
        TableError: the table and the probes have no station in common, or as ``domain_of_table``.
    """
    check_days(table.keys["date"], table.path)
    known = set(stations["station"])
    if known.isdisjoint(table.keys["station"]):
        raise TableError(
            "no station of the probes is in this table", where=table.path, expected=", ".join(sorted(known)[:5])
        )
    if absent := sorted(set(daily["station"]) - set(table.keys["station"])):
        log.warning("%s: no covariates of station %s", name, ", ".join(absent))
    moisture, about = _observed(name, daily, stations, layers, table.path)
    covariates = TableStations(table, features)

    def group(group: str, source: Any, about: pd.DataFrame, days: np.ndarray) -> np.ndarray:
        return _of_stations(group, about) if group in STATION_GROUPS else covariates.group(group, about.index, days)

    return replace(_with_table(name, table.path, about, moisture, covariates, group), teachers=teachers)


def domain_of_cube(
    name: str, source: Cube | PointTables, daily: pd.DataFrame, stations: pd.DataFrame, layers: Sequence[str],
    where: Path, teachers: Sequence[Teacher] = (Teacher(),), block: int = 1,
) -> Domain:  # fmt: skip
    """A domain with the moisture of probes, whose covariates are read as a map's pixels are.

    Args:
        name: ``source`` or ``target``.
        source: the cube where the domain lies in the run's grid, else its point tables.
        daily: station, date, layer, moisture (m3 m-3, may be missing).
        stations: station, latitude, longitude, and any of ``STATION_GROUPS``.
        layers: names.
        where: the domain's daily table, for errors.
        teachers: whom models learn moisture from.
        block: in the cube, pixels a side of what a station stands for, an odd number; it is the middle one.

    Raises:
        TableError: no station lies on land of the grid.
    """
    moisture, about = _observed(name, daily, stations, layers, where)
    about = _with_moisture(about, moisture)
    lost = {(station, ALL_LAYERS, ", ".join(layers)): count for station, count in _unobserved(daily, moisture).items()}
    if not isinstance(source, Cube):
        log.info("%s: covariates from point tables", name)
        return Domain(
            name, where, about, moisture, lambda about: source.at(about.index), _of_pixels, np.arange(len(about)),
            lost=lost, teachers=teachers,
        )  # fmt: skip
    rows, cols = pixels_of(source.grid, about)
    off = _not_on_land(source.grid, about.index, rows, cols, name)
    lost |= {(station, reason, ""): len(moisture.loc[station]) for station, reason in off.items()}
    kept = np.array([station not in off for station in about.index], bool)
    if not kept.any():
        raise TableError(
            f"no station of the {name} domain has moisture and lies on land of the grid", where=where,
            expected="; ".join(f"{station}: {reason}" for station, reason, _ in list(lost)[:5]),
            fix="check the stations' coordinates and mapping.grid, or give the domain point tables",
        )  # fmt: skip
    about, rows, cols = about[kept], rows[kept], cols[kept]
    order = np.lexsort((cols // source.grid.tile, rows // source.grid.tile))  # a chunk is read once

    def around(about: pd.DataFrame, size: int) -> tuple[Source, np.ndarray]:
        return pixels_around(source, about, size)

    def read(about: pd.DataFrame) -> Source:
        return source.at(*pixels_of(source.grid, about)) if block == 1 else BlockSource(*around(about, block))

    return Domain(
        name, where, about, moisture[moisture.index.get_level_values("station").isin(about.index)], read, _of_pixels,
        order, lost=lost, teachers=teachers, around=around if block == 1 else None,
    )  # fmt: skip


def domain_of_cells(
    name: str, cube: Cube, period: Sequence[str], layers: Sequence[str], teachers: Sequence[Teacher],
    settings: Settings, where: Path,
) -> Domain:  # fmt: skip
    """A domain whose stations are the coarse cells over land of the cube's grid, taught by modelled moisture.

    Args:
        name: ``source`` or ``target``.
        cube: of the run.
        period: first and last day, YYYY-MM-DD.
        layers: names.
        teachers: whom models learn moisture from, each a daily covariate of the cube.
        settings: how covariates are derived.
        where: the cube, for errors.

    Raises:
        ConfigError: no teacher is a covariate, or no cell lies over land.
        TableError: no cell has moisture, or it cannot be.
    """
    if any(teacher.own for teacher in teachers):
        raise ConfigError(
            f"coarse cells of the {name} domain have no probes", where="config key 'samples.teachers'",
            expected="a modelled moisture that teaches each layer",
            fix=f"name one, like {{name: model, domain: {name}, column: {{{layers[0]}: sm_surface}}}}",
        )  # fmt: skip
    cells = CoarseCells(cube)
    about = cells.about()
    days = np.arange(np.datetime64(period[0], "D"), np.datetime64(period[1], "D") + 1)
    keys = pd.MultiIndex.from_product([about.index, days.astype("datetime64[ns]")], names=["station", "date"])
    everywhere = cells.at(np.arange(len(about)))
    said = {
        teacher.name: pd.DataFrame(
            of_source(teacher, layers, everywhere, list(about.index), days, settings, where).reshape(len(keys), -1),
            keys, list(layers),
        )
        for teacher in teachers
    }  # fmt: skip
    moisture = combined(list(said.values())).dropna(how="all")
    if moisture.empty:
        raise TableError(
            f"no coarse cell of the {name} domain has moisture from {period[0]} to {period[1]}", where=where
        )
    log.info("%s: %d coarse cells of %d land pixels", name, len(about), cells.pixels.sum())
    known = _with_moisture(about, moisture)
    return Domain(
        name, where, known, moisture, lambda some: cells.at(about.index.get_indexer(some.index)), _of_pixels,
        np.arange(len(known)), teachers=teachers, said=said,
    )  # fmt: skip


def check_domains(source: Domain, target: Domain) -> None:
    """Raise a TableError if a station is in both domains: its held-out days would have been trained on."""
    both = sorted(set(source.about.index) & set(target.about.index))
    if both:
        raise TableError(
            f"station '{both[0]}' is also in {target.where}" + (f" (and {len(both) - 1} more)" if both[1:] else ""),
            where=source.where, expected="a station in one domain only",
            fix="remove it from one table, or rename it if these are different places",
        )  # fmt: skip


def _with_table(
    name: str, where: Path, about: pd.DataFrame, moisture: pd.DataFrame, covariates: TableStations,
    group: Callable[[str, Any, pd.DataFrame, np.ndarray], np.ndarray],
) -> Domain:  # fmt: skip
    """The domain, each row of whose table is a row with moisture or is counted as one without."""
    keys = covariates.table.keys
    listed = keys[keys["station"].isin(about.index)]
    without = listed.loc[~pd.MultiIndex.from_frame(listed[["station", "date"]]).isin(moisture.index), "station"]
    about = _with_moisture(about, moisture)
    layers = ", ".join(moisture.columns)
    return Domain(
        name, where, about, moisture.sort_index(), lambda about: covariates.at(about.index), group,
        np.arange(len(about)), covariates.changes,
        {(str(station), ALL_LAYERS, layers): count for station, count in Counter(without).items()},
    )  # fmt: skip


def _observed(
    name: str, daily: pd.DataFrame, stations: pd.DataFrame, layers: Sequence[str], where: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Moisture by station and day, and the table of stations by their names."""
    moisture = moisture_of(daily, layers)
    about = stations.assign(station=stations["station"].astype(str)).set_index("station")
    if unknown := sorted(set(daily["station"].astype(str)) - set(about.index)):
        raise TableError(f"station {unknown[0]} is not in the table of stations", where=where)
    rows = moisture.set_axis(pd.RangeIndex(1, len(moisture) + 1))
    check_days(pd.Series(moisture.index.get_level_values("date"), rows.index), where)
    check_moisture(rows, where, name)
    return moisture, about


def _with_moisture(about: pd.DataFrame, moisture: pd.DataFrame) -> pd.DataFrame:
    return about.loc[sorted(set(moisture.index.get_level_values("station")))]


def _unobserved(daily: pd.DataFrame, moisture: pd.DataFrame) -> Counter[str]:
    """Number of each station's days on which no layer has moisture."""
    days = daily.assign(station=daily["station"].astype(str))[["station", "date"]].drop_duplicates()
    return Counter(days.loc[~pd.MultiIndex.from_frame(days).isin(moisture.index), "station"])


def _not_on_land(grid: Grid, names: Sequence[str], rows: np.ndarray, cols: np.ndarray, domain: str) -> dict[str, str]:
    lost = {}
    for name, row, col in zip(names, rows, cols, strict=True):
        if reason := why_not_land(grid, int(row), int(col)):
            lost[name] = reason
            log.warning("%s: station %s is left out: %s", domain, name, reason)
    return lost


def _of_pixels(name: str, source: Any, about: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Values of a group at the source's stations: [station]."""
    if name == "landcover":
        return class_names(source.classes()).fillna("").to_numpy(object)
    if name in about or name in STATION_GROUPS:
        return _of_stations(name, about)
    return source.static(name)


def _of_stations(name: str, about: pd.DataFrame) -> np.ndarray:
    if name not in about:
        raise ConfigError(f"no table gives group '{name}'", where="config key 'samples.groups'")
    values = about[name]
    return values.to_numpy() if pd.api.types.is_numeric_dtype(values) else values.fillna("").to_numpy(object)
