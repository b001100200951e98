"""Whether a logger's column fits the unit it is said to have: by the files' own row of units, and by its numbers.

Nothing is converted here; this tells a column of percent from one of shares while file and line are still known.
"""

from __future__ import annotations

import numpy as np

from loam.errors import TableError
from loam.probes.reading_units import CANONICAL, WATER_DEPTH, canonical_unit

SHARE = 0.05  # of a piece's values; fewer are faults of the probe, for quality control to flag
FEWEST = 3


def same_unit(variable: str, first: str, second: str) -> bool | None:
    """Whether two spellings mean one unit of a variable; None if one of them is not known."""
    try:
        return canonical_unit(variable, first) == canonical_unit(variable, second)
    except TableError:
        return None


def is_store(variable: str, unit: str) -> bool:
    """Whether the unit is a depth of water in a layer of soil (mm)."""
    return variable == "soil_moisture" and canonical_unit(variable, unit)[0] == WATER_DEPTH


def check_moisture_scale(values: np.ndarray, lines: np.ndarray, unit: str, column: str, path: object) -> None:
    """Refuse a column of shares that holds percent, or the reverse.

    Shares: at least 5 % of the values are above 1 (and up to 100). Percent: at least 5 % lie between 0 and 1, and
    the others, if there are any, are at least 3 times as large as these.

    Args:
        values: one piece of the column, NaN where missing.
        lines: line of each value in the file.
        unit: as the description gives it.
        column, path: for the error.

    Raises:
        TableError: names the first such line.
    """
    canonical, factor, _ = canonical_unit("soil_moisture", unit)
    there = np.isfinite(values) & (values > 0) & (values <= 100)
    if canonical != CANONICAL["soil_moisture"] or there.sum() < FEWEST:
        return
    percent = factor != 1
    low, high = there & (values < 1), there & (values > 1)
    wrong = low if percent else high
    if wrong.sum() < max(FEWEST, SHARE * there.sum()):
        return
    if percent and (values[high].min() < 3 * values[low].max() if high.any() else values[low].max() < 0.02):
        return  # a dry soil
    row = int(np.argmax(wrong))
    share = wrong.sum() / there.sum()
    other = "m3/m3" if percent else "%"
    mixed = share < 0.9
    raise TableError(
        f"{values[row]:g} in column '{column}' cannot be {unit}", where=f"{path}, line {lines[row]}",
        expected="one unit in a column" if mixed else None,
        fix=f"{share:.0%} of the values nearby look like {other}: "
        + ("bring the column to one unit" if mixed else f"set the column's unit to {other}"),
    )  # fmt: skip
