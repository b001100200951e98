"""Passes that stand out in their relative orbit, and orbits drawn together."""

import numpy as np

from loam.sentinel1.outliers import outliers, z_scores


def series(count=40, seed=1):
    return np.random.default_rng(seed).normal(-11, 0.7, (count, 3, 4))


def test_z_scores_are_the_textbook_ones():
    values = np.array([1.0, 2, 3, 4, 5, 9])
    np.testing.assert_allclose(z_scores(values), (values - 4) / np.sqrt((9 + 4 + 1 + 0 + 1 + 25) / 5))


def test_a_pass_far_from_the_others_of_its_place_stands_out_and_only_there():
    values = series()
    values[7, 1, 2] = -19
    found = outliers(values, np.full(40, 22))
    assert found[7, 1, 2]
    assert np.array_equal(found, np.abs(z_scores(values)) > 2)
    assert 0.02 < found.mean() < 0.08  # of normal values 4.6 % lie beyond 2


def test_a_place_is_compared_with_itself_in_its_own_relative_orbit_only():
    orbit = np.repeat([22, 95], [40, 8])
    values = np.concatenate([series(40), series(8, seed=2) - 3])
    assert outliers(values, orbit)[40:].mean() < 0.1
    assert outliers(values, np.full(48, 1))[40:].mean() > 0.4


def test_missing_values_are_left_out_and_never_outliers():
    values = series(20)
    values[3:12, 0, 0] = np.nan
    expected = z_scores(values[~np.isnan(values[:, 0, 0]), 0, 0])
    np.testing.assert_allclose(z_scores(values)[~np.isnan(values[:, 0, 0]), 0, 0], expected)
    assert not outliers(values, np.full(20, 1))[3:12, 0, 0].any()


def test_too_few_values_tell_nothing():
    values = np.array([1.0, 1.1, 0.9, 1.0, 30.0])
    assert np.isnan(z_scores(values)).all()
    assert not outliers(values, np.full(5, 1)).any()


def test_values_that_are_all_the_same_have_no_outliers():
    assert (z_scores(np.full(8, -11.3)) == 0).all()
