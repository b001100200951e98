"""Which day each step of a netCDF file's time axis is of.

Where the axis has CF bounds (CF conventions 1.11, section 7.1), they decide: a step is of the day in which it ends, an
end at midnight being that of the day before. So a field that is stamped with the time of its end, or with the middle,
falls on the day whose hours it holds, and one that runs from 9 am to 9 am on the day at whose 9 am it was read, as
services count rain. No day has a field that holds hours after it. Without bounds a step is of the day of its time.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from loam.errors import RasterError

log = logging.getLogger("loam")

LONGEST = pd.Timedelta(hours=25)  # of a field of a day; 24, and one for a day on which clocks change


def days_of_steps(
    data: xr.Dataset, time: str, path: Path, *, daily: bool, shift: timedelta = timedelta(0)
) -> list[date]:
    """The day of each step of the axis ``time``, as far as they are decoded in the standard calendar.

    With bounds it is the day in which the step ends, so that none holds hours after its day; without, that of its time.

    Args:
        data: the open file.
        time: name of the time coordinate.
        path: of the file, for errors.
        daily: whether every step must be of one day; else steps that span more (composites) are of the day of their
            time.
        shift: what is added to UTC so that midnight is where the run's days begin (``loam.config.day_boundary``); a
            time without bounds is a day's name and not shifted.

    Raises:
        RasterError: bounds and times contradict each other, or a step that should be of a day spans more.
    """
    stamps = pd.DatetimeIndex(data[time].values)
    if stamps.hasnans:
        raise RasterError(f"'{time}' lacks a value", where=path, expected="a time for every step")
    bounds = _bounds(data, time, path)
    if bounds is None:
        return list(stamps.date)
    first, last = (pd.DatetimeIndex(bounds[:, side]) for side in (0, 1))
    first, last = first.where(first <= last, last), last.where(first <= last, first)
    outside = (stamps < first) | (stamps > last)
    if outside.any():
        step = int(np.flatnonzero(outside)[0])
        raise RasterError(
            f"'{time}' says {stamps[step]} and its bounds {first[step]} to {last[step]}", where=path,
            expected="a time between its bounds", fix="mend one of the two in the file, or leave the bounds out",
        )  # fmt: skip
    long = last - first > LONGEST
    if daily and long.any():
        step = int(np.flatnonzero(long)[0])
        raise RasterError(
            f"the field of {stamps[step]} is from {first[step]} to {last[step]} by its bounds", where=path,
            expected="fields of a day each",
        )  # fmt: skip
    within = np.where(last > first, last - pd.Timedelta(1, "ns"), last)  # at midnight a day has ended
    local = pd.DatetimeIndex(within) + pd.Timedelta(shift)
    return list(pd.DatetimeIndex(np.where(long, stamps, local)).date)


def refuse_several(days: list[date], what: str, path: Path) -> None:
    """Raise a RasterError where a day has more than one field of ``what``."""
    day, count = Counter(days).most_common(1)[0] if days else (None, 1)
    if count > 1:
        raise RasterError(
            f"has several fields of {what} on {day}", where=path, expected=f"one a day, not {count}",
            fix="make days of them first: the sum of rain, the least and greatest temperature, the mean of the others",
        )  # fmt: skip


def _bounds(data: xr.Dataset, time: str, path: Path) -> np.ndarray | None:
    """The decoded bounds [step, 2] of the axis; None where it has none."""
    name = data[time].attrs.get("bounds") or data[time].encoding.get("bounds")
    if not name:
        return None
    if name not in data.variables:
        log.warning(
            "%s: '%s' names bounds '%s', which it lacks; each field is of the day of its time", path, time, name
        )
        return None
    values = data[name].values
    if values.shape != (data.sizes[time], 2) or values.dtype.kind != "M" or np.isnat(values).any():
        raise RasterError(
            f"'{name}', the bounds of '{time}', are {values.dtype} of shape {values.shape}", where=path,
            expected=f"two times for each of its {data.sizes[time]} steps",
        )  # fmt: skip
    return values
