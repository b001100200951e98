"""ICOS ecosystem stations: the meteorological series of the Ecosystem Thematic Centre's archive.

``ICOSETC_<site>_METEO_L2.csv`` (means over sensors of a depth) or ``..._METEOSENS_L2.csv`` (each sensor), half-hourly
at local standard time; depths are in ``..._VARINFO_METEO[SENS]_L2.csv``, place and clock in ``..._SITEINFO_L2.csv``.
Names and units of variables are FLUXNET's (Pastorello et al. 2020): SWC in percent, TS, TA, P; -9999 is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.tables import check_table
from loam.probes.icos_about import FILE_NAME, TIME, Column, columns_of, file_beside, long_table, number_of, text_of
from loam.probes.instants import as_instants, check_instants
from loam.probes.left_out import leave_out, read_each
from loam.probes.reader_settings import check_offset, complete_stations, source_files, utc_offset
from loam.probes.readings import READINGS, Probes

log = logging.getLogger("loam")

PIECE = 500_000  # readings at a time
MISSING = -9999
TIME_FORMAT = "%Y%m%d%H%M"
EXPECTED = (
    "ICOSETC_<site>_METEO_L2.csv or ..._METEOSENS_L2.csv, its VARINFO and SITEINFO beside it (the archive unzipped)"
)


def read_icos(settings: ProbeFiles) -> Probes:
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
            about = long_table(file_beside(path, "SITEINFO"))
            numbers = {name: number_of(about, f"LOCATION_{key}", path) for name, key in
                       (("latitude", "LAT"), ("longitude", "LONG"), ("elevation", "ELEV"))}  # fmt: skip
            offsets[site] = _clock(about, site, path) if own is None else own
        except TableError as error:
            leave_out(error, refused)
            continue
        rows.append({"station": site, **numbers, "landcover": text_of(about, "IGBP")})
    if not rows:
        raise refused[0]
    stations = complete_stations(pd.DataFrame(rows), settings)
    chosen = []
    for site in stations["station"]:
        try:
            chosen.append((site, files[site], columns_of(files[site]), offsets[site]))
        except TableError as error:
            leave_out(error, refused)
    if not chosen:
        raise refused[0]
    return Probes(
        stations, read_each(chosen, _readings, refused), daily=False, source=f"ICOS ETC meteo {settings.path}"
    )


def _clock(about: pd.DataFrame, site: str, path: Path) -> pd.Timedelta:
    hours = number_of(about, "UTC_OFFSET", path)
    if np.isnan(hours):
        raise TableError(
            "the clock is not known", where=path, expected=f"UTC_OFFSET in ICOSETC_{site}_SITEINFO",
            fix="or set probes.<domain>.utc_offset, as '+01:00'",
        )  # fmt: skip
    return check_offset(hours, where=f"{file_beside(path, 'SITEINFO')}, UTC_OFFSET")


def _series_files(settings: ProbeFiles) -> dict[str, Path]:
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
        raise TableError("no series of a site", where=settings.path, expected=EXPECTED)
    for site, products in found.items():
        if len(products) == 2:
            log.info("%s: METEOSENS is read, METEO (means of the same sensors) is not", site)
    return {site: products.get("METEOSENS", products.get("METEO")) for site, products in sorted(found.items())}


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
