"""What a station table does not tell of a station's soil and place, taken from maps at the station's pixel."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import rasterio
from rasterio.windows import Window

from loam.codes import Codes
from loam.config.sections.probes import StationMap
from loam.door import Door
from loam.errors import RasterError
from loam.raster.bands import unit_of, values_of_band
from loam.raster.grid import cells_at, crs_of, geobox_of, open_raster, project
from loam.variables import variables

log = logging.getLogger("loam")

TEXTS = ("landcover", "soil")


def fill_from_maps(stations: pd.DataFrame, maps: Sequence[StationMap]) -> pd.DataFrame:
    """``stations`` where a missing value is that of the map's pixel whose centre is nearest to the station.

    A value that is there stays. Of two maps of a column the first that has a value counts. A station outside a map or
    on its nodata stays without, and is named in the log.

    Args:
        stations: schema STATIONS, with coordinates.
        maps: ``column`` (bulk_density g cm-3, porosity m3 m-3, elevation m, landcover, soil), ``file`` (a raster in
            any CRS), ``band`` (from 1; 1 if left out). Codes of landcover and soil become text.

    Raises:
        RasterError: a file is missing, no raster, without CRS or the band; or a number cannot be what the column holds.
    """
    stations = stations.copy()
    for item in maps:
        column, path = item.column, Path(item.file)
        missing = stations[column].isna().to_numpy()
        if not missing.any():
            continue
        with open_raster(path) as dataset:
            values = _at(dataset, stations[missing], column, item.band or 1, path)
        names = stations.loc[missing, "station"].to_numpy(str)
        found = np.isfinite(values)
        if column in TEXTS:
            texts = pd.array([f"{value:g}" if known else None for value, known in zip(values, found, strict=True)])
            stations.loc[missing, column] = texts.astype(stations[column].dtype)
        else:
            _check(column, values, names, path)
            stations.loc[missing, column] = values
        log.info("%s of %d stations is that of %s", column, found.sum(), path)
        if not found.all():
            log.warning("%s has no %s at station %s", path, column, ", ".join(names[~found]))
    return stations


def _at(dataset: rasterio.DatasetReader, stations: pd.DataFrame, column: str, band: int, path: Path) -> np.ndarray:
    """[station] the band's value, NaN outside and where there is none."""
    if not 1 <= band <= dataset.count:
        raise RasterError(f"no band {band}", where=path, expected=f"1 to {dataset.count}", fix="see probes.maps")
    geobox = geobox_of(dataset)
    longitude, latitude = (stations[name].to_numpy(float) for name in ("longitude", "latitude"))
    x, y = project(longitude, latitude, pyproj.CRS("EPSG:4326"), crs_of(geobox))
    rows, cols = cells_at(geobox, x, y)
    values = np.full(len(stations), np.nan)
    for place in np.flatnonzero(rows >= 0):
        values[place] = values_of_band(dataset, band, Window(cols[place], rows[place], 1, 1), float)[0, 0]
    unit = unit_of(dataset, band)
    return Door(column, unit, path).convert(values) if unit and column not in TEXTS else values


def _check(column: str, values: np.ndarray, names: np.ndarray, path: Path) -> None:
    variable, codes = variables()[column], Codes()
    codes.see(values)
    coded = [code.value for code in codes.found()]
    if (wrong := (values < variable.low) | (values > variable.high) | np.isin(values, coded)).any():
        first = int(np.argmax(wrong))
        raise RasterError(
            f"{column} {values[first]:g} at station '{names[first]}'", where=path,
            expected=f"{variable.possible}, and missing values marked as nodata",
            fix=f"bring the map to {variable.units}, or mark its missing values",
        )  # fmt: skip
