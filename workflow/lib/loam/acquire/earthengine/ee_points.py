"""Values at stations, for a domain that is a set of points: no cells are fetched, only what stands at them.

Maps are taken as the mean (classes: the most frequent) over a square around each station, the size of a pixel of the
run, weighted by overlap. Fields are those of the native cell whose centre is nearest. One feature a station, one
property a band: a month of two variables at 500 stations is one request.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import ee
import numpy as np
import pandas as pd
import pyproj
import xarray as xr

from loam.acquire.catalogue import Dataset
from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.day_bands import band_name, day_bands, days_of_composite, list_days, stacked
from loam.acquire.earthengine.ee_fields import provisional_days, times
from loam.acquire.earthengine.ee_maps import NODATA, Maps, in_units
from loam.acquire.earthengine.pixel_requests import transform_of
from loam.acquire.source import Bounds, Fields
from loam.acquire.station_places import around
from loam.errors import AcquireError

log = logging.getLogger("loam")

BATCH = 500  # stations a request
VALUES = 100_000  # values a request


def sample_map(maps: Maps, variable: str, stations: pd.DataFrame, resolution: float) -> np.ndarray:
    """A variable of a map at stations: [station, band], NaN where missing.

    Args:
        maps: of the dataset.
        variable: its name.
        stations: columns station, latitude, longitude (degrees).
        resolution: side of the square around a station, m.

    Raises:
        CredentialError, AcquireError: the server refuses, or a station comes back twice or not at all.
    """
    about = maps.dataset.variables[variable]
    names = [f"{variable}_{number}" for number in range(1, len(about.bands) + 1)]
    found = np.full((len(stations), len(names)), np.nan)
    image = None
    for batch in _batches(stations, len(names)):
        image = maps.image(variable, _bounds(batch, resolution))
        if image is None:
            continue
        reducer = ee.Reducer.mode() if about.classes else ee.Reducer.mean()
        squares = [_square(row.longitude, row.latitude, resolution) for row in batch.itertuples()]
        regions = image.reduceRegions(
            collection=_features(batch.index, squares), reducer=_named(reducer, names),
            scale=min(resolution, float(maps.keys["pixel_m"])),
        )  # fmt: skip
        rows = _rows(maps.client, regions, batch.index, f"Earth Engine, {maps.dataset.name} {variable} at stations")
        for position, row in rows.items():
            found[position] = [_number(row.get(name)) for name in names]
    raw = np.where(np.isfinite(found), found, NODATA)
    return maps.scaled(variable, raw)


def sample_fields(
    client: Client,
    dataset: Dataset,
    keys: Mapping[str, Any],
    stations: pd.DataFrame,
    days: Sequence[date],
    as_of: date | None = None,
) -> tuple[pd.DataFrame, Fields]:
    """Variables at stations on ``days``: columns station, date, the variables; every station on every day, NaN where
    missing. With it a ``Fields`` whose ``data`` holds ``time`` alone.

    Raises:
        CredentialError, AcquireError: the server refuses, or a station comes back twice or not at all.
    """
    stations = stations.reset_index(drop=True)
    month = list_days(client, dataset, keys, days, _bounds(stations, 0.0))
    values = {name: np.full((len(stations), len(month.days)), np.nan, np.float32) for name in dataset.variables}
    images = {
        band: image for name in dataset.variables for band, image in day_bands(dataset, keys, name, month).items()
    }
    if images:
        rows = _sampled(client, dataset, month, stacked(images), list(images), stations)
        _fill(values, dataset, keys, month.days, rows)
    frame = pd.DataFrame(
        {
            "station": np.repeat(stations["station"].to_numpy(), len(month.days)),
            "date": np.tile(times(month.days), len(stations)),
            **{name: found.ravel() for name, found in values.items()},
        }
    )
    data = xr.Dataset(coords={"time": times(month.days)})
    found = np.array(month.found, dtype=int)
    return frame, Fields(data, found, provisional_days(dataset, month.days, as_of), month.published_until)


def _sampled(
    client: Client, dataset: Dataset, month: Any, image: ee.Image, bands: list[str], stations: pd.DataFrame
) -> dict[int, dict[str, Any]]:
    """Position of a station -> its properties."""
    geobox = month.native.geobox
    crs = month.native.crs or (f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else geobox.crs.wkt)
    rows: dict[int, dict[str, Any]] = {}
    for batch in _batches(stations, len(bands)):
        points = [ee.Geometry.Point([row.longitude, row.latitude]) for row in batch.itertuples()]
        regions = image.reduceRegions(
            collection=_features(batch.index, points), reducer=_named(ee.Reducer.first(), bands), crs=crs,
            crsTransform=transform_of(geobox),
        )  # fmt: skip
        what = f"Earth Engine, {dataset.name} {month.days[0]} to {month.days[-1]} at stations"
        rows.update(_rows(client, regions, batch.index, what))
    return rows


def _fill(
    values: Mapping[str, np.ndarray],
    dataset: Dataset,
    keys: Mapping[str, Any],
    days: Sequence[date],
    rows: Mapping[int, Mapping[str, Any]],
) -> None:
    lengths = np.array([days_of_composite(dataset, day) for day in days])
    for name, found in values.items():
        raw = np.full(found.shape, NODATA)
        for position, row in rows.items():
            given = [_number(row.get(band_name(name, day))) for day in days]
            raw[position] = np.where(np.isfinite(given), given, NODATA)
        found[:] = in_units(raw, keys["bands"][name], NODATA, lengths)


def _named(reducer: ee.Reducer, names: Sequence[str]) -> ee.Reducer:
    """A reducer over one band calls its result by its own name; over several, by theirs."""
    return reducer.setOutputs(list(names)) if len(names) == 1 else reducer


def _features(positions: Iterable[int], geometries: Sequence[ee.Geometry]) -> ee.FeatureCollection:
    return ee.FeatureCollection(
        [
            ee.Feature(geometry, {"position": int(position)})
            for position, geometry in zip(positions, geometries, strict=True)
        ]
    )


def _rows(client: Client, regions: ee.FeatureCollection, positions: pd.Index, what: str) -> dict[int, dict[str, Any]]:
    """Position -> properties; each asked for is there once."""
    rows: dict[int, dict[str, Any]] = {}
    for row in client.features(regions.map(_without_geometry), what):
        position = row.get("position")
        if position is None or int(position) in rows or int(position) not in positions:
            raise AcquireError(f"a value came for no station that was asked for ({position})", where=what)
        rows[int(position)] = row
    if len(rows) < len(positions):
        raise AcquireError(
            f"{len(positions) - len(rows)} of {len(positions)} stations did not come back", where=what,
            expected="every station", fix="run again",
        )  # fmt: skip
    return rows


def _without_geometry(feature: ee.Feature) -> ee.Feature:
    return ee.Feature(feature).setGeometry(None)


def _batches(stations: pd.DataFrame, bands: int) -> Iterator[pd.DataFrame]:
    stations = stations.reset_index(drop=True)
    size = max(1, min(BATCH, VALUES // max(1, bands)))
    for start in range(0, len(stations), size):
        yield stations.iloc[start : start + size]


def _square(longitude: float, latitude: float, side: float) -> ee.Geometry:
    """A square of ``side`` metres around a point."""
    west, south, east, north = square_around(longitude, latitude, side)
    return ee.Geometry.Polygon(
        [[[west, south], [east, south], [east, north], [west, north], [west, south]]], None, False
    )


def square_around(longitude: float, latitude: float, side: float) -> Bounds:
    """West, south, east and north of a square of ``side`` metres; beyond 180 degrees, not around the world."""
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd([longitude] * 4, [latitude] * 4, [0, 90, 180, 270], [side / 2] * 4)
    lon = longitude + (np.array(lon) - longitude + 180.0) % 360.0 - 180.0
    return tuple(round(float(edge), 9) for edge in (lon[3], lat[2], lon[1], lat[0]))


def _bounds(stations: pd.DataFrame, margin_m: float) -> Bounds:
    degrees = margin_m / 111_000.0 / max(0.01, math.cos(math.radians(float(stations["latitude"].abs().max()))))
    return around(stations, degrees)


def _number(value: Any) -> float:
    """A property as a number; NaN where it is not there, which is how a masked value comes."""
    return math.nan if value is None else float(value)
