"""The tables of the page."""

import pandas as pd

from loam.io.schemas import METRICS
from loam.report.tables import dropped_rows, map_scores, plain_table, score_rows, training


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


def test_map_scores_are_listed_by_date(tmp_path):
    paths = []
    for date in ("2022-08-15", "2022-08-16"):
        paths.append(tmp_path / date / "score.csv")
        paths[-1].parent.mkdir()
        paths[-1].write_text("layer,rmse\nsurface,0.04\n")
    assert map_scores(paths).rows == [["2022-08-15", "surface", "0.040"], ["2022-08-16", "surface", "0.040"]]
    assert map_scores([]) is None


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
