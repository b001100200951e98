"""The region's cells of one granule of NASA's archives, in canonical units, by its entry of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from loam.acquire.catalogue import Dataset
from loam.acquire.direct.crops import Crop
from loam.acquire.direct.grid_file import LATITUDES, LONGITUDES, GridFile, open_grid_file
from loam.acquire.direct.region_cells import EASE_CRS, EASE_SHAPE, Window, ease_window, found_window
from loam.acquire.source import Bounds
from loam.errors import AcquireError

Keys = Mapping[str, Any]


def crop_of(file: Path | BinaryIO, dataset: Dataset, keys: Keys, bounds: Bounds, where: str) -> Crop:
    """Coordinates and the variables' cells that cover ``bounds``, with one to spare on each side.

    Args:
        file: the granule.
        dataset: whose variables are read.
        keys: how the back end names them (``loam.acquire.direct.earthdata``).
        bounds: west, south, east, north, degrees.
        where: for errors.

    Raises:
        AcquireError: the granule is on another grid, names other units, or lacks a variable.
    """
    with open_grid_file(file, where) as opened:
        window = _window(opened, keys, bounds, where)
        crop: Crop = {"y": window.y, "x": window.x}
        for name in dataset.variables:
            crop[name] = _band(opened, dataset, keys, name, window, where)
    return crop


def _window(file: GridFile, keys: Keys, bounds: Bounds, where: str) -> Window:
    if keys["crs"] == EASE_CRS:
        return ease_window(bounds, where)
    latitude, longitude = (file.raw(file.first_of(names)) for names in (LATITUDES, LONGITUDES))
    return found_window(latitude, longitude, keys["grid"], bounds, where)


def _band(file: GridFile, dataset: Dataset, keys: Keys, name: str, window: Window, where: str) -> np.ndarray:
    """The cells of a variable in canonical units; of overpasses their mean, where their flags are good."""
    band, group = keys["bands"][name], f"{keys['group']}/" if "group" in keys else ""
    paths = band.get("overpasses") or [f"{group}{band['band']}"]
    flags = band.get("flags") or [None] * len(paths)
    fields = []
    if "units" in band:
        file.check_units(paths[0], band["units"])
    for path, flag in zip(paths, flags, strict=True):
        values = _cells(file, dataset, keys, path, window, where)
        if flag is not None:
            good = np.isin(_cells(file, dataset, keys, flag, window, where), band["good"])
            values = np.where(good, values, np.nan)
        fields.append(values)
    values = mean_of(np.stack(fields).astype(np.float64)) if len(fields) > 1 else fields[0]
    return (values * band.get("scale", 1.0) + band.get("offset", 0.0)).astype(np.float32)


def _cells(file: GridFile, dataset: Dataset, keys: Keys, path: str, window: Window, where: str) -> np.ndarray:
    shape = file.shape(path)
    grid = EASE_SHAPE if keys["crs"] == EASE_CRS else None
    if len(shape) < 2 or any(size != 1 for size in shape[:-2]) or (grid and shape[-2:] != grid):
        raise AcquireError(
            f"{path} has {' x '.join(map(str, shape))} cells", where=where,
            expected=" x ".join(map(str, grid or ("1", "latitude", "longitude"))),
        )  # fmt: skip
    before = (0,) * (len(shape) - 2)
    return file.values(path, *before, window.rows, window.columns, nodata=dataset.nodata)


def mean_of(fields: np.ndarray) -> np.ndarray:
    """The mean over the first axis of what is not NaN, float32; NaN where nothing is."""
    there = np.isfinite(fields)
    count = there.sum(axis=0)
    total = np.where(there, fields, 0.0).sum(axis=0)
    return np.where(count, total / np.maximum(count, 1), np.nan).astype(np.float32)
