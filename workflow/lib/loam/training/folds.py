"""The table of folds: what a protocol holds out, drawn once a run and read by every model, so that all of them are
scored on the same split.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from loam.config.protocols import OF_MAP, PROTOCOLS
from loam.errors import LeakageError, TableError
from loam.io.schemas import FOLDS
from loam.plugins import load
from loam.protocols.fold import Fold, Record
from loam.protocols.spans import spans_of
from loam.training.seeds import derive_seed

log = logging.getLogger("loam")


def draw_folds(
    samples: pd.DataFrame,
    layers: Sequence[str],
    seed: int,
    protocol: str = "leave_one_station_out",
    settings: Mapping[str, Any] | None = None,
    plugin: str | None = None,
) -> pd.DataFrame:
    """The folds of a protocol, numbered from 1 in its order.

    Args:
        samples: samples of the target domain; columns station, date, latitude, longitude, one a layer (m3 m-3, NaN
            where not observed) and the groups that the protocol reads.
        layers: names of the layers.
        seed: the run's seed.
        protocol: its name.
        settings: those of the protocol.
        plugin: where its function stands, for ``loam.plugins.load``; by default loam's of that name.

    Returns:
        Schema FOLDS.

    Raises:
        TableError: the samples are too few for the protocol.
        LeakageError: a fold gives a row two roles, or a row is tested twice in a size and draw.
    """
    rows = samples.sort_values(["station", "date"], kind="stable", ignore_index=True)
    record = Record(rows, layers, np.random.default_rng(derive_seed(seed, "folds")))
    folds = load(plugin or (PROTOCOLS | OF_MAP)[protocol])(record, settings or {})
    parts = [_written(rows, protocol, number, fold) for number, fold in enumerate(_checked(protocol, rows, folds), 1)]
    if not parts:
        raise TableError("no fold", where=f"protocol {protocol}", fix="see its settings in the config")
    log.info("%s: %d folds of %d stations, seed %d", protocol, len(parts), len(record.stations), seed)
    return pd.concat(parts, ignore_index=True)


def _checked(protocol: str, rows: pd.DataFrame, folds: Iterable[Fold]) -> Iterator[Fold]:
    """The folds with a training part each; all test a row but those of the map."""
    tested: dict[tuple[int, int], np.ndarray] = {}
    for number, fold in enumerate(folds, start=1):
        where = f"protocol {protocol}, fold {number}"
        if not fold.test.any() and protocol not in OF_MAP:
            raise TableError("no row is tested", where=where)
        training = ~(fold.test | fold.validation) if fold.training is None else fold.training
        before = tested.setdefault((fold.size, fold.draw), np.zeros(len(rows), bool))
        for shared, what in (
            (fold.test & training, "tests and trains"),
            (fold.test & fold.validation, "tests and validates"),
            (fold.validation & training, "validates and trains"),
            (fold.test & before, f"is tested twice in size {fold.size}, draw {fold.draw}"),
        ):
            if shared.any():
                row = rows.iloc[np.flatnonzero(shared)[0]]
                raise LeakageError(f"station {row['station']} on {row['date']:%Y-%m-%d} {what}", where=where)
        before |= fold.test
        yield Fold(fold.test, fold.validation, training, fold.size, fold.draw)


def _written(rows: pd.DataFrame, protocol: str, number: int, fold: Fold) -> pd.DataFrame:
    training = np.zeros(len(rows), bool) if fold.training is None else fold.training
    names = [np.array(role) for role in ("test", "validation", "training")]
    roles = np.select([fold.test, fold.validation, training], names, np.array("unused"))
    table = spans_of(rows, roles).assign(
        protocol=protocol, size=fold.size, draw=fold.draw, fold=number, domain="target"
    )
    return table[[*FOLDS.columns]]
