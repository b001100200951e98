"""How far the error of the level reaches in space, and what a few measurements say of it elsewhere.

At a station s the mean of the held-out residuals is m_s = b_s + noise, b the error of the level with variance B
(``loam.evaluation.level_model``) and noise W 1'R1 / n^2 of its n days. In space b is taken for a field with an
exponential correlation, exp(-d / L) at d km. L is that of the greatest likelihood (Mardia & Marshall, 1984); it counts
where the likelihood ratio against stations whose levels err each by itself, a hypothesis at the edge of what L may be,
passes 2.71, which one of twenty fields without any range does (Self & Liang, 1987). Where it does not pass, a
measurement says something of its own pixel and of no other.

Given residuals e of places and days, the best linear unbiased prediction of b at a place is B r' V^-1 e, r the
correlations with it and V the product of the correlations among the places and of B + W R, as ``LevelModel`` has it for
days: errors of days reach as far as those of the level. Two probes side by side on one day are then one fact, not two.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar

from loam.errors import TableError
from loam.evaluation.level_model import FEWEST_STATIONS as FEWEST
from loam.evaluation.level_model import LevelModel, Record, fit_level_model, records_of
from loam.io.schemas import LEVEL_FIELDS
from loam.raster.great_circle import distances

FEWEST_STATIONS = 5  # whose levels tell a range
CLEAR = 2.71  # of twice the logarithm of the likelihood ratio
RANGES = 20  # that are tried, from half the least distance to the greatest
SAME_PLACE = 1e-3  # km
DAYS = 400  # of a station, at most, that tell how well its mean is known
JITTER = 1e-6  # of the variance, so that two stations at one place are not one

log = logging.getLogger("loam")


@dataclass(frozen=True)
class LevelField:
    """The error of the level over a region.

    Args:
        model: of one place.
        range_km: of the exponential correlation, km; None: each place errs by itself.
    """

    model: LevelModel
    range_km: float | None

    def correlation(self, away: np.ndarray) -> np.ndarray:
        """Of the errors of places ``away`` km from each other."""
        if self.range_km is None:
            return (away < SAME_PLACE).astype(float)
        return np.exp(-away / self.range_km)

    def weights(self, days: np.ndarray, residuals: np.ndarray, among: np.ndarray) -> np.ndarray:
        """V^-1 e [measurement].

        Args:
            days: of the measurements, whole numbers [measurement]; no place has two of one day.
            residuals: measured - predicted [measurement], m3 m-3.
            among: km between the measurements' places [measurement, measurement].
        """
        if self.model.between == 0:
            return np.zeros(len(residuals))
        covariance = self.correlation(among) * self.model.covariance(days)
        return np.linalg.solve(covariance, residuals)

    def shift(self, weights: np.ndarray, towards: np.ndarray) -> np.ndarray:
        """What is added to predictions at places [place], m3 m-3.

        Args:
            weights: of ``weights``.
            towards: km from each place to the measurements [place, measurement].
        """
        return self.model.between * (self.correlation(towards) @ weights)


@dataclass(frozen=True)
class Fitted:
    """A field, and how sure its range is.

    Args:
        field: what was found.
        stations: that told it.
        ratio: twice the logarithm of the likelihood ratio of a range against none; NaN where too few stations tell.
    """

    field: LevelField
    stations: int
    ratio: float


def level_fields(predictions: pd.DataFrame, places: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """The field of each of ``layers``, from the held-out predictions of the mapped model.

    Args:
        predictions: schema PREDICTIONS, of one protocol, model and scenario; of the greatest size the first draw is
            looked at.
        places: columns latitude and longitude by station.
        layers: names.

    Returns:
        Schema LEVEL_FIELDS.

    Raises:
        TableError: fewer than two stations with two days tell of a layer.
    """
    own = predictions[predictions["size"] == predictions["size"].max()]
    own = own[own["draw"] == own["draw"].min()].sort_values(["station", "date"], kind="stable")
    rows = []
    for layer in layers:
        records = records_of(own[own["layer"] == layer])
        if len(records) < FEWEST:
            raise TableError(
                f"{len(records)} stations have held-out predictions of layer {layer} on two days or more, so that "
                "nothing tells how far off the level of the map is", where="config key 'mapping.measurements'",
                expected=f"{FEWEST} stations or more", fix="take it out, or map with more stations",
            )  # fmt: skip
        latitude, longitude = places.loc[[*records], ["latitude", "longitude"]].to_numpy(float).T
        fitted = fit_level_field([*records.values()], latitude, longitude)
        model, found = fitted.field.model, fitted.field.range_km
        log.info(
            "%s: the error of the level has a standard deviation of %.3f m3 m-3 at %d stations; %s (likelihood ratio "
            "%.2f, clear above %.2f)", layer, np.sqrt(model.between), fitted.stations,
            "it shows no range, so that a measurement shifts its own pixel alone" if found is None
            else f"its range is {found:.3g} km", fitted.ratio, CLEAR,
        )  # fmt: skip
        about = (layer, fitted.stations, model.between, model.within, model.share, model.length)
        rows.append((*about, np.nan if found is None else found, fitted.ratio))
    return pd.DataFrame(rows, columns=list(LEVEL_FIELDS.columns))


def fit_level_field(records: Sequence[Record], latitude: np.ndarray, longitude: np.ndarray) -> Fitted:
    """The field of held-out residuals.

    Args:
        records: of each station, of two or more days; two stations at least.
        latitude, longitude: of each, degrees.
    """
    model = fit_level_model([own.residuals for own in records], np.array([own.correlations() for own in records]))
    mean = np.array([own.residuals.mean() for own in records])
    noise = np.array([_noise(model, own.days) for own in records])
    away = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
    found, ratio = fit_range(mean, noise, away)
    return Fitted(LevelField(model, found), len(records), ratio)


def fit_range(mean: np.ndarray, noise: np.ndarray, away: np.ndarray) -> tuple[float | None, float]:
    """The range, km, of errors of levels, and twice the logarithm of its likelihood ratio.

    Args:
        mean: residual of each station [station], m3 m-3.
        noise: variance of what its days leave unknown of it [station].
        away: km between stations [station, station].

    Returns:
        None for the range where there are fewer than ``FEWEST_STATIONS``, no two stations apart, or no clear range.
    """
    apart = away[np.triu_indices(len(mean), 1)]
    if len(mean) < FEWEST_STATIONS or not (apart > 0).any() or not mean.any():
        return None, np.nan
    alone = _greatest(mean, noise, np.eye(len(mean)))
    ranges = np.geomspace(apart[apart > 0].min() / 2, apart.max(), RANGES)
    found = np.array([_greatest(mean, noise, np.exp(-away / one)) for one in ranges])
    best = int(np.argmax(found))
    ratio = max(2 * float(found[best] - alone), 0.0)
    return (float(ranges[best]) if ratio > CLEAR else None), ratio


def _greatest(mean: np.ndarray, noise: np.ndarray, correlation: np.ndarray) -> float:
    """Logarithm of the likelihood but for a constant, at the variance that makes it greatest."""
    size = np.log(np.mean(mean**2))
    found = minimize_scalar(
        lambda log_variance: -_likelihood(mean, noise, correlation, float(np.exp(log_variance))),
        bounds=(size - 8, size + 4), method="bounded",
    )  # fmt: skip
    return -float(found.fun)


def _likelihood(mean: np.ndarray, noise: np.ndarray, correlation: np.ndarray, between: float) -> float:
    covariance = between * correlation + np.diag(noise + JITTER * between)
    factor = cho_factor(covariance, lower=True)
    return float(-0.5 * mean @ cho_solve(factor, mean) - np.log(np.diag(factor[0])).sum())


def _noise(model: LevelModel, days: np.ndarray) -> float:
    """Variance of the mean of the errors of ``days`` about the level."""
    days = days[:: -(-len(days) // DAYS)]
    return float((model.covariance(days) - model.between).mean())
