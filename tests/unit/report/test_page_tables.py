"""The tables of the page."""

import numpy as np
import pandas as pd

from loam.io.schemas import METRICS
from loam.report.page_tables import dropped_rows, map_scores, plain_table, score_rows, training


def test_scores_are_sorted_by_error_and_the_best_of_each_column_is_marked(make_run):
    summary = make_run(layers=("surface",))["summary"]
    rows = score_rows(summary)
    rmse = [float(row.scores[METRICS.index("rmse")].value) for row in rows]
    assert rmse == sorted(rmse)
    for place, metric in enumerate(METRICS):
        values = [float(row.scores[place].value.replace("−", "-")) for row in rows]
        good = [1 - value for value in values] if metric in ("r", "ccc") else [abs(value) for value in values]
        assert [row.scores[place].best for row in rows] == [value == min(good) for value in good], metric


def test_a_score_shows_its_median_and_interval(make_run):
    summary = make_run(layers=("surface",))["summary"]
    lstm = summary.query("model == 'lstm' and scenario == 'transfer'").set_index("metric")
    (row,) = (row for row in score_rows(summary) if row.name == "LSTM, transfer")
    score = row.scores[METRICS.index("mae")]
    assert score.value == f"{lstm.loc['mae', 'median']:.3f}"
    assert score.interval == f"{lstm.loc['mae', 'median_low']:.3f} to {lstm.loc['mae', 'median_high']:.3f}"
    assert row.pooled[METRICS.index("mae")] == f"{lstm.loc['mae', 'pooled']:.3f}"
    assert (row.stations, row.rows) == (4, 160)


def test_an_undefined_score_is_a_dash_and_never_the_best(make_run):
    summary = make_run(layers=("surface",), systems=[("mlp", "transfer"), ("coarse", "none")])["summary"]
    undefined = (summary["model"] == "mlp") & (summary["metric"] == "r")
    summary.loc[undefined, ["median", "median_low", "median_high"]] = float("nan")
    (row,) = (row for row in score_rows(summary) if row.name == "MLP, transfer")
    score = row.scores[METRICS.index("r")]
    assert (score.value, score.interval, score.best) == ("–", "", False)


def test_dropped_rows_are_added_up_over_stations():
    dropped = pd.DataFrame(
        [
            ("target", "a", "covariate", "rain", 3),
            ("target", "b", "covariate", "rain", 4),
            ("target", "a", "kept", None, 90),
        ],
        columns=["domain", "station", "reason", "column", "rows"],
    )
    table = dropped_rows(dropped)
    assert table.header == ["Domain", "Reason", "Missing", "Stations", "Rows"]
    assert table.rows == [["target", "covariate", "rain", "2", "7"], ["target", "kept", "", "1", "90"]]


def test_any_other_table_of_dropped_rows_is_shown_as_it_is():
    table = dropped_rows(pd.DataFrame({"file": ["x.csv"], "dropped_rows": [1200]}))
    assert (table.header, table.rows) == (["File", "Dropped rows"], [["x.csv", "1,200"]])


def test_numbers_of_a_plain_table_are_readable():
    table = plain_table(
        pd.DataFrame({"r": [0.126], "bias": [-0.5], "note": [None], "rmse": [float("nan")], "n": [3000]})
    )
    assert table.header == ["r", "Bias", "Note", "RMSE", "n"]
    assert table.rows == [["0.13", "−0.500", "–", "–", "3,000"]]


def test_a_map_s_scores_name_their_pixels_and_tell_their_share(map_score):
    table = map_scores(map_score, "surface")
    assert table.header == ["Pixels", "Scored", "Masked", "Share", "RMSE", "Bias", "r", "In 90 %"]
    scores = ["0.042", "−0.006", "0.83", "62.5 %"]
    assert table.rows == [
        ["all pixels", "62,500", "0", "100.0 %", *scores],
        ["pasture", "40,000", "0", "64.0 %", *scores],
        ["forest", "22,500", "0", "36.0 %", *scores],
        ["irrigated", "0", "0", "0.0 %", "–", "–", "–", "–"],
        ["inside the range of the training data", "50,000", "0", "80.0 %", *scores],
        ["outside the range of the training data", "12,500", "0", "20.0 %", *scores],
    ]


def test_masked_pixels_count_in_the_share_and_have_no_score(map_score):
    map_score.loc[map_score["value"] == "outside", ["n", "masked"]] = [0, 12500]
    map_score.loc[map_score["value"] == "outside", ["rmse", "bias", "r", "within_90"]] = np.nan
    map_score.loc[map_score["value"] == "all", ["n", "masked"]] = [50000, 12500]
    rows = map_scores(map_score, "surface").rows
    assert rows[0][1:4] == ["50,000", "12,500", "100.0 %"]
    assert rows[-1] == ["outside the range of the training data", "0", "12,500", "20.0 %", "–", "–", "–", "–"]


def test_a_map_of_one_member_has_no_share_in_the_interval(map_score):
    assert [row[-1] for row in map_scores(map_score, "subsurface").rows] == ["–"] * 6
    assert map_scores(map_score, "subsurface").rows[0][4] == "0.062"


def test_a_land_cover_that_the_models_do_not_know_keeps_its_name(map_score):
    renamed = map_score.replace({"value": {"FORE": "TUNDRA"}})
    assert map_scores(renamed, "surface").rows[2][0] == "TUNDRA"


def test_training_is_summed_up_over_members(make_run):
    cards = make_run(systems=[("mlp", "source"), ("mlp", "transfer")])["cards"]
    assert training(cards).rows == [
        ["MLP, source only", "1", "1,000", "41", "36", "0.100"],
        [
            "MLP, transfer",
            "4",
            "2,500 (1,000 to 4,000)",
            "42.5 (41 to 44)",
            "37.5 (36 to 39)",
            "0.250 (0.100 to 0.400)",
        ],
    ]
