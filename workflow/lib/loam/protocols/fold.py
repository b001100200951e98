"""What a protocol is given and what it gives: the target's samples without their features, and folds of them.

A protocol is a function of a ``Record`` and of its settings in the config that yields a ``Fold`` for each network that
is to be trained. ``loam.training.folds`` numbers the folds, checks them and writes them down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.errors import TableError

WHERE = "samples of the target domain"


@dataclass(frozen=True)
class Fold:
    """Roles of the rows of a record, bool [row] each; a row of no role is not used.

    Args:
        test: rows that are held out and predicted.
        validation: rows that decide when training stops.
        training: rows that fit weights and scaler; None is all others.
        size: number of stations that train, where the protocol asks how many are needed; else 0.
        draw: number of the random draw, from 1, where the protocol repeats it. Of one size and draw no row is tested
            in two folds.
    """

    test: np.ndarray
    validation: np.ndarray
    training: np.ndarray | None = None
    size: int = 0
    draw: int = 1


@dataclass(frozen=True)
class Record:
    """The samples of the target domain as a protocol sees them.

    Args:
        rows: columns station, date, latitude, longitude, one a layer (m3 m-3, NaN where not observed) and the groups.
        layers: names of the layers.
        generator: of every random draw.
    """

    rows: pd.DataFrame
    layers: Sequence[str]
    generator: np.random.Generator

    @property
    def stations(self) -> list[str]:
        """Names of the stations, sorted."""
        return sorted(self.rows["station"].unique().tolist())

    def at(self, stations: Sequence[str]) -> np.ndarray:
        """Whether a row is of one of ``stations``: bool [row]."""
        return self.rows["station"].isin(stations).to_numpy()

    def able(self, free: np.ndarray) -> list[str]:
        """The stations, sorted, with two or more values of every layer in the rows ``free``: concordance needs two."""
        counts = self.rows[free].groupby("station", sort=True)[list(self.layers)].count()
        return counts.index[(counts >= 2).all(axis=1)].tolist()

    def drawn(self, free: np.ndarray, tested: str) -> np.ndarray:
        """The rows among ``free`` of one station that can validate, drawn at random: bool [row].

        Args:
            free: rows that may validate, bool [row].
            tested: what the fold tests, for the error.

        Raises:
            TableError: no station has two values of every layer there.
        """
        able = self.able(free)
        if not able:
            raise TableError(
                f"no station can validate the fold of {tested}", where=WHERE,
                expected=f"another station with two or more values in each of {', '.join(self.layers)}",
                fix="add a station, or leave out a layer that few stations have",
            )  # fmt: skip
        return free & self.at([able[self.generator.integers(len(able))]])

    def demand_stations(self, least: int = 3) -> None:
        """Raise a TableError where there are fewer stations: one tests, one validates, the others train."""
        if len(self.stations) < least:
            raise TableError(
                f"{len(self.stations)} station(s): {', '.join(self.stations) or 'none'}", where=WHERE,
                expected=f"at least {least}: one tests, one validates, the others train",
                fix="see dropped.csv for rows that went because a covariate was missing",
            )  # fmt: skip
