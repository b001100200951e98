"""Where the target's probes stand and how long they record.

As in Widyastuti et al. most stand on pasture and irrigated land, and none in the peat country, so that peat lies
outside the range of the training data. A few have more than a year of record, the others some months.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from loam.errors import ConfigError
from loam.sandbox.land.cover_map import LANDCOVER, cover_at
from loam.sandbox.land.ground import ground_at
from loam.sandbox.land.relief import Relief
from loam.sandbox.lattice import random_numbers
from loam.sandbox.world_settings import WorldSettings

SHARES = {"PAST": 0.38, "FORE": 0.11, "AGRI": 0.15, "SAVA": 0.10, "IRRI": 0.26}  # of the stations
CANDIDATES = 6000
APART = 3  # pixels between two stations at least
FROM_PEAT = 2  # pixels
LONG_RECORD, SHORT_RECORD = (1.6, 3.0), (0.35, 0.95)  # years, from and to


def draw_sites(settings: WorldSettings, relief: Relief) -> pd.DataFrame:
    """The stations: station, row, col, landcover, first_day, last_day (dates).

    Raises:
        ConfigError: the region has no place for so many.
    """
    rng = random_numbers(settings.seed, "target", "stations")
    rows, cols = rng.integers(0, settings.rows, CANDIDATES), rng.integers(0, settings.columns, CANDIDATES)
    ground = ground_at(relief, rows, cols)
    cover = cover_at(settings.seed, "target", ground)
    codes = np.where(ground.land & ~_near_peat(settings.seed, relief, rows, cols), cover.landcover, 0)
    chosen = _chosen(settings.target_stations, codes, rows, cols)
    if len(chosen) < settings.target_stations:
        fit = next(count for count in range(len(chosen), -1, -1) if len(_chosen(count, codes, rows, cols)) == count)
        raise ConfigError(
            f"{settings.target_stations} stations find no place in a region of {settings.rows} x {settings.columns} "
            f"pixels, {APART} pixels apart and outside peat and water", where="config key 'sandbox.target_stations'",
            expected=f"at most {fit}", fix="or make sandbox.rows and columns larger",
        )  # fmt: skip
    chosen = [chosen[place] for place in rng.permutation(len(chosen))]
    first, last = _records(settings, rng, len(chosen))
    names = {code: name for name, code in LANDCOVER.items()}
    return pd.DataFrame({
        "station": [f"T{number:02d}" for number in range(1, len(chosen) + 1)],
        "row": rows[chosen], "col": cols[chosen], "landcover": [names[int(codes[place])] for place in chosen],
        "first_day": first, "last_day": last,
    })  # fmt: skip


def _near_peat(seed: int, relief: Relief, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Whether peat lies within ``FROM_PEAT`` pixels, so near that a soil map would show it at the station."""
    down, across = np.meshgrid(*[np.arange(-FROM_PEAT, FROM_PEAT + 1)] * 2, indexing="ij")
    ground = ground_at(relief, rows[:, None] + down.ravel(), cols[:, None] + across.ravel())
    return cover_at(seed, "target", ground).peat.any(axis=1)


def _chosen(count: int, codes: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> list[int]:
    """Up to ``count`` of the candidates, by land cover as far as there are any; code 0 is none."""
    chosen: list[int] = []
    for name, quota in quotas_of(count).items():
        _take(chosen, np.flatnonzero(codes == LANDCOVER[name]), quota, rows, cols)
    _take(chosen, np.flatnonzero(codes), count - len(chosen), rows, cols)
    return chosen


def quotas_of(count: int) -> dict[str, int]:
    """Stations by land cover, by largest remainder."""
    exact = {name: share * count for name, share in SHARES.items()}
    quotas = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: quotas[name] - exact[name])
    for name in rest[: count - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _take(chosen: list[int], candidates: np.ndarray, count: int, rows: np.ndarray, cols: np.ndarray) -> None:
    """Add up to ``count`` of ``candidates`` to ``chosen``, none near another."""
    for place in candidates:
        if count <= 0:
            return
        near = np.hypot(rows[chosen] - rows[place], cols[chosen] - cols[place]) < APART
        if not near.any():
            chosen.append(int(place))
            count -= 1


def _records(settings: WorldSettings, rng: np.random.Generator, count: int) -> tuple[list, list]:
    """First and last day of each station; the first ``long_records`` have more than a year where the period allows."""
    period = (settings.last_day - settings.first_day).days
    first, last = [], []
    for number in range(count):
        years = rng.uniform(*(LONG_RECORD if number < settings.long_records else SHORT_RECORD))
        length = min(round(365.25 * years), period)
        begin = settings.first_day + timedelta(days=int(rng.integers(0, period - length + 1)))
        first.append(begin)
        last.append(begin + timedelta(days=length))
    return first, last
