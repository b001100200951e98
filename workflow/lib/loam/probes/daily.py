"""Daily values of sub-daily readings: means of states, sums of rain, where enough of the day was measured.

Which readings make up a day depends on where the day begins (the config's ``day_boundary``). A state (moisture,
temperature) read at the boundary belongs to the day that begins; rain is the sum over the interval that ends at its
time, so that a sum at the boundary belongs to the day that ends. How many readings a day should have is read off the
record around it: each day has its most frequent interval, intervals that differ by seconds counting as one, and the one
that most of the days within a week have is the day's. So a logger that was set to another interval is judged by each,
and a day with gaps by its neighbours.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.config.day_boundary import shift_of
from loam.probes.quality.flags import Flag

DAY = np.int64(86_400_000_000_000)  # ns
SUMS = {"precipitation"}
AROUND = 7  # days before and after that a day's interval is looked for in
SAME_STEP = np.log(1.1)  # intervals within some 10 % are one
SERIES = ["station", "sensor", "variable", "depth_from_cm", "depth_to_cm"]


def boundary_shift(day_boundary: str) -> np.timedelta64:
    """What is added to a time in UTC so that midnight of the result is where a day begins.

    Args:
        day_boundary: clock time and that clock's offset from UTC: ``00:00+10:00`` is midnight of eastern Australian
            standard time (10 h are added), ``09:00+10:00`` nine o'clock of it (1 h).

    Raises:
        ConfigError: it is not of that form.
    """
    return np.timedelta64(round(shift_of(day_boundary).total_seconds() / 60), "m")


def daily_values(
    readings: pd.DataFrame, excluded: np.ndarray, *, minimum_share: float, shift: np.timedelta64 | None
) -> pd.DataFrame:
    """One row a sensor and day that has a reading: the mean (rain: the sum) of the readings that are not excluded.

    Args:
        readings: [row] canonical readings with a column ``qc`` (bitmask), any number of sensors.
        excluded: [row] bool, readings that do not count.
        minimum_share: of the readings that a day should have.
        shift: of ``boundary_shift``; None if the values are of days already, of which a day should have one.

    Returns:
        station, sensor, variable, depth_from_cm, depth_to_cm, date, value (NaN where too few readings are left),
        n_readings (that count), qc: the flags of the readings that count; where there is no value, those of all, with
        TOO_FEW_READINGS if some were not excluded. Sorted by series and date.
    """
    frame = readings[[*SERIES, "time", "value", "qc"]].assign(excluded=excluded)
    frame = frame[frame["value"].notna()]
    keys = frame.groupby(SERIES, observed=True, sort=True)
    series = keys.ngroup().to_numpy()
    time = frame["time"].to_numpy("datetime64[ns]").astype(np.int64)
    day = time // DAY if shift is None else _days(time, frame["variable"].isin(SUMS).to_numpy(), shift)
    order = np.lexsort((time, day, series))
    frame, series, time, day = frame.iloc[order], series[order], time[order], day[order]
    if frame.empty:
        return frame.drop(columns=["time", "excluded"]).assign(date=frame["time"], n_readings=0)[
            [*SERIES, "date", "value", "n_readings", "qc"]
        ]
    start = np.flatnonzero(np.r_[True, (np.diff(series) != 0) | (np.diff(day) != 0)])
    used = ~frame["excluded"].to_numpy()
    value, flags = frame["value"].to_numpy(), frame["qc"].to_numpy(np.int64)
    count = np.add.reduceat(used.astype(np.int64), start)
    total = np.add.reduceat(np.where(used, value, 0.0), start)
    kept = np.bitwise_or.reduceat(np.where(used, flags, 0), start)
    every = np.bitwise_or.reduceat(flags, start)
    expected = np.ones(len(start)) if shift is None else expected_readings(series, time, day)[start]
    enough = (count > 0) & (count >= minimum_share * expected - 1e-9)
    sums = frame["variable"].isin(SUMS).to_numpy()[start]
    result = frame[SERIES].iloc[start].reset_index(drop=True)
    result["date"] = (day[start] * DAY).astype("datetime64[ns]")
    result["value"] = np.where(enough, np.where(sums, total, total / np.maximum(count, 1)), np.nan)
    result["n_readings"] = count
    few = np.where(count > 0, Flag.TOO_FEW_READINGS.value, 0)  # else all are excluded, and their flags say why
    result["qc"] = np.where(enough, kept, every | few)
    return result


def expected_readings(series: np.ndarray, time: np.ndarray, day: np.ndarray) -> np.ndarray:
    """[row] readings that a day of the row's series should have; at least 1.

    Args:
        series: [row] whole numbers, sorted; time: [row] ns, sorted in each series; day: [row] days since 1970.
    """
    expected = np.ones(len(time))
    if len(time) < 2:
        return expected
    step = np.diff(time)
    inside = (np.diff(series) == 0) & (np.diff(day) == 0) & (step > 0)
    steps = pd.DataFrame({"series": series[1:][inside], "day": day[1:][inside], "step": step[inside]})
    steps["width"] = np.round(np.log(steps["step"]) / SAME_STEP).astype(int)
    means = steps.groupby(["series", "width"])["step"].mean()
    votes = steps.groupby(["series", "day", "width"]).size().rename("count").reset_index()
    votes = votes.sort_values(["series", "day", "count", "width"], ascending=[True, True, False, True])
    votes = votes.drop_duplicates(["series", "day"])  # of equals the shortest
    for number, own in votes.groupby("series"):
        rows = slice(*np.searchsorted(series, [number, number + 1]))
        width = _of_most_days(own["day"].to_numpy(), own["width"].to_numpy(), day[rows])
        expected[rows] = np.maximum(1, np.round(DAY / means[number].loc[width].to_numpy()))
    return expected


def _of_most_days(voted: np.ndarray, width: np.ndarray, day: np.ndarray) -> np.ndarray:
    """[row] the width that most of the days around the row's have; of equals the smallest.

    Args:
        voted: [vote] days, sorted; width: [vote] theirs; day: [row], sorted.
    """
    kinds = np.unique(width)
    days = np.unique(day)
    counted = np.concatenate([np.zeros((1, len(kinds)), int), np.cumsum(width[:, None] == kinds, axis=0)])
    first = np.searchsorted(voted, days - AROUND)
    last = np.searchsorted(voted, days + AROUND, side="right")
    around = counted[last] - counted[first]
    around = np.where(around.any(1)[:, None], around, counted[-1])  # alone in its fortnight: as the series as a whole
    return kinds[np.argmax(around, axis=1)][np.searchsorted(days, day)]


def mean_over_sensors(daily: pd.DataFrame) -> pd.DataFrame:
    """One row a depth and day: the mean of the sensors at that depth that have a value.

    Args:
        daily: of ``daily_values``, soil moisture of one station.

    Returns:
        date, depth_from_cm, depth_to_cm, moisture, n_readings (sum), qc (all flags of the sensors that count; of all
        where none does, and moisture is NaN).
    """
    keys = ["depth_from_cm", "depth_to_cm", "date"]
    frame = daily.sort_values(keys)
    start = np.flatnonzero(~frame.duplicated(keys).to_numpy())
    value, flags = frame["value"].to_numpy(float), frame["qc"].to_numpy(np.int64)
    present = ~np.isnan(value)
    result = frame[keys].iloc[start].reset_index(drop=True)
    if len(result) == 0:
        none = np.zeros(0, np.int64)
        return result.assign(moisture=np.zeros(0), n_readings=none, qc=none)[
            ["date", *keys[:2], "moisture", "n_readings", "qc"]
        ]
    count = np.add.reduceat(present.astype(np.int64), start)
    total = np.add.reduceat(np.where(present, value, 0.0), start)
    result["moisture"] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    result["n_readings"] = np.add.reduceat(np.where(present, frame["n_readings"].to_numpy(np.int64), 0), start)
    kept = np.bitwise_or.reduceat(np.where(present, flags, 0), start)
    result["qc"] = np.where(count > 0, kept, np.bitwise_or.reduceat(flags, start))
    return result[["date", "depth_from_cm", "depth_to_cm", "moisture", "n_readings", "qc"]]


def _days(time: np.ndarray, sums: np.ndarray, shift: np.timedelta64) -> np.ndarray:
    local = time + shift.astype("timedelta64[ns]").astype(np.int64)
    return local // DAY - (sums & (local % DAY == 0))
