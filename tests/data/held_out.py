"""Tables of folds by hand, and what cards say of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loam.io.schemas import FOLDS


def folds_of(
    pairs: Mapping[str, str], first: str = "2020-01-01", last: str = "2029-12-31", protocol: str = "leave_one_station_out"
) -> pd.DataFrame:
    """Schema FOLDS: a fold for each station that is tested, with the one that validates it; the others train."""
    rows = [
        {"protocol": protocol, "size": 0, "draw": 1, "fold": fold, "domain": "target", "station": station,
         "role": {test: "test", validation: "validation"}.get(station, "training"),
         "first_day": pd.Timestamp(first), "last_day": pd.Timestamp(last)}
        for fold, (test, validation) in enumerate(pairs.items(), start=1)
        for station in sorted({*pairs, *pairs.values()})
    ]  # fmt: skip
    return FOLDS.validate(pd.DataFrame(rows))


def days_of(folds: pd.DataFrame, fold: int) -> dict[str, dict[str, list[list[str]]]]:
    """What the card of the network of a fold says of its days."""
    days: dict[str, dict[str, list[list[str]]]] = {}
    for row in folds[folds["fold"] == fold].itertuples():
        span = [f"{day:%Y-%m-%d}" for day in (row.first_day, row.last_day)]
        days.setdefault(row.role, {}).setdefault(row.station, []).append(span)
    return days


def stations_of(folds: pd.DataFrame, role: str) -> dict[int, list[str]]:
    """The stations that have a role, by fold."""
    return folds[folds["role"] == role].groupby("fold")["station"].unique().map(list).to_dict()
