"""What the readers of downloaded files take from ``probes.<domain>`` of the config: the files and the station table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from loam.config.sections.probes import ProbeFiles
from loam.errors import TableError
from loam.io.archives import without_strewn
from loam.io.tables import check_table, read_table
from loam.io.written_names import one_form
from loam.probes.readings import STATIONS
from loam.probes.station_facts import select_stations
from loam.variables import variables

log = logging.getLogger("loam")

TEXTS = ["landcover", "soil"]


def source_path(settings: ProbeFiles) -> Path:
    """``path`` of the settings, which must exist.

    Raises:
        TableError: there is nothing at it.
    """
    path = Path(settings.path)
    if not path.exists():
        raise TableError("no such file or folder", where=path, fix="check probes.<domain>.path in the config")
    return path


def source_files(settings: ProbeFiles, suffixes: Sequence[str], *, expected: str) -> list[Path]:
    """The file at ``path``, or all files with one of the suffixes in the folder and below, by name.

    Raises:
        TableError: there is no such file; ``expected`` says which files the format has.
    """
    path = source_path(settings)
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    found = [path] if path.is_file() else without_strewn(inside, path)
    files = [file for file in found if file.suffix.lower() in suffixes and not file.name.startswith(".")]
    if not files:
        raise TableError("no file of this format", where=path, expected=expected)
    return files


def utc_offset(settings: ProbeFiles) -> pd.Timedelta | None:
    """``utc_offset`` of the settings ("+10:00": the files' clock runs ten hours ahead of UTC), or None.

    Raises:
        TableError: no clock on Earth has it.
    """
    if (text := settings.utc_offset) is None:
        return None
    hours = int(text[1:3]) + int(text[4:]) / 60
    return check_offset(hours if text[0] == "+" else -hours, where="utc_offset")


def check_offset(hours: float, *, where: object) -> pd.Timedelta:
    """An offset from UTC in hours, as a time.

    Raises:
        TableError: no clock on Earth has it.
    """
    if not -12 <= hours <= 14:
        raise TableError(f"a clock {hours:g} h ahead of UTC", where=where, expected="-12 to 14 h")
    return pd.Timedelta(minutes=round(60 * hours))


def complete_stations(stations: pd.DataFrame, settings: ProbeFiles) -> pd.DataFrame:
    """The stations of the files that the settings choose, with the values of the settings' station table.

    Args:
        stations: column ``station`` and any others of STATIONS.
        settings: ``stations``, where given, is the path of a CSV or Parquet with column ``station`` and any others of
            STATIONS. Its values win; where it has none, the files' values stay. ``include`` and ``bounds`` choose.

    Returns:
        Schema STATIONS; what nobody gives is missing.

    Raises:
        TableError: the table lacks column ``station``, has unknown columns, a station twice or a number that is none;
            what ``select_stations`` refuses, a station without coordinates above all.
    """
    columns = list(STATIONS.columns)
    merged = stations.reindex(columns=columns).set_index("station")
    path = settings.stations
    if path:
        table = read_table(path, text=["station"], foreign=True)
        if "station" not in table:
            raise TableError("no column 'station'", where=path, expected=f"station and any of {', '.join(columns[1:])}")
        if unknown := [name for name in table if name not in columns]:
            raise TableError(f"unknown column {', '.join(unknown)}", where=path, expected=", ".join(columns))
        table["station"] = [one_form(name.strip()) for name in table["station"].astype(str)]
        if (twice := table["station"].duplicated()).any():
            raise TableError(f"station {table.loc[twice, 'station'].iloc[0]} is there twice", where=path)
        if absent := sorted(set(table["station"]) - set(merged.index)):
            log.warning("%s: no readings of station %s", path, ", ".join(absent))
        table = table.set_index("station").reindex(merged.index)
        for name in table:
            given = table[name].notna()
            merged[name] = table[name].where(given, merged[name].astype(object))
    merged = merged.reset_index()
    for name in columns[1:]:
        if name in TEXTS:
            merged[name] = merged[name].astype("string").astype(object)
            continue
        numbers = pd.to_numeric(merged[name], errors="coerce").astype(float)
        if (bad := numbers.isna() & merged[name].notna()).any():
            row = merged[bad].iloc[0]
            raise TableError(f"{name} {row[name]!r} of station {row['station']} is not a number", where=path)
        merged[name] = _possible(name, numbers, merged["station"], path)
    where = path or settings.path
    return select_stations(check_table(merged, STATIONS, where=where), settings, where=where)


def _possible(name: str, numbers: pd.Series, stations: pd.Series, table: object) -> pd.Series:
    """The numbers of a column of STATIONS; what cannot be is missing, with a warning, or an error of the own table."""
    variable = variables().get(name)
    if variable is None:
        return numbers
    wrong = (numbers < variable.low) | (numbers > variable.high)
    if not wrong.any():
        return numbers
    first = f"{name} {numbers[wrong].iloc[0]:g} of station {stations[wrong].iloc[0]}"
    if table:
        raise TableError(
            first + " cannot be", where=table, expected=variable.possible, fix="correct it, or leave the cell empty"
        )
    log.warning("%s cannot be (%d stations): taken as missing", first, wrong.sum())
    return numbers.mask(wrong)
