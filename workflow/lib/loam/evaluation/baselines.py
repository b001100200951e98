"""What a network must beat, predicted fold by fold as the networks are.

- ``coarse``: the modelled moisture itself (SMAP L4, AWRA-L) behind a straight line fitted on the training stations.
- ``same_day_mean``: the mean of the training stations on the same day. It needs probes that report on the day.
- ``boosted_trees``: histogram gradient boosting (Ke et al., 2017; scikit-learn's defaults) on the networks' features,
  trained on the target domain's training stations, or on these and the whole source domain together.

Training rows are those of the networks: what the fold neither tests nor validates with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from loam.covariates.features import feature_set
from loam.errors import ConfigError, LeakageError
from loam.evaluation.metrics import varies
from loam.io.progress import Progress, progress
from loam.io.schemas import PREDICTIONS
from loam.protocols.spans import FoldRoles, roles_by_fold

Fit = Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]  # (training rows, rows to predict) -> moisture [row]

log = logging.getLogger("loam")


def predict_baselines(
    source: pd.DataFrame | None, target: pd.DataFrame, folds: pd.DataFrame, values: Mapping[str, Any]
) -> pd.DataFrame:
    """Held-out predictions of every baseline.

    Args:
        source: samples of the source domain; None in a run without one.
        target: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        values: ``seed``, ``layers``, ``features``, ``evaluation.coarse`` of the config, and ``threads``.

    Returns:
        Schema PREDICTIONS, m3 m-3; a row only where the layer was observed and the baseline has something to say.

    Raises:
        TableError: the folds are not those of the target's rows.
        LeakageError: a station is in both domains, or a (station, day) has two roles in a fold.
        ConfigError: a layer of ``evaluation.coarse`` is named twice, or its feature is no column of the samples.
    """
    check_stations(source, target)
    layers = [layer["name"] for layer in values["layers"]]
    columns = feature_set(values["features"]).columns
    seed, threads = values["seed"], values["threads"]
    log.info("boosted trees: %d features, seed %d, %d folds at a time", len(columns), seed, threads)
    parts = [
        coarse(target, folds, layers, values["evaluation"]["coarse"]),
        same_day_mean(target, folds, layers),
        boosted_trees(target, folds, layers, columns, seed=seed, threads=threads),
    ]
    if source is not None:
        parts.append(boosted_trees(target, folds, layers, columns, seed=seed, threads=threads, source=source))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def coarse(
    target: pd.DataFrame, folds: pd.DataFrame, layers: Sequence[str], entries: Sequence[Mapping[str, str]]
) -> pd.DataFrame:
    """The modelled moisture behind a least-squares line; ``entries`` name the feature of each layer."""
    features: dict[str, str] = {}
    for entry in entries:
        if entry["layer"] in features:
            raise ConfigError(f"layer '{entry['layer']}' is named twice", where="config key 'evaluation.coarse'")
        if entry["feature"] not in target:
            raise ConfigError(
                f"'{entry['feature']}' is no column of the samples", where="config key 'evaluation.coarse'",
                expected="a feature with its lag, such as sm_surface_0",
            )  # fmt: skip
        features[entry["layer"]] = entry["feature"]
    for layer in layers:
        if layer not in features:
            log.info("coarse: no feature of layer %s in evaluation.coarse, so no rows", layer)

    def fitted(feature: str, layer: str) -> Fit:
        def fit(training: pd.DataFrame, held_out: pd.DataFrame) -> np.ndarray:
            slope, intercept = line(training[feature].to_numpy(float), training[layer].to_numpy(float))
            return slope * held_out[feature].to_numpy(float) + intercept

        return fit

    fits = {layer: fitted(features[layer], layer) for layer in layers if layer in features}
    return by_fold("coarse", "none", target, folds, fits)


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the least-squares line of ``y`` on ``x`` [row]; slope 0 where ``x`` does not vary."""
    deviation = x - x.mean()
    slope = float(np.mean(deviation * (y - y.mean())) / np.mean(deviation**2)) if varies(x) else 0.0
    return slope, float(y.mean() - slope * x.mean())


def same_day_mean(target: pd.DataFrame, folds: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """The mean of the training stations that observed the layer on the same day; no row on days without any."""

    def fitted(layer: str) -> Fit:
        def fit(training: pd.DataFrame, held_out: pd.DataFrame) -> np.ndarray:
            return held_out["date"].map(training.groupby("date")[layer].mean()).to_numpy(float)

        return fit

    return by_fold("same_day_mean", "none", target, folds, {layer: fitted(layer) for layer in layers})


def boosted_trees(
    target: pd.DataFrame,
    folds: pd.DataFrame,
    layers: Sequence[str],
    columns: Sequence[str],
    *,
    seed: int,
    threads: int = 1,
    source: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Gradient-boosted trees on the features ``columns``, one model a layer; with ``source`` on both domains."""

    def fitted(layer: str) -> Fit:
        more = None if source is None else source.loc[source[layer].notna(), [*columns, layer]]

        def fit(training: pd.DataFrame, held_out: pd.DataFrame) -> np.ndarray:
            rows = training if more is None else pd.concat([training[[*columns, layer]], more])
            trees = HistGradientBoostingRegressor(early_stopping=False, random_state=seed)
            trees.fit(rows[columns].to_numpy(float), rows[layer].to_numpy(float))
            return trees.predict(held_out[columns].to_numpy(float))

        return fit

    scenario = "target" if source is None else "both"
    return by_fold("boosted_trees", scenario, target, folds, {layer: fitted(layer) for layer in layers}, threads)


def by_fold(
    model: str, scenario: str, target: pd.DataFrame, folds: pd.DataFrame, fits: Mapping[str, Fit], threads: int = 1
) -> pd.DataFrame:
    """Run the fit of each layer on each fold's training rows and collect what it says of its test rows.

    Rows that the fit leaves undefined (NaN) are dropped and counted in the log, and so are those of a fold whose
    training rows never observed the layer. ``threads`` folds run side by side, with one OpenMP thread each: the
    tables are small, and OpenMP threads that wait for each other on a busy machine cost ten times what they save.
    """
    parts, by_role = [], list(roles_by_fold(target[["station", "date"]], folds))
    for layer, fit in fits.items():
        parted = list(split(target, by_role, layer))
        with (
            progress(len(parted), f"{model} {scenario} {layer}, folds") as count,
            ThreadPoolExecutor(threads, initializer=threadpool_limits, initargs=(1,)) as pool,
        ):
            run = partial(_predict_fold, f"{model} {scenario}", layer, fit, count)
            predicted = list(pool.map(run, parted))
        kept = [part.dropna(subset="predicted") for part in predicted]
        parts += [part for part in kept if len(part)]
        dropped = sum(map(len, predicted)) - sum(map(len, kept))
        log.info("%s %s %s: %d folds; %d rows without a prediction", model, scenario, layer, len(predicted), dropped)
    if not parts:
        return pd.DataFrame(columns=list(PREDICTIONS.columns))
    named = {"protocol": folds["protocol"].iloc[0], "model": model, "scenario": scenario, "domain": "target"}
    named["rows"] = "training"
    unknown = dict.fromkeys(["output", "spread", "lower", "upper"], np.nan)
    return pd.concat(parts, ignore_index=True).assign(**named, **unknown)[list(PREDICTIONS.columns)]


def _predict_fold(
    name: str, layer: str, fit: Fit, count: Progress, parted: tuple[FoldRoles, pd.DataFrame, pd.DataFrame]
) -> pd.DataFrame:
    fold, training, held_out = parted
    if training.empty:
        log.warning("%s: no training station of fold %d observed layer %s", name, fold.fold, layer)
    predicted = fit(training, held_out) if len(training) else np.nan
    count.step()
    return held_out[["station", "date"]].assign(
        size=fold.size, draw=fold.draw, fold=fold.fold, layer=layer, observed=held_out[layer], predicted=predicted
    )


def split(
    target: pd.DataFrame, folds: Sequence[FoldRoles], layer: str
) -> Iterator[tuple[FoldRoles, pd.DataFrame, pd.DataFrame]]:
    """Each fold that tests the layer, its training rows and its test rows, where ``layer`` is observed."""
    observed = target[layer].notna().to_numpy()
    for fold in folds:
        held_out = observed & (fold.roles == "test")
        if held_out.any():
            yield fold, target[observed & (fold.roles == "training")], target[held_out]


def check_stations(source: pd.DataFrame | None, target: pd.DataFrame) -> None:
    """Raise a LeakageError where a station is in both domains."""
    if source is not None and (shared := sorted(set(target["station"]) & set(source["station"]))):
        raise LeakageError(
            f"station {', '.join(shared)} is in the source and in the target samples",
            expected="a held-out station to be in no other domain", fix="take it out of one, or rename it there",
        )  # fmt: skip
