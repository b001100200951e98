"""OzNet probes near Yanco, 0-5 cm, daily 2016-2019, with covariates sampled at each probe (Yu et al., OzNet_AOA).

One CSV a station, and a list of sites. The station files' own coordinates are rounded to a pixel; those of the list of
sites are used.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.io.numbers import refuse_impossible, row_of
from loam.io.tables import read_table
from loam.probes.instants import as_instants, check_instants
from loam.probes.quality.limits import impossible
from loam.probes.quality.repeats import repeated_stations

log = logging.getLogger("loam")

LAYER = "sm_0_5"
STATIC = ["dem", "awc", "silt"]
DAILY = ["lst_interp_100m", "et_100m", "tavg", "vpd", "srad", "rain"]
TARGET = "B"  # the cluster that is the target domain; cluster A and the stations that stand apart are the source


def read_sites(path: Path) -> pd.DataFrame:
    """station, latitude, longitude (degrees), cluster (A, B or missing), in the file's order."""
    frame = read_table(path, foreign=True).rename(
        columns={"sitename": "station", "lat": "latitude", "lon": "longitude"}
    )
    return frame[["station", "latitude", "longitude", "cluster"]]


def read_station(path: Path) -> pd.DataFrame:
    """date, sm_0_5 (m3 m-3) and the covariates of one station, in the file's units.

    Raises:
        TableError: a column is missing, a day does not parse, or a number cannot be.
    """
    frame = read_table(path, foreign=True)
    absent = [name for name in ["time", "insitu_sm", *STATIC, *DAILY] if name not in frame]
    if absent:
        raise TableError(f"no column {', '.join(absent)}", where=path)
    days = pd.to_datetime(frame["time"], format="%Y-%m-%d", errors="coerce")
    if days.isna().any():
        raise TableError("a day is unreadable", where=path, expected="YYYY-MM-DD in column 'time'")
    frame.index += 2  # rows as the person counts them
    moisture = frame["insitu_sm"].astype(float)
    outside = impossible(moisture.to_numpy())
    if outside.any():
        raise TableError(
            f"moisture {moisture[outside].iloc[0]:g} cannot be", where=row_of(path, outside, frame.index),
            expected="m3 m-3 in column 'insitu_sm', 0 to 1",
        )  # fmt: skip
    for name in [*STATIC, *DAILY]:
        refuse_impossible(frame[name].astype(float), path)
    frame, days = frame.reset_index(drop=True), days.reset_index(drop=True)
    moisture = frame["insitu_sm"].astype(float)
    instants = as_instants(days)
    check_instants(instants, where=path, lines=np.arange(2, 2 + len(days)))
    table = pd.DataFrame({"date": instants, LAYER: moisture})
    return table.join(frame[[*STATIC, *DAILY]].astype(float))


def drop_repeated(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Leave out stations whose moisture is another station's (y8 and y9 repeat y7).

    Left in, they would carry a held-out station's readings into training. The first by name stays.

    Returns:
        The table without them, and for each one left out the station that it repeats.
    """
    daily = table[["station", "date"]].assign(depth_from_cm=0.0, depth_to_cm=5.0, moisture=table[LAYER])
    found = repeated_stations(daily)
    repeats = dict(zip(found["station"], found["original"], strict=True))
    return table[~table["station"].isin(repeats)].reset_index(drop=True), repeats


def station_table(sites: Path, stations: Sequence[Path]) -> pd.DataFrame:
    """station, date, latitude, longitude, cluster, sm_0_5, and the covariates of every site, repeated ones left out.

    Args:
        sites: list of sites.
        stations: one CSV a station, named by it.

    Raises:
        TableError: a station's file is not on the list.
    """
    listed = read_sites(sites)
    files = {path.stem: path for path in stations}
    if unknown := sorted(set(files) - set(listed["station"])):
        raise TableError(f"station {', '.join(unknown)} has a file but no row here", where=sites, fix="add its row")
    if absent := sorted(set(listed["station"]) - set(files)):
        log.warning("no file of station %s: left out", ", ".join(absent))
        listed = listed[~listed["station"].isin(absent)]
    frames = [read_station(files[name]).assign(station=name) for name in listed["station"]]
    table = listed.merge(pd.concat(frames, ignore_index=True), on="station")
    table, repeats = drop_repeated(table)
    for station, original in repeats.items():
        log.warning("station %s repeats the moisture of %s: left out", station, original)
    first = ["station", "date", "latitude", "longitude", "cluster", LAYER]
    return table[[*first, *STATIC, *DAILY]]


def split_domains(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Source (cluster A and stations in no cluster) and target (cluster B) rows."""
    target = table["cluster"] == TARGET
    return table[~target].reset_index(drop=True), table[target].reset_index(drop=True)
