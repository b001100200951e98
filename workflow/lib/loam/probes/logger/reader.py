"""Reader of a folder of logger CSV files, for whoever has probes of their own.

A YAML describes the files (docs/how-to/use-your-own-probes.md), a table gives the stations. Files are read in pieces;
what a file holds that cannot be right is refused with file and line (docs/reference/probe-errors.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loam.config.sections.probes import ProbeFiles
from loam.errors import ConfigError, TableError
from loam.probes.logger.column_numbers import to_numbers
from loam.probes.logger.column_units import check_moisture_scale
from loam.probes.logger.depths import parse_depth
from loam.probes.logger.description import Description, read_description
from loam.probes.logger.entries import DepthColumn, Entry, check_store
from loam.probes.logger.file_heads import LoggerFile, list_files, plan_file
from loam.probes.logger.local_times import local_midnight, to_utc
from loam.probes.logger.spool import Series, Spool
from loam.probes.logger.station_table import read_stations, require_listed
from loam.probes.logger.text_pieces import Piece, read_pieces
from loam.probes.readings import Probes
from loam.probes.sensor_calibration import scaled_frequency

log = logging.getLogger("loam")

_DAY = pd.Timedelta(days=1)


def read_logger(settings: ProbeFiles) -> Probes:
    """Read a folder of logger files.

    The description, the station table and the head of every file are checked at once, the readings as they are read.
    Values keep the unit that the description gives; raw counts with counts in air and water become scaled frequencies.

    Args:
        settings: ``path``, the folder; ``description``, the YAML that says what the files hold; ``stations``, the
            station table.

    Raises:
        ConfigError: the settings or the description are wrong.
        TableError: the station table or a file's head; and, while the readings are iterated, a file's rows.
    """
    for key, named in (("description", settings.description), ("stations", settings.stations)):
        if not named:
            raise ConfigError(f"key '{key}' is missing", where="probes of format logger", expected="a path")
    folder, table = Path(settings.path), Path(str(settings.stations))
    description = read_description(Path(str(settings.description)))
    stations = read_stations(table)
    files = [plan_file(path, description) for path in list_files(folder, description, [table, description.path])]
    listed = set(stations["station"])
    for file in files:
        if file.station is not None:
            require_listed([file.station], listed, where=file.path, table=table)
    return Probes(
        stations=stations,
        readings=_read(files, description, listed, table),
        daily=description.daily,
        source=f"logger files {folder / description.files} ({len(files)}), described by {description.path}",
    )


def _read(files: list[LoggerFile], description: Description, listed: set[str], table: Path) -> Iterator[pd.DataFrame]:
    """Readings of all files: station by station where files tell it, else of all files at once."""
    groups: dict[str | None, list[LoggerFile]] = {}
    for file in files:
        groups.setdefault(file.station, []).append(file)
    absent = set(listed)
    for group in sorted(groups, key=str):
        spool = Spool(description.duplicates)
        try:
            for file in groups[group]:
                _read_file(file, description, spool, listed, table)
            for station in spool.stations():
                absent.discard(station)
                yield from spool.frames(station)
                if count := spool.repeated.get(station):
                    log.info("station %s: %d readings were there twice and are kept once", station, count)
        finally:
            spool.close()
    if absent:
        log.warning("%s: no readings of station %s", table, ", ".join(sorted(absent)))


def _read_file(file: LoggerFile, description: Description, spool: Spool, listed: set[str], table: Path) -> None:
    number = spool.file(file.path)
    entry_columns = [name for entry in file.entries for name in entry.columns()]
    own = [description.station.column] if file.station is None else []
    columns = list(dict.fromkeys([*description.time_columns, *own, *entry_columns]))
    clocks: dict[Any, Any] = {}
    rows, matched = 0, 0
    filled = dict.fromkeys(range(len(file.entries)), 0)
    for piece in read_pieces(file.path, description.text, file.names, columns):
        rows += len(piece.lines)
        time = _times(piece, file, description, clocks)
        place_of = _stations(piece, file, description, listed, table)
        matched += _take(piece, time, place_of, file, number, description, spool, filled)
    if not rows:
        log.warning("%s: column names and no readings", file.path)
    for position, count in filled.items():
        if rows and not count:
            log.warning("%s: column '%s' has no value", file.path, file.entries[position].column)
    if matched < rows:
        log.warning("%s: %d of %d rows are described by no entry of 'columns'", file.path, rows - matched, rows)


def _times(piece: Piece, file: LoggerFile, description: Description, state: dict[Any, Any]) -> np.ndarray:
    parts = [piece.cells[name] for name in description.time_columns]
    texts = parts[0] if len(parts) == 1 else pc.utf8_trim_whitespace(pc.binary_join_element_wise(*parts, " "))
    keys = [] if file.station is not None else [description.station.column]
    for entry in file.entries:
        depth = [entry.depth.column] if isinstance(entry.depth, DepthColumn) else []
        keys += [*depth, *([entry.sensor_column] if entry.sensor_column else []), *(name for name, _ in entry.where)]
    keys = list(dict.fromkeys(keys))
    return to_utc(
        pd.Series(pd.array(texts, dtype="str")), piece.lines, description.clock, path=file.path, state=state,
        key=lambda row: tuple(piece.cells[name][row].as_py() for name in keys),
    )  # fmt: skip


def _stations(
    piece: Piece, file: LoggerFile, description: Description, listed: set[str], table: Path
) -> list[tuple[str, np.ndarray | slice]]:
    """The stations of a piece and their rows."""
    if file.station is not None:
        return [(file.station, slice(None))]
    groups = _groups([pc.utf8_normalize(piece.cells[description.station.column], "NFC")])
    for (station,), rows in groups:
        where = f"{file.path}, line {piece.lines[rows[0]]}"
        if not station:
            raise TableError(
                f"column '{description.station.column}' is empty", where=where, expected="a station's name"
            )
        require_listed([station], listed, where=where, table=table)
    return [(station, rows) for (station,), rows in groups]


def _groups(columns: list[pa.Array]) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """Distinct texts of the columns, in the order they occur, and the rows of each."""
    encoded = [column.dictionary_encode() for column in columns]
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in encoded:
        code = code * len(column.dictionary) + column.indices.to_numpy()
        _, code = np.unique(code, return_inverse=True)
    order = np.argsort(code, kind="stable")
    edges = np.flatnonzero(np.diff(code[order])) + 1
    rows = sorted(np.split(order, edges), key=lambda group: group[0])
    return [(tuple(column[int(group[0])].as_py() for column in columns), group) for group in rows]


def _take(
    piece: Piece, time: np.ndarray, stations: list[tuple[str, np.ndarray | slice]], file: LoggerFile, number: int,
    description: Description, spool: Spool, filled: dict[int, int],
) -> int:  # fmt: skip
    """Hand a piece's readings to the spool; the number of rows that some entry describes."""
    matched = np.zeros(len(time), dtype=bool)
    whole: list[tuple[int, np.ndarray, np.ndarray | None]] = []  # series of all rows of the piece
    for position, entry in enumerate(file.entries):
        chosen = np.ones(len(time), dtype=bool)
        for column, text in entry.where:
            chosen &= pc.equal(piece.cells[column], text).to_numpy(zero_copy_only=False)
        matched |= chosen
        if entry.first is not None:
            chosen &= time >= local_midnight(entry.first, description.clock)
        if entry.last is not None:
            chosen &= time < local_midnight(entry.last + _DAY, description.clock)
        if not chosen.any():
            continue
        rows = np.flatnonzero(chosen)
        whole_piece = len(rows) == len(time)
        part = piece if whole_piece else _select(piece, entry, rows)
        values = to_numbers(
            part.cells[entry.column], part.lines, description.numbers, column=entry.column, path=file.path
        )
        filled[position] += int(np.isfinite(values).sum())
        if entry.variable == "soil_moisture":
            check_moisture_scale(values, part.lines, entry.unit, entry.column, file.path)
        if entry.counts is not None:
            values = scaled_frequency(values, air=entry.counts[0], water=entry.counts[1])
        flags = _flags(part, entry, spool)
        if whole_piece and entry.sensor_column is None and not isinstance(entry.depth, DepthColumn):
            series = spool.series(Series(entry.sensor, entry.variable, entry.depth, entry.unit_of_values))
            whole.append((series, values, flags))
            continue
        belongs = np.zeros(len(time), dtype=np.int64)
        for place_number, (_, members) in enumerate(stations):
            belongs[members] = place_number
        for series, members in _series(part, entry, file, spool):
            for place_number in np.unique(belongs[rows[members]]):
                here = members[belongs[rows[members]] == place_number]
                column = (series, values[here], None if flags is None else flags[here])
                spool.add(stations[place_number][0], number, time[rows[here]], part.lines[here], [column])
    for station, members in stations:
        columns = [(s, values[members], None if flags is None else flags[members]) for s, values, flags in whole]
        spool.add(station, number, time[members], piece.lines[members], columns)
    return int(matched.sum())


def _select(piece: Piece, entry: Entry, rows: np.ndarray) -> Piece:
    take = pa.array(rows)
    return Piece({name: piece.cells[name].take(take) for name in entry.columns()}, piece.lines[rows])


def _series(part: Piece, entry: Entry, file: LoggerFile, spool: Spool) -> Iterator[tuple[int, np.ndarray]]:
    """The series of an entry whose depth or sensor is in a column, and the rows of each."""
    depth_column = entry.depth.column if isinstance(entry.depth, DepthColumn) else None
    names = [name for name in (depth_column, entry.sensor_column) if name]
    groups = _groups([part.cells[name] for name in names]) if names else [((), np.arange(len(part.lines)))]
    for texts, rows in groups:
        found = dict(zip(names, texts, strict=True))
        depth = entry.depth
        if isinstance(depth, DepthColumn):
            where = f"{file.path}, line {part.lines[rows[0]]}"
            depth = parse_depth(found[depth.column], where=where, unit=depth.unit)
            check_store(entry.variable, entry.unit, depth, where=where, error=TableError)
        sensor = found[entry.sensor_column] if entry.sensor_column else entry.sensor
        yield spool.series(Series(sensor, entry.variable, depth, entry.unit_of_values)), rows


def _flags(part: Piece, entry: Entry, spool: Spool) -> np.ndarray | None:
    if entry.flag is None:
        return None
    encoded = part.cells[entry.flag].dictionary_encode()
    codes = np.array([spool.flag(text) for text in encoded.dictionary.to_pylist()], dtype=np.int32)
    return codes[encoded.indices.to_numpy()]
