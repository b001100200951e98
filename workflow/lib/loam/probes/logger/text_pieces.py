"""A logger's text file in pieces of a few MiB, with the line of every row, whatever its encoding and line ends.

The file is cut at line ends and each piece is parsed by Arrow, so memory is bounded by a piece and a wrong cell can be
named by its line. What is no text table (zip, UTF-16, NUL bytes, ragged rows, open quotation marks) is refused.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from loam.errors import TableError

PIECE_BYTES = 8 * 2**20
HEAD_BYTES = 2**18
_MAGIC = {
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    b"\x1f\x8b": ("compressed (gzip)", "unpack it"),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", "save the sheet as CSV"),
    b"PAR1": ("a Parquet file", "write it as CSV"),
    b"%PDF": ("a PDF", "export the readings as CSV"),
    b"\xff\xfe": ("in UTF-16 ('Unicode text')", "save it as CSV UTF-8"),
    b"\xfe\xff": ("in UTF-16 ('Unicode text')", "save it as CSV UTF-8"),
}
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class TextStyle:
    """How the files are laid out.

    Args:
        delimiter: between cells, one character.
        encoding: auto (UTF-8, else Latin-1), utf-8 or latin-1.
        names_lines: line of the column names, or lines whose cells are joined to names by a space.
        units_line: line of the units, or None.
        data_line: line of the first reading.
    """

    delimiter: str
    encoding: str
    names_lines: tuple[int, ...]
    units_line: int | None
    data_line: int


@dataclass(frozen=True)
class Head:
    """The lines before the first reading, and the cells of the names' and units' lines (no units: empty).

    Where names are joined from several lines, ``last`` are those of the last one alone; else ``names`` again.
    """

    lines: list[str]
    names: list[str]
    last: list[str]
    units: list[str]


@dataclass(frozen=True)
class Piece:
    """Some rows: the columns asked for, as text without spaces around (by column name), and each row's line."""

    cells: dict[str, pa.Array]
    lines: np.ndarray


def read_head(path: Path, style: TextStyle) -> Head:
    """The head of a file.

    Raises:
        TableError: the file cannot be read, is empty, is no text table, or ends before the line of the names.
    """
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except OSError as error:
        raise TableError(f"cannot be read ({error.strerror})", where=path) from None
    for magic, (what, fix) in _MAGIC.items():
        if start.startswith(magic):
            raise TableError(f"the file is {what}", where=path, expected="a text table (CSV)", fix=fix)
    start = start.removeprefix(_BOM)
    if not start.strip():
        raise TableError("the file is empty", where=path, fix="export it again, or remove it from the folder")
    lines = start.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[: style.data_line - 1]
    _refuse_nul(b"\n".join(lines), 1, path)
    text = [_decode(line, style.encoding, number, path) for number, line in enumerate(lines, start=1)]
    for number in style.names_lines:
        if len(text) < number or not text[number - 1].strip():
            raise TableError(
                f"no column names in line {number}", where=path, fix="set lines.names to the line that has them"
            )
    units = style.units_line
    return Head(
        lines=text,
        names=_names(text, style.names_lines, style.delimiter, path),
        last=_names(text, style.names_lines[-1:], style.delimiter, path),
        units=_cells(text[units - 1], style.delimiter, path, units) if units and len(text) >= units else [],
    )


def read_pieces(path: Path, style: TextStyle, names: Sequence[str], columns: Sequence[str]) -> Iterator[Piece]:
    """The rows of a file from ``style.data_line`` on, rows whose cells are all empty left out.

    Args:
        path: file.
        style: its layout.
        names: its column names, all of them.
        columns: those wanted; each is once in ``names``.

    Raises:
        TableError: a row has too few or too many cells, a quotation mark is open, a byte is NUL or not of the encoding.
    """
    wanted = {column: names.index(column) for column in columns}
    for first, block in _blocks(path, style.data_line):
        _refuse_nul(block, first, path)
        piece = _parse(block, first, path, style, len(names), wanted)
        if len(piece.lines):
            yield piece


def _blocks(path: Path, data_line: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines that end in a line feed, and the number of the first."""
    number, rest, skip = 1, b"", data_line - 1
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        while True:
            read = file.read(PIECE_BYTES)
            block = rest + read
            if read:
                cut = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
                if not cut and len(block) > PIECE_BYTES:
                    raise TableError(
                        f"no line end in {PIECE_BYTES // 2**20} MiB", where=f"{path}, line {number}",
                        expected="a text table (CSV)",
                    )  # fmt: skip
                block, rest = block[:cut], block[cut:]
            else:
                rest = b""
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if block and not block.endswith(b"\n"):
                block += b"\n"
            while skip and block:
                _, _, block = block.partition(b"\n")
                number, skip = number + 1, skip - 1
            if block:
                yield number, block
                number += block.count(b"\n")
            if not read:
                return


def _parse(
    block: bytes, first: int, path: Path, style: TextStyle, width: int, wanted: dict[str, int]
) -> Piece:  # fmt: skip
    try:
        block.decode("ascii" if style.encoding == "latin-1" else "utf-8")
    except UnicodeDecodeError as error:
        if style.encoding == "utf-8":
            _refuse_encoding(first + block.count(b"\n", 0, error.start), path)
        block = block.decode("latin-1").encode("utf-8")
    ragged: list[tuple[int, int, str]] = []

    def note(row: pacsv.InvalidRow) -> str:
        ragged.append((row.number, row.actual_columns, row.text))
        return "skip"

    keys = [str(place) for place in range(width)]
    used = [keys[place] for place in dict.fromkeys(wanted.values())]
    try:
        table = pacsv.read_csv(
            io.BytesIO(block),
            read_options=pacsv.ReadOptions(use_threads=False, column_names=keys, block_size=len(block) + 1),
            parse_options=pacsv.ParseOptions(
                delimiter=style.delimiter, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(used, pa.string()), include_columns=used, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise TableError(f"cannot be parsed ({error})", where=f"{path}, from line {first} on") from None
    total = block.count(b"\n")
    if table.num_rows + len(ragged) != total:
        _refuse_quotes(block, first, path)
    lines = np.arange(first, first + total)
    if ragged:
        _refuse_ragged(ragged, first, path, width, style.delimiter)
        lines = np.delete(lines, [number - 1 for number, _, _ in ragged])
    cells = {name: pc.utf8_trim_whitespace(table.column(str(place)).combine_chunks()) for name, place in wanted.items()}
    filled = np.zeros(len(lines), dtype=bool)
    for column in cells.values():
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    if not filled.all():
        cells = {name: column.filter(pa.array(filled)) for name, column in cells.items()}
        lines = lines[filled]
    return Piece(cells, lines)


def _refuse_ragged(ragged: list[tuple[int, int, str]], first: int, path: Path, width: int, delimiter: str) -> None:
    """A line of nothing but spaces is no row; any other with a wrong number of cells is refused."""
    for number, cells, text in ragged:
        if text.strip():
            few = "few" if cells < width else "many"
            raise TableError(
                f"too {few} cells: {cells}", where=f"{path}, line {first + number - 1}",
                expected=f"{width}, as there are column names",
                fix=f"mend or delete the line; a '{delimiter}' inside a cell needs quotation marks around it",
            )  # fmt: skip


def _refuse_quotes(block: bytes, first: int, path: Path) -> None:
    odd = [place for place, line in enumerate(block.split(b"\n")) if line.count(b'"') % 2]
    raise TableError(
        "a quotation mark is not closed", where=f"{path}, line {first + odd[0] if odd else first}",
        fix="mend or delete the line",
    )  # fmt: skip


def _refuse_nul(block: bytes, first: int, path: Path) -> None:
    if (place := block.find(b"\0")) >= 0:
        line = first + block.count(b"\n", 0, place)
        raise TableError(
            "NUL bytes", where=f"{path}, line {line}",
            fix="the logger was cut off while writing: delete the line; if every line has them, the file is UTF-16: "
            "save it as CSV UTF-8",
        )  # fmt: skip


def _refuse_encoding(line: int, path: Path) -> None:
    raise TableError("bytes that are not UTF-8", where=f"{path}, line {line}", fix="set encoding to auto or latin-1")


def _decode(line: bytes, encoding: str, number: int, path: Path) -> str:
    try:
        return line.decode("ascii" if encoding == "latin-1" else "utf-8")
    except UnicodeDecodeError:
        if encoding == "utf-8":
            _refuse_encoding(number, path)
        return line.decode("latin-1")


def _names(text: list[str], lines: tuple[int, ...], delimiter: str, path: Path) -> list[str]:
    """The names of the columns, of a line or joined from several: ``Port1 TEROS 12 m3/m3 Water Content``."""
    rows = [_cells(text[number - 1], delimiter, path, number) for number in lines]
    width = max(map(len, rows))
    columns = zip(*(row + [""] * (width - len(row)) for row in rows), strict=True)
    return [" ".join(cell for cell in column if cell) for column in columns]


def _cells(line: str, delimiter: str, path: Path, number: int) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error as error:
        raise TableError(f"cannot be split into cells ({error})", where=f"{path}, line {number}") from None
