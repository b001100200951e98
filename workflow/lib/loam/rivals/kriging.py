"""Kriging of the day's probes (Matheron, 1963), the modelled moisture as its drift where the layer has one.

The drift is a straight line through all the days that fit, since a day's few stations would settle no slope; what
remains is kriged on the sphere by ordinary kriging, with an exponential variogram and a nugget that are fitted to the
pairs of stations over all days (regression kriging; Hengl et al., 2007). Weights depend on which stations report only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import gstools
import numpy as np
import pandas as pd

from loam.raster.great_circle import EARTH_RADIUS, distances
from loam.rivals.rescaled_coarse import line
from loam.rivals.trial import Fit, Held, Trial, by_fold

BINS = 8  # of distance
NOTHING = 1e-8  # m3 m-3 that remain, or less, are rounding
STATIONS = 3  # that fit, at least: fewer pairs than parameters settle no variogram

Covariance = Callable[[np.ndarray], np.ndarray]  # of distance, km

log = logging.getLogger("loam")


def kriging(trial: Trial) -> pd.DataFrame:
    """No row on days when no station reports, and in folds with too few stations for a variogram."""
    fits = {layer: _fitted(trial, place, layer) for place, layer in enumerate(trial.layers)}
    return by_fold(trial, "kriging", "none", fits, rows="all")


def _fitted(trial: Trial, place: int, layer: str) -> Fit:
    days = trial.days
    feature = trial.coarse.get(layer)
    drift = np.zeros(len(trial.target)) if feature is None else trial.target[feature].to_numpy(float)
    moisture = trial.target[layer].to_numpy(float)
    away = distances(days.latitude[:, None], days.longitude[:, None], days.latitude[None], days.longitude[None])

    def fit(held: Held) -> np.ndarray:
        slope, intercept = line(drift[held.training], moisture[held.training])
        trend = slope * drift + intercept
        rest = np.full(days.moisture.shape[:2], np.nan)
        at = (days.station[held.training], days.day[held.training])
        rest[at] = moisture[held.training] - trend[held.training]
        stations = np.flatnonzero(np.isfinite(rest).any(axis=1))
        scale = float(np.nanstd(rest))
        if scale < NOTHING:
            return trend[held.test]
        fitted = variogram(days.latitude[stations], days.longitude[stations], rest[stations] / scale)
        if fitted is None:
            log.warning("kriging %s: no variogram of the %d stations that fit fold %d, so no rows", layer,
                        len(stations), held.fold.fold)  # fmt: skip
            return np.full(len(held.test), np.nan)
        covariance, nugget = fitted
        said = np.full(len(held.test), np.nan)
        for station in np.unique(days.station[held.test]):
            others = stations[stations != station]
            rows = days.station[held.test] == station
            observed = rest[np.ix_(others, days.day[held.test][rows])]
            among, towards = covariance(away[np.ix_(others, others)]), covariance(away[others, station])
            said[rows] = ordinary(observed, among + nugget * np.eye(len(others)), towards)
        return trend[held.test] + said

    return fit


def variogram(latitude: np.ndarray, longitude: np.ndarray, rest: np.ndarray) -> tuple[Covariance, float] | None:
    """Covariance by distance, and nugget, of what remains at stations [station, day], of a spread near 1; NaN where
    nobody reports. None where the stations are too few, or settle none.
    """
    if len(latitude) < STATIONS:
        return None
    model = gstools.Exponential(latlon=True, geo_scale=EARTH_RADIUS)
    farthest = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None]).max()
    edges = np.linspace(0, max(farthest, 1.0) * 1.001, BINS + 1)
    centre, half, pairs = gstools.vario_estimate(
        (latitude, longitude), list(rest.T), edges, latlon=True, geo_scale=EARTH_RADIUS, return_counts=True
    )
    seen = pairs > 0
    if not seen.any():  # no two stations ever report on one day
        return None
    try:
        model.fit_variogram(centre[seen], half[seen], weights=np.sqrt(pairs[seen]), init_guess="current")
    except RuntimeError as error:  # scipy's, of a fit that does not converge
        log.info("variogram: %s", error)
        return None
    return model.cov_yadrenko, float(model.nugget)


def ordinary(observed: np.ndarray, among: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Ordinary kriging at one place on many days.

    Args:
        observed: [station, day], NaN where a station does not report.
        among: covariance between the stations, the nugget on its diagonal [station, station].
        towards: and to the place [station].

    Returns:
        The estimate [day]; NaN where no station reports.
    """
    said = np.full(observed.shape[1], np.nan)
    patterns, pattern = np.unique(np.isfinite(observed), axis=1, return_inverse=True)
    for number, reports in enumerate(patterns.T):
        there = np.flatnonzero(reports)
        if not len(there):
            continue
        system = np.ones((len(there) + 1, len(there) + 1))
        system[:-1, :-1], system[-1, -1] = among[np.ix_(there, there)], 0.0
        weights = np.linalg.pinv(system, hermitian=True) @ np.append(towards[there], 1.0)
        on_days = np.flatnonzero(pattern.ravel() == number)
        said[on_days] = weights[:-1] @ observed[np.ix_(there, on_days)]
    return said
