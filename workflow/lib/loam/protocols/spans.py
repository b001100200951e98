"""Roles of (station, day) as spans of days, as the table of folds and the cards hold them, and back.

A span is a run of a station's rows, in the order of their days, that have the same role. It may hold days without a
row, never a day of another role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from loam.errors import LeakageError, TableError

KEY = ["fold", "size", "draw"]
FIX = "remake folds.csv from these samples"


class FoldRoles(NamedTuple):
    """A fold's number, size and draw, and the role of each row [row] (text)."""

    fold: int
    size: int
    draw: int
    roles: np.ndarray


def spans_of(rows: pd.DataFrame, roles: np.ndarray) -> pd.DataFrame:
    """Columns station, role, first_day, last_day: the spans of rows (station, date) with their ``roles`` [row]."""
    station, names = pd.factorize(rows["station"], sort=True)
    order = np.lexsort([rows["date"].to_numpy(), station])
    station, role, day = station[order], np.asarray(roles, object)[order], rows["date"].to_numpy()[order]
    begins = np.ones(len(order), bool)
    begins[1:] = (station[1:] != station[:-1]) | (role[1:] != role[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first, len(order))[1:] - 1
    return pd.DataFrame(
        {"station": names[station[first]], "role": role[first], "first_day": day[first], "last_day": day[last]}
    )


def roles_by_fold(rows: pd.DataFrame, folds: pd.DataFrame) -> Iterator[FoldRoles]:
    """The role of each row in each fold, by number.

    Args:
        rows: columns station and date.
        folds: schema FOLDS, of one protocol.

    Raises:
        TableError: the folds are not of these rows: a station is in one of the two only, or a row has no role.
        LeakageError: a (station, day) has two roles in a fold.
    """
    stations = set(rows["station"].unique())
    for key, part in folds.groupby(KEY, sort=True):
        where = f"fold {key[0]} of {part['protocol'].iloc[0]}"
        if differ := sorted(set(part["station"].unique()) ^ stations):
            raise TableError(
                f"station {', '.join(differ)} is in the folds or in the samples only", where=where, fix=FIX
            )
        roles = roles_in(part, rows, where)
        if len(bare := np.flatnonzero(roles == "")):
            row = rows.iloc[bare[0]]
            raise TableError(
                f"station {row['station']} has no role on {row['date']:%Y-%m-%d} ({len(bare)} such rows)", where=where,
                fix=FIX,
            )  # fmt: skip
        yield FoldRoles(*(int(number) for number in key), roles)


def roles_in(spans: pd.DataFrame, rows: pd.DataFrame, where: object) -> np.ndarray:
    """The role of each row (station, date) by ``spans`` of one fold; "" where no span holds it.

    Raises:
        LeakageError: a (station, day) has two roles.
    """
    ordered = spans.sort_values(["station", "first_day"], kind="stable", ignore_index=True)
    following = ordered.shift(-1)
    twice = (ordered["station"] == following["station"]) & (ordered["last_day"] >= following["first_day"])
    if twice.any():
        first, second = ordered[twice].iloc[0], following[twice].iloc[0]
        raise LeakageError(
            f"station {first['station']} is both {first['role']} and {second['role']} on "
            f"{second['first_day']:%Y-%m-%d}", where=where, expected="one role for a station on a day",
        )  # fmt: skip
    if ordered.empty:
        return np.full(len(rows), "", object)
    names = sorted({*ordered["station"].unique(), *rows["station"].unique()})
    own, held = _codes(rows["station"], names), _codes(ordered["station"], names)
    days, last = (part.to_numpy("datetime64[D]") for part in (rows["date"], ordered["last_day"]))
    starts = _keys(held, ordered["first_day"].to_numpy("datetime64[D]"))
    place = np.searchsorted(starts, _keys(own, days), side="right") - 1
    inside = (place >= 0) & (held[place] == own) & (last[place] >= days)
    return np.where(inside, ordered["role"].to_numpy(object)[place], "")


def _codes(stations: pd.Series, names: Sequence[str]) -> np.ndarray:
    """The place of each station's name among ``names``."""
    return pd.Categorical(stations, categories=names).codes.astype(np.int64)


def _keys(stations: np.ndarray, days: np.ndarray) -> np.ndarray:
    """A number for each (station's code, day) that sorts by station, then by day."""
    return stations * 10_000_000 + days.astype(np.int64) + 1_000_000


def days_by_role(rows: pd.DataFrame, roles: np.ndarray) -> dict[str, dict[str, list[list[str]]]]:
    """As a card holds them: the stations of each role but ``unused``, and first and last day of a station's spans."""
    days: dict[str, dict[str, list[list[str]]]] = {}
    for span in spans_of(rows, roles).query("role != 'unused'").itertuples(index=False):
        ends = [f"{day:%Y-%m-%d}" for day in (span.first_day, span.last_day)]
        days.setdefault(span.role, {}).setdefault(span.station, []).append(ends)
    return days


def rows_of_days(days: Mapping[str, Sequence[Sequence[str]]], rows: pd.DataFrame) -> np.ndarray:
    """Whether a row (station, date) lies in the spans that a card holds for a role: bool [row]."""
    listed = [(station, "held", *span) for station, spans in days.items() for span in spans]
    spans = pd.DataFrame(listed, columns=["station", "role", "first_day", "last_day"])
    spans[["first_day", "last_day"]] = spans[["first_day", "last_day"]].astype("datetime64[ns]")
    return roles_in(spans, rows, "card") == "held"
