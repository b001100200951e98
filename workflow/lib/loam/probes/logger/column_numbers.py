"""A column's text to numbers: missing codes, decimal commas, thousands separators; nothing is guessed.

A cell that is neither a number nor a missing code is refused with its file and line, since a number read wrongly is
worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loam.errors import TableError

# Codes that loggers and their programs write for "no value"; as numbers they would be readings.
MISSING_CODES = (-9999.0, -6999.0, -7999.0, -99999.0)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}([,. '\u00a0]\d{3})+([.,]\d+)?", re.ASCII)


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written.

    Args:
        decimal: "." or ",".
        thousands: separator between groups of three digits, or None.
        missing: texts that mean no value.
    """

    decimal: str
    thousands: str | None
    missing: tuple[str, ...]

    def missing_numbers(self) -> list[float]:
        """The missing codes that are numbers, so that -9999 also means -9999.0."""
        return [float(text) for text in self.missing if _NUMBER.fullmatch(text)]


def to_numbers(texts: pa.Array, lines: np.ndarray, style: NumberStyle, *, column: str, path: object) -> np.ndarray:
    """float64 [row], NaN where the cell is a missing code.

    Args:
        texts: the cells, without spaces around.
        lines: line of each cell.
        style: how numbers are written.
        column, path: for errors.

    Raises:
        TableError: the first cell that is no number, and what it may be.
    """
    missing = pc.is_in(texts, value_set=pa.array(style.missing, pa.string()))
    cells = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
    plain = cells
    if style.thousands:
        plain = _without_groups(plain, style)
    if style.decimal == ",":
        plain = pc.if_else(pc.fill_null(pc.match_substring(plain, "."), False), "?", plain)  # 1.5 with decimal commas
        plain = pc.replace_substring(plain, ",", ".")
    try:
        values = pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False).copy()
    except pa.ArrowInvalid:
        values = _one_by_one(plain)
    there = ~missing.to_numpy(zero_copy_only=False)
    bad = there & ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        _refuse(texts[row].as_py(), lines[row], style, column, path)
    values[np.isin(values, style.missing_numbers())] = np.nan
    code = np.isin(values, MISSING_CODES)
    if code.any():
        row = int(np.argmax(code))
        raise TableError(
            f"{texts[row].as_py()} in column '{column}' looks like a code for a missing value",
            where=f"{path}, line {lines[row]}", fix=f"add \"{texts[row].as_py()}\" to 'missing'",
        )  # fmt: skip
    return values


def _without_groups(cells: pa.Array, style: NumberStyle) -> pa.Array:
    """Cells without thousands separators; one whose groups are not of three digits becomes "?"."""
    separator, decimal = re.escape(style.thousands or ""), re.escape(style.decimal)
    grouped = pc.match_substring_regex(cells, rf"^[+-]?[0-9]{{1,3}}({separator}[0-9]{{3}})+({decimal}[0-9]*)?$")
    contains = pc.match_substring(cells, style.thousands)
    wrong = pc.fill_null(pc.and_not(contains, grouped), False)
    return pc.if_else(wrong, "?", pc.replace_substring(cells, style.thousands, ""))


def _one_by_one(cells: pa.Array) -> np.ndarray:
    return np.array(
        [float(cell) if cell is not None and _NUMBER.fullmatch(cell) else np.nan for cell in cells.to_pylist()]
    )


def _refuse(text: str, line: int, style: NumberStyle, column: str, path: object) -> None:
    other = "," if style.decimal == "." else "."
    fix = "mend the cell, or add its text to 'missing' if it means no value"
    if not text:
        fix = "add \"\" to 'missing' if an empty cell means no value"
    elif _NUMBER.fullmatch(text.replace(other, ".")) and text.count(other) == 1:
        fix = f'if this is the decimal sign, set decimal: "{other}"'
        if _GROUPED.fullmatch(text):
            fix += f'; if it separates thousands, set thousands: "{other}"'
    elif match := _GROUPED.fullmatch(text):
        fix = f'if "{match[1][0]}" separates thousands, set thousands: "{match[1][0]}"'
        if match[2]:
            fix += f' and decimal: "{match[2][0]}"'
    raise TableError(
        f"'{text[:60]}' is not a number in column '{column}'", where=f"{path}, line {line}",
        expected=f"numbers with decimal \"{style.decimal}\"", fix=fix,
    )  # fmt: skip
