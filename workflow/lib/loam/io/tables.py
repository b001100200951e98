"""Read and write tables (CSV or Parquet, by suffix), checked against their schema at the border between stages.

A spreadsheet runs a text that begins like a formula (a station named ``=cmd|...``). Such a text stands in a CSV behind
an apostrophe, which a spreadsheet takes as "this is text", and is read back without it; numbers never do.
"""

from __future__ import annotations

import csv
import itertools
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema

from loam.errors import TableError, naming
from loam.io.atomic import atomic_path

PARQUET = {".parquet", ".pq"}
FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are their full-width forms


def read_table(
    path: str | Path, schema: DataFrameSchema | None = None, *, text: Sequence[str] = (), foreign: bool = False
) -> pd.DataFrame:
    """Read a CSV (UTF-8, comma) or Parquet table.

    Of a CSV, the columns that ``schema`` holds as text, or ``text`` names, are read as written: station 03048 keeps its
    zero, and one named NA its name. Of a ``foreign`` one, which ``write_table`` has not written, an apostrophe is part
    of a text wherever it stands.

    Raises:
        TableError: the file is missing, empty or unreadable, or does not fit ``schema``.
    """
    path = Path(path)
    try:
        frame = read_parquet(path) if path.suffix in PARQUET else _read_csv(path, schema, text, foreign)
    except FileNotFoundError:
        raise TableError("no such file", where=path, fix="check the path in the config") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError, ValueError) as error:
        raise TableError(
            f"cannot be read as a table ({error})", where=path, expected="CSV with a header, or Parquet"
        ) from None
    return frame if schema is None else check_table(frame, schema, where=path)


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table, or ``columns`` of it (an index is one too); bytes are texts in UTF-8.

    Raises:
        TableError: it cannot be read, or a column is there twice or holds lists or other nested values.
    """
    expected = "a Parquet table, a number, text or date in each cell"
    with naming(TableError, "cannot be read as a table", where=path, expected=expected):
        if not path.is_file():
            raise TableError("no such file", where=path, fix="check the path in the config")
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise TableError(f"column '{twice[0]}' is there twice", where=path, expected=expected)
            table = file.read(columns=None if columns is None else list(columns))
        for place, field in enumerate(table.schema):
            if pa.types.is_nested(field.type):
                what = f"column '{field.name}' holds {field.type}"
                raise TableError(what, where=path, expected=expected, fix="unnest it")
            if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
                table = table.set_column(place, field.name, table[place].cast(pa.string()))
        return table.to_pandas(ignore_metadata=columns is not None)


def _read_csv(path: Path, schema: DataFrameSchema | None, text: Sequence[str], foreign: bool) -> pd.DataFrame:
    if schema is None:
        frame = _parsed(path)
        if named := [name for name in text if name in frame]:
            frame[named] = _parsed(path, usecols=named, dtype=str, keep_default_na=False)[named]
        return frame if foreign else _each_text(frame, as_named)
    text = [name for name, column in schema.columns.items() if str(column.dtype).startswith("str")]
    missing = {name: ["", "nan", "NaN"] for name in schema.columns if name not in text} | dict.fromkeys(text, [""])
    frame = _parsed(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=missing)
    return frame if foreign else _each_text(frame, as_named)


def _parsed(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV with a column for each name of its header, wherever its rows are as long."""
    check_widths(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.ParserWarning)  # of blank cells beyond the header
        return pd.read_csv(path, low_memory=False, index_col=False, **options)


def check_widths(path: Path) -> None:
    """Raise where a row of a CSV has more cells than the header: after a comma that parts nothing, all others move.

    Raises:
        TableError: such a row, or no CSV in UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            width = 0
            for number, cells in enumerate(csv.reader(file), start=1):
                width = width or len(cells)
                if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                    raise TableError(
                        f"row {number} has {len(cells)} cells", where=path, expected=f"{width}, as the header has",
                        fix="write numbers with points, and texts that hold a comma in quotes",
                    )  # fmt: skip
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"cannot be read ({error})", where=path, expected="CSV (UTF-8, commas)") from None


def write_table(frame: pd.DataFrame, path: str | Path, schema: DataFrameSchema | None = None) -> None:
    """Write ``frame`` atomically as CSV or Parquet, after checking it against ``schema``."""
    path = Path(path)
    if schema is not None:
        frame = check_table(frame, schema, where=path)
    with atomic_path(path) as temporary:
        if path.suffix in PARQUET:
            frame.to_parquet(temporary, index=False)
        else:
            _each_text(frame, as_text).to_csv(temporary, index=False)


def export_table(source: str | Path, path: str | Path, rows: int = 100_000) -> int:
    """Write a Parquet table as CSV for people, ``rows`` at a time: days as days, numbers with nine digits.

    Args:
        source: the Parquet table.
        path: CSV to write.
        rows: held in memory at once.

    Returns:
        The number of rows.

    Raises:
        TableError: ``source`` cannot be read.
    """
    count = 0
    with (
        naming(TableError, "cannot be read as a table", where=source, expected="Parquet"),
        pq.ParquetFile(source) as file,
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as output,
    ):
        parts = itertools.chain([file.schema_arrow.empty_table()], file.iter_batches(rows))
        for number, part in enumerate(parts):
            frame = _each_text(part.to_pandas(), as_text)
            frame.to_csv(output, index=False, header=number == 0, float_format="%.9g", lineterminator="\n")
            count += len(frame)
    return count


def as_text(value: Any) -> Any:
    """A cell as a CSV holds it: a text that a spreadsheet would run as a formula behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def as_named(value: Any) -> Any:
    """The cell that ``as_text`` has written, as it was."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and FORMULA.match(value) else value


def _each_text(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """``frame`` with its column names and the cells of its columns that may hold text changed."""
    texts = [
        place for place, dtype in enumerate(frame.dtypes)
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype))
    ]  # fmt: skip
    changed = frame.copy(deep=False)
    for place in texts:
        column = frame.iloc[:, place]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        changed.isetitem(place, column.map(change, na_action="ignore"))
    return changed.set_axis([change(name) for name in frame.columns], axis=1)


def check_table(frame: pd.DataFrame, schema: DataFrameSchema, *, where: object) -> pd.DataFrame:
    """Return ``frame`` with the schema's types, or raise a TableError that names the first rows that fail."""
    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.head(5)
        text = "; ".join(
            f"{case.column or case.failure_case}: {case.check}"
            + (f" fails for {case.failure_case!r} in row {case.index}" if pd.notna(case.index) else "")
            for case in cases.itertuples(index=False)
        )
        raise TableError(text, where=where, fix="the stage that wrote this file needs mending or rerunning") from None
