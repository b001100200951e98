"""Intervals of held-out predictions, made from the held-out residuals of the other stations.

A station's residuals are not independent witnesses: its level is one draw, its days about that level are many. All
methods count stations alike and never look at the station that they are for.

- ``level_and_dynamics``: the half width at a level of confidence q is sqrt(t^2 L + z^2 D), with L the mean over the n
  other stations of the squared mean residual (error of the level), D that of the variance of their residuals about
  their mean (error of the dynamics), t the quantile of Student's distribution with n degrees of freedom, because L
  rests on n numbers, and z the normal one. It is the predictive interval of a random intercept a station, and holds
  with few stations (docs/explanation/intervals.md).
- ``scaled_level``: likewise, L growing with the distance of a station's mean prediction from that of the others: levels
  far from the usual are further off.
- ``dissimilarity``: likewise, L growing with the square of a station's mean dissimilarity index (``loam.trust``).
- ``residuals``: the quantile q of the other stations' absolute residuals (split conformal prediction, Vovk et al.,
  2005; Lei et al., 2018), stations weighted alike. With ``finite_sample`` the quantile q (n + 1) / n of hierarchical
  conformal prediction (Lee, Barber and Willett, 2023), which is guaranteed and often has no bound.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from loam.io.schemas import HALF_WIDTHS

GROUP = ["protocol", "size", "draw", "model", "scenario", "layer"]
IN_BIN = 5  # stations of a bin of the dissimilarity index, at least
FEWEST_ROWS = 2  # of a station whose residuals say something
FEWEST_STATIONS = 2  # beside the one that an interval is for
GROWS_WITH = {"scaled_level": "predicted", "dissimilarity": "dissimilarity"}
RHO = np.array([0, 0.1, 0.3, 1, 3, 10])  # how fast the error of the level may grow
TINY = 1e-12
SHOWN = 0.9  # the level of ``lower`` and ``upper``

log = logging.getLogger("loam")


def half_widths(predictions: pd.DataFrame, settings: Mapping[str, Any], levels: Sequence[float]) -> np.ndarray:
    """Half width of the interval of each prediction at each level: [row, level], m3 m-3; NaN where nobody can tell.

    Args:
        predictions: schema MERGED.
        settings: ``method`` and ``finite_sample`` of ``evaluation.intervals``.
        levels: of confidence, between 0 and 1.
    """
    residual = (predictions["observed"] - predictions["predicted"]).to_numpy(float)
    widths = np.full((len(predictions), len(levels)), np.nan)
    read = GROWS_WITH.get(settings["method"], "predicted")
    if predictions[read].isna().any():
        log.warning("%d predictions have no %s: intervals of their systems and layers are those of level_and_dynamics",
                    predictions[read].isna().sum(), read)  # fmt: skip
    lone: list[str] = []
    for group, rows in predictions.groupby(GROUP, sort=False).indices.items():
        station, names = pd.factorize(predictions["station"].to_numpy()[rows])
        parts = residual[rows], predictions[read].to_numpy(float)[rows], station
        own = _of_stations(*parts, len(names), settings, np.asarray(levels, float))
        widths[rows] = own[station]
        if np.isnan(own).all():
            lone.append(f"{group[3]} {group[4]}, {group[5]} ({len(names)})")
    if lone:
        log.warning(
            "no interval for %d of %d systems and layers, because it takes %d other stations with %d rows or more: %s",
            len(lone), predictions.groupby(GROUP).ngroups, FEWEST_STATIONS, FEWEST_ROWS, ", ".join(lone[:5]),
        )  # fmt: skip
    return widths


def half_widths_anywhere(
    predictions: pd.DataFrame, settings: Mapping[str, Any], levels: Sequence[float]
) -> pd.DataFrame:
    """Half widths of the interval at a place without a probe, from the held-out residuals of all stations.

    Where a protocol trains on several numbers of stations, those of the greatest count; of several draws, all rows do.
    With ``dissimilarity`` it grows with the index of the place, in bins of stations by their mean index, of at least
    ``IN_BIN`` stations each: the error of the level is that of the bin's stations, the error of the dynamics that of
    all, and no bin is narrower than one of a lower index (pooled, Ayer et al., 1955). Beyond the last bin its width
    holds. What ``scaled_level`` scales by, a mean over a station's days, is not known of a place that has one day:
    there and with ``level_and_dynamics`` it is the predictive interval of a random intercept.

    Args:
        predictions: schema PREDICTIONS, of one protocol, model and scenario; MERGED for ``dissimilarity``.
        settings: ``method`` and ``finite_sample`` of ``evaluation.intervals``.
        levels: of confidence, between 0 and 1.

    Returns:
        Schema HALF_WIDTHS; without a half width where fewer than ``FEWEST_STATIONS`` stations can tell.
    """
    kept = predictions[predictions["size"] == predictions["size"].max()]
    rows = []
    for (protocol, model, scenario, layer), part in kept.groupby(["protocol", "model", "scenario", "layer"]):
        residual = (part["observed"] - part["predicted"]).to_numpy(float)
        station, names = pd.factorize(part["station"])
        n = np.bincount(station, minlength=len(names))
        telling, wanted = n >= FEWEST_ROWS, np.asarray(levels, float)
        number = int(telling.sum())
        if number < FEWEST_STATIONS:
            log.warning("%s: no interval, because %d stations have %d rows or more", layer, number, FEWEST_ROWS)
            widths = np.full(len(wanted), np.nan)
        elif settings["method"] == "residuals":
            widths = _quantiles(residual, station, n, telling, settings["finite_sample"], wanted)
        else:
            level = np.bincount(station, residual) / n
            dynamics = np.bincount(station, (residual - level[station]) ** 2) / n
            bins = [(np.flatnonzero(telling), np.inf)]
            if settings["method"] == "dissimilarity":
                index = np.bincount(station, part["dissimilarity"].to_numpy(float)) / n
                bins = _bins(index, level**2, telling)
            of_dynamics = np.mean(dynamics[telling])
            of_bins = [_of_parts(np.mean(level[own] ** 2), of_dynamics, len(own), wanted) for own, _ in bins]
            for (own, edge), widths in zip(bins, np.maximum.accumulate(of_bins), strict=True):
                key = (protocol, model, scenario, layer)
                rows += [(*key, *pair, edge, len(own)) for pair in zip(levels, widths, strict=True)]
            continue
        rows += [(protocol, model, scenario, layer, *pair, np.inf, number) for pair in zip(levels, widths, strict=True)]
    return pd.DataFrame(rows, columns=list(HALF_WIDTHS.columns))


def _bins(index: np.ndarray, squared: np.ndarray, telling: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Stations of each bin of the index, and the index up to which it reaches; the last has no end.

    Args:
        index: mean of each station [station]; where one is not known, there is one bin.
        squared: squared error of its level [station].
        telling: which stations count [station].
    """
    order = np.flatnonzero(telling)
    if not np.isfinite(index[order]).all() or len(order) < 2 * IN_BIN:
        return [(order, np.inf)]
    order = order[np.argsort(index[order], kind="stable")]
    bins: list[np.ndarray] = []
    for part in np.array_split(order, len(order) // IN_BIN):
        bins.append(part)
        while len(bins) > 1 and squared[bins[-2]].mean() >= squared[bins[-1]].mean():
            bins[-2:] = [np.concatenate(bins[-2:])]
    edges = [(index[low[-1]] + index[high[0]]) / 2 for low, high in pairwise(bins)]
    return list(zip(bins, [*map(float, edges), np.inf], strict=True))


def _of_parts(of_level: Any, of_dynamics: Any, number: Any, levels: np.ndarray) -> np.ndarray:
    """Half widths [..., level] from the errors of level and dynamics [..., 1] that ``number`` stations tell."""
    student, normal = stdtrit(number, (1 + levels) / 2), ndtri((1 + levels) / 2)
    return np.sqrt(of_level * student**2 + of_dynamics * normal**2)


def _of_stations(
    residual: np.ndarray,
    read: np.ndarray,
    station: np.ndarray,
    count: int,
    settings: Mapping[str, Any],
    levels: np.ndarray,
) -> np.ndarray:
    """Half widths [station, level] from ``residual`` and what the level's error grows with, ``read``, [row] of the
    stations ``station`` [row].
    """
    n = np.bincount(station, minlength=count)
    telling = n >= FEWEST_ROWS
    number = telling.sum() - telling
    enough = number >= FEWEST_STATIONS
    widths = np.full((count, len(levels)), np.nan)
    if not enough.any():
        return widths
    if settings["method"] == "residuals":
        for place in np.flatnonzero(enough):
            others = telling & (np.arange(count) != place)
            widths[place] = _quantiles(residual, station, n, others, settings["finite_sample"], levels)
        return widths
    others = (telling & ~np.eye(count, dtype=bool)) / np.maximum(number, 1)[:, None]
    level = np.bincount(station, residual, count) / n
    dynamics = np.where(telling, np.bincount(station, (residual - level[station]) ** 2, count) / n, 0.0)
    squared = np.where(telling, level**2, 0.0)
    if settings["method"] in GROWS_WITH and np.isfinite(read).all():
        mean = np.bincount(station, read, count) / n
        from_usual = settings["method"] == "scaled_level"
        of_level = np.array(
            [_scaled(squared, mean, telling & (np.arange(count) != own), own, from_usual) for own in range(count)]
        )
    else:
        of_level = others @ squared
    of_dynamics = others @ dynamics
    number = np.maximum(number, 1)[:, None]
    widths[enough] = _of_parts(of_level[:, None], of_dynamics[:, None], number, levels)[enough]
    return widths


def _scaled(squared: np.ndarray, mean: np.ndarray, others: np.ndarray, own: int, from_usual: bool) -> float:
    """Expected squared error of a station's level, a (1 + rho z).

    z is the square of its ``mean``, or of that less the mean of the ``others`` (``from_usual``), in units of the
    others' z; a and rho are those of the greatest likelihood over the others.
    """
    if others.sum() < FEWEST_STATIONS:
        return np.nan
    centre = mean[others].mean() if from_usual else 0.0
    distance = (mean - centre) ** 2 / max(np.mean((mean[others] - centre) ** 2), TINY)
    growth = 1 + RHO[:, None] * distance[others]
    base = np.maximum(np.mean(squared[others] / growth, axis=1), TINY)
    best = np.argmin(others.sum() * np.log(base) + np.log(growth).sum(1))
    return float(base[best] * (1 + RHO[best] * distance[own]))


def _quantiles(
    residual: np.ndarray,
    station: np.ndarray,
    n: np.ndarray,
    others: np.ndarray,
    finite_sample: bool,
    levels: np.ndarray,
) -> np.ndarray:
    """Quantiles [level] of the absolute residuals of the stations ``others``, each station of one weight."""
    kept = others[station]
    size, owner = np.abs(residual[kept]), station[kept]
    order = np.argsort(size, kind="stable")
    number = int(others.sum())
    share = np.cumsum(1 / n[owner[order]]) / number
    wanted = levels * (number + 1) / number if finite_sample else levels
    found = np.minimum(np.searchsorted(share, wanted - 1e-12), len(size) - 1)
    return np.where(wanted <= 1, size[order][found], np.nan)


def with_bounds(predictions: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Predictions with ``lower`` and ``upper`` of the 90 % interval, within 0 to 1 m3 m-3.

    Args:
        predictions: schema MERGED.
        settings: the config's ``evaluation.intervals``.
    """
    half = half_widths(predictions, settings, [SHOWN])[:, 0]
    predicted = predictions["predicted"].to_numpy(float)
    return predictions.assign(lower=np.clip(predicted - half, 0, 1), upper=np.clip(predicted + half, 0, 1))
