"""Two systems at the same stations: only what the stations tell is said, and an easier question is named."""

import numpy as np
import pandas as pd
import pytest

from loam.config.systems import reads_probes_of_the_day
from loam.evaluation.metrics import score_stations
from loam.evaluation.paired import Paired, compare, pair_systems
from loam.io.schemas import PAIRED

STATIONS = [f"station {number}" for number in range(8)]
DAYS = pd.date_range("2021-01-01", periods=10)


def predicted(model, scenario, error, rows="training", days=DAYS):
    """Predictions off by ``error`` (one a station) with alternating sign, so that RMSE and ubRMSE are its size."""
    sign = np.tile([1.0, -1.0], len(days) // 2)
    return pd.concat(
        [
            pd.DataFrame({"protocol": "leave_one_station_out", "size": 0, "draw": 1, "model": model,
                          "scenario": scenario, "rows": rows, "station": station, "date": days,
                          "layer": "surface", "observed": 0.2,
                          "predicted": 0.2 + sign * own})
            for station, own in zip(STATIONS, error, strict=True)
        ]
    )  # fmt: skip


def paired(*parts, **models):
    predictions = pd.concat(parts, ignore_index=True)
    scores, models = score_stations(predictions), models or {"mlp": False}
    return PAIRED.validate(pair_systems(predictions, scores, models, draws=400, seed=1))


def test_mean_and_median_of_the_differences_are_those_station_by_station():
    rival = np.array([0.05, 0.06, 0.05, 0.07, 0.05, 0.06, 0.05, 0.25])
    table = paired(predicted("mlp", "both", np.full(8, 0.04)), predicted("coarse", "none", rival))
    assert len(table) == 4 and (table["lower"] == 8).all() and (table["stations"] == 8).all()
    for row in table.itertuples():
        assert row.difference == pytest.approx(getattr(np, row.statistic)(0.04 - rival))
        assert row.difference_low <= row.difference <= row.difference_high < 0 and row.verdict == "better"
    mean, median = (table[table["statistic"] == name].iloc[0] for name in ("mean", "median"))
    assert mean["difference_low"] < median["difference_low"]  # one station of eight moves the mean only


def test_a_difference_that_hangs_on_one_station_is_not_called_one():
    rival = np.array([0.041, 0.039, 0.041, 0.039, 0.041, 0.039, 0.041, 0.2])
    table = paired(predicted("mlp", "both", np.full(8, 0.04)), predicted("coarse", "none", rival))
    assert set(table["verdict"]) == {"no clear difference"} and (table["unequal"] == "").all()


def test_every_network_meets_every_other_system_and_a_baseline_leads_no_row():
    table = paired(
        predicted("mlp", "target", np.full(8, 0.05)), predicted("mlp", "both", np.full(8, 0.04)),
        predicted("mlp_mixed", "both", np.full(8, 0.03)), predicted("coarse", "none", np.full(8, 0.06)),
    )  # fmt: skip
    pairs = set(zip(table["model"] + table["scenario"], table["rival_model"] + table["rival_scenario"], strict=True))
    networks = ["mlptarget", "mlpboth", "mlp_mixedboth"]
    assert pairs == {(a, b) for a in networks for b in [*networks, "coarsenone"] if a != b}


def test_an_easier_question_is_named():
    ours = predicted("mlp", "both", np.full(8, 0.05))
    told = paired(
        ours, predicted("same_day_mean", "none", np.full(8, 0.04), days=DAYS[:8]),
        predicted("ridge", "both", np.full(8, 0.04), rows="all"), predicted("boosted_trees", "both", np.full(8, 0.04)),
    ).drop_duplicates("rival_model").set_index("rival_model")  # fmt: skip
    assert told.loc["same_day_mean", "unequal"] == (
        "the rival is told what other probes measured on the day; scored on different days"
    )
    assert told.loc["ridge", "unequal"] == "the rival was fitted on the validation stations too"
    assert told.loc["boosted_trees", "unequal"] == ""
    assert tuple(told.loc["ridge", ["rows", "rival_rows"]]) == ("training", "all")
    assert tuple(told.loc["same_day_mean", ["n", "rival_n"]]) == (80, 64)


def test_an_advantage_of_the_network_is_named_too():
    ours = predicted("mine", "both", np.full(8, 0.03), rows="all")
    (told,) = paired(ours, predicted("coarse", "none", np.full(8, 0.06)), mine=True)["unequal"].unique()
    assert told == (
        "the system is told what other probes measured on the day; the system was fitted on the validation stations too"
    )


@pytest.mark.parametrize("model", ["kriging", "mlp_neighbours", "mlp_neighbours_mixed", "boosted_trees_neighbours"])
def test_systems_that_read_other_probes_are_known(model):
    assert reads_probes_of_the_day(model) and not reads_probes_of_the_day("mlp_within_mixed")


def test_systems_without_a_common_station_are_not_compared_and_one_station_has_no_interval():
    scores = pd.DataFrame({("mlp", "both"): [0.1, np.nan], ("coarse", "none"): [np.nan, 0.1]}, index=["a", "b"])
    assert compare(scores, ("mlp", "both"), ("coarse", "none"), draws=100, seed=1) is None
    scores[("coarse", "none")] = [0.2, np.nan]
    one = compare(scores, ("mlp", "both"), ("coarse", "none"), draws=100, seed=1)
    assert isinstance(one, Paired) and np.isnan([one.low, one.high]).all() and one.word == "no clear difference"
