"""Repeats: a depth that holds another depth's values, and a station that holds another station's.

Both come from files put together wrongly; two sensors do not agree to the last digit for weeks. The rules are ours;
they are on daily means (columns station, depth_from_cm, depth_to_cm, date, moisture), after the readers, so that all
stations of a network are seen together. A day is flagged only where the values are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.probes.quality.flags import Flag
from loam.probes.quality.hourly import runs

EQUAL = 1e-6  # m3 m-3; values closer than this are the same
MISSING = np.iinfo(np.int64).min
CLEARLY = 3.0  # times larger: then the two jumps are told apart
LEAST_JUMP = 0.005  # m3 m-3
RECENT = 30  # days before a run within which a value counts as the one before it
BLOCK = 8  # days of a fingerprint
DEPTH = ["depth_from_cm", "depth_to_cm"]
DEPTH_TABLE = ["station", *DEPTH, "original_from_cm", "original_to_cm", "first", "last", "days", "certain"]
STATION_TABLE = ["station", *DEPTH, "original", "first", "last", "days"]


@dataclass(frozen=True)
class Run:
    """Equal values of two series: row numbers, and which one is the copy (0 or 1; None: it cannot be told)."""

    rows: np.ndarray
    copy: int | None


def copied_runs(left: np.ndarray, right: np.ndarray, day: np.ndarray, *, days: int, values: int) -> list[Run]:
    """Runs in which two depths of a station are equal on every day that has both.

    A run has at least ``days`` such days and ``values`` different values, so that two constant depths are no repeat.
    The copy is the one that leaves its own past when the run begins: its jump from its last value before (of at most 30
    days before) is 0.005 m3 m-3 or more and three times the other's.

    Args:
        left, right: [row] m3 m-3, NaN where there is none.
        day: [row] whole days, ascending.
    """
    common = np.flatnonzero(~np.isnan(left) & ~np.isnan(right))
    first, last = runs(_keys(left[common]) == _keys(right[common]))
    found = []
    for begin, end in zip(first, last, strict=True):
        rows = common[begin : end + 1]
        if len(rows) >= days and len(np.unique(_keys(left[rows]))) >= values:
            jumps = [_jump(series, day, rows[0]) for series in (left, right)]
            copy = int(np.argmax(jumps))
            clear = max(jumps) >= LEAST_JUMP and max(jumps) >= CLEARLY * min(jumps)
            found.append(Run(rows, copy if clear else None))
    return found


def repeated_depths(daily: pd.DataFrame, *, days: int = 10, values: int = 5) -> pd.DataFrame:
    """Depths that repeat another depth of their station, one row a run of equal days.

    Where the values cannot tell the copy from the original (both jump as the run begins, or there is no past), the
    other stations do: if for this pair of depths the runs that are clear all name the same depth, so does this one,
    because files are overwritten for a network at a time. If that fails too, both depths are given, each with the other
    as original and ``certain`` False.

    Args:
        daily: station, depth_from_cm, depth_to_cm, date, moisture (m3 m-3); one row a station, depth and day.
        days: least number of equal days in a row.
        values: least number of different values among them.

    Returns:
        station, depth_from_cm, depth_to_cm (the copy), original_from_cm, original_to_cm, first, last (days), days
        (equal ones), certain.
    """
    found = []
    for station, rows in _groups(daily["station"]):
        matrix, day, depths = _matrix(daily.iloc[rows])
        for left in range(len(depths)):
            for right in range(left + 1, len(depths)):
                for run in copied_runs(matrix[:, left], matrix[:, right], day, days=days, values=values):
                    span = day[run.rows[[0, -1]]].astype("datetime64[D]")
                    found.append((station, depths[left], depths[right], run.copy, *span, len(run.rows)))
    told: dict[tuple, set] = {}
    for _, left, right, copy, *_ in found:
        told.setdefault((left, right), set()).add(copy)
    table = []
    for station, left, right, copy, first, last, count in found:
        named = told[left, right] - {None}
        copy = copy if copy is not None else (next(iter(named)) if len(named) == 1 else None)
        pairs = [(left, right), (right, left)] if copy is None else [(left, right) if copy == 0 else (right, left)]
        table += [(station, *mine, *other, first, last, count, copy is not None) for mine, other in pairs]
    result = pd.DataFrame(table, columns=DEPTH_TABLE)
    return result.astype({"first": "datetime64[ns]", "last": "datetime64[ns]", "certain": bool, "days": "int64"})


def repeated_stations(daily: pd.DataFrame, *, share: float = 0.9, days: int = 30, values: int = 10) -> pd.DataFrame:
    """Stations that repeat another station's series of the same depth; the first in name order is the original.

    Two series are one if at least ``share`` of their common days are equal, ``days`` or more, with ``values`` different
    values or more. Series are compared only where they share a fingerprint (8 days in a row with the same values, at
    least 3 different), so that a thousand stations need no million comparisons.

    Args:
        daily: station, depth_from_cm, depth_to_cm, date, moisture (m3 m-3); one row a station, depth and day.

    Returns:
        station (the copy), depth_from_cm, depth_to_cm, original, first, last (days), days (equal ones).
    """
    table = []
    for depth, rows in _groups(daily[DEPTH]):
        part = daily.iloc[rows]
        names = np.unique(part["station"].to_numpy(dtype=str))
        column = np.searchsorted(names, part["station"].to_numpy(dtype=str))
        matrix, day = _laid_out(part, column, len(names))
        copies: dict[int, int] = {}
        for later, earlier in sorted(_suspects(matrix)):
            if later in copies or earlier in copies:
                continue
            equal = (matrix[:, later] == matrix[:, earlier]) & (matrix[:, later] != MISSING)
            common = (matrix[:, later] != MISSING) & (matrix[:, earlier] != MISSING)
            count = int(equal.sum())
            if count >= max(days, share * common.sum()) and len(np.unique(matrix[equal, later])) >= values:
                copies[later] = earlier
                span = day[np.flatnonzero(equal)[[0, -1]]].astype("datetime64[D]")
                table.append((names[later], *depth, names[earlier], *span, count))
    result = pd.DataFrame(table, columns=STATION_TABLE)
    return result.astype({"first": "datetime64[ns]", "last": "datetime64[ns]", "days": "int64"})


def flag_repeats(daily: pd.DataFrame, depths: pd.DataFrame, stations: pd.DataFrame) -> np.ndarray:
    """REPEATS_DEPTH and REPEATS_STATION of every row of ``daily``, int64, from the two tables of repeats.

    A row is flagged where it lies in a repeat's span and equals the original on that day.
    """
    result = np.zeros(len(daily), dtype=np.int64)
    where = {station: rows for station, rows in _groups(daily["station"])} if len(depths) or len(stations) else {}
    for repeat in depths.itertuples(index=False):
        copy = _part(daily, where[repeat.station], repeat.depth_from_cm, repeat.depth_to_cm)
        original = _part(daily, where[repeat.station], repeat.original_from_cm, repeat.original_to_cm)
        result[_equal_rows(daily, copy, original, repeat.first, repeat.last)] |= int(Flag.REPEATS_DEPTH)
    for repeat in stations.itertuples(index=False):
        copy = _part(daily, where[repeat.station], repeat.depth_from_cm, repeat.depth_to_cm)
        original = _part(daily, where[repeat.original], repeat.depth_from_cm, repeat.depth_to_cm)
        result[_equal_rows(daily, copy, original, repeat.first, repeat.last)] |= int(Flag.REPEATS_STATION)
    return result


def _keys(values: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    return np.where(missing, MISSING, np.rint(np.where(missing, 0, values) / EQUAL).astype(np.int64))


def _jump(series: np.ndarray, day: np.ndarray, row: int) -> float:
    before = np.flatnonzero(~np.isnan(series[:row]) & (day[:row] >= day[row] - RECENT))
    return abs(series[row] - series[before[-1]]) if len(before) else 0.0


def _groups(keys: pd.Series | pd.DataFrame) -> list[tuple]:
    frame = keys.to_frame() if isinstance(keys, pd.Series) else keys
    groups = frame.groupby(list(frame.columns), sort=True).indices
    return [(name[0] if isinstance(keys, pd.Series) and isinstance(name, tuple) else name, groups[name])
            for name in sorted(groups)]  # fmt: skip


def _day_numbers(part: pd.DataFrame) -> np.ndarray:
    return part["date"].to_numpy().astype("datetime64[D]").astype(np.int64)


def _matrix(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    # one station: [day that occurs, depth], the days' numbers, the depths from the top
    numbers = _day_numbers(part)
    day, row = np.unique(numbers, return_inverse=True)
    depths, column = np.unique(part[DEPTH].to_numpy(dtype=float), axis=0, return_inverse=True)
    matrix = np.full((len(day), len(depths)), np.nan)
    matrix[row, column.ravel()] = part["moisture"].to_numpy(dtype=float)
    return matrix, day, [tuple(depth.tolist()) for depth in depths]


def _laid_out(part: pd.DataFrame, column: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    # one depth: keys on [consecutive day, station], and the days' numbers
    numbers = _day_numbers(part)
    day = np.arange(numbers.min(), numbers.max() + 1)
    matrix = np.full((len(day), columns), MISSING)
    matrix[numbers - day[0], column] = _keys(part["moisture"].to_numpy(dtype=float))
    return matrix, day


def _suspects(matrix: np.ndarray) -> set[tuple[int, int]]:
    # pairs (later, earlier) of stations with an equal block of days; of a group of equals, each with all before it
    blocks = len(matrix) // BLOCK
    if not blocks:
        return set()
    cut = matrix[: blocks * BLOCK].reshape(blocks, BLOCK, -1)
    ordered = np.sort(cut, axis=1)
    varied = ((np.diff(ordered, axis=1) != 0) & (ordered[:, 1:] != MISSING) & (ordered[:, :-1] != MISSING)).sum(1) >= 2
    factors = np.random.default_rng(0).integers(1, 2**62, BLOCK, dtype=np.int64) | 1
    prints = (cut * factors[:, None]).sum(axis=1)  # wraps around; equal blocks have equal prints
    pairs: set[tuple[int, int]] = set()
    order = np.argsort(prints, axis=1, kind="stable")
    ranked = np.take_along_axis(prints, order, axis=1)
    valid = np.take_along_axis(varied, order, axis=1)
    twins = (ranked[:, 1:] == ranked[:, :-1]) & valid[:, 1:] & valid[:, :-1]
    for block in np.flatnonzero(twins.any(axis=1)):
        for first, last in zip(*runs(twins[block]), strict=True):
            group = order[block, first : last + 2].tolist()  # ascending: the sort is stable
            pairs.update((later, earlier) for place, later in enumerate(group) for earlier in group[:place])
    return pairs


def _part(daily: pd.DataFrame, rows: np.ndarray, depth_from: float, depth_to: float) -> np.ndarray:
    top, bottom = daily["depth_from_cm"].to_numpy()[rows], daily["depth_to_cm"].to_numpy()[rows]
    return rows[(top == depth_from) & (bottom == depth_to)]


def _equal_rows(
    daily: pd.DataFrame, copy: np.ndarray, original: np.ndarray, first: pd.Timestamp, last: pd.Timestamp
) -> np.ndarray:
    date, moisture = daily["date"].to_numpy(), daily["moisture"].to_numpy()
    _, mine, theirs = np.intersect1d(date[copy], date[original], return_indices=True)
    mine, theirs = copy[mine], original[theirs]
    inside = (date[mine] >= np.datetime64(first)) & (date[mine] <= np.datetime64(last))
    keys = _keys(moisture[mine].astype(float))
    return mine[inside & (keys == _keys(moisture[theirs].astype(float))) & (keys != MISSING)]
