"""Protocols that hold out places: groups of stations, regions, and a station with its neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from loam.errors import TableError
from loam.protocols.fold import WHERE, Fold, Record
from loam.raster.great_circle import distances


def leave_group_out(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each value of the column ``group`` is tested once, in their order: a land cover, a soil, a network.

    Other rows of a station that is tested (where its group changes with time) are not used.
    """
    column = settings["group"]
    groups = record.rows[column]
    if groups.isna().any():
        row = record.rows[groups.isna()].iloc[0]
        raise TableError(
            f"station {row['station']} has no {column} on {row['date']:%Y-%m-%d}", where=WHERE,
            expected="a group for each row", fix=f"fill column {column}",
        )  # fmt: skip
    names = sorted(groups.unique().tolist(), key=str)
    if len(names) < 2:
        raise TableError(f"all rows have {column} {names[0]}", where=WHERE, expected="two groups or more")
    for name in names:
        test = (groups == name).to_numpy()
        free = ~record.at(record.rows["station"][test].unique().tolist())
        validation = record.drawn(free, f"{column} {name}")
        yield Fold(test, validation, free & ~validation)


def regional_boxes(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """The stations of each of ``boxes`` are tested once; those of the other boxes, and of none, train and validate.

    A box is [west, south, east, north] in degrees; one whose west is above its east lies across 180 degrees.
    """
    latitude, longitude = (record.rows[name].to_numpy(float) for name in ("latitude", "longitude"))
    tested = np.zeros(len(record.rows), bool)
    for name, (west, south, east, north) in settings["boxes"].items():
        within = (
            (longitude >= west) & (longitude <= east) if west <= east else (longitude >= west) | (longitude <= east)
        )
        test = within & (latitude >= south) & (latitude <= north)
        where = f"config key 'training.protocol_settings.regional_boxes.boxes.{name}'"
        if not test.any() or test.all():
            raise TableError(f"{'no' if not test.any() else 'every'} station lies in it", where=where)
        if (twice := test & tested).any():
            station = record.rows["station"][twice].iloc[0]
            raise TableError(f"station {station} lies in another box too", where=where, fix="part the boxes")
        tested |= test
        yield Fold(test, record.drawn(~test, f"box {name}"))


def buffered(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each station is tested once; no station within ``distance_km`` of it trains or validates.

    Distances are great circles on a sphere.
    """
    record.demand_stations()
    places = record.rows.groupby("station", sort=True)[["latitude", "longitude"]].mean()
    for station in record.stations:
        away = distances(*places.loc[station], *(places[name].to_numpy() for name in places))
        far = places.index[away > settings["distance_km"]].tolist()
        if len(far) < 2:
            raise TableError(
                f"{len(far)} station(s) lie more than {settings['distance_km']:g} km from station {station}",
                where=WHERE, expected="two: one validates, one trains",
                fix="lower training.protocol_settings.buffered.distance_km",
            )  # fmt: skip
        free = record.at(far)
        validation = record.drawn(free, f"station {station}")
        yield Fold(record.at([station]), validation, free & ~validation)
