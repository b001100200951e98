"""Kriging of the day's probes: its weights are those of gstools, and its drift is a line through all days."""

import gstools
import numpy as np
import pandas as pd
import pytest

from loam.raster.great_circle import EARTH_RADIUS, distances
from loam.rivals.kriging import kriging, ordinary, variogram

NONE = np.nan


@pytest.fixture
def network():
    generator = np.random.default_rng(2)
    latitude, longitude = generator.uniform(-36, -34, 8), generator.uniform(146, 148, 8)
    return latitude, longitude, generator.uniform(-0.1, 0.1, (8, 5))


def test_the_estimate_is_that_of_the_library_on_each_day(network):
    latitude, longitude, rest = network
    rest[2, 1] = rest[5, 1] = NONE
    model = gstools.Exponential(latlon=True, geo_scale=EARTH_RADIUS, var=0.02, len_scale=60.0, nugget=0.005)
    away = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
    among = model.cov_yadrenko(away) + 0.005 * np.eye(8)
    towards = model.cov_yadrenko(distances(-35.0, 147.0, latitude, longitude))
    said = ordinary(rest, among, towards)
    for day in range(5):
        there = np.isfinite(rest[:, day])
        library = gstools.krige.Ordinary(model, (latitude[there], longitude[there]), rest[there, day], exact=False)
        assert said[day] == pytest.approx(library((-35.0, 147.0), return_var=False)[0], abs=1e-9)


def test_a_day_without_reports_has_no_estimate_and_one_report_is_it():
    observed = np.array([[0.2, NONE], [NONE, NONE]])
    said = ordinary(observed, np.eye(2), np.array([0.5, 0.1]))
    assert said[0] == pytest.approx(0.2) and np.isnan(said[1])


def test_stations_at_one_place_do_not_break_it_and_share_their_weight():
    among = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.1, 0.1, 1.0]])
    said = ordinary(np.array([[0.1], [0.3], [0.9]]), among, np.array([1.0, 1.0, 0.1]))
    assert said[0] == pytest.approx(0.2)


def test_a_variogram_knows_how_far_moisture_is_alike(network):
    generator = np.random.default_rng(4)
    latitude, longitude = generator.uniform(-36, -34, 30), generator.uniform(146, 148, 30)
    away = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
    root = np.linalg.cholesky(0.01 * np.exp(-away / 40) + 0.002 * np.eye(30))
    covariance, nugget = variogram(latitude, longitude, 10 * root @ generator.normal(size=(30, 400)))
    assert nugget == pytest.approx(0.2, abs=0.2)
    assert covariance(np.array([0.0, 40.0])) == pytest.approx([1.0, 1.0 / np.e], abs=0.2)


def test_the_drift_is_followed_where_stations_do_not_tell(target, try_on):
    target["surface"] = 0.1 + 0.5 * target["sm_surface_0"]
    found = kriging(try_on(target, coarse={"surface": "sm_surface_0"}))
    surface = found[found["layer"] == "surface"]
    assert (surface["predicted"] - surface["observed"]).abs().max() < 1e-6
    without = kriging(try_on(target)).query("layer == 'surface'")
    assert (without["predicted"] - without["observed"]).abs().max() > 0.05


def test_two_stations_that_fit_settle_no_variogram_and_that_is_told(samples, try_on, folds, caplog):
    target = samples(list("abc"), seed=1)
    three = folds[(folds["station"] != "d") & (folds["fold"] == 1)]
    found = kriging(try_on(target, folds=three))
    assert isinstance(found, pd.DataFrame) and found.empty
    assert "kriging surface: no variogram of the 2 stations that fit fold 1, so no rows" in caplog.text


def test_a_fit_that_does_not_converge_leaves_no_rows_and_is_told(target, try_on, monkeypatch, caplog):
    def stuck(*_, **__):
        raise RuntimeError("Optimal parameters not found")

    monkeypatch.setattr(gstools.Exponential, "fit_variogram", stuck)
    assert kriging(try_on(target)).empty
    assert "kriging surface: no variogram of the 3 stations that fit fold 1" in caplog.text
