"""A few days of a new probe fix its level: best linear unbiased prediction of a station's mean error.

At a station that no network has met, the residual (observed - predicted) of a day is e_t = b + d_t: b, the error of the
station's level, with variance B between stations, and d_t, the error of the day about it, with variance W and
correlation (1 - c) [t = u] + c exp(-|t - u| / l) between days. With n days at hand, Cov(e) = B 1 1' + W R, and the best
linear unbiased prediction of b is B 1' Cov(e)^-1 e (Henderson, 1975; Robinson, 1991). Days in a row are alike, so that
thirty of them are few facts, which R says. B, W, c and l come from the held-out residuals of the other stations;
docs/explanation/intervals.md derives it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loam.config.protocols import FLATTERS
from loam.evaluation.paired import compare
from loam.evaluation.shown import shown
from loam.evaluation.summary import draw_stations, interval, median_of_draws
from loam.io.schemas import ADAPTATION

LAGS = np.array([1, 2, 4, 8, 15, 30, 60, 90])  # days
LENGTHS = 2.0 ** np.arange(0, 9)  # days, of the correlation
FEWEST_PAIRS = 10  # of days a lag apart
FEWEST_STATIONS = 2  # beside the one whose level is predicted
TINY = 1e-9  # of the variance between stations: what the days are off by at least
CHOSEN = ("random", "first")

log = logging.getLogger("loam")


@dataclass(frozen=True)
class LevelModel:
    """What the residuals of other stations say of a new one's.

    Args:
        between: variance of the error of the level, B, (m3 m-3)^2.
        within: variance of the days about it, W.
        share: of that which is correlated between days, c, 0 to 1.
        length: of the correlation, l, days.
    """

    between: float
    within: float
    share: float
    length: float

    def covariance(self, days: np.ndarray) -> np.ndarray:
        """Of the residuals of ``days`` [day], whole numbers: [day, day]."""
        apart = np.abs(days[:, None] - days[None]).astype(float)
        correlation = np.where(apart == 0, 1.0, self.share * np.exp(-apart / self.length))
        return self.between + max(self.within, TINY * self.between) * correlation

    def level(self, days: np.ndarray, residuals: np.ndarray) -> tuple[float, float]:
        """The station's level error given ``residuals`` of ``days`` [day], and the variance that is left of it."""
        if not len(days) or self.between == 0:
            return 0.0, self.between
        weights = np.linalg.solve(self.covariance(days), np.full(len(days), self.between))
        return float(weights @ residuals), float(self.between * (1 - weights.sum()))


@dataclass(frozen=True)
class Record:
    """A station's held-out days in their order: whole numbers, predicted and observed, each [day]; m3 m-3."""

    days: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray

    @property
    def residuals(self) -> np.ndarray:
        """Observed - predicted, [day]."""
        return self.observed - self.predicted

    def correlations(self) -> np.ndarray:
        """Of the residuals about their mean at each of ``LAGS`` [lag]; NaN where too few days lie so far apart."""
        about = self.residuals - self.residuals.mean()
        laid = np.full(self.days[-1] - self.days[0] + 1, np.nan)
        laid[self.days - self.days[0]] = about
        variance, found = np.mean(about**2), np.full(len(LAGS), np.nan)
        for place, lag in enumerate(LAGS):
            products = laid[lag:] * laid[:-lag]
            if np.isfinite(products).sum() >= FEWEST_PAIRS and variance > 0:
                found[place] = np.nanmean(products) / variance
        return found


def fit_level_model(residuals: Sequence[np.ndarray], correlations: np.ndarray) -> LevelModel:
    """The model of a new station from others, stations weighted alike.

    Args:
        residuals: of each other station, [day].
        correlations: of each at ``LAGS`` [station, lag], NaN where not known.
    """
    between = float(np.mean([own.mean() ** 2 for own in residuals]))
    within = float(np.mean([own.var() for own in residuals]))
    known = np.isfinite(correlations).any(0)
    if not known.any():
        return LevelModel(between, within, 1.0, float(LENGTHS[-1]))  # nothing says that two days are two facts
    mean, basis = np.nanmean(correlations[:, known], axis=0), np.exp(-LAGS[known] / LENGTHS[:, None])
    share = np.clip(basis @ mean / np.sum(basis**2, axis=1), 0, 1)
    best = np.argmin(np.sum((mean - share[:, None] * basis) ** 2, axis=1))
    return LevelModel(between, within, float(share[best]), float(LENGTHS[best]))


def records_of(part: pd.DataFrame) -> dict[str, Record]:
    """The stations of two days or more of one system, layer, size and draw, by name.

    Args:
        part: rows of schema PREDICTIONS, in the order of dates.
    """
    return {
        str(name): Record(
            rows["date"].to_numpy("datetime64[D]").astype(int), rows["predicted"].to_numpy(float),
            rows["observed"].to_numpy(float),
        )
        for name, rows in part.groupby("station", sort=True)
        if len(rows) > 1
    }  # fmt: skip


def adaptation(
    predictions: pd.DataFrame, settings: Mapping[str, Any], protocol: str, *, draws: int, seed: int
) -> pd.DataFrame:
    """Error at held-out stations against the days that were measured there, of each system.

    Every number of days of a station is scored on the same days: those that the greatest number leaves. A station takes
    part in the numbers of which it has twice as many days.

    Args:
        predictions: schema PREDICTIONS.
        settings: ``days`` and ``draws`` (of the random days) of ``evaluation.adapt``.
        protocol: that is looked at, in its first draw.
        draws: bootstrap draws of the stations.
        seed: of all draws.

    Returns:
        Schema ADAPTATION.
    """
    own = shown(predictions, protocol)
    own = own[own["draw"] == own["draw"].min()].sort_values(["station", "date"], kind="stable")
    rows = []
    for (size, model, scenario, layer), part in own.groupby(["size", "model", "scenario", "layer"], sort=False):
        about = {"protocol": protocol, "size": size, "model": model, "scenario": scenario, "layer": layer}
        scores = pd.DataFrame(_scores(part, settings, seed))
        if scores.empty:
            log.warning("no adaptation of %s %s, %s: %d stations", model, scenario, layer, part["station"].nunique())
        else:
            rows += [about | row for row in _summaries(scores, draws, seed)]
    return pd.DataFrame(rows, columns=list(ADAPTATION.columns)).assign(flatters=protocol in FLATTERS)


def _scores(part: pd.DataFrame, settings: Mapping[str, Any], seed: int) -> Iterator[dict[str, object]]:
    """One row a (station, number of days, way of choosing): rmse, size of the bias, standard deviation of the level."""
    records = records_of(part)
    correlations = {name: record.correlations() for name, record in records.items()}
    for place, (name, record) in enumerate(records.items()):
        others = [other for other in records if other != name]
        if len(others) < FEWEST_STATIONS:
            return
        model = fit_level_model(
            [records[other].residuals for other in others], np.array([correlations[other] for other in others])
        )
        numbers = [number for number in sorted(settings["days"]) if 2 * number <= len(record.days)]
        generator = np.random.default_rng([seed, place])
        orders = {"first": [np.arange(len(record.days))]}
        orders["random"] = [generator.permutation(len(record.days)) for _ in range(settings["draws"])]
        for chosen in CHOSEN:
            tried = [_try(record, model, order, numbers) for order in orders[chosen]]
            for number, found in zip(numbers, np.mean(tried, axis=0), strict=True):
                yield {"station": name, "chosen": chosen, "days": number, "rmse": float(np.sqrt(found[0])),
                       "bias": float(found[1]), "level_sd": float(np.sqrt(found[2]))}  # fmt: skip


def _try(record: Record, model: LevelModel, order: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Mean squared error, size of the bias, variance of the level [number, 3], on the days that all numbers leave."""
    left, found = order[max(numbers, default=0) :], []
    for number in numbers:
        known = order[:number]
        level, variance = model.level(record.days[known], record.residuals[known])
        error = np.clip(record.predicted[left] + level, 0, 1) - record.observed[left]
        found.append([np.mean(error**2), abs(error.mean()), variance])
    return np.array(found).reshape(len(numbers), 3)


def _summaries(scores: pd.DataFrame, draws: int, seed: int) -> Iterator[dict[str, object]]:
    for chosen in CHOSEN:
        part = scores[scores["chosen"] == chosen]
        by_number = part.pivot(index="station", columns="days", values="rmse")
        wide = by_number.set_axis(pd.MultiIndex.from_tuples([(str(days), "") for days in by_number]), axis=1)
        for number in by_number.columns:
            own = part[part["days"] == number]
            drawn = draw_stations(len(own), draws, seed)
            row = {"chosen": chosen, "days": int(number), "stations": len(own), "level_sd": own["level_sd"].median()}
            for metric in ("rmse", "bias"):
                values = own[metric].to_numpy(float)
                row[metric] = float(np.median(values))
                row[f"{metric}_low"], row[f"{metric}_high"] = (
                    interval(median_of_draws(values, drawn)) if len(own) > 1 else (np.nan, np.nan)
                )
            if 0 in by_number.columns and number:
                one = compare(wide, (str(number), ""), ("0", ""), draws=draws, seed=seed)
                if one is not None:
                    row |= {"lower": one.lower, "difference": one.difference, "verdict": one.word}
                    row |= {"difference_low": one.low, "difference_high": one.high}
            yield {"lower": 0, "verdict": ""} | row
