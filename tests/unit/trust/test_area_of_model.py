"""The area of a map's model is that of the rows of all domains that it learned from, each by its own window."""

import numpy as np
import pandas as pd
import pytest
from series import series_of_columns

from loam.covariates.features import feature_set
from loam.samples.windows import Windows
from loam.trust.area_of_model import area_of_model

FEATURES = feature_set(
    {"static": ["clay"], "daily": [{"name": "rain", "lags": [0, 0]}], "classes": [], "day_of_year": False,
     "sequence": {"variables": ["sm"], "lags": [0, 1]}}
)  # fmt: skip


def windows(domain, clay, days=60, seed=1):
    generator = np.random.default_rng(seed)
    table = pd.concat(
        pd.DataFrame({"station": f"{domain}{place}", "date": pd.date_range("2021-01-01", periods=days),
                      "latitude": -35.0, "longitude": 146.0, "clay": float(own), "rain_0": generator.gamma(1, 3, days),
                      "sm_1": 0.2, "sm_0": 0.2, "surface": generator.uniform(0.1, 0.4, days)})
        for place, own in enumerate(clay)
    )  # fmt: skip
    return Windows(
        series_of_columns(table.reset_index(drop=True), FEATURES, ["surface"]), FEATURES, ["surface"], domain
    )


def row(clay):
    return np.array([[clay, 2.0, 0.2, 0.2]])


def test_a_place_known_to_either_domain_is_in_the_area_of_a_model_that_learned_from_both():
    target, source = windows("target", [10, 12, 15, 20]), windows("source", [50, 55, 58, 62], seed=2)
    alone, both = area_of_model([target], 1), area_of_model([target, source], 1)
    assert alone.index(row(56))[0] > alone.threshold > alone.index(row(14))[0]
    assert both.index(row(56))[0] < both.threshold and both.index(row(14))[0] < both.threshold
    assert both.index(row(200))[0] > both.threshold
    assert len(both.points) == 2 * len(alone.points) and both.mean.shape == (4,)


def test_points_are_bounded_and_the_seed_decides():
    many = windows("target", [10, 12, 15, 20], days=400)
    first, second, other = (area_of_model([many], seed) for seed in (1, 1, 2))
    assert len(first.points) == 1000
    assert np.array_equal(first.points, second.points) and not np.array_equal(first.points, other.points)
    assert first.threshold == pytest.approx(other.threshold, rel=0.5)
