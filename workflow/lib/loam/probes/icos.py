"""ICOS ecosystem stations: the meteorological series of the Ecosystem Thematic Centre's archive.

``ICOSETC_<site>_METEO_L2.csv`` (means over sensors of a depth) or ``..._METEOSENS_L2.csv`` (each sensor), half-hourly
at local standard time; depths are in ``..._VARINFO_METEO[SENS]_L2.csv``, place and clock in ``..._SITEINFO_L2.csv``.
Names and units of variables are FLUXNET's (Pastorello et al. 2020): SWC in percent, TS, TA, P; -9999 is missing.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.io.tables import check_table
from loam.probes.instants import as_instants, check_instants
from loam.probes.left_out import leave_out, read_each
from loam.probes.readings import READINGS, Probes
from loam.probes.settings import check_offset, complete_stations, source_files, utc_offset

log = logging.getLogger("loam")

PIECE = 500_000  # readings at a time
MISSING = -9999
TIME, TIME_FORMAT = "TIMESTAMP_END", "%Y%m%d%H%M"
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
EXPECTED = (
    "ICOSETC_<site>_METEO_L2.csv or ..._METEOSENS_L2.csv, its VARINFO and SITEINFO beside it (the archive unzipped)"
)


@dataclass(frozen=True)
class Column:
    """A column to read: variable, unit, and depth (cm) from a day on; the first depth holds before its day too."""

    variable: str
    unit: str
    since: tuple[pd.Timestamp, ...]
    depths: tuple[float, ...]


def read_icos(settings: Mapping[str, Any]) -> Probes:
    """Stations and readings of a folder of unzipped archives.

    Of a site that has both, METEOSENS is read: there the sensors are apart. ``sensor`` is the column's name; the
    product is screened by the centre and has no flags. Readings come in pieces.

    Args:
        settings: ``path`` of the folder or of one METEO or METEOSENS file; ``stations``, a station table whose values
            win; ``utc_offset`` ("+01:00") where there is no SITEINFO; ``include`` and ``bounds`` choose stations.

    Raises:
        TableError: no such file, two versions of a site; in all of the files: a column of the soil without depth, no
            clock, an unreadable time or value (one among others is left out with a warning).
    """
    files = _series_files(settings)
    rows, offsets = [], {}
    refused: list[TableError] = []
    own = utc_offset(settings)
    for site, path in files.items():
        try:
            about = _long_table(_beside(path, "SITEINFO"))
            numbers = {name: _single(about, f"LOCATION_{key}", path) for name, key in
                       (("latitude", "LAT"), ("longitude", "LONG"), ("elevation", "ELEV"))}  # fmt: skip
            offsets[site] = _clock(about, site, path) if own is None else own
        except TableError as error:
            leave_out(error, refused)
            continue
        rows.append({"station": site, **numbers, "landcover": _text(about, "IGBP")})
    if not rows:
        raise refused[0]
    stations = complete_stations(pd.DataFrame(rows), settings)
    chosen = []
    for site in stations["station"]:
        try:
            chosen.append((site, files[site], _columns(files[site]), offsets[site]))
        except TableError as error:
            leave_out(error, refused)
    if not chosen:
        raise refused[0]
    return Probes(
        stations, read_each(chosen, _readings, refused), daily=False, source=f"ICOS ETC meteo {settings['path']}"
    )


def _clock(about: pd.DataFrame, site: str, path: Path) -> pd.Timedelta:
    hours = _single(about, "UTC_OFFSET", path)
    if np.isnan(hours):
        raise TableError(
            "the clock is not known", where=path, expected=f"UTC_OFFSET in ICOSETC_{site}_SITEINFO",
            fix="or set probes.<domain>.utc_offset, as '+01:00'",
        )  # fmt: skip
    return check_offset(hours, where=f"{_beside(path, 'SITEINFO')}, UTC_OFFSET")


def _series_files(settings: Mapping[str, Any]) -> dict[str, Path]:
    """The file of each site."""
    found: dict[str, dict[str, Path]] = {}
    for path in source_files(settings, [".csv"], expected=EXPECTED):
        if match := FILE_NAME.fullmatch(path.name):
            products = found.setdefault(match["site"], {})
            if match["product"] in products:
                raise TableError(
                    f"a second {match['product']} of {match['site']} beside {products[match['product']]}",
                    where=path,
                    fix="take one of the two out",
                )
            products[match["product"]] = path
    if not found:
        raise TableError("no series of a site", where=settings["path"], expected=EXPECTED)
    for site, products in found.items():
        if len(products) == 2:
            log.info("%s: METEOSENS is read, METEO (means of the same sensors) is not", site)
    return {site: products.get("METEOSENS", products.get("METEO")) for site, products in sorted(found.items())}


def _beside(path: Path, kind: str) -> Path | None:
    """The file of this kind of the same site; of the same version if there are several."""
    site, version = FILE_NAME.fullmatch(path.name).group("site", "version")
    same = path.with_name(f"ICOSETC_{site}_{kind}_{version}.csv")
    if same.exists():
        return same
    others = sorted(path.parent.glob(f"ICOSETC_{site}_{kind}_*.csv"))
    return others[0] if len(others) == 1 else None


def _long_table(path: Path | None) -> pd.DataFrame:
    """GROUP_ID, VARIABLE, DATAVALUE of a BADM file; a comma inside a value need not be quoted."""
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


def _text(table: pd.DataFrame, variable: str) -> str | None:
    values = table.loc[table["VARIABLE"] == variable, "DATAVALUE"]
    return values.iloc[-1] if len(values) else None


def _single(table: pd.DataFrame, variable: str, path: Path) -> float:
    """The one number of a variable, NaN where there is none."""
    values = table.loc[table["VARIABLE"] == variable, "DATAVALUE"].unique()
    numbers = pd.unique(pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").astype(float))
    if len(numbers) > 1 or np.isnan(numbers).any():
        raise TableError(f"{variable} is {', '.join(values)}", where=_beside(path, "SITEINFO"), expected="one number")
    return float(numbers[0]) if len(numbers) else float("nan")


def _columns(path: Path) -> dict[str, Column]:
    """The columns of a file to read."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = next(csv.reader([file.readline()]), [])
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV in UTF-8 with a header") from None
    if TIME not in header:
        raise TableError(f"no column {TIME}", where=path, expected="the header of a METEO or METEOSENS file")
    product = FILE_NAME.fullmatch(path.name)["product"]
    info = _beside(path, f"VARINFO_{product}")
    groups = _long_table(info).drop_duplicates(["GROUP_ID", "VARIABLE"])
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


def _readings(site: tuple[str, Path, dict[str, Column], pd.Timedelta]) -> Iterator[pd.DataFrame]:
    name, path, columns, offset = site
    count = 0
    for piece in _pieces(path, columns):
        count += len(piece)
        yield _long(name, path, piece, columns, offset)
    if count == 0:
        raise TableError("no readings", where=path, expected="lines after the header")


def _pieces(path: Path, columns: Mapping[str, Column]) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(
            path, usecols=[TIME, *columns], dtype=str, chunksize=max(1, PIECE // len(columns)), encoding="utf-8-sig",
            keep_default_na=False,
        ) as pieces:  # fmt: skip
            yield from pieces
    except (ValueError, OSError) as error:  # of the parser, of the decoder
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV in UTF-8 with a header") from None


def _long(
    site: str, path: Path, piece: pd.DataFrame, columns: Mapping[str, Column], offset: pd.Timedelta
) -> pd.DataFrame:
    parsed = pd.to_datetime(piece[TIME], format=TIME_FORMAT, errors="coerce")
    if parsed.isna().any():
        line = piece.index[parsed.isna()][0]
        raise TableError(f"time {piece.at[line, TIME]!r}", where=f"{path}, line {line + 2}", expected="yyyymmddHHMM")
    local = as_instants(parsed)
    utc = local - offset.to_numpy()
    check_instants(utc, where=path, texts=piece[TIME], lines=piece.index.to_numpy() + 2)
    frames = []
    for name, column in columns.items():
        values = pd.to_numeric(piece[name], errors="coerce").astype(float)
        if (bad := values.isna() & ~piece[name].str.strip().isin(["", "NA", "NaN", "nan"])).any():
            line = piece.index[bad][0]
            raise TableError(
                f"{piece.at[line, name]!r} in column {name} is not a number",
                where=f"{path}, line {line + 2}",
                expected=f"a number; {MISSING} where missing",
            )
        place = np.searchsorted(np.array(column.since, dtype="datetime64[ns]"), local, side="right") - 1
        depth = np.array(column.depths)[np.maximum(place, 0)]
        frames.append(
            pd.DataFrame(
                {
                    "station": site,
                    "sensor": name,
                    "variable": column.variable,
                    "depth_from_cm": depth,
                    "depth_to_cm": depth,
                    "time": utc,
                    "value": values.mask(values == MISSING).to_numpy(),
                    "unit": column.unit,
                    "flag": "",
                }
            )
        )
    return check_table(pd.concat(frames, ignore_index=True), READINGS, where=path)
