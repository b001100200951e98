"""What the archive of an ICOS station says of its series: the files beside it, place and clock, columns and depths.

BADM files (``SITEINFO``, ``VARINFO``) hold groups of variables and values in long form: GROUP_ID, VARIABLE, DATAVALUE.
"""

from __future__ import annotations

import csv
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.probes.instants import as_instants

log = logging.getLogger("loam")

TIME = "TIMESTAMP_END"
FILE_NAME = re.compile(r"ICOSETC_(?P<site>[A-Z]{2}-\w{3})_(?P<product>METEO|METEOSENS)_(?P<version>\w+)\.csv")
COLUMN = re.compile(r"(?P<name>SWC|TS|TA|P)(?:_\d+(?:_\d+_\d+)?)?")  # TA, SWC_1, SWC_1_2_1; not SWC_1_SD
VARIABLES = {
    "SWC": ("soil_moisture", "%"),
    "TS": ("soil_temperature", "degC"),
    "TA": ("air_temperature", "degC"),
    "P": ("precipitation", "mm"),
}
HIGHEST = 1000.0  # m
SCREEN = 2.0  # m: height of air temperature where there is a profile


@dataclass(frozen=True)
class Column:
    """A column to read: variable, unit, and depth (cm) from a day on; the first depth holds before its day too."""

    variable: str
    unit: str
    since: tuple[pd.Timestamp, ...]
    depths: tuple[float, ...]


def file_beside(path: Path, kind: str) -> Path | None:
    """The file of this kind of the same site; of the same version if there are several."""
    site, version = FILE_NAME.fullmatch(path.name).group("site", "version")
    same = path.with_name(f"ICOSETC_{site}_{kind}_{version}.csv")
    if same.exists():
        return same
    others = sorted(path.parent.glob(f"ICOSETC_{site}_{kind}_*.csv"))
    return others[0] if len(others) == 1 else None


def long_table(path: Path | None) -> pd.DataFrame:
    """GROUP_ID, VARIABLE, DATAVALUE of a BADM file; a comma inside a value need not be quoted.

    Raises:
        TableError: it is no CSV with these columns.
    """
    columns = ["GROUP_ID", "VARIABLE", "DATAVALUE"]
    if path is None:
        return pd.DataFrame(columns=columns, dtype=str)
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    try:
        lines = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV with a header") from None
    header = lines[0] if lines else []
    if absent := [name for name in columns if name not in header]:
        raise TableError(f"no column {', '.join(absent)}", where=path, expected="SITE_ID,GROUP_ID,...,DATAVALUE")
    group, variable, value = (header.index(name) for name in columns)
    last = value == len(header) - 1
    rows = [
        (line[group], line[variable], (",".join(line[value:]) if last else line[value]).strip())
        for line in lines[1:]
        if len(line) >= len(header)
    ]
    return pd.DataFrame(rows, columns=columns)


def text_of(table: pd.DataFrame, variable: str) -> str | None:
    """The last value of a variable, None where there is none."""
    values = table.loc[table["VARIABLE"] == variable, "DATAVALUE"]
    return values.iloc[-1] if len(values) else None


def number_of(table: pd.DataFrame, variable: str, path: Path) -> float:
    """The one number of a variable, NaN where there is none.

    Raises:
        TableError: there are several, or it is none.
    """
    values = table.loc[table["VARIABLE"] == variable, "DATAVALUE"].unique()
    numbers = pd.unique(pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype(float))
    if len(numbers) > 1 or np.isnan(numbers).any():
        raise TableError(
            f"{variable} is {', '.join(values)}", where=file_beside(path, "SITEINFO"), expected="one number"
        )
    return float(numbers[0]) if len(numbers) else float("nan")


def columns_of(path: Path) -> dict[str, Column]:
    """The columns of a METEO or METEOSENS file to read, by name.

    Raises:
        TableError: it is no such file, has no soil moisture, or a column's depth or unit is not known.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = next(csv.reader([file.readline()]), [])
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV in UTF-8 with a header") from None
    if TIME not in header:
        raise TableError(f"no column {TIME}", where=path, expected="the header of a METEO or METEOSENS file")
    product = FILE_NAME.fullmatch(path.name)["product"]
    info = file_beside(path, f"VARINFO_{product}")
    groups = long_table(info).drop_duplicates(["GROUP_ID", "VARIABLE"])
    groups = groups.pivot(index="GROUP_ID", columns="VARIABLE", values="DATAVALUE")
    groups = groups.reindex(columns=[f"VAR_INFO_{name}" for name in ("VARNAME", "HEIGHT", "UNIT", "DATE")])
    heights = pd.to_numeric(groups["VAR_INFO_HEIGHT"], errors="coerce").astype(float)
    if (heights.abs() > HIGHEST).any():
        raise TableError(f"a height of {heights[heights.abs() > HIGHEST].iloc[0]:g} m", where=info, expected="metres")
    found: dict[str, Column] = {}
    for name in _air_columns(header, groups["VAR_INFO_VARNAME"], heights):
        variable, unit = VARIABLES[COLUMN.fullmatch(name)["name"]]
        own = groups[groups["VAR_INFO_VARNAME"] == name]
        if len(units := own["VAR_INFO_UNIT"].dropna().unique()) > 1:
            raise TableError(f"{name} has units {', '.join(units)}", where=info, expected="one unit")
        if len(units):
            unit = "degC" if units[0].endswith("C") else units[0]
        since, depths = (pd.Timestamp(0),), (0.0,)
        if variable in ("soil_moisture", "soil_temperature"):
            since, depths = _depths(name, own, heights, info or path)
            if min(depths) < 0:
                log.warning("%s: %s is %g m above ground: not read", info, name, -min(depths) / 100)
                continue
        found[name] = Column(variable, unit, since, depths)
    if not any(column.variable == "soil_moisture" for column in found.values()):
        raise TableError("no soil moisture in it", where=path, expected="a column SWC, SWC_1 or SWC_1_1_1")
    return found


def _air_columns(header: list[str], names: pd.Series, heights: pd.Series) -> list[str]:
    """The header's columns to read: of air temperatures the site's own, else those nearest to 2 m."""
    columns = [name for name in header if COLUMN.fullmatch(name)]
    for stem in ("TA", "P"):
        own = [name for name in columns if COLUMN.fullmatch(name)["name"] == stem]
        kept = [stem] if stem in own else own
        if stem == "TA" and stem not in own and own:
            distance = {name: (heights[names == name] - SCREEN).abs().min() for name in own}
            least = min((value for value in distance.values() if not np.isnan(value)), default=None)
            kept = [name for name in own if distance[name] == least] if least is not None else own
        columns = [name for name in columns if name not in own or name in kept]
    return columns


def _depths(
    name: str, own: pd.DataFrame, heights: pd.Series, where: Path
) -> tuple[tuple[pd.Timestamp, ...], tuple[float, ...]]:
    """Days and the depths in cm that hold from them; heights of one day (sensors of a mean) are averaged."""
    own = own.assign(height=heights[own.index]).dropna(subset="height")
    if own.empty:
        raise TableError(
            f"no depth of {name}",
            where=where,
            expected="VAR_INFO_HEIGHT of it in the VARINFO file of the same product",
            fix="put the VARINFO file beside the series",
        )
    days = pd.to_datetime(own["VAR_INFO_DATE"].astype("string").str[:8], format="%Y%m%d", errors="coerce")
    days = pd.Series(as_instants(days.fillna(pd.Timestamp(0))), index=own.index)
    by_day = own["height"].groupby(days).mean().sort_index()
    changes = by_day[by_day != by_day.shift()]
    if len(changes) > 1:
        log.warning("%s: the depth of %s changes: %s m", where, name, ", ".join(f"{-height:g}" for height in changes))
    return tuple(changes.index), tuple(round(-100 * height, 4) + 0.0 for height in changes)
