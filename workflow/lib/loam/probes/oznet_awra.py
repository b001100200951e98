"""OzNet soil moisture 2001-2011 and AWRA-L water stores at the same stations, as the AWRA community model ships them.

One CSV a depth: days in rows, stations in columns, percent of volume (Smith et al. 2012). One CSV a store of the
landscape model AWRA-L (Frost et al. 2018), mm of water: s0 in 0-10 cm, ss in 10-100 cm, sd in 1-6 m.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from pathlib import Path

import pandas as pd

from loam.errors import TableError
from loam.io.tables import read_table

SITES = "Oznet Soilmoisture"  # other networks in the same list use the same letters
SURFACE, SUBSURFACE = "sm_0_30", "sm_30_60"
PERCENT = (0.0, 65.0)  # what a soil can hold; a reading outside is a fault of the probe
OVERWRITTEN_FROM = pd.Timestamp("2009-06-01")
OVERWRITTEN = "30-60 cm holds a copy of 60-90 cm"
OUTSIDE = "outside 0-65 %"
TARGET = "Y"  # Yanco; the others are M Murrumbidgee, A Adelong, K Kyeamba


def read_series(path: Path) -> pd.DataFrame:
    """A file of daily series: [day, station], stations by their short names (``oznet soilmoisture_k10`` is ``K10``).

    Raises:
        TableError: a day does not parse or occurs twice, or a station does.
    """
    frame = read_table(path)
    days = pd.to_datetime(frame.iloc[:, 0], format="%Y-%m-%d", errors="coerce")
    if days.isna().any() or days.duplicated().any():
        raise TableError("a day is unreadable or there twice", where=path, expected="one row a day, YYYY-MM-DD first")
    frame = frame.iloc[:, 1:].astype(float)
    frame.index = pd.DatetimeIndex(days, name="date").as_unit("ns")
    frame.columns = pd.Index([_short_name(name) for name in frame.columns], name="station")
    if frame.columns.has_duplicates:
        raise TableError("a station is there twice", where=path)
    return frame


def read_coordinates(path: Path) -> pd.DataFrame:
    """Station, latitude, longitude (degrees) of the OzNet stations in the list of all sites."""
    frame = read_table(path)
    frame = frame[frame["set"] == SITES]
    return pd.DataFrame(
        {
            "station": frame["Unique_ID"].map(_short_name),
            "latitude": frame["lats"].astype(float),  # X and Y are centres of model cells
            "longitude": frame["lons"].astype(float),
        }
    ).reset_index(drop=True)


def mask_moisture(
    shallow: pd.DataFrame, middle: pd.DataFrame, deep: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The layers 0-30 and 30-60 cm in m3 m-3 without faulty readings, and what was masked.

    From June 2009 on the 30-60 cm series of most Kyeamba and Yanco stations hold the 60-90 cm readings; wherever the
    two are equal from then on, the day has no 30-60 cm reading.

    Args:
        shallow, middle, deep: [day, station] 0-30, 30-60 and 60-90 cm, percent of volume.

    Returns:
        The layers, [day, station]; and one row a (station, layer, reason) with the first and last day and the rows.
    """
    copied = (middle == deep.reindex_like(middle)) & (middle.index >= OVERWRITTEN_FROM)[:, None]
    middle_kept = middle.mask(copied)
    outside = {
        SURFACE: shallow.notna() & ~_inside(shallow), SUBSURFACE: middle_kept.notna() & ~_inside(middle_kept)
    }  # fmt: skip
    masked = pd.concat(
        [_tally(copied, SUBSURFACE, OVERWRITTEN), *(_tally(wrong, layer, OUTSIDE) for layer, wrong in outside.items())],
        ignore_index=True,
    )
    layers = {
        SURFACE: shallow.mask(outside[SURFACE]) / 100,
        SUBSURFACE: middle_kept.mask(outside[SUBSURFACE]) / 100,
    }
    return layers, masked


def station_table(
    sites: Path, shallow: Path, middle: Path, deep: Path, stores: Mapping[str, Path]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All stations' days with moisture or stores, and what was masked.

    Args:
        sites: list of all sites with coordinates.
        shallow, middle, deep: moisture 0-30, 30-60, 60-90 cm.
        stores: AWRA-L stores by name.

    Returns:
        station, date, latitude, longitude, sm_0_30, sm_30_60 (m3 m-3), the stores (mm), and their means over the
        station's whole record, ``<store>_mean``; and the table of ``mask_moisture``.

    Raises:
        TableError: a station has no coordinates or no store.
    """
    layers, masked = mask_moisture(read_series(shallow), read_series(middle), read_series(deep))
    stations = layers[SURFACE].columns
    series = {name: read_series(path) for name, path in stores.items()}
    coordinates = read_coordinates(sites)
    known = {sites: set(coordinates["station"]), **{stores[name]: set(frame) for name, frame in series.items()}}
    for path, names in known.items():
        if absent := sorted(set(stations) - names):
            raise TableError(f"station {', '.join(absent)} is missing", where=path, expected=f"those of {shallow.name}")
    long = [
        frame[stations].melt(ignore_index=False, value_name=name).reset_index().dropna()
        for name, frame in {**layers, **series}.items()
    ]
    table = reduce(lambda left, right: left.merge(right, on=["station", "date"], how="outer"), long)
    for name, frame in series.items():
        table[f"{name}_mean"] = table["station"].map(frame.mean())
    table = coordinates.merge(table, on="station").sort_values(["station", "date"], ignore_index=True)
    first = ["station", "date", "latitude", "longitude"]
    return table[first + [name for name in table if name not in first]], masked


def split_domains(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Source (stations M, A, K) and target (Y) rows."""
    target = table["station"].str.startswith(TARGET)
    return table[~target].reset_index(drop=True), table[target].reset_index(drop=True)


def _short_name(name: str) -> str:
    return name.rsplit("_", 1)[-1].strip().upper()


def _inside(percent: pd.DataFrame) -> pd.DataFrame:
    return (percent >= PERCENT[0]) & (percent <= PERCENT[1])


def _tally(masked: pd.DataFrame, layer: str, reason: str) -> pd.DataFrame:
    days = masked.melt(ignore_index=False, value_name="masked").reset_index().query("masked")
    counts = days.groupby("station")["date"].agg(first="min", last="max", rows="size").reset_index()
    return counts.assign(layer=layer, reason=reason)[["station", "layer", "reason", "first", "last", "rows"]]
