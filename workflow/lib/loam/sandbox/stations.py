"""Stations of the synthetic world: where they stand, what their sensors report, and the table of it."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from loam.sandbox.landscape import LANDCOVER, Landscape

LEAD_DAYS = 12  # days before a record for which covariates, but no moisture, are known: they give the first lags
SENSOR_NOISE = 0.006  # m3 m-3, from day to day
SENSOR_OFFSET = 0.008  # m3 m-3, standard deviation between sensors
GAPS = 2  # a sensor's outages in a record, on average
GAP_DAYS = (4, 18)


def random_numbers(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose: the same for the same seed, whatever else is drawn."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def place_stations(rng: np.random.Generator, landscape: Landscape, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of ``count`` distinct pixels with soil, each land cover in turn as far as it goes."""
    cover = landscape.landcover.ravel()
    order = rng.permutation(np.flatnonzero(cover))
    turn = np.empty(len(order), np.int64)  # how many pixels of the same cover come before
    for code in LANDCOVER.values():
        turn[cover[order] == code] = np.arange((cover == code).sum())
    chosen = order[np.argsort(turn, kind="stable")][:count]
    return np.unravel_index(chosen, landscape.landcover.shape)


def observe(rng: np.random.Generator, moisture: np.ndarray) -> np.ndarray:
    """What sensors report of true moisture [day, layer, station]: noise, an offset a sensor, outages, no lead days."""
    days, layers, stations = moisture.shape
    noise = SENSOR_NOISE * rng.standard_normal(moisture.shape)
    observed = np.clip(moisture + noise + SENSOR_OFFSET * rng.standard_normal((1, layers, stations)), 0.005, 0.9)
    observed[:LEAD_DAYS] = np.nan
    for layer in range(layers):
        for station in range(stations):
            for _ in range(rng.poisson(GAPS)):
                first = rng.integers(LEAD_DAYS, days)
                observed[first : first + rng.integers(*GAP_DAYS), layer, station] = np.nan
    return observed


def station_rows(
    *, names: list[str], latitude: np.ndarray, longitude: np.ndarray, days: pd.DatetimeIndex, moisture: np.ndarray,
    landscape: Landscape, pixel: tuple[np.ndarray, np.ndarray], weather: np.ndarray, coarse: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """One row a (station, date), station by station.

    Args:
        names, latitude, longitude: of the stations.
        days: of the records.
        moisture: observed, m3 m-3 [day, layer, station].
        landscape: where the stations stand. pixel: their rows and columns in it.
        weather: rain, tmin, tmax [variable, day, station].
        coarse: modelled surface and root-zone moisture [variable, day, station].
    """
    rows, cols = pixel
    classes = {code: name for name, code in LANDCOVER.items()}

    def each_day(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, len(days))

    def by_station(values: np.ndarray) -> np.ndarray:
        return values.T.ravel()

    columns = {
        "station": each_day(np.array(names, dtype=object)),
        "date": np.tile(days.to_numpy("datetime64[ns]"), len(names)),
        "latitude": each_day(latitude),
        "longitude": each_day(longitude),
        "sm_0_30": by_station(moisture[:, 0]),
        "sm_30_60": by_station(moisture[:, 1]),
        "elevation": each_day(landscape.elevation[rows, cols]),
    }
    for name, maps in (("awc", landscape.awc), ("soc", landscape.soc), ("clay", landscape.clay)):
        for depth in range(len(maps)):
            columns[f"{name}_{depth + 1}"] = each_day(maps[depth, rows, cols])
    codes = landscape.landcover[rows, cols]
    columns["landcover"] = each_day(np.array([classes[int(code)] for code in codes], dtype=object))
    for name, series in zip(("rain", "tmin", "tmax"), weather, strict=True):
        columns[name] = by_station(series)
    for name, series in zip(("sm_surface", "sm_rootzone"), coarse, strict=True):
        columns[name] = by_station(series)
    return pd.DataFrame(columns)
