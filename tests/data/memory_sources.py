"""Sources that live in memory: what a back end gives, without a server, and told to fail."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyproj
import xarray as xr
from odc.geo.geobox import GeoBox

from loam.acquire.access import Access
from loam.acquire.catalogue import Dataset, Gap, Variable
from loam.acquire.source import Bounds, Fields, Source

WEATHER = {
    "rain": Variable("rain", "mm d-1", 0, 1900, "rain of the day"),
    "tmin": Variable("tmin", "degC", -90, 60, "lowest temperature"),
}
CLAY = {"clay": Variable("clay", "%", 0, 100, "clay", ("0-5", "5-15"))}
CLASSES = {"cover": Variable("cover", "1", 1, 255, "class of cover", ("cover",), classes=True)}
MOISTURE = {"sm_surface": Variable("sm_surface", "m3 m-3", 0, 0.95, "moisture")}


def dataset(name: str = "weather", variables: dict[str, Variable] | None = None, **changes) -> Dataset:
    """A dataset of the catalogue that is in no catalogue."""
    given = {
        "title": "made up", "kind": "weather", "form": "fields", "version": "1", "licence": "free", "citation": "-",
        "back_ends": {"direct": {"client": "memory", "host": "files", "bands": {}}}, "start": date(2000, 1, 1),
        "latency_days": 5, "final_days": 60,
    }  # fmt: skip
    return Dataset(name, variables=WEATHER if variables is None else variables, **(given | changes))


def model_only(first: date, last: date) -> Gap:
    return Gap(first, last, "model_only", "no observations")


class MemoryMaps(Source):
    """A map whose values follow from place: 10 + column/100 of a pixel's x, one more a band."""

    back_end = "direct"
    tile = 16

    def __init__(self, entry: Dataset, workspace, **answers) -> None:
        super().__init__(entry, Access(), workspace)
        self.asked: list[tuple[int, int]] = []
        self.answers = answers  # (row, col) of the tile's corner in map units -> what to give or raise instead

    def clients(self) -> dict[str, str]:
        return {"memory": "1"}

    def read_map(self, variable: str, geobox: GeoBox) -> np.ndarray:
        self.asked.append((geobox.transform.c, geobox.transform.f))
        if (answer := self.answers.get("every")) is not None:
            return answer(geobox)
        return map_values(self.dataset.variables[variable], geobox)


def map_values(variable: Variable, geobox: GeoBox) -> np.ndarray:
    """What ``MemoryMaps`` gives for a block."""
    height, width = geobox.shape
    x = geobox.transform.c + geobox.transform.a * (np.arange(width) + 0.5)
    y = geobox.transform.f + geobox.transform.e * (np.arange(height) + 0.5)
    block = (x[None, :] / 1000 + y[:, None] / 1e6) % 50
    if variable.classes:
        return (1 + block.astype(int) % 5).astype(np.uint8)[None]
    return np.stack([block + band for band in range(len(variable.bands) or 1)]).astype(np.float32)


class MemoryFields(Source):
    """Fields on cells of ``size`` degrees (or metres of ``crs``); the value of a cell follows from its place and day.

    Args:
        lacking: days without a field.
        fewer: days with so many fields.
        published_until: as of Fields.
        change: changes the dataset of fields before it is given.
    """

    back_end = "direct"

    def __init__(
        self, entry: Dataset, workspace, *, size: float = 0.1, crs: str = "EPSG:4326", lacking=(), fewer=None,
        published_until: date | None = None, provisional=(), change=None,
    ) -> None:  # fmt: skip
        super().__init__(entry, Access(), workspace)
        self.size, self.crs, self.lacking, self.fewer = size, crs, set(lacking), dict(fewer or {})
        self.published_until, self.provisional, self.change = published_until, frozenset(provisional), change
        self.asked: list[tuple[Bounds, list[date]]] = []

    def clients(self) -> dict[str, str]:
        return {"memory": "1"}

    def read_fields(self, bounds: Bounds, days) -> Fields:
        self.asked.append((bounds, list(days)))
        x, y = self._cells(bounds)
        found = np.array([0 if d in self.lacking else self.fewer.get(d, self.dataset.fields_a_day) for d in days])
        names = ("latitude", "longitude") if self.crs == "EPSG:4326" else ("y", "x")

        def values(variable: str) -> np.ndarray:
            fields = [cell_value(variable, day, x, y) for day in days]
            return np.where(found[:, None, None] > 0, np.stack(fields), np.nan).astype(np.float32)

        data = xr.Dataset(
            {variable: (("time", *names), values(variable)) for variable in self.dataset.variables},
            coords={"time": pd.DatetimeIndex(days).to_numpy(), names[0]: y, names[1]: x},
            attrs={"crs": self.crs},
        )
        if self.change:
            data = self.change(data)
        return Fields(data, found, self.provisional & set(days), self.published_until)

    def _cells(self, bounds: Bounds) -> tuple[np.ndarray, np.ndarray]:
        west, south, east, north = bounds
        if self.crs != "EPSG:4326":
            west, south, east, north = pyproj.Transformer.from_crs(
                "EPSG:4326", self.crs, always_xy=True
            ).transform_bounds(west, south, east, north)
        columns = np.arange(np.floor(west / self.size) - 1, np.ceil(east / self.size) + 1)
        rows = np.arange(np.floor(south / self.size) - 1, np.ceil(north / self.size) + 1)[::-1]
        return (columns + 0.5) * self.size, (rows + 0.5) * self.size


def cell_value(name: str, day: date, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The value of cells whose centres are x, y, on a day: between 0.05 and 0.9."""
    k = (day - date(2000, 1, 1)) / timedelta(days=1)
    wave = np.sin(0.7 * np.asarray(x)[None, :] + k) + np.cos(1.3 * np.asarray(y)[:, None] + len(name))
    return 0.475 + 0.2 * wave
