"""Several protocols beside each other, and what flatters marked wherever it is shown."""

import pandas as pd
import pytest

from loam.evaluation.metrics import score_stations
from loam.evaluation.shown import shown
from loam.evaluation.summary import summarise
from loam.report.held_out import about, beside, best_lines
from loam.report.notices import notices

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}]
DATES = pd.date_range("2021-01-01", periods=5)


def predictions(protocol, error, size=0, draw=1, stations=("a", "b", "c")):
    """Predictions that are ``error`` too wet at each station and each day."""
    parts = [
        pd.DataFrame(
            {"protocol": protocol, "size": size, "draw": draw, "model": "lstm", "scenario": "transfer", "fold": fold,
             "station": station, "date": DATES, "layer": "surface", "observed": [0.1, 0.2, 0.3, 0.2, 0.1]}
        )
        for fold, station in enumerate(stations, start=1)
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return table.assign(predicted=table["observed"] + error)


@pytest.fixture
def summary():
    rows = pd.concat(
        [predictions("leave_one_station_out", 0.05), predictions("random_rows", 0.01),
         predictions("few_shot", 0.08, size=1), predictions("few_shot", 0.06, size=2)]
    )  # fmt: skip
    return summarise(rows, score_stations(rows), draws=100, seed=1)


def test_protocols_are_scored_each_by_itself(summary):
    rmse = summary[summary["metric"] == "rmse"].set_index(["protocol", "size"])["median"]
    assert rmse.to_dict() == {
        ("leave_one_station_out", 0): pytest.approx(0.05), ("random_rows", 0): pytest.approx(0.01),
        ("few_shot", 1): pytest.approx(0.08), ("few_shot", 2): pytest.approx(0.06),
    }  # fmt: skip
    assert set(summary.loc[summary["flatters"], "protocol"]) == {"random_rows"}


def test_what_stands_first_is_the_protocol_at_its_most_stations(summary):
    assert set(shown(summary, "few_shot")["size"]) == {2}
    assert set(shown(summary, "leave_one_station_out")["protocol"]) == {"leave_one_station_out"}


def test_the_table_has_a_row_a_protocol_and_size_and_marks_what_flatters(summary):
    rows = [row[:2] + row[5:6] for row in beside(summary, LAYERS).rows]
    assert rows == [["leave_one_station_out", "–", "0.050"], ["random_rows (flatters)", "–", "0.010"],
                    ["few_shot", "1", "0.080"], ["few_shot", "2", "0.060"]]  # fmt: skip
    assert "  random_rows (flatters), surface, 0–30 cm: 0.010, LSTM, transfer" in best_lines(summary, LAYERS)


def test_one_protocol_is_not_compared_with_itself(summary):
    alone = shown(summary, "leave_one_station_out")
    assert beside(alone, LAYERS) is None and best_lines(alone, LAYERS) == []


def test_a_run_whose_first_protocol_flatters_says_so_before_its_scores(load):
    (notice,) = [one for one in notices(load(training={"protocols": ["random_rows"]}), []) if "better" in one.title]
    assert "random_rows flatters" in notice.text
    assert "flatters" in about("random_rows")
    assert not any("better" in one.title for one in notices(load(), []))


def test_a_station_s_score_is_the_mean_over_the_draws():
    rows = pd.concat([predictions("few_shot", 0.02, 1, 1), predictions("few_shot", 0.06, 1, 2, ("a", "b"))])
    summary = summarise(rows, score_stations(rows), draws=100, seed=1)
    mae = summary[summary["metric"] == "mae"].iloc[0]
    assert (mae["stations"], mae["n"]) == (3, 25)
    assert mae["median"] == pytest.approx(0.04)  # a and b 0.04, c 0.02
    assert mae["mean"] == pytest.approx((0.04 + 0.04 + 0.02) / 3)
    assert mae["pooled"] == pytest.approx((15 * 0.02 + 10 * 0.06) / 25)
