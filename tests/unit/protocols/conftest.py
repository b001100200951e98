"""Samples of made-up stations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loam.training.folds import draw_folds

LAYERS = ["surface", "subsurface"]


@pytest.fixture
def make_samples():
    """``make(days)``: 0.2 and 0.3 m3 m-3 on so many days from 2020-01-01 at each station, a degree apart."""

    def make(days: dict[str, int]) -> pd.DataFrame:
        parts = [
            pd.DataFrame(
                {"station": station, "date": pd.date_range("2020-01-01", periods=count), "latitude": -40.0 - place,
                 "longitude": 146.0, "landcover": "PAST" if place % 2 else "FORE", "surface": 0.2, "subsurface": 0.3}
            )
            for place, (station, count) in enumerate(days.items())
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    return make


@pytest.fixture
def draw():
    """``draw(samples, protocol, **settings)``: the folds, and the role of each row in each of them [fold, row]."""

    def of(samples: pd.DataFrame, protocol: str, seed: int = 1, **settings) -> tuple[pd.DataFrame, np.ndarray]:
        from loam.protocols.spans import roles_by_fold

        folds = draw_folds(samples, LAYERS, seed, protocol, settings)
        return folds, np.array([fold.roles for fold in roles_by_fold(samples, folds)])

    return of
