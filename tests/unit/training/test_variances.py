"""Variances between and within stations: the likelihood of the textbook, closed forms, and what was simulated."""

from __future__ import annotations

import numpy as np
import pytest

from loam.training.variances import Likelihood, Variances, fit_variances


def autoregression(generator, days, correlation):
    """Of variance 1, at ``days`` in their order."""
    values = [generator.normal()]
    for gap in np.diff(days):
        before = correlation**gap
        values.append(before * values[-1] + np.sqrt(1 - before**2) * generator.normal())
    return np.array(values)


@pytest.fixture
def uneven():
    """Residuals of three stations of 4, 1 and 6 days with gaps."""
    generator = np.random.default_rng(0)
    station = np.repeat([0, 1, 2], [4, 1, 6])
    day = np.array([0, 1, 5, 6, 3, 0, 2, 3, 4, 9, 10])
    return generator.normal(size=11), station, day


def test_the_likelihood_is_that_of_the_whole_covariance_matrix(uneven):
    residuals, station, day = uneven

    def dense(ratio, correlation):
        apart = np.abs(day[:, None] - day[None])
        same = station[:, None] == station[None]
        covariance = same * (correlation**apart + ratio)
        inverse, one = np.linalg.inv(covariance), np.ones(len(day))
        info = one @ inverse @ one
        quadratic = residuals @ inverse @ residuals - (one @ inverse @ residuals) ** 2 / info
        within = quadratic / (len(day) - 1)
        return -0.5 * (np.linalg.slogdet(covariance)[1] + np.log(info) + (len(day) - 1) * np.log(within)), within

    likelihood = Likelihood(residuals, station, day)
    points = [(0.0, 0.0), (0.5, 0.3), (3.0, 0.9)]
    ours, theirs = ([one(*point)[:2] for point in points] for one in (likelihood.of, dense))
    for (value, within), (expected, variance) in zip(ours, theirs, strict=True):
        assert within == pytest.approx(variance, rel=1e-10)
        assert value - ours[0][0] == pytest.approx(expected - theirs[0][0], abs=1e-9)
    inside = day[station == 2]
    inverse = np.linalg.inv(0.9 ** np.abs(inside[:, None] - inside[None]))
    assert likelihood.of(3.0, 0.9)[2][2] == pytest.approx(inverse.sum(), rel=1e-12)


def test_independent_days_of_equal_numbers_give_the_analysis_of_variance():
    """Harville (1977): with n days at each station REML is the mean square within, and (between - within) / n."""
    generator = np.random.default_rng(1)
    values = generator.normal(size=(12, 1)) + 0.5 * generator.normal(size=(12, 20))
    # so far apart that no correlation that is allowed reaches from one day to the next
    station, day = np.repeat(np.arange(12), 20), np.tile(np.arange(20) * 100_000, 12)
    found = fit_variances(values.ravel(), station, day)
    within = values.var(1, ddof=1).mean()
    assert found.within == pytest.approx(within, rel=1e-3)
    assert found.between == pytest.approx(values.mean(1).var(ddof=1) - within / 20, rel=1e-3)
    assert found.effective == pytest.approx(np.full(12, 20.0))


def test_what_was_simulated_is_found_again():
    generator = np.random.default_rng(2)
    parts = []
    for number in range(80):
        days = np.flatnonzero(generator.random(400) < 0.7)
        level = 0.06 * generator.normal()
        parts.append((level + 0.03 * autoregression(generator, days, 0.9), np.full(len(days), number), days))
    residuals, station, day = map(np.concatenate, zip(*parts, strict=True))
    shuffled = generator.permutation(len(day))
    found = fit_variances(0.2 + residuals[shuffled], station[shuffled], day[shuffled])
    assert np.sqrt(found.between) == pytest.approx(0.06, rel=0.2)  # 80 levels: a standard error of 8 %
    assert np.sqrt(found.within) == pytest.approx(0.03, rel=0.04)
    assert found.correlation == pytest.approx(0.9, abs=0.01)
    # 400 days, (1 + 0.9) / (1 - 0.9) of which are one
    assert found.effective.mean() == pytest.approx(400 / 19, rel=0.1)


def test_stations_that_do_not_differ_have_no_variance_between():
    generator = np.random.default_rng(3)
    values = generator.normal(size=(30, 50))
    values -= values.mean(1, keepdims=True)
    found = fit_variances(values.ravel(), np.repeat(np.arange(30), 50), np.tile(np.arange(50), 30))
    assert found.between < 1e-4 * found.within
    assert found.share_of_days() > 0.99


def test_a_level_counts_like_a_day_among_so_many():
    assert Variances(1.0, 1.0, 0.9, np.array([32.0])).share_of_days() == pytest.approx(1 / 33)
    assert Variances(0.0, 1.0, 0.9, np.array([32.0])).share_of_days() == 1.0
    assert Variances(1.0, 2.0, 0.0, np.array([2.0, 6.0])).share_of_days() == pytest.approx((1 / 2 + 1 / 4) / 2)
