"""A small world for training: two domains with lags, a sequence, two layers with gaps, stations of unequal length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from loam.covariates.features import feature_set
from loam.training.batched import TrainingSettings
from loam.training.scenarios import Plan

FEATURES = {
    "static": ["clay", "elevation"],
    "daily": [{"name": "rain", "lags": [0, 1]}],
    "sequence": {"variables": ["coarse", "deep"], "lags": [0, 3]},
    "classes": [],
    "day_of_year": False,
}
NETWORKS = {  # widths that are multiples of 16, as the published ones, give the same bits whoever trains beside
    "mlp": {"hidden": [32, 16, 16], "frozen": 2, "output": "logistic"},
    "lstm": {"units": 16, "dense": 16, "hidden": [32, 16, 16], "frozen": 2, "output": "logistic"},
}


@pytest.fixture
def features():
    return feature_set(FEATURES)


@pytest.fixture
def make_samples(features):
    """Samples of a domain: station number k has ``rows + 7 k`` days; a third of each layer's values is missing."""

    def make(prefix: str, stations: int, seed: int, rows: int = 30) -> pd.DataFrame:
        generator = np.random.default_rng(seed)
        parts = []
        for number in range(stations):
            count = rows + 7 * number
            part = pd.DataFrame(
                {
                    "station": f"{prefix}{number}",
                    "date": pd.date_range("2020-01-01", periods=count),
                    "latitude": -34.0 - number,
                    "longitude": 146.0,
                }
            )
            values = generator.normal(size=(count, len(features.columns)))
            signal = 0.25 + 0.05 * values[:, -2] + 0.03 * values[:, 2]
            for layer in ("surface", "subsurface"):
                moisture = signal + generator.normal(0, 0.01, count)
                part[layer] = np.where(generator.random(count) < 0.3, np.nan, moisture)
            part[features.columns] = values
            part[["clay", "elevation"]] = generator.normal(size=2)
            parts.append(part)
        samples = pd.concat(parts, ignore_index=True)
        return samples[samples[["surface", "subsurface"]].notna().any(axis=1)].reset_index(drop=True)

    return make


@pytest.fixture
def source(make_samples):
    return make_samples("far", 4, seed=1)


@pytest.fixture
def target(make_samples):
    return make_samples("near", 5, seed=2)


@pytest.fixture
def make_plan(features):
    """The plan of a quick training of ``model``; keywords replace fields of it or of its settings."""

    def make(model: str, **changes) -> Plan:
        settings = TrainingSettings(learning_rate=0.01, batch_size=16, epochs=8, patience=2)
        own = {name: changes.pop(name) for name in list(changes) if hasattr(settings, name)}
        plan = Plan(
            model,
            NETWORKS[model],
            features,
            ["surface", "subsurface"],
            replace(settings, **own),
            3,
            torch.device("cpu"),
            1,
        )
        return replace(plan, **changes)

    return make


@pytest.fixture
def by_stations():
    return {"by": "stations", "station_share": 0.25}
