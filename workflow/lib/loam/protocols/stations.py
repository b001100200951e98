"""Protocols that hold out stations with all their days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from loam.errors import TableError
from loam.protocols.fold import WHERE, Fold, Record


def leave_one_station_out(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Each station is tested once (Widyastuti et al.), in the order of their names.

    Any station with a sample is tested, also one that has a single layer. Another one, drawn among those that can,
    validates; the rest train.
    """
    record.demand_stations()
    for station in record.stations:
        test = record.at([station])
        yield Fold(test, record.drawn(~test, f"station {station}"))


def k_fold(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """The stations are dealt at random into ``folds`` parts, as even as can be; each part is tested once.

    Of the other parts one station, drawn, validates; the rest train.
    """
    folds = settings["folds"]
    record.demand_stations(max(3, folds))
    dealt = record.generator.permutation(record.stations)
    for number in range(folds):
        test = record.at(dealt[number::folds].tolist())
        yield Fold(test, record.drawn(~test, f"part {number + 1} of the stations"))


def every_station(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """All stations train in each of ``folds`` folds but one, drawn, that validates; none is tested.

    The validating stations are others in each fold while there are others.
    """
    everything = np.ones(len(record.rows), bool)
    able = record.able(everything)
    if len(record.stations) < 2 or not able:
        raise TableError(
            f"{len(able)} of {len(record.stations)} stations have two or more values in every layer", where=WHERE,
            expected="two stations, of which one can validate",
            fix="add a station, or leave out a layer that few stations have",
        )  # fmt: skip
    dealt = record.generator.permutation(able).tolist()
    for number in range(settings["folds"]):
        yield Fold(~everything, record.at([dealt[number % len(dealt)]]))


def nested(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """Folds within those that leave one station out, for choices that are made anew for each station that tests.

    A draw leaves one station out of everything, in the order of their names, and deals the others at random into
    ``folds`` parts, each of which is tested once; of the other parts one station, drawn, validates, the rest train.
    """
    folds = settings["folds"]
    record.demand_stations(max(4, folds + 1))
    for draw, station in enumerate(record.stations, 1):
        out = record.at([station])
        dealt = record.generator.permutation([name for name in record.stations if name != station])
        for number in range(folds):
            test = record.at(dealt[number::folds].tolist())
            free = ~test & ~out
            validation = record.drawn(free, f"part {number + 1} of the stations but {station}")
            yield Fold(test, validation, free & ~validation, draw=draw)


def few_shot(record: Record, settings: Mapping[str, Any]) -> Iterator[Fold]:
    """How many stations it takes: of each draw, each of ``sizes`` stations train, and the same others are tested.

    A draw puts the stations that have values of every layer in a row: the first validates, the next ones train, so that
    a greater size has the stations of a smaller one. Those that the greatest size does not need are tested at every
    size, and so are the stations that lack a layer.
    """
    sizes = sorted(settings["sizes"])
    able = record.able(np.ones(len(record.rows), bool))
    if len(able) < 1 + sizes[-1] or len(record.stations) < 2 + sizes[-1]:
        raise TableError(
            f"{len(able)} of {len(record.stations)} stations have two or more values in every layer", where=WHERE,
            expected=f"{1 + sizes[-1]} to validate and train, and one more to be tested",
            fix=f"take smaller numbers than {sizes[-1]} into training.protocol_settings.few_shot.sizes",
        )  # fmt: skip
    for draw in range(1, settings["draws"] + 1):
        dealt = record.generator.permutation(able).tolist()
        validation, learn = record.at(dealt[:1]), dealt[1 : 1 + sizes[-1]]
        test = ~validation & ~record.at(learn)
        for size in sizes:
            yield Fold(test, validation, record.at(learn[:size]), size, draw)
