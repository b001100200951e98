"""What networks must beat, predicted fold by fold as they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loam.config.rivals import RIVALS
from loam.covariates.features import feature_set
from loam.errors import ConfigError, LeakageError
from loam.io.schemas import PREDICTIONS
from loam.plugins import load
from loam.rivals.trial import Trial

log = logging.getLogger("loam")


def predict_rivals(
    source: pd.DataFrame | None,
    target: pd.DataFrame,
    folds: pd.DataFrame,
    values: Mapping[str, Any],
    level: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Held-out predictions of the rivals that a job runs.

    Args:
        source: samples of the source domain; None in a run without one.
        target: samples of the target domain.
        folds: schema FOLDS, of one protocol.
        values: ``seed``, ``layers``, ``features``, ``evaluation.coarse`` of the config, ``rivals`` (names) and
            ``threads``.
        level: predictions of the rival whose level the within-station trees take.

    Returns:
        Schema PREDICTIONS, m3 m-3; a row only where the layer was observed and the rival has something to say.

    Raises:
        TableError: the folds are not those of the target's rows.
        LeakageError: a station is in both domains, or a (station, day) has two roles in a fold.
        ConfigError: a layer of ``evaluation.coarse`` is named twice, or its feature is no column of the samples.
    """
    check_stations(source, target)
    columns, seed, threads = feature_set(values["features"]).columns, values["seed"], values["threads"]
    log.info("%d features, seed %d, %d folds at a time", len(columns), seed, threads)
    trial = Trial(
        source, target, folds, [layer["name"] for layer in values["layers"]], columns,
        modelled(target, values["evaluation"]["coarse"]), seed, threads, level,
    )  # fmt: skip
    parts = [load(RIVALS[name])(trial) for name in values["rivals"]]
    said = [part for part in parts if len(part)]
    return pd.concat(said, ignore_index=True) if said else pd.DataFrame(columns=list(PREDICTIONS.columns))


def modelled(target: pd.DataFrame, entries: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The feature of the modelled moisture of each layer that ``evaluation.coarse`` names one for."""
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
    return features


def check_stations(source: pd.DataFrame | None, target: pd.DataFrame) -> None:
    """Raise a LeakageError where a station is in both domains."""
    if source is not None and (shared := sorted(set(target["station"]) & set(source["station"]))):
        raise LeakageError(
            f"station {', '.join(shared)} is in the source and in the target samples",
            expected="a held-out station to be in no other domain", fix="take it out of one, or rename it there",
        )  # fmt: skip
