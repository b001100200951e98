"""Turn the cells of a table that a person brings into numbers, days and names, or say which row cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.io.numbers import refuse_impossible, row_of
from loam.io.written_names import one_form

# A day, with or without a time and an offset from UTC.
DAY = r"(?:18|19|20|21)\d\d-\d\d-\d\d(?:[T ]\d\d(?::?\d\d){0,2}(?:\.\d+)? ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)?)?"


def numbers_of(column: pd.Series, path: Path) -> pd.Series:
    """``column`` as float64, NaN where the cell is empty.

    Raises:
        TableError: a cell is not a number, is infinite, cannot be what the column holds (``loam.variables``
            knows the column by its name), or is a code for missing values: -9999, or the like where no other value is.
    """
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
    else:
        text = texts_of(column)
        values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = np.isnan(values) & text.notna().to_numpy()
        if wrong.any():
            cell = text[wrong].iloc[0]
            comma = cell.count(",") == 1 and cell.replace(",", "").lstrip("+-").isdigit()
            raise TableError(
                f"'{cell}' in column '{column.name}' is not a number", where=row_of(path, wrong, column.index),
                expected="a number, or an empty cell where it is missing",
                fix="write decimals with a point" if comma else "correct the cell or empty it",
            )  # fmt: skip
    numbers = pd.Series(values, index=column.index, name=column.name)
    refuse_impossible(numbers, path)
    return numbers


def dates_of(column: pd.Series, path: Path) -> pd.Series:
    """``column`` as days (datetime64[ns], midnight).

    The day is the one that is written: a time of day is left off, and so is an offset from UTC, without conversion.

    Raises:
        TableError: a cell is empty or is not an ISO 8601 date.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column):
        days, text = column.dt.normalize(), column.astype(str)
    else:
        text = texts_of(column)
        codes, unique = pd.factorize(text)
        unique = pd.Series(unique, dtype=object)
        unique = unique.where(unique.str.fullmatch(DAY)).str.slice(0, 10)
        parsed = pd.to_datetime(unique, format="%Y-%m-%d", errors="coerce").to_numpy("datetime64[ns]")
        days = pd.Series(np.append(parsed, np.datetime64("NaT", "ns"))[codes], index=column.index)
    wrong = days.isna().to_numpy()
    if wrong.any():
        cell = text[wrong].iloc[0]
        what = f"'{cell}' is not a date" if isinstance(cell, str) and column[wrong].notna().iloc[0] else "no date"
        raise TableError(
            f"{what} in column '{column.name}'", where=row_of(path, wrong, column.index),
            expected="year-month-day, like 2016-02-05",
            fix="write dates as YYYY-MM-DD (05/02/2016 could be February or May)",
        )  # fmt: skip
    return days.astype("datetime64[ns]")


def texts_of(column: pd.Series) -> pd.Series:
    """``column`` as text without surrounding blanks, None where missing or blank; the number 12 (or 12.0) is '12'."""
    codes, unique = pd.factorize(column.astype(object))
    names = np.array([*(_name(value) or None for value in unique), None], dtype=object)
    return pd.Series(names[codes], index=column.index, name=column.name, dtype=object)


def _name(value: object) -> str:
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return one_form(str(value).strip())
