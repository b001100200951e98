"""What is known of a station besides its readings, checked: name, coordinates, what was measured.

A wrong coordinate costs more than a missing one: every covariate is then read at the wrong place. Swapped latitude and
longitude and a lost minus sign are recognised by the region that the config gives (``bounds``); without it only what is
not on Earth can be.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import pandas as pd
import pyproj

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.probes.products import STATION_SUMMARY
from loam.raster.dateline import within_longitudes

log = logging.getLogger("loam")

SAME_PLACE = 1e-5  # degrees, about 1 m
MOVED = 100.0  # m


def select_stations(stations: pd.DataFrame, settings: ProbeFiles, *, where: object) -> pd.DataFrame:
    """The stations that ``include`` (name patterns like ``K*``) and ``bounds`` choose, with checked coordinates.

    Args:
        stations: schema STATIONS.
        settings: a domain's settings; ``include`` None takes all names, ``bounds`` [west, south, east, north]
            in degrees takes all places.
        where: what the stations were read from, for errors.

    Raises:
        TableError: a station without coordinates or not on Earth; one that would lie in the region with latitude and
            longitude swapped or with the other sign; no station is left.
    """
    patterns = settings.include or ["*"]
    named = stations[[any(fnmatchcase(name, pattern) for pattern in patterns) for name in stations["station"]]]
    check_coordinates(named, settings.bounds, where=where)
    chosen = named
    if bounds := settings.bounds:
        inside = [_inside(row.latitude, row.longitude, bounds) for row in named.itertuples()]
        chosen = named[inside]
        log.info("%d of %d stations lie in %s", len(chosen), len(named), bounds)
    if chosen.empty:
        raise TableError(
            "no station is left", where=where, expected=f"names like {', '.join(patterns)}, places in {bounds}",
            fix=f"the stations are {', '.join(stations['station'].head(10))}",
        )  # fmt: skip
    return chosen.reset_index(drop=True)


def check_coordinates(stations: pd.DataFrame, bounds: Sequence[float] | None, *, where: object) -> None:
    """Raise a TableError for a coordinate that is missing, impossible, swapped or of the wrong sign."""
    for row in stations.itertuples():
        latitude, longitude = row.latitude, row.longitude
        place = f"latitude {latitude:g}, longitude {longitude:g} of station '{row.station}'"
        if pd.isna(latitude) or pd.isna(longitude):
            raise TableError(
                f"station '{row.station}' has no coordinates", where=where, fix="give them in the station table"
            )
        if abs(latitude) > 90 and abs(longitude) <= 90 and abs(latitude) <= 180:
            raise TableError(f"{place} look swapped", where=where, fix="exchange the two columns")
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise TableError(f"{place} are not on Earth", where=where, expected="degrees (WGS 84)")
        if bounds and not _inside(latitude, longitude, bounds):
            if _inside(longitude, latitude, bounds):
                raise TableError(f"{place} look swapped", where=where, fix="exchange them, or correct bounds")
            for signed in ((-latitude, longitude), (latitude, -longitude), (-latitude, -longitude)):
                if _inside(*signed, bounds):
                    raise TableError(
                        f"{place} have the wrong sign", where=where, expected=f"a place in {list(bounds)}",
                        fix="south and west are negative",
                    )  # fmt: skip


def warn_of_places(places: Mapping[str, Sequence[tuple[object, float, float]]]) -> None:
    """Warn of every station whose files give places more than ``MOVED`` apart: the first one is taken for all.

    Args:
        places: by station: file, latitude and longitude in degrees.
    """
    ellipsoid = pyproj.Geod(ellps="WGS84")
    for station, given in places.items():
        (first, latitude, longitude), *others = given
        for file, north, east in others:
            _, _, metres = ellipsoid.inv(longitude, latitude, east, north)
            if metres > MOVED:
                log.warning(
                    "station %s lies at %g, %g in %s and at %g, %g in %s, %.1f km apart: the first is taken", station,
                    latitude, longitude, first, north, east, file, metres / 1000,
                )  # fmt: skip
                break


def notes_of(stations: pd.DataFrame) -> pd.Series:
    """For each station what is odd about it: another at the same place, or of the same name in other letters."""
    notes = {name: [] for name in stations["station"]}
    ordered = stations.sort_values(["latitude", "longitude"])
    for first, second in zip(ordered.itertuples(), ordered.iloc[1:].itertuples(), strict=False):
        if abs(first.latitude - second.latitude) < SAME_PLACE and abs(first.longitude - second.longitude) < SAME_PLACE:
            notes[second.station].append(f"same place as {first.station}")
            notes[first.station].append(f"same place as {second.station}")
    for _, group in stations.groupby(stations["station"].str.casefold().str.strip()):
        if len(group) > 1:
            for name in group["station"]:
                others = [other for other in group["station"] if other != name]
                notes[name].append(f"differs only in case or blanks from {', '.join(others)}")
    for name, found in notes.items():
        if found:
            log.warning("station %s: %s", name, "; ".join(found))
    return stations["station"].map(lambda name: "; ".join(notes[name]))


def summarise_stations(stations: pd.DataFrame, daily: pd.DataFrame) -> pd.DataFrame:
    """``stations`` with the number of days that have moisture, the first and the last (schema STATION_SUMMARY).

    Args:
        stations: schema STATIONS.
        daily: station, date of the rows that have moisture (a day may be there once a layer).
    """
    days = daily.drop_duplicates().groupby("station")["date"].agg(days="size", first_day="min", last_day="max")
    table = stations.merge(days, left_on="station", right_index=True, how="left").reset_index(drop=True)
    table["days"] = table["days"].fillna(0).astype(int)
    return table.assign(note=notes_of(table))[list(STATION_SUMMARY.columns)]


def _inside(latitude: float, longitude: float, bounds: Sequence[float]) -> bool:
    west, south, east, north = bounds
    return bool(south <= latitude <= north and within_longitudes(longitude, west, east))
