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
from typing import Any

import numpy as np
import pandas as pd

from loam.config.protocols import FLATTERS
from loam.evaluation.level_model import FEWEST_STATIONS, LevelModel, Record, fit_level_model, records_of
from loam.evaluation.paired import compare
from loam.evaluation.shown import shown
from loam.evaluation.summary import draw_stations, interval, median_of_draws
from loam.io.schemas import ADAPTATION

CHOSEN = ("random", "first")

log = logging.getLogger("loam")


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
