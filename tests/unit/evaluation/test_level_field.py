"""The error of the level as a field: its range is found where there is one, and measurements shift what is near."""

import numpy as np
import pytest

from loam.evaluation.level_field import LevelField, fit_level_field, fit_range
from loam.evaluation.level_model import LevelModel, Record
from loam.raster.great_circle import distances

MODEL = LevelModel(between=0.0064, within=0.0004, share=0.0, length=1.0)  # 0.08 between, 0.02 within


def places(count, seed, degrees=1.0):
    generator = np.random.default_rng(seed)
    latitude, longitude = -35 + degrees * generator.uniform(size=count), 147 + degrees * generator.uniform(size=count)
    return latitude, longitude, distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])


def field(away, range_km, seed, between=0.0064):
    """Levels with a range, or each by itself."""
    correlation = np.eye(len(away)) if range_km is None else np.exp(-away / range_km)
    generator = np.random.default_rng([seed, 7])
    return np.linalg.cholesky(between * correlation + 1e-12 * np.eye(len(away))) @ generator.normal(size=len(away))


def test_the_range_of_a_field_is_found():
    found = []
    for seed in range(8):
        *_, away = places(40, seed)
        range_km, ratio = fit_range(field(away, 30.0, seed), np.full(40, 1e-5), away)
        assert range_km is not None and ratio > 2.71
        found.append(range_km)
    assert np.median(found) == pytest.approx(30, rel=0.5)


def test_of_twenty_sets_of_levels_without_a_range_about_one_seems_to_have_one():
    found = []
    for seed in range(25):
        *_, away = places(10, seed)
        found.append(fit_range(field(away, None, seed), np.full(10, 1e-5), away)[0])
    assert sum(one is not None for one in found) <= 4


def test_noise_of_few_days_is_not_taken_for_a_short_range():
    *_, away = places(40, 3)
    level = field(away, 30.0, 3) + np.random.default_rng(1).normal(0, 0.06, 40)
    told, untold = (fit_range(level, np.full(40, noise), away)[0] for noise in (0.06**2, 1e-8))
    assert told > 1.5 * untold


@pytest.mark.parametrize("count", [2, 4])
def test_few_stations_tell_no_range(count):
    latitude, longitude, away = places(count, 1)
    records = [Record(np.arange(30), np.full(30, 0.3), 0.3 + level + 0.01 * np.arange(30) % 2)
               for level in field(away, 300.0, 1)]  # fmt: skip
    fitted = fit_level_field(records, latitude, longitude)
    assert fitted.field.range_km is None and np.isnan(fitted.ratio) and fitted.stations == count
    assert fitted.field.model.between > 0


def test_stations_at_one_place_and_levels_without_error_break_nothing():
    assert fit_range(np.full(6, 0.05), np.full(6, 1e-5), np.zeros((6, 6)))[0] is None
    latitude, longitude, away = places(6, 1)
    assert fit_range(np.zeros(6), np.full(6, 1e-5), away)[0] is None
    latitude[1], longitude[1] = latitude[0], longitude[0]
    away = distances(latitude[:, None], longitude[:, None], latitude[None], longitude[None])
    assert np.isfinite(fit_range(np.linspace(-0.1, 0.1, 6), np.zeros(6), away)[1])
    nothing = LevelField(LevelModel(0.0, 0.0, 0.0, 1.0), None)
    assert (nothing.weights(np.arange(2), np.array([0.1, 0.2]), np.zeros((2, 2))) == 0).all()


def test_one_measurement_shifts_its_pixel_as_a_day_of_a_probe_and_others_by_the_correlation():
    whole, alone = LevelField(MODEL, 10.0), LevelField(MODEL, None)
    day, residual, here = np.array([0]), np.array([0.1]), np.zeros((1, 1))
    away = np.array([[0.0], [10.0], [100.0]])
    expected = MODEL.level(day, residual)[0]
    weights = whole.weights(day, residual, here)
    assert whole.shift(weights, away) == pytest.approx(expected * np.exp([0, -1, -10]))
    assert alone.shift(alone.weights(day, residual, here), away).tolist() == pytest.approx([expected, 0, 0])


def test_days_of_one_place_count_as_they_do_for_a_probe():
    model = LevelModel(0.0064, 0.0016, share=1.0, length=20.0)
    days, residuals = np.array([0, 1, 40]), np.array([0.1, 0.12, 0.05])
    field = LevelField(model, 10.0)
    weights = field.weights(days, residuals, np.zeros((3, 3)))
    assert field.shift(weights, np.zeros((1, 3)))[0] == pytest.approx(model.level(days, residuals)[0])


def test_two_measurements_side_by_side_on_one_day_are_about_one_fact():
    field, day = LevelField(MODEL, 10.0), np.array([5, 5])
    near, far = (np.array([[0.0, apart], [apart, 0.0]]) for apart in (0.001, 1000.0))
    towards = np.zeros((1, 2))
    one = field.shift(field.weights(day[:1], np.array([0.1]), near[:1, :1]), towards[:, :1])
    both = field.shift(field.weights(day, np.array([0.1, 0.1]), near), towards)
    assert both[0] == pytest.approx(one[0], rel=1e-3)
    apart = field.shift(field.weights(day, np.array([0.1, 0.1]), far), np.array([[0.0, 1000.0]]))
    assert apart[0] == pytest.approx(one[0], rel=1e-3)


def test_measurements_bring_the_error_of_a_field_down_near_them_and_change_nothing_far_off():
    near, far, kept = [], [], []
    for seed in range(6):
        *_, away = places(300, seed)
        level = field(away, 30.0, seed)
        measured = np.arange(10)
        noise = np.random.default_rng(seed).normal(0, 0.02, 10)
        model = LevelField(MODEL, 30.0)
        weights = model.weights(np.zeros(10, int), level[measured] + noise, away[np.ix_(measured, measured)])
        left = level - model.shift(weights, away[:, measured])
        closest = away[10:, measured].min(1)
        near.append(np.sqrt(np.mean(left[10:][closest < 8] ** 2) / np.mean(level[10:][closest < 8] ** 2)))
        far.append(np.abs(level - left)[10:][closest > 20].mean())
        kept.append(np.abs(level - left)[10:][closest < 8].mean())
    assert np.mean(near) < 0.8 and np.mean(far) < 0.6 * np.mean(kept)
