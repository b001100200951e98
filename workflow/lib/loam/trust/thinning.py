"""Which of the training rows stand for all: so many at most, every station alike, drawn at random.

A station's days are many and much alike; stations are few. Were rows drawn from the whole table, the distance between
training points, and with it the index, would be that of the stations with long records. Within a station, days are
drawn at random and not spread out (by the farthest-point method, say): spread-out points would say nothing of where
training data are dense, and the quantiles behind the threshold would be those of unusual days.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 1000  # points; more of them change few pixels' sides (docs/explanation/trust.md) and cost time in proportion


def thin_rows(station: Sequence[object] | np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of at most ``most`` rows, ascending, int64.

    Args:
        station: of each row [row].
        most: rows to keep.
        seed: of the draw; a station's draw does not depend on the order of the rows of others.

    Every station keeps as many rows as any other, or all of its rows where it has fewer. With more stations than
    ``most``, some are drawn, with one row each.
    """
    names, numbers, counts = np.unique(np.asarray(station).astype(str), return_inverse=True, return_counts=True)
    generator = np.random.default_rng(seed)
    if len(names) > most:
        chosen = np.zeros(len(names), np.int64)
        chosen[generator.choice(len(names), most, replace=False)] = 1
    else:
        chosen = np.minimum(counts, _level(counts, most))
    rows = [
        generator.choice(np.flatnonzero(numbers == place), size, replace=False) for place, size in enumerate(chosen)
    ]
    return np.sort(np.concatenate(rows)) if rows else np.empty(0, np.int64)


def _level(counts: np.ndarray, most: int) -> int:
    """The greatest number of rows a station with which no more than ``most`` are kept."""
    level, left = 0, most
    for place, count in enumerate(np.sort(counts)):
        share = left // (len(counts) - place)
        level = max(level, min(share, int(count)))
        if count > share:
            return share
        left -= int(count)
    return level
