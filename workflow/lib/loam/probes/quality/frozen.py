"""Frozen soil: a dielectric probe sees the liquid water only, so its reading is no longer the soil's water content.

Flags D01 (soil temperature) and D02 (air temperature) of the ISMN (Dorigo et al. 2013). The ISMN flags below 0 degC;
here 0 degC itself counts too, because freezing soil stays at 0 degC for days while its water turns to ice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest_in_time(time: np.ndarray, other_time: np.ndarray, other: np.ndarray, *, tolerance: np.int64) -> np.ndarray:
    """The value of ``other`` at the observed time nearest to each of ``time``; NaN if none is within ``tolerance``.

    Times are int64 of one unit, ``other_time`` ascending.
    """
    known = ~np.isnan(other)
    other_time, other = other_time[known], other[known]
    if not len(other):
        return np.full(len(time), np.nan)
    after = np.searchsorted(other_time, time).clip(0, len(other) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(np.abs(other_time[before] - time) <= np.abs(other_time[after] - time), before, after)
    return np.where(np.abs(other_time[nearest] - time) <= tolerance, other[nearest], np.nan)


def frozen(
    soil_temperatures: Sequence[np.ndarray],
    air_temperature: np.ndarray | None,
    *,
    soil_limit: float = 0.0,
    air_limit: float = 0.0,
) -> np.ndarray:
    """Where the soil is taken to be frozen.

    Args:
        soil_temperatures: one array [reading] a depth, nearest depth first, degC at the readings' times; the first
            that is observed decides.
        air_temperature: [reading] degC; decides where no soil temperature is observed.
        soil_limit, air_limit: frozen at or below, degC.
    """
    decided = None
    for temperature in soil_temperatures:
        decided = temperature if decided is None else np.where(np.isnan(decided), temperature, decided)
    by_soil = False if decided is None else decided <= soil_limit
    if air_temperature is None:
        return np.asarray(by_soil)
    unknown = True if decided is None else np.isnan(decided)
    return by_soil | (unknown & (air_temperature <= air_limit))
