"""Read and write tables (CSV or Parquet, by suffix), checked against their schema at the border between stages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from loam.errors import TableError
from loam.io.atomic import atomic_path

PARQUET = {".parquet", ".pq"}


def read_table(path: str | Path, schema: pa.DataFrameSchema | None = None) -> pd.DataFrame:
    """Read a CSV (UTF-8, comma) or Parquet table.

    Of a CSV, the columns that ``schema`` holds as text are read as written: station 03048 keeps its zero, and one named
    NA its name.

    Raises:
        TableError: the file is missing, empty or unreadable, or does not fit ``schema``.
    """
    path = Path(path)
    try:
        frame = pd.read_parquet(path) if path.suffix in PARQUET else _read_csv(path, schema)
    except FileNotFoundError:
        raise TableError("no such file", where=path, fix="check the path in the config") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError, ValueError) as error:
        raise TableError(
            f"cannot be read as a table ({error})", where=path, expected="CSV with a header, or Parquet"
        ) from None
    return frame if schema is None else check_table(frame, schema, where=path)


def _read_csv(path: Path, schema: pa.DataFrameSchema | None) -> pd.DataFrame:
    if schema is None:
        return pd.read_csv(path, low_memory=False)
    text = [name for name, column in schema.columns.items() if str(column.dtype).startswith("str")]
    missing = {name: ["", "nan", "NaN"] for name in schema.columns if name not in text} | dict.fromkeys(text, [""])
    return pd.read_csv(path, low_memory=False, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=missing)


def write_table(frame: pd.DataFrame, path: str | Path, schema: pa.DataFrameSchema | None = None) -> None:
    """Write ``frame`` atomically as CSV or Parquet, after checking it against ``schema``."""
    path = Path(path)
    if schema is not None:
        frame = check_table(frame, schema, where=path)
    with atomic_path(path) as temporary:
        if path.suffix in PARQUET:
            frame.to_parquet(temporary, index=False)
        else:
            frame.to_csv(temporary, index=False)


def check_table(frame: pd.DataFrame, schema: pa.DataFrameSchema, *, where: object) -> pd.DataFrame:
    """Return ``frame`` with the schema's types, or raise a TableError that names the first rows that fail."""
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases.head(5)
        text = "; ".join(
            f"{case.column or case.failure_case}: {case.check}"
            + (f" fails for {case.failure_case!r} in row {int(case.index)}" if pd.notna(case.index) else "")
            for case in cases.itertuples(index=False)
        )
        raise TableError(text, where=where, fix="the stage that wrote this file needs mending or rerunning") from None
