"""Season files as OzNet has them, made from numbers given by the test: the sheet as CSV, or a workbook around it.

The workbook is the bare stream of records of Excel 5 (BIFF5), as much of it as a reader needs.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

EPOCH = pd.Timestamp("1899-12-30")


def season_rows(
    title: str, times: pd.DatetimeIndex, columns: Mapping[str, tuple[str, Sequence[float]]], *, serial: bool = True
) -> list[list]:
    """Title, names, units and readings; ``columns`` gives (unit, values) by name, times are the station's clock."""
    stamps = (
        [(time - EPOCH) / pd.Timedelta(days=1) for time in times]
        if serial
        else [f"{time:%d/%m/%Y %H:%M}" for time in times]
    )
    values = [series for _, series in columns.values()]
    return [
        [title],
        ["DATE-TIME", *columns],
        ["", *(unit for unit, _ in columns.values())],
        *([stamp, *row] for stamp, row in zip(stamps, zip(*values, strict=True), strict=True)),
    ]


def write_csv(path: Path, rows: list[list]) -> Path:
    """The sheet saved as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def write_xls(path: Path, rows: list[list], *, sheet: str = "30min Data") -> Path:
    """A workbook with a first sheet of notes and the sheet of readings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets = {"MetaData": [["notes"]], sheet: rows}
    bodies = [_sheet_stream(cells) for cells in sheets.values()]
    names = [name.encode("latin-1") for name in sheets]
    start = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0, 0)) + _record(0x0042, struct.pack("<H", 1252))
    offset = len(start) + sum(4 + 7 + len(name) for name in names) + 4
    for name, body in zip(names, bodies, strict=True):
        start += _record(0x0085, struct.pack("<IHB", offset, 0, len(name)) + name)
        offset += len(body)
    path.write_bytes(start + _record(0x000A, b"") + b"".join(bodies))
    return path


def _record(code: int, data: bytes) -> bytes:
    return struct.pack("<HH", code, len(data)) + data


def _sheet_stream(rows: list[list]) -> bytes:
    stream = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0, 0))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell.encode("latin-1")
                if text:
                    stream += _record(0x0204, struct.pack("<HHHH", row, column, 0, len(text)) + text)
            else:
                stream += _record(0x0203, struct.pack("<HHHd", row, column, 0, cell))
    return stream + _record(0x000A, b"")
