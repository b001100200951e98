"""The door: what a back end gave becomes canonical, or an error that names dataset, variable, and day or pixel.

Values must have the canonical units already; nothing is scaled or clipped here. A value outside what is physically
possible is an error, and what the values look like (Kelvin, percent, metres, an unmasked fill value) is said with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pyproj
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.acquire.catalogue import Dataset, Variable
from loam.acquire.source import Bounds, Fields
from loam.errors import AcquireError
from loam.raster.dateline import envelope_of_ring
from loam.raster.grid import crs_of, project

log = logging.getLogger("loam")

NODATA = -9999.0  # of every map of numbers
FILLS = (-9999.0, 9999.0, -32768.0, -32767.0, 32767.0, 65535.0, 255.0, -99.0, -999.0, -3000.0, -28672.0)
HUGE = 1e18  # beyond it, only fill values
MANY = 0.05  # share of values out of range from which on they are all taken to be in another unit
IRREGULAR = 0.05  # steps between coordinates may differ by this share of a step (single-precision coordinates do)
EDGE_POINTS = 101  # points along an edge of a grid whose extent is wanted in degrees
GEOGRAPHIC, PROJECTED = ("latitude", "longitude"), ("y", "x")

_LOOKS = (  # units, lowest and highest of the values, what they look like
    ("degC", 150.0, 350.0, "Kelvin"),
    ("degC", -900.0, 600.0, "tenths of a degree"),
    ("m3 m-3", 0.0, 100.0, "percent"),
    ("m3 m-3", 0.0, 1000.0, "millimetres of water, or thousandths"),
    ("%", 0.0, 1000.0, "parts per thousand (g kg-1)"),
    ("g cm-3", 0.0, 280.0, "hundredths (cg cm-3)"),
    ("g cm-3", 0.0, 2800.0, "kg m-3"),
    ("mm d-1", 0.0, 1e7, "scaled integers"),
    ("1", -3000.0, 10000.0, "scaled integers (10000 for 1)"),
    ("m", -50000.0, 900000.0, "feet or decimetres"),
)


@dataclass
class Extremes:
    """Least and greatest value of a variable seen so far, and how many values were there or missing."""

    low: float = np.inf
    high: float = -np.inf
    count: int = 0
    missing: int = 0
    wet: int = field(default=0)  # values above zero

    def add(self, values: np.ndarray, there: np.ndarray) -> None:
        """Take ``values`` where ``there``."""
        found = values[there]
        self.missing += values.size - found.size
        if found.size:
            self.low, self.high = min(self.low, float(found.min())), max(self.high, float(found.max()))
            self.count, self.wet = self.count + found.size, self.wet + int((found > 0).sum())

    def report(self, variable: Variable, where: str) -> None:
        """Log the range and the missing share, and warn of a range that is possible but odd."""
        share = self.missing / max(1, self.count + self.missing)
        log.info(
            "%s: %s %g to %g %s, %.1f %% missing",
            where,
            variable.name,
            self.low,
            self.high,
            variable.units,
            100 * share,
        )
        if variable.units == "mm d-1" and self.wet >= 100 and self.high < 0.5:
            log.warning("%s: the most rain in all days and cells is %g mm; does it come in metres?", where, self.high)
        if variable.units == "%" and variable.name != "soc" and self.count and 0 < self.high <= 1:
            log.warning("%s: %s is at most %g %%; does it come as a share of 1?", where, variable.name, self.high)


def check_range(values: np.ndarray, variable: Variable, *, where: str, place: Callable[[tuple[int, ...]], str]) -> None:
    """Check that every value is physically possible; NaN passes.

    Args:
        values: any shape, canonical units.
        variable: whose range counts, with a rounding of single precision.
        where: the dataset and variable, for the error.
        place: the words for an index into ``values``: a day and cell, a pixel, a station.

    Raises:
        AcquireError: names the first value out of range and what the values look like.
    """
    slack = 1e-5 * (variable.high - variable.low)
    with np.errstate(invalid="ignore"):
        wrong = (values < variable.low - slack) | (values > variable.high + slack)
    if not wrong.any():
        return
    first = tuple(int(part) for part in np.unravel_index(np.argmax(wrong), values.shape))
    looks = looks_like(values, variable)
    raise AcquireError(
        f"{variable.name} is {values[first]:g} at {place(first)} ({int(wrong.sum())} of {values.size} values are out "
        f"of range{f'; they look like {looks}' if looks else ''})",
        where=where, expected=f"{variable.low:g} to {variable.high:g} {variable.units}",
        fix="check the band, its scale and offset in datasets.yaml",
    )  # fmt: skip


def looks_like(values: np.ndarray, variable: Variable) -> str | None:
    """What values out of a variable's range look like: other units, or fill values that were not masked."""
    finite = values[np.isfinite(values)].astype(float)
    wrong = values[(values < variable.low) | (values > variable.high)].astype(float)
    if np.isin(wrong, FILLS).all() or (np.abs(wrong) > HUGE).all():
        return f"a fill value that was not masked ({wrong[0]:g})"
    if variable.classes or wrong.size < MANY * finite.size or not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    for units, least, most, text in _LOOKS:
        if units == variable.units and least <= low and high <= most:
            return text
    return None


def checked_tile(values: np.ndarray, variable: Variable, dataset: Dataset, geobox: GeoBox, where: str) -> np.ndarray:
    """A block of a map as it is kept: [band, height, width], float32 with NaN, or unsigned classes with nodata.

    Raises:
        AcquireError: another number of bands or pixels, another type, or values that are physically impossible.
    """
    shape = (len(variable.bands) or 1, *geobox.shape)
    if values.shape != shape:
        raise AcquireError(
            f"the reply holds {_sizes(values.shape)}", where=where, expected=f"{_sizes(shape)} (bands, rows, columns)"
        )
    kind = "ui" if variable.classes else "f"
    if values.dtype.kind not in kind:
        raise AcquireError(
            f"the reply is of type {values.dtype}", where=where, expected="integers" if variable.classes else "float32"
        )

    def place(index: tuple[int, ...]) -> str:
        x, y = geobox.transform @ (index[2] + 0.5, index[1] + 0.5)
        return f"pixel ({x:.10g}, {y:.10g})" + (f" of band {variable.bands[index[0]]}" if variable.bands else "")

    if not variable.classes:
        check_range(values, variable, where=where, place=place)
        return values.astype(np.float32, copy=False)
    codes = np.where(values == dataset.nodata, np.nan, values)
    check_range(codes, variable, where=where, place=place)
    return values.astype(type_of(variable, dataset))


def type_of(variable: Variable, dataset: Dataset) -> np.dtype:
    """The type of a variable's map: float32, or the smallest unsigned integer that holds the classes and nodata."""
    if not variable.classes:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if max(variable.high, dataset.nodata) <= 255 else np.uint16)


def nodata_of(variable: Variable, dataset: Dataset) -> float:
    """What stands for missing in a variable's map."""
    return dataset.nodata if variable.classes else NODATA


def checked_fields(fields: Fields, dataset: Dataset, days: Sequence[date], where: str) -> Fields:
    """``fields`` with dimensions time, y, x (latitude, longitude where the CRS has them), float32, in the days' order.

    Raises:
        AcquireError: days, variables, dimensions or coordinates are not what was asked for, or values are impossible.
    """
    data = fields.data
    _check_days(data, fields.found, days, where)
    if missing := [name for name in dataset.variables if name not in data.data_vars]:
        raise AcquireError(f"the reply has no {', '.join(missing)}", where=where, expected=", ".join(dataset.variables))
    if "crs" not in data.attrs:
        raise AcquireError("the reply names no coordinate reference system", where=where)
    crs = pyproj.CRS.from_user_input(data.attrs["crs"])
    names = GEOGRAPHIC if crs.is_geographic else PROJECTED
    given = next((pair for pair in (GEOGRAPHIC, PROJECTED) if set(pair) <= set(data.sizes)), None)
    if given is None:
        dims = ", ".join(map(str, data.sizes))
        raise AcquireError(f"the reply has dimensions {dims}", where=where, expected="time, y, x")
    axes = {name: data[own].to_numpy().astype(float) for name, own in zip(names, given, strict=True)}
    clean = xr.Dataset(coords={"time": data["time"].to_numpy(), **axes}, attrs={"crs": crs.to_wkt()})
    geobox = cells_of(clean, where)
    for variable in dataset.variables.values():
        values = data[variable.name]
        if set(values.dims) != {"time", *given}:
            dims = ", ".join(map(str, values.dims))
            raise AcquireError(f"{variable.name} has dimensions {dims}", where=where, expected="time, y, x")

        def place(index: tuple[int, ...]) -> str:
            x, y = geobox.transform @ (index[2] + 0.5, index[1] + 0.5)
            return f"{days[index[0]]}, cell ({x:.8g}, {y:.8g})"

        block = values.transpose("time", *given).to_numpy().astype(np.float32, copy=False)
        check_range(block, variable, where=where, place=place)
        clean[variable.name] = (("time", *names), block)
    return Fields(clean, np.asarray(fields.found, int), fields.provisional, fields.published_until)


def checked_samples(
    table: pd.DataFrame, fields: Fields, dataset: Dataset, stations: Sequence[str], days: Sequence[date], where: str
) -> np.ndarray:
    """Values at stations as an array [variable, station, day], NaN where the table has no row.

    Raises:
        AcquireError: another column, station or day than was asked for, a row twice, or impossible values.
    """
    _check_days(fields.data, fields.found, days, where)
    if missing := [name for name in ("station", "date", *dataset.variables) if name not in table.columns]:
        raise AcquireError(f"the reply has no column {', '.join(missing)}", where=where)
    rows = pd.Index(list(stations)).get_indexer(table["station"])
    columns = pd.DatetimeIndex(list(days)).get_indexer(pd.DatetimeIndex(table["date"]))
    if (rows < 0).any() or (columns < 0).any():
        first = table.iloc[int(np.argmax((rows < 0) | (columns < 0)))]
        raise AcquireError(f"the reply has station '{first['station']}' on {first['date']}, not asked for", where=where)
    if pd.Series(rows * len(days) + columns).duplicated().any():
        raise AcquireError("the reply has a station and day twice", where=where)
    values = np.full((len(dataset.variables), len(stations), len(days)), np.nan, np.float32)

    def place(index: tuple[int, ...]) -> str:
        return f"station '{stations[index[0]]}' on {days[index[1]]}"

    for number, variable in enumerate(dataset.variables.values()):
        values[number, rows, columns] = table[variable.name].to_numpy(float)
        check_range(values[number], variable, where=where, place=place)
    return values


def cells_of(data: xr.Dataset, where: str) -> GeoBox:
    """The grid whose cell centres are the coordinates of ``data``.

    Raises:
        AcquireError: fewer than two cells a side, or cells that are not evenly spaced.
    """
    names = GEOGRAPHIC if set(GEOGRAPHIC) <= set(data.sizes) else PROJECTED
    (top, down), (left, across) = (_first_and_step(data[name].values.astype(float), name, where) for name in names)
    transform = Affine(across, 0.0, left - across / 2, 0.0, down, top - down / 2)
    return GeoBox(tuple(data.sizes[name] for name in names), transform, data.attrs["crs"])


def bounds_of(geobox: GeoBox) -> Bounds:
    """West, south, east and north in degrees of everything inside a grid: the envelope of its edges, taken densely.

    East is beyond 180 where the grid lies across the 180th meridian.
    """
    height, width = geobox.shape
    along = np.linspace(0.0, 1.0, EDGE_POINTS)
    none, full = np.zeros_like(along), np.ones_like(along)
    columns = width * np.r_[along, full, along[::-1], none]  # once around, clockwise
    rows = height * np.r_[none, along, full, along[::-1]]
    transform = geobox.transform
    longitude, latitude = project(
        transform.c + transform.a * columns, transform.f + transform.e * rows, crs_of(geobox), "EPSG:4326"
    )
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise AcquireError("the grid has edges without longitude and latitude", where=str(crs_of(geobox).name))
    return envelope_of_ring(longitude, latitude)


def _check_days(data: xr.Dataset, found: np.ndarray, days: Sequence[date], where: str) -> None:
    given, asked = pd.DatetimeIndex(data["time"].values), pd.DatetimeIndex(list(days))
    if len(given) != len(asked) or (given != asked).any():
        ends = f", {given[0]:%Y-%m-%d} to {given[-1]:%Y-%m-%d}" if len(given) else ""
        raise AcquireError(
            f"the reply has {len(given)} days{ends}", where=where,
            expected=f"{len(asked)}, {asked[0]:%Y-%m-%d} to {asked[-1]:%Y-%m-%d}",
        )  # fmt: skip
    if len(found) != len(asked):
        raise AcquireError(f"the reply counts the fields of {len(found)} days", where=where, expected=str(len(asked)))


def _first_and_step(values: np.ndarray, name: str, where: str) -> tuple[float, float]:
    if len(values) < 2:
        raise AcquireError(f"the reply has {len(values)} cells along {name}", where=where, expected="2 or more")
    step = (values[-1] - values[0]) / (len(values) - 1)
    if not step or not np.abs(np.diff(values) - step).max() <= IRREGULAR * abs(step):
        raise AcquireError(f"the cells are not evenly spaced along {name}", where=where)
    return float(values[0]), float(step)


def _sizes(shape: Sequence[int]) -> str:
    return " x ".join(str(size) for size in shape)
