"""Stations as places: their table, a pixel around one, boxes that gather several, and the cells nearest to them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyproj
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.canonical.canonical import cells_of
from loam.acquire.source import Bounds
from loam.errors import TableError
from loam.io.provenance import hash_of_values
from loam.io.tables import read_table
from loam.raster.dateline import normalised, unrolled
from loam.raster.grid import cells_at, crs_of, project

log = logging.getLogger("loam")

MARGIN = 0.01  # degrees around the stations of a box
PLACES = pa.DataFrameSchema(
    {
        "station": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True, unique=True),
        "latitude": pa.Column(float, pa.Check.in_range(-90, 90), coerce=True, nullable=True),
        "longitude": pa.Column(float, pa.Check.in_range(-180, 360), coerce=True, nullable=True),
    },
    strict="filter",
)


def read_stations(path: str | Path) -> pd.DataFrame:
    """Station, latitude and longitude of a domain's stations; those without coordinates are left out, and named.

    Raises:
        TableError: the table lacks a column, or no station has coordinates.
    """
    stations = read_table(path, PLACES)
    placed = stations[["latitude", "longitude"]].notna().all(axis=1)
    if not placed.all():
        log.warning("no coordinates, so no values: station %s", ", ".join(stations.loc[~placed, "station"]))
    if not placed.any():
        raise TableError("no station has coordinates", where=path)
    return stations.loc[placed, ["station", "latitude", "longitude"]].reset_index(drop=True)


def hash_of_stations(stations: pd.DataFrame) -> str:
    """A hash that changes with the stations, their order or their places."""
    return hash_of_values(stations[["station", "latitude", "longitude"]].to_numpy().tolist())


def pixel_at(longitude: float, latitude: float, resolution: float) -> GeoBox:
    """One pixel of ``resolution`` metres around a station, in the station's UTM zone (UPS at the poles)."""
    longitude = (longitude + 180.0) % 360.0 - 180.0
    if -80.0 <= latitude <= 84.0:
        zone = min(60, int((longitude + 180.0) // 6.0) + 1)
        crs = f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"
    else:
        crs = "EPSG:32661" if latitude > 0 else "EPSG:32761"
    x, y = project(np.array([longitude]), np.array([latitude]), pyproj.CRS("EPSG:4326"), crs)
    half = resolution / 2
    return GeoBox((1, 1), Affine(resolution, 0.0, float(x[0]) - half, 0.0, -resolution, float(y[0]) + half), crs)


def boxes_of(stations: pd.DataFrame, size: float) -> list[np.ndarray]:
    """Positions of stations that are read together: in one box no more than ``size`` degrees a side.

    A station joins the first box that it does not make too large, from west to east, else it begins another.
    """
    longitude, latitude = stations["longitude"].to_numpy(float), stations["latitude"].to_numpy(float)
    boxes: list[list[int]] = []
    for place in np.lexsort((latitude, longitude)):
        for box in boxes:
            members = [*box, place]
            if max(np.ptp(unrolled(longitude[members])), np.ptp(latitude[members])) <= size:
                box.append(int(place))
                break
        else:
            boxes.append([int(place)])
    return [np.sort(box) for box in boxes]


def nearest_cells(data: xr.Dataset, stations: pd.DataFrame, names: Sequence[str], where: str) -> np.ndarray:
    """Values of the cells whose centres are nearest to the stations: [variable, station, day]; NaN outside.

    Args:
        data: fields (time, y, x), as ``loam.acquire.canonical.canonical.checked_fields`` gives them.
        stations: columns latitude and longitude.
        names: the variables.
        where: for errors.
    """
    cells = cells_of(data, where)
    x, y = project(
        stations["longitude"].to_numpy(float), stations["latitude"].to_numpy(float), pyproj.CRS("EPSG:4326"),
        crs_of(cells),
    )  # fmt: skip
    rows, cols = cells_at(cells, x, y)
    inside = rows >= 0
    values = np.full((len(names), len(stations), data.sizes["time"]), np.nan, np.float32)
    for number, name in enumerate(names):
        values[number, inside] = data[name].to_numpy()[:, rows[inside], cols[inside]].T
    return values


def envelope_of(stations: pd.DataFrame) -> Bounds:
    """West, south, east and north of stations, with a margin, degrees."""
    return around(stations, MARGIN)


def around(stations: pd.DataFrame, margin: float) -> Bounds:
    """As ``envelope_of``, with ``margin`` (degrees): the shortest box, also where it lies across the 180th meridian."""
    longitude, latitude = unrolled(stations["longitude"].to_numpy(float)), stations["latitude"]
    return normalised(
        float(longitude.min()) - margin,
        max(-90.0, float(latitude.min()) - margin),
        float(longitude.max()) + margin,
        min(90.0, float(latitude.max()) + margin),
    )


def named(stations: pd.DataFrame, wanted: np.ndarray) -> str:
    """The names of the ``wanted`` stations (bool [station]), for a log; ten at most."""
    names = stations.loc[wanted, "station"].tolist()
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
