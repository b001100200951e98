"""A small smooth world that the Earth Engine of this machine (``earthengine_server``) serves.

Every value follows from its place, band and day by the formulas below, so that what a run has at a pixel or a station
can be told without the run. Maps are planes in longitude and latitude: their mean over a square is the value of its
middle. Fields are those of the cell's middle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyproj
from earthengine_server import Engine, Graph, degrees, image

WEST, NORTH = 147.1, -41.4  # the middle of the region: corners of cells of both kinds of field meet here
SEA = WEST + 0.0085  # the region's east is water

SMAP, ERA5 = "NASA/SMAP/SPL4SMGP/008", "ECMWF/ERA5_LAND/DAILY_AGGR"
CELLS = {"sm": (-180.0 + 0.1, 84.6, 0.1, 3599, 1700), "weather": (-180.0, 84.0, 0.1, 3600, 1680)}
BANDS = {
    SMAP: ("sm_surface", "sm_rootzone"),
    ERA5: ("total_precipitation_sum", "temperature_2m_min", "temperature_2m_max"),
}
SOIL = {"AWC": "awc", "SOC": "soc", "CLY": "clay"}
PLANES = {
    "elevation": (400.0, 3000.0, -1500.0),
    "awc": (15.0, 40.0, 10.0),
    "soc": (4.0, 8.0, -6.0),
    "clay": (30.0, 90.0, 60.0),
}
NAMES = (*PLANES, "mcd12q1", "sm_surface", "sm_rootzone", "rain", "tmin", "tmax")
CLASSES = {10: "PAST", 2: "FORE", 12: "AGRI", 9: "SAVA"}


def map_value(name: str, band: int, longitude: Any, latitude: Any) -> Any:
    """Elevation (m), awc, soc, clay (%): band 1 to 4 of the four depths."""
    level, east, north = PLANES[name]
    far = np.hypot(np.asarray(longitude) - WEST, np.asarray(latitude) - NORTH) > 1  # the stations of the source domain
    x, y = (np.where(far, part / 100, part) for part in (longitude - WEST, latitude - NORTH))
    return level + east * x + north * y - 0.5 * (band - 1)


def class_at(longitude: Any, latitude: Any) -> Any:
    """Codes of MCD12Q1: pasture, forest, fields, savanna in the quarters of the region, water in its east."""
    east, north = np.asarray(longitude) > WEST, np.asarray(latitude) > NORTH
    code = np.where(north, np.where(east, 2, 10), np.where(east, 12, 9))
    return np.where((np.asarray(longitude) > SEA) & (np.asarray(longitude) < WEST + 1), 17, code)


def field_value(name: str, day: date, longitude: Any, latitude: Any) -> Any:
    """A variable in the canonical units (m3 m-3, mm d-1, degC) at the middle of the cell that holds the place."""
    west, north, size, *_ = CELLS["sm" if name.startswith("sm_") else "weather"]
    x = west + size * (np.floor((np.asarray(longitude) - west) / size + 1e-9) + 0.5)
    y = north - size * (np.floor((north - np.asarray(latitude)) / size + 1e-9) + 0.5)
    number, place = (day - date(2019, 1, 1)).days, 0.3 * (x - WEST) + 0.2 * (y - NORTH)
    season = np.sin(number / 6.0 + place)
    return {
        "sm_surface": 0.25 + 0.10 * season,
        "sm_rootzone": 0.30 + 0.05 * season,
        "rain": np.maximum(0.0, 8.0 * np.sin(number / 2.5 + place)),
        "tmin": 8.0 + 4.0 * np.cos(number / 9.0 + place),
        "tmax": 20.0 + 6.0 * np.cos(number / 9.0 + place),
    }[name]


class World:
    """The server with its collections.

    Args:
        engine: the server.
        first, published_until: the days that have images.
    """

    def __init__(self, engine: Engine, first: date, published_until: date) -> None:
        self.engine = engine
        engine.bands["*"] = self._pixels
        engine.features = self._stations
        engine.dtype["mcd12q1_1"] = "u1"
        for collection in BANDS:
            engine.collections[collection] = list(_images(collection, first, published_until))
        engine.collections["CSIRO/SLGA"] = [
            image(code, None, [], collection="CSIRO/SLGA", properties={"attribute_code": code}) for code in SOIL
        ]
        engine.collections["COPERNICUS/DEM/GLO30_2024_1"] = [
            image("a_tile", None, ["DEM"], collection="COPERNICUS/DEM/GLO30_2024_1")
        ]
        engine.collections["MODIS/061/MCD12Q1"] = [
            image(f"{year}_01_01", f"{year}-01-01T00:00:00Z", ["LC_Type1"], collection="MODIS/061/MCD12Q1")
            for year in (2018, 2019)
        ]

    def _pixels(self, grid: dict[str, Any], band: str) -> np.ndarray:
        affine, (height, width) = grid["affineTransform"], (grid["dimensions"][key] for key in ("height", "width"))
        x = affine["translateX"] + affine["scaleX"] * (np.arange(width) + 0.5)
        y = affine["translateY"] + affine["scaleY"] * (np.arange(height) + 0.5)
        return raw_value(band, *_transformer(grid["crsCode"]).transform(*np.meshgrid(x, y)))

    def _stations(self, body: dict[str, Any], positions: list[int]) -> list[dict[str, Any]]:
        graph = Graph(body["expression"])
        text = json.dumps(body["expression"])
        bands = sorted(set(re.findall(rf'"((?:{"|".join(NAMES)})_\d+)"', text)))
        rows = []
        for feature in graph.calls("Feature"):
            if "position" not in (feature.get("metadata") or {}):
                continue
            longitude, latitude = _middle(graph, feature["geometry"])
            values = {band: float(raw_value(band, longitude, latitude)) for band in bands}
            rows.append({"position": feature["metadata"]["position"], **values})
        return rows


def raw_value(band: str, longitude: Any, latitude: Any) -> Any:
    """A band as the server holds it: precipitation in m, temperatures in K."""
    name, number = band.rsplit("_", 1)
    if name == "mcd12q1":
        return class_at(longitude, latitude)
    if name in PLANES:
        return map_value(name, int(number), longitude, latitude)
    value = field_value(name, date.fromisoformat(number), longitude, latitude)
    return {"rain": value / 1000, "tmin": value + 273.15, "tmax": value + 273.15}.get(name, value)


def _images(collection: str, first: date, last: date) -> Iterable[dict[str, Any]]:
    hours, cells = (range(0, 24, 3), "sm") if collection == SMAP else ((0,), "weather")
    for step in range((last - first).days + 1):
        day = first + timedelta(days=step)
        for hour in hours:
            yield image(
                f"{day:%Y%m%d}_{hour:02d}", f"{day}T{hour:02d}:00:00Z", list(BANDS[collection]), collection=collection,
                grid=degrees(*CELLS[cells]),
            )  # fmt: skip


def _middle(graph: Graph, geometry: Any) -> tuple[float, float]:
    """The place of a point, or the middle of a square."""
    if "valueReference" in geometry:
        geometry = graph.nodes[geometry["valueReference"]]
    coordinates = np.array(graph.value(geometry["functionInvocationValue"]["arguments"]["coordinates"]), float)
    corners = coordinates.reshape(-1, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return tuple((low + high) / 2)


@cache
def _transformer(crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
