"""The instants that a reading can have: not before there were loggers, and not in the future."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from loam.errors import TableError

FIRST = np.datetime64("1950-01-01", "ns")
DAY = np.timedelta64(1, "D")
EARLY, LATE = pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")  # datetime64[ns] ends in 1677 and 2262


def as_instants(times: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """``times``, of any resolution and without a zone, as datetime64[ns]; what lies beyond it becomes the year 1700."""
    times = pd.Series(times)
    return times.mask((times < EARLY) | (times > LATE), EARLY).to_numpy("datetime64[ns]")


def check_instants(
    times: np.ndarray,
    *,
    where: object,
    texts: pd.Series | None = None,
    lines: np.ndarray | None = None,
    now: np.datetime64 | None = None,
    fix: str = "a logger whose clock was reset leaves such rows: mend or delete them",
) -> None:
    """Raise a TableError for the first time before 1950 or more than a day after now.

    Args:
        times: [row] datetime64[ns] UTC, NaT passes.
        where: the file.
        texts: [row] the times as the file has them.
        lines: [row] their lines in it.
        now: UTC; the clock's if it is not given.
        fix: what to do about it.
    """
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ns") if now is None else now
    for wrong, what in ((times < FIRST, "lies before 1950"), (times > now + DAY, "lies in the future")):
        if wrong.any():
            row = int(np.argmax(wrong))
            text = str(pd.Timestamp(times[row])) if texts is None else texts.iloc[row]
            raise TableError(
                f"time '{text}' {what}", where=where if lines is None else f"{where}, line {lines[row]}", fix=fix
            )
