"""Protocols that hold out stations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loam.protocols.fold import Fold, Record


def leave_one_station_out(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each station is tested once (Widyastuti et al.), in the order of their names.

    Any station with a sample is tested, also one that has a single layer. Another one, drawn among those that can,
    validates; the rest train.
    """
    record.demand_stations()
    for station in record.stations:
        test = record.at([station])
        yield Fold(test, record.drawn(~test, f"station {station}"))
