"""Protocols that hold out days: the end of the record, with or without a station of its own, and rows at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from loam.errors import TableError
from loam.protocols.fold import WHERE, Fold, Record


def temporal(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """The last ``test_share`` of the days is tested, the ``validation_share`` before it validates, the others train.

    Days are counted from the first to the last of the record, whether or not a station observed on them, and cut at the
    same day for all stations.
    """
    first_tested = _cut(record, settings["test_share"])
    first_validating = _cut(record, settings["test_share"] + settings["validation_share"])
    days = record.rows["date"].to_numpy()
    test = days >= first_tested
    yield Fold(test, ~test & (days >= first_validating))


def station_and_period(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each station is tested on the last ``test_share`` of the days; the others train and validate on the days before.

    The network has met neither the place nor the time. A station without a row in the last part is not tested.
    """
    record.demand_stations()
    late = record.rows["date"].to_numpy() >= _cut(record, settings["test_share"])
    for station in record.stations:
        own = record.at([station])
        if not (own & late).any():
            continue
        free = ~own & ~late
        validation = record.drawn(free, f"station {station}")
        yield Fold(own & late, validation, free & ~validation)


def random_rows(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """The rows are dealt at random into ``folds`` parts; of the others ``validation_share`` validates, the rest trains.

    It flatters: neighbours in time of a tested row, of the same probe, have trained. Beside other protocols it says by
    how much such a split makes scores look better.
    """
    folds, count = settings["folds"], len(record.rows)
    dealt = record.generator.permutation(count)
    for number in range(folds):
        test, validation = np.zeros(count, bool), np.zeros(count, bool)
        test[dealt[number::folds]] = True
        others = record.generator.permutation(np.flatnonzero(~test))
        validation[others[: max(1, round(settings["validation_share"] * len(others)))]] = True
        yield Fold(test, validation)


def _cut(record: Record, share: float) -> np.datetime64:
    """The first day of the last ``share`` of the record's days."""
    days = record.rows["date"].to_numpy("datetime64[D]")
    first, last = days.min(), days.max()
    count = (last - first).astype(int) + 1
    late = round(share * count)
    if not 0 < late < count:
        raise TableError(f"{share:g} of {count} days is {late} days", where=WHERE, expected="a day in every part")
    return last - np.timedelta64(late - 1, "D")
