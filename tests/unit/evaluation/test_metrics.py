"""Scores say what their formulas say."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from loam.evaluation import metrics
from loam.io.schemas import METRICS, METRICS_TABLE

OBSERVED = np.array([0.10, 0.20, 0.30, 0.40])
PREDICTED = np.array([0.20, 0.20, 0.40, 0.60])


@pytest.fixture
def random_series():
    generator = np.random.default_rng(3)
    observed = generator.uniform(0.05, 0.45, 500)
    return observed, 0.6 * observed + 0.1 + generator.normal(0, 0.05, 500)


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        # errors 0.1, 0, 0.1, 0.2
        ("mae", 0.1),
        ("rmse", np.sqrt(0.06 / 4)),
        ("bias", 0.1),
        ("ubrmse", np.sqrt(0.02 / 4)),
        # deviations -0.15, -0.05, 0.05, 0.15 and -0.15, -0.15, 0.05, 0.25: products sum to 0.07
        ("r", 0.07 / np.sqrt(0.05 * 0.11)),
        ("ccc", 2 * 0.0175 / (0.0125 + 0.0275 + 0.1**2)),
    ],
)
def test_score_equals_the_value_worked_out_by_hand(name, by_hand):
    assert metrics.FORMULAS[name](OBSERVED, PREDICTED) == pytest.approx(by_hand, rel=1e-12)


def test_scores_equal_those_of_other_libraries(random_series):
    observed, predicted = random_series
    score = metrics.scores(observed, predicted)
    assert score["mae"] == pytest.approx(mean_absolute_error(observed, predicted), rel=1e-12)
    assert score["rmse"] == pytest.approx(root_mean_squared_error(observed, predicted), rel=1e-12)
    assert score["r"] == pytest.approx(stats.pearsonr(observed, predicted).statistic, rel=1e-12)
    assert score["ubrmse"] == pytest.approx(np.std(predicted - observed, ddof=0), rel=1e-12)
    covariance = np.cov(observed, predicted, ddof=0)
    concordance = 2 * covariance[0, 1] / (np.trace(covariance) + (predicted.mean() - observed.mean()) ** 2)
    assert score["ccc"] == pytest.approx(concordance, rel=1e-12)


def test_mean_square_error_is_bias_squared_and_unbiased_part(random_series):
    score = metrics.scores(*random_series)
    assert score["rmse"] ** 2 == pytest.approx(score["bias"] ** 2 + score["ubrmse"] ** 2)


def test_a_prediction_that_is_too_wet_has_a_positive_bias():
    assert metrics.bias(OBSERVED, OBSERVED + 0.05) == pytest.approx(0.05)


def test_a_shifted_copy_correlates_fully_and_agrees_less():
    score = metrics.scores(OBSERVED, OBSERVED + 0.1)
    assert score["r"] == pytest.approx(1.0)
    assert score["ubrmse"] == pytest.approx(0.0, abs=1e-15)
    assert score["ccc"] == pytest.approx(2 * 0.0125 / (2 * 0.0125 + 0.01))


def test_a_series_that_does_not_vary_has_no_correlation():
    constant = np.full(4, 0.1)  # its mean differs from 0.1 in the last digit
    for series in (constant, constant.astype("float32") + np.array([0, 1e-9, 0, 0])):
        assert np.isnan(metrics.r(OBSERVED, series))
        assert np.isnan(metrics.r(series, OBSERVED))
        assert metrics.ccc(OBSERVED, series) == pytest.approx(0.0, abs=1e-6)
        assert np.isnan(metrics.ccc(series, series))
    assert metrics.mae(OBSERVED, constant) == pytest.approx(0.15)


def test_one_row_has_an_error_and_no_spread():
    score = metrics.scores(np.array([0.2]), np.array([0.25]))
    assert [score[name] for name in ("mae", "rmse", "bias")] == pytest.approx([0.05] * 3)
    assert all(np.isnan(score[name]) for name in ("ubrmse", "r", "ccc"))


def test_no_row_has_no_score():
    assert all(np.isnan(value) for value in metrics.scores(np.array([]), np.array([])).values())


def test_stations_are_scored_each_by_its_own_rows():
    rows = pd.DataFrame({"observed": np.tile(OBSERVED, 2), "predicted": np.r_[PREDICTED, OBSERVED]})
    rows = rows.assign(
        protocol="leave_one_station_out", size=0, draw=1, model="mlp", scenario="transfer",
        layer="surface", fold=np.repeat([1, 2], 4),
        station=np.repeat(["wet creek", "dry hill"], 4), date=np.tile(pd.date_range("2020-01-01", periods=4), 2),
    )  # fmt: skip
    table = METRICS_TABLE.validate(metrics.score_stations(rows.iloc[:-1])).set_index("station")
    assert list(table.index) == ["wet creek", "dry hill"]
    assert list(table["n"]) == [4, 3]
    assert table.loc["wet creek", "mae"] == pytest.approx(0.1)
    assert table.loc["dry hill", METRICS].tolist() == pytest.approx([0, 0, 0, 0, 1, 1])
