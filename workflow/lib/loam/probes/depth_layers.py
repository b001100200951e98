"""From a day's readings at several depths to the mean moisture of layers.

Every day on which the same depths are there has the same weights (``loam.probes.spline``): they are computed once and
applied to all those days, and those of all stations with the same depths, as one matrix product.

What gives a layer's value, in this order:

1. a sensor that measures exactly the layer: its reading as it is, not smoothed;
2. three or more depths: the equal-area spline of Bishop et al. (1999);
3. two depths: the straight line between the middles of their intervals, constant beyond them; flagged NOT_SPLINED;
4. one depth: its reading; flagged NOT_SPLINED.

Sensors must stand for at least ``minimum_share`` of the layer (``loam.probes.intervals``), or it is missing. A layer
that begins above or ends below the depths that the day's sensors stand for is flagged EXTRAPOLATED, whether refused or
not. A mean outside 0 to 1 m3 m-3 is missing and flagged OUT_OF_RANGE; nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from loam.errors import ConfigError, TableError
from loam.probes.intervals import Interval, SensorInterval, sensor_intervals, without_overlaps
from loam.probes.quality.flags import Flag
from loam.probes.spline import SMOOTHING, TOUCHING, layer_weights

MINIMUM_SHARE = 0.5
USED = 0.1  # a depth whose weight is no larger (either sign) has no say in a layer's count of readings and flags
PROFILE = ["date", "depth_from_cm", "depth_to_cm", "moisture", "n_readings", "qc"]


@dataclass(frozen=True)
class Weights:
    """How a day's depths give the layers.

    Args:
        values: [layer, depth].
        refused: [layer] whether the depths say too little about the layer.
        used: [layer, depth] whether the depth's count and flags go to the layer's.
        flags: [layer] NOT_SPLINED, EXTRAPOLATED.
    """

    values: np.ndarray
    refused: np.ndarray
    used: np.ndarray
    flags: np.ndarray


def to_layers(
    profile: pd.DataFrame,
    layers: Sequence[Mapping[str, Any]],
    *,
    smoothing: float = SMOOTHING,
    minimum_share: float = MINIMUM_SHARE,
    where: object = None,
) -> pd.DataFrame:
    """Daily means of layers at one station.

    Args:
        profile: date, depth_from_cm, depth_to_cm, moisture (m3 m-3), n_readings, qc; one row a day and depth; a depth
            that is missing on a day has no row or no moisture.
        layers: name, top_cm, bottom_cm of each (the config's ``layers``).
        smoothing: lambda of the spline, cm.
        minimum_share: share of a layer's thickness that the day's sensors must stand for.
        where: the station, for errors.

    Returns:
        date, layer, moisture, n_readings, qc: one row a day of ``profile`` and layer, by date, then in the order of
        ``layers``. n_readings is the smallest of the depths used (those with a weight above 0.1), 0 where the layer is
        missing for want of depths; qc joins the flags of the depths used (where the layer is missing: of all that
        stand for some of it) and the layer's own.

    Raises:
        TableError: a column is missing, a day has a depth twice, or a depth is impossible.
        ConfigError: layers, smoothing or minimum_share make no sense.
    """
    names, limits = _limits(layers)
    if not 0 < minimum_share <= 1:
        raise ConfigError(f"minimum_share is {minimum_share}", expected="above 0, at most 1", where="layers")
    dates, depths, moisture, readings, qc = _pivot(profile, where)
    try:
        sensors = tuple(sensor_intervals(depths))
    except TableError as error:
        raise TableError(error.what, where=where, expected=error.expected, fix=error.fix) from None
    shape = (len(dates), len(names))
    value, count, flag = np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    patterns, pattern_of_day = np.unique(np.isfinite(moisture), axis=0, return_inverse=True)
    for number, there in enumerate(patterns):
        days = np.flatnonzero(pattern_of_day.ravel() == number)
        weights = _weights(sensors, tuple(there.tolist()), limits, smoothing, minimum_share)
        of_days = moisture[np.ix_(days, there)] @ weights.values[:, there].T
        for layer, used in enumerate(weights.used):
            flag[days, layer] = np.bitwise_or.reduce(qc[days][:, used], axis=1) | weights.flags[layer]
            if not weights.refused[layer]:
                value[days, layer] = of_days[:, layer]
                count[days, layer] = readings[days][:, used].min(axis=1)
    outside = (value < 0) | (value > 1)
    value[outside] = np.nan
    flag[outside] |= int(Flag.OUT_OF_RANGE)
    return pd.DataFrame(
        {
            "date": np.repeat(dates, len(names)),
            "layer": np.tile(np.array(names, dtype=object), len(dates)),
            "moisture": value.ravel(),
            "n_readings": count.ravel(),
            "qc": flag.ravel(),
        }
    )


@lru_cache(maxsize=4096)
def _weights(
    sensors: tuple[SensorInterval, ...],
    there: tuple[bool, ...],
    limits: tuple[Interval, ...],
    smoothing: float,
    minimum_share: float,
) -> Weights:
    """The weights of the days on which the sensors marked ``there`` have a reading."""
    values = np.zeros((len(limits), len(sensors)))
    refused = np.zeros(len(limits), dtype=bool)
    flags = np.zeros(len(limits), dtype=np.int64)
    present = [place for place, reading in enumerate(there) if reading]
    chosen = [present[place] for place in without_overlaps([sensors[place] for place in present])]
    kept = [sensors[place] for place in chosen]
    means = _means([(sensor.top, sensor.bottom) for sensor in kept], limits, smoothing)
    for layer, (top, bottom) in enumerate(limits):
        same = [place for place in present if sensors[place].measured and _equal(sensors[place], (top, bottom))]
        if same:
            values[layer, same[0]] = 1
            continue
        known = sum(_shared(sensor, (top, bottom)) for sensor in kept)
        if not kept or known < minimum_share * (bottom - top) - TOUCHING:
            refused[layer] = True
        else:
            values[layer, chosen] = means[layer]
            flags[layer] |= int(Flag.NOT_SPLINED) if len(kept) < 3 else 0
        if kept and (top < kept[0].reach_top - TOUCHING or bottom > kept[-1].reach_bottom + TOUCHING):
            flags[layer] |= int(Flag.EXTRAPOLATED)
    standing = [[_shared(sensor, limit) > TOUCHING for sensor in sensors] for limit in limits]
    used = np.where(refused[:, None], np.array(standing, dtype=bool).reshape(values.shape), np.abs(values) > USED)
    return Weights(values, refused, used, flags)


def _means(intervals: list[Interval], limits: Sequence[Interval], smoothing: float) -> np.ndarray:
    """Weights [layer, interval] by the number of intervals: the reading, a straight line, or the spline."""
    if len(intervals) < 2:
        return np.ones((len(limits), len(intervals)))
    if len(intervals) > 2:
        return layer_weights(intervals, limits, smoothing)
    upper, lower = (sum(interval) / 2 for interval in intervals)
    share = [[(limit - upper) / (lower - upper) for limit in limits_of_layer] for limits_of_layer in limits]
    # the integral over depth of the lower sensor's weight, which rises from 0 at the upper middle to 1 at the lower
    integral = np.clip(share, 0, 1) ** 2 / 2 + np.maximum(np.array(share) - 1, 0)
    below = np.diff(integral, axis=1)[:, 0] / np.diff(share, axis=1)[:, 0]
    return np.stack([1 - below, below], axis=1)


def _equal(sensor: SensorInterval, limit: Interval) -> bool:
    return abs(sensor.top - limit[0]) <= TOUCHING and abs(sensor.bottom - limit[1]) <= TOUCHING


def _shared(sensor: SensorInterval, limit: Interval) -> float:
    return max(0.0, min(sensor.reach_bottom, limit[1]) - max(sensor.reach_top, limit[0]))


def _limits(layers: Sequence[Mapping[str, Any]]) -> tuple[list[str], tuple[Interval, ...]]:
    names = [str(layer["name"]) for layer in layers]
    limits = tuple((float(layer["top_cm"]), float(layer["bottom_cm"])) for layer in layers)
    for name, (top, bottom) in zip(names, limits, strict=True):
        if not 0 <= top < bottom:
            raise ConfigError(
                f"layer {name} is {top:g}-{bottom:g} cm", expected="0 <= top_cm < bottom_cm", where="layers"
            )
    return names, limits


def _pivot(
    profile: pd.DataFrame, where: object
) -> tuple[np.ndarray, list[Interval], np.ndarray, np.ndarray, np.ndarray]:
    """Dates [day], depths, and moisture, n_readings, qc [day, depth]; depths that never have moisture are left out."""
    if absent := [name for name in PROFILE if name not in profile]:
        raise TableError(f"no column {', '.join(absent)}", where=where, expected=", ".join(PROFILE))
    dates, day = np.unique(profile["date"].to_numpy(dtype="datetime64[ns]"), return_inverse=True)
    depth_of_row = np.round(profile[["depth_from_cm", "depth_to_cm"]].to_numpy(dtype=float), 6)
    if not np.isfinite(depth_of_row).all():
        raise TableError("a row has no depth", where=where, expected="depth_from_cm and depth_to_cm, cm")
    value = profile["moisture"].to_numpy(dtype=float)
    pairs = pd.MultiIndex.from_arrays(depth_of_row.T)
    code, unique = pairs.factorize(sort=True)
    depths = [(float(top), float(bottom)) for top, bottom in unique]
    shape = (len(dates), len(depths))
    cell = day * len(depths) + code
    if len(cell) and np.bincount(cell).max() > 1:
        row = int(np.flatnonzero(pd.Series(cell).duplicated())[0])
        raise TableError(
            f"{pd.Timestamp(dates[day[row]]).date()} has {depths[code[row]][0]:g}-{depths[code[row]][1]:g} cm twice",
            where=where,
            expected="one row a day and depth, the mean of the sensors there",
        )
    moisture, readings, qc = np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    moisture.flat[cell] = value
    readings.flat[cell] = profile["n_readings"].to_numpy(dtype=np.int64)
    qc.flat[cell] = profile["qc"].to_numpy(dtype=np.int64)
    ever = np.isfinite(moisture).any(axis=0)
    kept = [depth for depth, there in zip(depths, ever, strict=True) if there]
    return dates, kept, moisture[:, ever], readings[:, ever], qc[:, ever]
