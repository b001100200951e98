"""Benchmark CSVs of the AWRA community model: moisture of probe networks.

A folder with one CSV a depth: days in rows, stations in columns, percent of volume (Smith et al. 2012 for OzNet). A
column is named by network and station; what follows the last underscore, in capitals, is the station, so that
``oznet soilmoisture_k10`` and ``K10`` are the same. Other networks of the list of sites use the same short names: only
rows of one ``network`` are read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.tables import read_table
from loam.probes.instants import as_instants, check_instants
from loam.probes.readings import STATIONS, Probes

SITES = "SiteLocationsWithUniqueID.csv"
NETWORK = "Oznet Soilmoisture"
# `top` (0-5 or 0-8 cm) and `profile` (0-90 cm) overlap these and are not read.
DEPTHS = {"shallow": (0.0, 30.0), "middle": (30.0, 60.0), "deep": (60.0, 90.0)}


def read_awra(settings: ProbeFiles) -> Probes:
    """Daily moisture of 0-30, 30-60 and 60-90 cm; a depth whose file is not there is left out.

    Args:
        settings: ``path`` is the folder; ``stations`` the list of sites (default: in the folder) and ``network`` its
            ``set`` that is read (default OzNet).

    Raises:
        TableError: no file of a depth, a station without coordinates, a day that does not parse or is there twice.
    """
    folder = Path(settings.path)
    sites = Path(settings.stations or folder / SITES)
    series = {name: read_series(folder / f"{name}.csv") for name in DEPTHS if (folder / f"{name}.csv").is_file()}
    if not series:
        raise TableError("no moisture here", where=folder, expected=", ".join(f"{name}.csv" for name in DEPTHS))
    names = sorted(set().union(*series.values()))
    coordinates = read_coordinates(sites, settings.network or NETWORK)
    if absent := sorted(set(names) - set(coordinates["station"])):
        raise TableError(f"station {', '.join(absent)} is missing", where=sites, expected=f"those of {folder}")
    stations = coordinates[coordinates["station"].isin(names)].reset_index(drop=True)
    readings = (
        pd.concat(
            [_long(name, depth, frame[name]) for depth, frame in series.items() if name in frame], ignore_index=True
        )
        for name in stations["station"]
    )
    return Probes(stations, readings, True, f"AWRA benchmark CSVs in {folder}")


def read_series(path: Path) -> pd.DataFrame:
    """A file of daily series: [day, station], stations by their short names (``oznet soilmoisture_k10`` is ``K10``).

    Raises:
        TableError: a day does not parse or occurs twice, a station does, or a cell is not a number.
    """
    frame = read_table(path, foreign=True)
    days = pd.to_datetime(frame.iloc[:, 0], format="%Y-%m-%d", errors="coerce")
    wrong = (days.isna() | days.duplicated()).to_numpy()
    if wrong.any():
        raise TableError(
            "a day is unreadable or there twice", where=f"{path}, row {int(np.flatnonzero(wrong)[0]) + 2}",
            expected="one row a day, YYYY-MM-DD first",
        )  # fmt: skip
    values = frame.iloc[:, 1:].apply(pd.to_numeric, errors="coerce").astype(float)
    text = (values.isna() & frame.iloc[:, 1:].notna()).to_numpy()
    if text.any():
        row, column = (int(place[0]) for place in np.nonzero(text))
        raise TableError(
            f"'{frame.iloc[row, column + 1]}' of {values.columns[column]} is not a number",
            where=f"{path}, row {row + 2}", fix="empty the cell where a value is missing",
        )  # fmt: skip
    instants = as_instants(days)
    check_instants(instants, where=path, lines=np.arange(2, 2 + len(days)))
    values.index = pd.DatetimeIndex(instants, name="date")
    values.columns = pd.Index([_short_name(name) for name in values.columns], name="station")
    if values.columns.has_duplicates:
        raise TableError("a station is there twice", where=path)
    return values.sort_index()


def read_coordinates(path: Path, network: str = NETWORK) -> pd.DataFrame:
    """The stations (schema STATIONS) of a network in the list of all sites: names and coordinates."""
    frame = read_table(path, foreign=True)
    found = frame[frame["set"] == network]
    if found.empty:
        known = ", ".join(sorted(frame["set"].astype(str).unique()))
        raise TableError(f"no site of network '{network}'", where=path, expected=f"one of {known}")
    table = pd.DataFrame(
        {
            "station": found["Unique_ID"].map(_short_name),
            "latitude": found["lats"].astype(float),  # X and Y are centres of model cells
            "longitude": found["lons"].astype(float),
            "elevation": np.nan, "bulk_density": np.nan, "porosity": np.nan, "landcover": None, "soil": None,
        }
    ).reset_index(drop=True)  # fmt: skip
    if (again := table["station"].duplicated()).any():
        raise TableError(f"station {table.loc[again, 'station'].iloc[0]} is there twice", where=path)
    return STATIONS.validate(table)


def _short_name(name: str) -> str:
    return name.rsplit("_", 1)[-1].strip().upper()


def _long(station: str, name: str, values: pd.Series) -> pd.DataFrame:
    values = values.dropna()
    return pd.DataFrame(
        {
            "station": station, "sensor": name, "variable": "soil_moisture", "depth_from_cm": DEPTHS[name][0],
            "depth_to_cm": DEPTHS[name][1], "time": values.index, "value": values.to_numpy(), "unit": "%", "flag": "",
        }
    )  # fmt: skip
