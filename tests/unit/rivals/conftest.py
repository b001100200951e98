"""Four stations with what makes moisture, two far ones, and folds of them."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from held_out import folds_of

from loam.rivals.trial import Trial

STATIONS = ["a", "b", "c", "d"]
LAYERS = ["surface", "subsurface"]
COLUMNS = ["clay", "sm_surface_0"]


def _samples(stations: list[str], seed: int, days: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    parts = []
    for place, station in enumerate(stations):
        coarse_moisture = generator.uniform(0.1, 0.5, days)
        clay = generator.uniform(10, 60)
        surface = 0.05 + 0.6 * coarse_moisture + 0.001 * clay + generator.normal(0, 0.01, days)
        parts.append(
            pd.DataFrame(
                {"station": station, "date": pd.date_range("2021-03-01", periods=days), "clay": clay,
                 "sm_surface_0": coarse_moisture, "surface": surface, "subsurface": surface + 0.05,
                 "latitude": -35.0 + 0.1 * place, "longitude": 147.0}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Ensembles of 20 trees, for time."""
    for module, name, few in (
        ("boosted_trees", "HistGradientBoostingRegressor", {"max_iter": 20}),
        ("random_forest", "RandomForestRegressor", {"n_estimators": 20}),
    ):
        rival = import_module(f"loam.rivals.{module}")
        monkeypatch.setattr(rival, name, partial(getattr(rival, name), **few))


@pytest.fixture
def samples():
    """``samples(stations, seed, days)``: a tenth of a degree apart in a row."""
    return _samples


@pytest.fixture
def target():
    return _samples(STATIONS, seed=1)


@pytest.fixture
def source():
    return _samples(["far 1", "far 2", "far 3"], seed=2)


@pytest.fixture
def folds():
    """Fold 1 tests a and validates c."""
    return folds_of(dict(zip(STATIONS, ["c", "a", "d", "b"], strict=True)))


@pytest.fixture
def try_on(folds):
    """``try_on(target, source, **more)``: a trial on all layers, with the folds."""

    def make(target: pd.DataFrame, source: pd.DataFrame | None = None, **more: object) -> Trial:
        settings = {"folds": folds, "layers": LAYERS, "columns": COLUMNS, "coarse": {}, "seed": 1}
        return Trial(source, target, **(settings | more))

    return make


@pytest.fixture
def values():
    """``values(*rivals)``: of a run that names them."""
    features = {
        "static": ["clay"], "daily": [], "sequence": {"variables": ["sm_surface"], "lags": [0, 0]}, "classes": [],
        "day_of_year": False,
    }  # fmt: skip
    return lambda *rivals: {
        "seed": 1, "threads": 1, "layers": [{"name": name} for name in LAYERS], "features": features,
        "evaluation": {"coarse": [{"layer": "surface", "feature": "sm_surface_0"}]}, "rivals": list(rivals),
    }  # fmt: skip
