"""Temperatures and rain that cannot be, which are missing values that nobody said: they must not become frost.

Two rules. A value outside what has ever been measured on Earth, with some room, is none. And loggers write codes that
could be (-40, -55, -127 of a sensor that is not there): a value below -5 degC that a series reaches or leaves by a jump
that neither soil nor air makes from one reading to the next is such a code, and so is every reading that equals it.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from loam.variables import variables

log = logging.getLogger("loam")

POSSIBLE = {
    name: (variables()[name].low, variables()[name].high)
    for name in ("soil_temperature", "air_temperature", "precipitation")
}
JUMPS = {"soil_temperature": (15.0, 25.0), "air_temperature": (25.0, 45.0)}  # K within CLOSE, and within DAYS
CLOSE, DAYS = np.timedelta64(6, "h"), np.timedelta64(2, "D")
NO_CODE = -5.0  # degC; from here on up freezing and thawing soil stays at a value of its own


def without_impossible(readings: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """A station's readings where impossible temperatures and rain are missing; each kind is named in a warning.

    Args:
        readings: schema READINGS in degC and mm, sorted by ``keys`` and, in each series, by time.
        keys: columns that tell series.
    """
    value = readings["value"].to_numpy(float, copy=True)
    time = readings["time"].to_numpy("datetime64[ns]")
    station = readings["station"].iloc[0] if len(readings) else ""
    others = readings[readings["variable"].isin(list(POSSIBLE))]
    found: dict[str, list[float]] = {}
    total: dict[str, int] = {}
    for labels, rows in others.groupby(keys, observed=True, sort=True).indices.items():
        variable = str(labels[keys.index("variable")])
        place = readings.index.get_indexer(others.index[rows])
        wrong = cannot_be(variable, value[place])
        if variable in JUMPS:
            wrong |= _codes(time[place], np.where(wrong, np.nan, value[place]), *JUMPS[variable])
        total[variable] = total.get(variable, 0) + int((~np.isnan(value[place])).sum())
        found.setdefault(variable, []).extend(value[place[wrong]])
        value[place[wrong]] = np.nan
    for variable, values in found.items():
        if values:
            shown = ", ".join(f"{number:g}" for number in sorted(set(values))[:3])
            log.warning(
                "station %s: %d of %d readings of %s cannot be (%s%s) and are taken as missing", station, len(values),
                total[variable], variable, shown, ", ..." if len(set(values)) > 3 else "",
            )  # fmt: skip
    return readings.assign(value=value) if any(found.values()) else readings


def cannot_be(variable: str, value: np.ndarray) -> np.ndarray:
    """Where a temperature (degC) or rain (mm) lies outside what is possible. Missing does not."""
    low, high = POSSIBLE[variable]
    return (value < low) | (value > high)


def _codes(time: np.ndarray, value: np.ndarray, soon: float, later: float) -> np.ndarray:
    """[reading] whether it is a code: at a value that the series jumps to or from."""
    known = np.flatnonzero(~np.isnan(value))
    if len(known) < 2:
        return np.zeros(len(value), bool)
    apart, jump = np.diff(time[known]), np.abs(np.diff(value[known]))
    far = ((apart <= CLOSE) & (jump >= soon)) | ((apart <= DAYS) & (jump >= later))
    ends = np.concatenate([value[known[:-1]][far], value[known[1:]][far]])
    lower = np.minimum(value[known[:-1]][far], value[known[1:]][far])
    return np.isin(value, np.intersect1d(ends[ends < NO_CODE], lower))
