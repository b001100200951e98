"""A small world for training: two domains with lags, a sequence, two layers with gaps, stations of unequal length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from networks import a_network
from plain_training import NETWORKS as SMALL
from plain_training import SHAPE, Rows
from series import series_of_columns

from loam.config.models import network_of, resolve_model
from loam.covariates.features import feature_set
from loam.models.parts.initial import draw_parameters
from loam.training.extras import names_of_extras
from loam.training.plan import Plan
from loam.training.scaling import fit_scaler
from loam.training.split import Split
from loam.training.training_settings import TrainingSettings, training_settings

FEATURES = {
    "static": ["clay", "elevation"],
    "daily": [{"name": "rain", "lags": [0, 1]}],
    "sequence": {"variables": ["coarse", "deep"], "lags": [0, 3]},
    "classes": [],
    "day_of_year": False,
}
LAYERS = ["surface", "subsurface"]
NETWORKS = {  # widths that are multiples of 16, as the published ones, give the same bits whoever trains beside
    "mlp": {"hidden": [32, 16, 16], "frozen": 2, "output": "logistic"},
    "lstm": {"units": 16, "dense": 16, "hidden": [32, 16, 16], "frozen": 2, "output": "logistic"},
}


@pytest.fixture
def features():
    return feature_set(FEATURES)


@pytest.fixture
def make_samples(features):
    """Samples of a domain: station number k has ``rows + 7 k`` days; a third of each layer's values is missing.

    Lags are those of daily series, which begin as many days before a station's first row as its features read.
    """

    def make(prefix: str, stations: int, seed: int, rows: int = 30) -> pd.DataFrame:
        generator = np.random.default_rng(seed)
        before = max(feature.lag for feature in features.all)
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
            daily = {name: generator.normal(size=before + count) for name in ("rain", "coarse", "deep")}
            for feature in features.all:
                if feature.name in daily:
                    first = before - feature.lag
                    part[feature.column] = daily[feature.name][first : first + count]
            part[["clay", "elevation"]] = generator.normal(size=2)
            signal = 0.25 + 0.05 * part["coarse_0"] + 0.03 * part["rain_0"]
            for layer in LAYERS:
                moisture = signal + generator.normal(0, 0.01, count)
                part[layer] = np.where(generator.random(count) < 0.3, np.nan, moisture)
            parts.append(part)
        samples = pd.concat(parts, ignore_index=True)
        return samples[samples[LAYERS].notna().any(axis=1)].reset_index(drop=True)

    return make


@pytest.fixture
def series_of(features):
    """Samples as the series that training reads."""
    return lambda samples: series_of_columns(samples, features, LAYERS)


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
            model, network_of(model), NETWORKS[model], features, LAYERS, replace(settings, **own), 3,
            torch.device("cpu"), 1,
        )  # fmt: skip
        return replace(plan, **changes)

    return make


@pytest.fixture
def plan_of_recipe(features):
    """The plan of a model of recipe `ours`, small and of few steps; keywords are choices in ``training.<model>``."""

    def make(model: str = "mlp_within", absent: float = 0.0, **changes) -> Plan:
        own = {"hidden": [16, 16], "steps": 20, "seeds": 1, **changes}
        chosen = resolve_model(
            model, {"learning_rate": 1e-4, "batch_size": 128, "epochs": 1, "patience": 1, model: own}
        )
        return Plan(
            model, chosen["plugin"], chosen["settings"], features, LAYERS, training_settings(chosen, absent), 3,
            torch.device("cpu"), 1, scaling=chosen["scaling"], seeds=chosen["seeds"],
            extras=names_of_extras(chosen, LAYERS), neighbours={"power": 2.0, "floor_km": 1.0, "absent": absent},
        )  # fmt: skip

    return make


@pytest.fixture
def by_stations():
    return {"by": "stations", "station_share": 0.25}


# Rows and members for the trainers themselves.

SETTINGS = TrainingSettings(learning_rate=0.02, batch_size=16, epochs=9, patience=2)
SEEDS = [11, 12, 13, 14]


@pytest.fixture
def rows():
    """160 rows of two layers; a third of the values of each is missing, no row lacks both."""
    generator = np.random.default_rng(5)
    inputs = generator.normal(3, 2, size=(200, 14))
    targets = 0.2 + 0.02 * inputs[:, [0]] + 0.03 * inputs[:, [12]] + generator.normal(0, 0.03, (200, 2))
    targets[generator.random((200, 2)) < 0.33] = np.nan
    kept = np.flatnonzero(np.isfinite(targets).any(1))[:160]
    return Rows(inputs[kept], targets[kept])


@pytest.fixture
def splits():
    """Four members with unequal numbers of rows; one has a last batch of a single row, one fits its batches."""
    generator = np.random.default_rng(6)
    orders = [generator.permutation(160) for _ in SEEDS]
    return [
        Split(order[:training], order[training : training + validation])
        for order, (training, validation) in zip(orders, [(49, 30), (64, 21), (90, 40), (35, 25)], strict=True)
    ]


@pytest.fixture
def start():
    def draw(model, members=4):
        network = a_network(model, SMALL[model], SHAPE, 2)
        return network, {name: value.double() for name, value in draw_parameters(network, range(members)).items()}

    return draw


@pytest.fixture
def scaler(rows, splits):
    return fit_scaler(rows.windows, [split.training for split in splits])
