"""Fields of some days on their native cells: one request a month for 9 km cells, days as bands."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ee
import numpy as np
import pandas as pd
import xarray as xr

from loam.acquire.catalogue import Dataset
from loam.acquire.earthengine.client import Client
from loam.acquire.earthengine.day_bands import Month, band_name, day_bands, days_of_composite, list_days, stacked
from loam.acquire.earthengine.ee_maps import NODATA, in_units
from loam.acquire.earthengine.pixel_requests import read_pixels
from loam.acquire.source import Bounds, Fields
from loam.errors import AcquireError

log = logging.getLogger("loam")


def read_fields(
    client: Client,
    dataset: Dataset,
    keys: Mapping[str, Any],
    bounds: Bounds,
    days: Sequence[date],
    as_of: date | None = None,
) -> Fields:
    """The fields of ``days`` on the native cells that cover ``bounds``, one cell to spare on each side.

    Days without an image are NaN, and 0 in ``found``.

    Args:
        client: the connection.
        dataset: the entry of the catalogue.
        keys: its part for Earth Engine.
        bounds: west, south, east, north, degrees.
        days: the days, in UTC.
        as_of: the day the data are asked on; tells which days are provisional.

    Raises:
        CredentialError, AcquireError: the server refuses, or holds other data than the catalogue says.
    """
    month = list_days(client, dataset, keys, days, bounds)
    images = {name: day_bands(dataset, keys, name, month) for name in dataset.variables}
    raw = _read(client, dataset, keys, month, images)
    data = _dataset(dataset, keys, month, raw)
    empty = [name for name in data.data_vars if name != "n_fields" and not np.isfinite(data[name].values).any()]
    if empty:
        log.warning("%s, %s to %s: every value of %s is missing", dataset.name, days[0], days[-1], ", ".join(empty))
    return Fields(
        data, np.array(month.found, dtype=int), provisional_days(dataset, month.days, as_of), month.published_until
    )


def provisional_days(dataset: Dataset, days: Sequence[date], as_of: date | None) -> frozenset[date]:
    """Those of ``days`` that the provider will replace, where its final data come later than the first ones."""
    if as_of is None or dataset.final_days <= dataset.latency_days:
        return frozenset()
    return frozenset(day for day in days if as_of <= day + timedelta(days=dataset.final_days))


def _read(
    client: Client,
    dataset: Dataset,
    keys: Mapping[str, Any],
    month: Month,
    images: Mapping[str, Mapping[str, ee.Image]],
) -> dict[str, np.ndarray]:
    """Band -> its values [row, column] as the server sent them; one request for all variables of one type."""
    raw: dict[str, np.ndarray] = {}
    for dtype in sorted({_dtype(keys, name) for name in images}):
        bands = {band: image for name in images if _dtype(keys, name) == dtype for band, image in images[name].items()}
        if not bands:
            continue
        span = f"{month.days[0]} to {month.days[-1]}"
        values = read_pixels(
            client, stacked(bands), list(bands), month.native.geobox, dtype=dtype,
            nodata=_nodata(dataset, dtype), what=f"Earth Engine, {dataset.name} {span}", crs=month.native.crs,
        )  # fmt: skip
        raw.update(zip(bands, values, strict=True))
    return raw


def _dataset(dataset: Dataset, keys: Mapping[str, Any], month: Month, raw: Mapping[str, np.ndarray]) -> xr.Dataset:
    geobox = month.native.geobox
    if geobox.transform.b or geobox.transform.d:
        raise AcquireError("its grid is rotated", where=f"dataset '{dataset.name}' on Earth Engine")
    geographic = geobox.crs.geographic
    y, x = ("latitude", "longitude") if geographic else ("y", "x")
    data: dict[str, Any] = {}
    for name, about in dataset.variables.items():
        values = np.full((len(month.days), *geobox.shape), np.nan, dtype=np.float32)
        nodata = _nodata(dataset, _dtype(keys, name))
        for position, day in enumerate(month.days):
            if band_name(name, day) in raw:
                length = days_of_composite(dataset, day)
                values[position] = in_units(raw[band_name(name, day)], keys["bands"][name], nodata, length)
        data[name] = (("time", y, x), values, {"units": about.units, "long_name": about.title})
    if dataset.fields_a_day > 1:
        data["n_fields"] = ("time", np.array(month.found, dtype=np.int16), {"units": "1"})
    height, width = geobox.shape
    transform = geobox.transform
    coordinates = {
        "time": times(month.days),
        y: transform.f + transform.e * (np.arange(height) + 0.5),
        x: transform.c + transform.a * (np.arange(width) + 0.5),
    }
    crs = f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else geobox.crs.wkt
    return xr.Dataset(data, coordinates, {"crs": crs})


def times(days: Sequence[date]) -> pd.DatetimeIndex:
    """Midnight of each day."""
    return pd.DatetimeIndex(list(days)).as_unit("ns")


def _dtype(keys: Mapping[str, Any], variable: str) -> str:
    return keys["bands"][variable].get("dtype", "float32")


def _nodata(dataset: Dataset, dtype: str) -> float:
    return NODATA if dtype == "float32" else int(dataset.nodata)
