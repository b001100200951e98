"""Moisture that a user has measured at some places of a map, on the map's pixels: ``mapping.measurements``.

A table of one row a (place, date, layer): ``longitude`` and ``latitude`` in degrees, or ``x`` and ``y`` in the map's
coordinate reference system; ``moisture`` in m3 m-3, or ``gravimetric`` (g of water per g of dry soil) with
``bulk_density`` (g cm-3); ``station`` or ``id`` may name the place.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj

from loam.config.wrong import nearest
from loam.errors import TableError
from loam.io.numbers import row_of
from loam.io.tables import read_table
from loam.probes.sensor_calibration import BULK_DENSITY, calibrate
from loam.raster.grid import Grid, cells_at, crs_of, project
from loam.samples.values import dates_of, numbers_of, texts_of

DEGREES, OF_GRID = ("longitude", "latitude"), ("x", "y")
NAMES = ("station", "id")
TOLD = 5  # places that a message names
WGS84 = pyproj.CRS("EPSG:4326")
KEY = ["row", "col", "date", "layer"]

log = logging.getLogger("loam")


def read_measurements(path: str | Path, layers: Sequence[str], grid: Grid) -> pd.DataFrame:
    """A user's measurements on the pixels of a grid, those of one pixel, day and layer averaged.

    Returns:
        Columns row, col (of the pixel), date, layer, measured (m3 m-3) and name; sorted by date, place and layer.

    Raises:
        TableError: the table cannot be read; a column, date, layer or number is missing or cannot be; no place lies on
            the grid.
    """
    path = Path(path)
    table = read_table(path, text=[*NAMES, "layer", "date"], foreign=True).rename(columns=lambda name: name.strip())
    table.index = pd.RangeIndex(2, len(table) + 2)  # as a spreadsheet counts
    place = _place_columns(path, table)
    if table.empty:
        raise TableError("the table has no rows", where=path, fix="measure something, or take mapping.measurements out")
    found = pd.DataFrame(
        {
            "date": dates_of(table["date"], path),
            "layer": _layers(path, table, layers),
            "measured": _moisture(path, table),
        }
    )
    named = next((column for column in NAMES if column in table), None)
    x, y = (numbers_of(table[column], path) for column in place)
    for column in (x, y):
        _refuse(path, column.isna(), f"no {column.name}", expected="a place for each row")
    words = [f"{one:g} {other:g}" for one, other in zip(x, y, strict=True)]
    found["name"] = words if named is None else texts_of(table[named]).fillna(pd.Series(words, table.index))
    found["row"], found["col"] = _pixels(path, found["name"], x, y, grid)
    found = found[found["row"] >= 0]
    mean = found.groupby(KEY, sort=True, as_index=False).agg(measured=("measured", "mean"), name=("name", "first"))
    if merged := len(found) - len(mean):
        log.info("%d measurements share pixel, day and layer with another and are averaged with it", merged)
    return mean.sort_values(["date", "row", "col", "layer"], ignore_index=True)


def _place_columns(path: Path, table: pd.DataFrame) -> tuple[str, str]:
    """The columns of the place, after all columns have been looked for."""
    places = [pair for pair in (DEGREES, OF_GRID) if set(pair) <= set(table)]
    ways = [{"moisture"}, {"gravimetric", "bulk_density"}]
    lacking = [name for name in ("date", "layer") if name not in table]
    lacking += [] if places else ["longitude and latitude (or x and y)"]
    lacking += [] if any(way <= set(table) for way in ways) else ["moisture (or gravimetric and bulk_density)"]
    if lacking:
        raise TableError(
            f"no column {', '.join(lacking)}", where=path,
            expected="columns longitude, latitude, date, layer, moisture",
            fix=f"the columns are {', '.join(map(str, table.columns))}",
        )  # fmt: skip
    return places[0]


def _layers(path: Path, table: pd.DataFrame, layers: Sequence[str]) -> pd.Series:
    names = texts_of(table["layer"])
    wrong = ~names.isin(list(layers))
    first = names[wrong].iloc[0] if wrong.any() else None
    _refuse(path, wrong, f"layer '{first}' is none of the run's" if first else "no layer",
            expected=f"one of {', '.join(layers)}", fix=nearest(str(first), list(layers)))  # fmt: skip
    return names


def _moisture(path: Path, table: pd.DataFrame) -> pd.Series:
    """m3 m-3 of each row, from either way of saying it."""
    moisture = pd.Series(np.nan, table.index)
    if "moisture" in table:
        given = numbers_of(table["moisture"], path)
        percent = "in percent, perhaps: divide by 100" if given.between(1, 100, inclusive="right").any() else None
        _refuse(path, (given < 0) | (given > 1), "column 'moisture' is {:g}", given,
                expected="m3 m-3, from 0 to 1", fix=percent)  # fmt: skip
        moisture = given
    if {"gravimetric", "bulk_density"} <= set(table):
        water, density = (numbers_of(table[name], path) for name in ("gravimetric", "bulk_density"))
        own = moisture.isna() & water.notna()
        _refuse(path, own & ~density.between(*BULK_DENSITY), "bulk_density is {:g}", density,
                expected="{} to {} g cm-3".format(*BULK_DENSITY), fix="1500 kg m-3 are 1.5 g cm-3")  # fmt: skip
        if own.any():
            moisture[own] = calibrate(water[own], relation="gravimetric", bulk_density=density[own], where=path)
        _refuse(path, own & ~moisture.between(0, 1), "gravimetric times bulk_density is {:g}", moisture,
                expected="m3 m-3, from 0 to 1", fix="gravimetric is g of water per g of dry soil")  # fmt: skip
    _refuse(path, moisture.isna(), "no moisture", expected="a number in each row", fix="take out rows without one")
    return moisture


def _pixels(
    path: Path, names: pd.Series, x: pd.Series, y: pd.Series, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Row and column of each place, -1 off the grid; places off it are named."""
    degrees = x.name == "longitude"
    rows, cols = _cells(x, y, grid, degrees=degrees)
    off = rows < 0
    if off.any():
        turned = _cells(y, x, grid, degrees=degrees)[0]
        if (turned[off] >= 0).all():
            _refuse(path, pd.Series(off, x.index), f"{x.name} and {y.name} seem to be swapped: the other way round all "
                    "places lie on the map", expected=f"{x.name}, then {y.name}", fix="swap them")  # fmt: skip
        told = ", ".join(dict.fromkeys(names[off].iloc[:TOLD])) + (", ..." if off.sum() > TOLD else "")
        if off.all():
            kind = "degrees (WGS 84)" if degrees else f"coordinates of {crs_of(grid.geobox).name}"
            raise TableError(f"no place lies on the map ({told})", where=path, expected=f"{x.name}, {y.name} in {kind}")
        log.warning("%s: %d of %d measurements lie off the map and are left out: %s", path, off.sum(), len(off), told)
    return rows, cols


def _cells(x: pd.Series, y: pd.Series, grid: Grid, *, degrees: bool) -> tuple[np.ndarray, np.ndarray]:
    first, second = x.to_numpy(float), y.to_numpy(float)
    if degrees:
        outside = np.abs(second) > 90
        first, second = project(first, np.where(outside, np.nan, second), WGS84, crs_of(grid.geobox))
        first, second = (np.where(np.isfinite(part), part, np.inf) for part in (first, second))
    return cells_at(grid.geobox, first, second)


def _refuse(
    path: Path, wrong: pd.Series, what: str, values: pd.Series | None = None, *, expected: str, fix: str | None = None
) -> None:  # fmt: skip
    if wrong.any():
        said = what if values is None else what.format(values[wrong].iloc[0])
        raise TableError(said, where=row_of(path, wrong.to_numpy(), wrong.index), expected=expected, fix=fix)
