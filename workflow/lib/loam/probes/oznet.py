"""Season files of OzNet, the Murrumbidgee soil moisture network (Smith et al. 2012).

One workbook a station and season, ``y1_06_sp_sm.xls``, whose sheet "20min Data" or "30min Data" holds a title, names
of columns, units and readings at Australian Eastern Standard Time (UTC+10, no daylight saving) in percent of volume.
The sheet saved as CSV is read too. A file that departs from this layout is refused.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.tables import check_table
from loam.probes.instants import as_instants, check_instants
from loam.probes.left_out import leave_out, read_each
from loam.probes.reader_settings import complete_stations, source_files
from loam.probes.readings import READINGS, Probes

log = logging.getLogger("loam")

OFFSET = pd.Timedelta(hours=10)  # Australian Eastern Standard Time
MISSING = -99.0  # and below
EPOCHS = {0: "1899-12-30", 1: "1904-01-01"}  # day 0 of a workbook by its date mode
LAST_SERIAL = 100_000  # days; 2173
HEAD = 3  # lines before the readings: title, names, units
DAY_FIRST = "%d/%m/%Y %H:%M"
FILE_NAME = re.compile(r"(?P<station>[a-z]+\d+[a-z]?)_(?P<year>\d{2})_(?P<season>su|au|wi|sp)(_sm)?\.(xls|csv)")
SHEET = re.compile(r"\d+\s*min data")
MOISTURE = re.compile(r"sm\s+(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*cm")
TEMPERATURE = re.compile(r"temp\s+(\d+(?:\.\d+)?)\s*cm")
RAIN = re.compile(r"(?:\d+\s*min\s+)?rain(?:fall)?")
UNITS = {
    "soil_moisture": re.compile(r"%.*|.*(?:percent|%).*"),
    "soil_temperature": re.compile(r"(?:deg(?:rees)?\.?\s*|°\s*)?c(?:elsius)?"),
    "precipitation": re.compile(r"mm"),
}
CANONICAL = {"soil_moisture": "%", "soil_temperature": "degC", "precipitation": "mm"}
EXPECTED = "season files <station>_<year>_<su|au|wi|sp>[_sm].xls, or their sheet of readings as .csv"


@dataclass(frozen=True)
class Sheet:
    """A sheet of readings: names and units of its columns, and its cells with the lines they stand in."""

    where: str
    names: list[str]
    units: list[str]
    lines: list[int]
    columns: list[list[Any]]
    epoch: str


def read_oznet(settings: ProbeFiles) -> Probes:
    """Stations and readings of a folder of season files.

    Readings come file by file, a station's files together; a time that an earlier file of the station gave is left
    out (neighbouring seasons overlap). ``sensor`` is the name of the column; there are no flags.

    Args:
        settings: ``path`` of the folder or file; ``stations``, a station table: the files hold no coordinates;
            ``include`` and ``bounds`` choose stations.

    Raises:
        TableError: no file is of this layout (one among others is left out with a warning), or a station has no
            coordinates.
    """
    files: dict[str, list[Path]] = {}
    refused: list[TableError] = []
    for path in source_files(settings, [".xls", ".csv"], expected=EXPECTED):
        match = FILE_NAME.fullmatch(path.name.lower())
        if match is None:
            leave_out(TableError("unreadable file name", where=path, expected=EXPECTED), refused)
            continue
        files.setdefault(match["station"].upper(), []).append(path)
    if not files:
        raise refused[0]
    stations = complete_stations(pd.DataFrame({"station": sorted(files)}), settings)
    files = {name: files[name] for name in stations["station"]}
    return Probes(stations, _readings(files, refused), daily=False, source=f"OzNet season files {settings.path}")


def _readings(files: Mapping[str, Sequence[Path]], refused: list[TableError]) -> Iterator[pd.DataFrame]:
    seen: dict[str, np.ndarray] = {}

    def read(file: tuple[str, Path]) -> Iterator[pd.DataFrame]:
        station, path = file
        frame = read_season(path, station)
        before = seen.get(station, np.empty(0, dtype="datetime64[ns]"))
        repeated = frame["time"].isin(before)
        if repeated.any():
            log.info("%s: %d times are in another file of %s: left out", path, repeated.sum(), station)
            frame = frame[~repeated].reset_index(drop=True)
        seen[station] = np.union1d(before, frame["time"].to_numpy())
        yield frame

    return read_each([(station, path) for station in sorted(files) for path in files[station]], read, refused)


def read_season(path: Path, station: str) -> pd.DataFrame:
    """The readings of one season file, schema READINGS.

    Raises:
        TableError: no sheet of readings, unknown columns of moisture, another unit, an unreadable time or value.
    """
    sheet = _csv_sheet(path) if path.suffix.lower() == ".csv" else _xls_sheet(path)
    times = _times(sheet)
    frames, ignored = [], []
    for place, (name, unit) in enumerate(zip(sheet.names, sheet.units, strict=True)):
        if place == 0:
            continue
        kind = _kind(name)
        if kind is None:
            if name.lower().startswith("sm"):
                raise TableError(f"column {name!r} is unreadable", where=sheet.where, expected="as 'SM 0-30cm'")
            ignored.append(name or f"(column {place + 1})")
            continue
        variable, top, bottom = kind
        if not UNITS[variable].fullmatch(unit.lower()):
            raise TableError(
                f"unit {unit!r} of column {name!r}",
                where=f"{sheet.where}, line 3",
                expected={"soil_moisture": "percent of volume (%vol)", "soil_temperature": "degC"}.get(variable, "mm"),
            )
        values = _numbers(sheet, place)
        twin = sheet.names[:place].count(name)
        frames.append(
            pd.DataFrame(
                {
                    "station": station,
                    "sensor": f"{name} ({twin + 1})" if twin else name,
                    "variable": variable,
                    "depth_from_cm": top,
                    "depth_to_cm": bottom,
                    "time": times,
                    "value": np.where(values <= MISSING, np.nan, values),
                    "unit": CANONICAL[variable],
                    "flag": "",
                }
            )
        )
    if not any(frame["variable"].iloc[0] == "soil_moisture" for frame in frames):
        raise TableError("no column of soil moisture", where=sheet.where, expected="as 'SM 0-30cm' in line 2")
    if ignored:
        log.info("%s: columns not read: %s", path, ", ".join(ignored))
    return check_table(pd.concat(frames, ignore_index=True), READINGS, where=sheet.where)


def _kind(name: str) -> tuple[str, float, float] | None:
    """Variable and depths (cm) of a column."""
    text = name.lower()
    if match := MOISTURE.fullmatch(text):
        return "soil_moisture", float(match[1]), float(match[2])
    if match := TEMPERATURE.fullmatch(text):
        return "soil_temperature", float(match[1]), float(match[1])
    if RAIN.fullmatch(text):
        return "precipitation", 0.0, 0.0
    return None


def _xls_sheet(path: Path) -> Sheet:
    try:
        import xlrd  # only these workbooks need it
    except ImportError:
        raise TableError(
            "reading a workbook needs the package xlrd",
            where=path,
            fix="install xlrd, or save the sheet of readings as CSV under the same name",
        ) from None
    try:
        book = xlrd.open_workbook(path, on_demand=True)
        name = next((name for name in book.sheet_names() if SHEET.fullmatch(name.strip().lower())), None)
        if name is None:
            raise TableError(
                f"sheets {', '.join(book.sheet_names())}", where=path, expected="'20min Data' or '30min Data'"
            )
        sheet = book.sheet_by_name(name)
        blank = {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR}
        rows = [
            [
                "" if kind in blank else value
                for value, kind in zip(sheet.row_values(row), sheet.row_types(row), strict=True)
            ]
            for row in range(sheet.nrows)
        ]
        epoch = EPOCHS[book.datemode]
        book.release_resources()
    except TableError:
        raise
    except Exception as error:  # xlrd raises what it happens to meet in a broken file
        raise TableError(f"cannot be read as a workbook ({error})", where=path, expected=EXPECTED) from None
    return _sheet(f"{path}, sheet {name}", rows, epoch)


def _csv_sheet(path: Path) -> Sheet:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV in UTF-8") from None
    return _sheet(str(path), rows, EPOCHS[0])


def _sheet(where: str, rows: list[list[Any]], epoch: str) -> Sheet:
    filled = [(line, row) for line, row in enumerate(rows, 1) if line > HEAD and any(str(cell).strip() for cell in row)]
    if not filled:
        raise TableError("no readings", where=where, expected="title, names, units, then readings")
    names, units = ([str(cell).strip() for cell in row] for row in rows[1:HEAD])
    if not re.fullmatch(r"date[\s_-]*time", names[0].lower() if names else ""):
        raise TableError(
            f"the second line begins with {names[0] if names else ''!r}",
            where=where,
            expected="DATE-TIME, after a title",
        )
    width = len(names)
    units = (units + [""] * width)[:width]
    for line, row in filled:
        if any(str(cell).strip() for cell in row[width:]):
            raise TableError(f"{len(row)} cells", where=f"{where}, line {line}", expected=f"{width}")
    columns = [[row[place] if place < len(row) else "" for _, row in filled] for place in range(width)]
    return Sheet(where, names, units, [line for line, _ in filled], columns, epoch)


def _times(sheet: Sheet) -> pd.DatetimeIndex:
    """UTC, to the minute (a workbook holds times as fractions of a day)."""
    cells = pd.Series(sheet.columns[0], dtype=object)
    serial = pd.to_numeric(cells, errors="coerce").astype(float)
    if serial.between(0, LAST_SERIAL).all():
        local = pd.Timestamp(sheet.epoch) + pd.to_timedelta((serial * 1440).round(), unit="min")
    else:
        local = pd.to_datetime(cells.astype(str).str.strip(), format=DAY_FIRST, errors="coerce")
        if local.isna().any():
            row = int(np.flatnonzero(local.isna())[0])
            raise TableError(
                f"time {cells[row]!r} is unreadable",
                where=f"{sheet.where}, line {sheet.lines[row]}",
                expected="dd/mm/yyyy HH:MM in every line, or days since 1899-12-30",
            )
    times = as_instants(local) - OFFSET.to_numpy()
    check_instants(times, where=sheet.where, texts=cells.astype(str), lines=np.array(sheet.lines))
    return pd.DatetimeIndex(times)


def _numbers(sheet: Sheet, place: int) -> np.ndarray:
    cells = pd.Series(sheet.columns[place], dtype=object)
    cells = cells.mask(cells.astype(str).str.strip() == "")
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    if (bad := numbers.isna() & cells.notna()).any():
        row = int(np.flatnonzero(bad)[0])
        raise TableError(
            f"{cells[row]!r} in column {sheet.names[place]!r} is not a number",
            where=f"{sheet.where}, line {sheet.lines[row]}",
            expected=f"a number; {MISSING:g} where missing",
        )
    return numbers.to_numpy()
