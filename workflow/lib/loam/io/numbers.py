"""Numbers of a table's column that cannot be, refused with the row as the person counts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from loam.codes import LARGEST, Codes
from loam.errors import TableError
from loam.variables import ranges_of


def row_of(path: Path, wrong: np.ndarray, rows: pd.Index) -> str:
    """The file and the first row that is wrong, with the number of others: ``probes.csv, row 7 (and 3 more)``."""
    more = int(wrong.sum()) - 1
    return f"{path}, row {rows[wrong].min()}" + (f" (and {more} more)" if more else "")


def refuse_impossible(column: pd.Series, path: Path, *, variable: str | None = None) -> None:
    """Raise a TableError for a number of a column that cannot be what it holds, or that stands for a missing value.

    Args:
        column: numbers, NaN where missing; its name is told, its index is the rows' numbers in the file.
        path: the file.
        variable: which ``loam.variables`` knows, if it is not the column's name.
    """
    values = column.to_numpy(dtype=float, na_value=np.nan)
    where = f"in column '{column.name}'"
    fix = "empty the cells where a value is missing, correct the others"
    unusual = np.isinf(values) | (np.abs(values) > LARGEST) | np.isin(values, [-9999.0, -99999.0, -999999.0])
    if unusual.any():
        raise TableError(
            f"{values[unusual][0]:g} {where} stands for a missing value", where=row_of(path, unusual, column.index),
            expected="an empty cell where a value is missing", fix="empty these cells",
        )  # fmt: skip
    ranges = ranges_of(variable or str(column.name))
    outside = [(values < low) | (values > high) for low, high, _ in ranges]
    if ranges and all(wrong.any() for wrong in outside):
        wrong = min(outside, key=np.count_nonzero)  # in the unit that fits best
        said = " or ".join(f"{low:g} to {high:g} {unit}" for low, high, unit in ranges)
        raise TableError(
            f"{values[wrong][0]:g} {where} cannot be", where=row_of(path, wrong, column.index), expected=said, fix=fix
        )
    codes = Codes()
    codes.see(values)
    for code in codes.found():
        others = f"the others are {codes.low:g} to {codes.high:g}" if codes.different else "it has no other value"
        raise TableError(
            f"{code.value:g} {where} looks like a code for a missing value; {others}",
            where=row_of(path, values == code.value, column.index),
            expected="an empty cell where a value is missing", fix=fix,
        )  # fmt: skip
