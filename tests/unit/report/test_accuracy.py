"""The line above a map says what the scores say: the error, in water too, and the best rival only as far as told."""

import describe_accuracy as script
import numpy as np
import pandas as pd
import pytest

from loam.io.schemas import ACCURACY
from loam.io.tables import read_table, write_table
from loam.report.accuracy import accuracies

LAYER = {"name": "surface", "top_cm": 0, "bottom_cm": 30}
STATIONS = [f"station {number}" for number in range(12)]
SPREAD = np.linspace(-0.01, 0.01, 12)


def scored(layer="surface", **rmse):
    """Scores of stations, given as ``model__scenario=values``."""
    return pd.concat(
        [
            pd.DataFrame({"model": name.split("__")[0], "scenario": name.split("__")[1], "layer": layer,
                          "station": STATIONS[: len(values)], "rmse": values})
            for name, values in rmse.items()
        ]
    )  # fmt: skip


def tell(metrics, layer=LAYER, mapped=("lstm", "transfer")):
    (row,) = accuracies(metrics, [layer], mapped, draws=500, seed=1).itertuples()
    return row


def test_the_error_is_told_in_moisture_and_in_water_beside_a_rival_that_did_better():
    row = tell(scored(lstm__transfer=0.06 + SPREAD, boosted_trees__both=0.04 + SPREAD, coarse__none=0.09 + SPREAD))
    assert row.text == (
        "surface, 0–30 cm: at a place without a probe expect ±0.060 m³ m⁻³, about 18 mm in 30 cm; boosted trees (both "
        "domains) did better: 0.040. Medians over 12 held-out stations; the map is by LSTM (transfer)."
    )
    assert (row.verdict, row.rival_model, row.rival_scenario, row.stations) == ("worse", "boosted_trees", "both", 12)
    assert (row.rmse, row.millimetres, row.difference) == pytest.approx((0.06, 18, 0.02))


def test_the_best_rival_that_did_worse_is_named_too():
    row = tell(scored(lstm__transfer=0.04 + SPREAD, mlp__target=0.07 + SPREAD, coarse__none=0.09 + SPREAD))
    assert "cm; the best rival, MLP (target only), did worse: 0.070." in row.text and row.verdict == "better"


def test_better_is_not_said_where_the_stations_do_not_tell():
    jitter = np.tile([0.03, -0.035], 6)
    row = tell(scored(lstm__transfer=0.06 + SPREAD, mlp__target=0.06 + SPREAD + jitter))
    assert row.difference_low < 0 < row.difference_high
    assert "no clear difference to the best rival, MLP (target only): " in row.text
    assert "better" not in row.text and "worse" not in row.text and row.verdict == "no clear difference"


def test_a_rival_that_is_clearly_better_goes_before_one_with_a_lower_median_that_is_not():
    wild = np.where(np.arange(12) < 7, 0.03, 0.5)  # the median alone would make it the best
    row = tell(scored(lstm__transfer=0.06 + SPREAD, coarse__none=wild, boosted_trees__both=0.05 + SPREAD))
    assert "boosted trees (both domains) did better: 0.050" in row.text


def test_the_mean_of_other_probes_makes_no_map_and_is_no_rival():
    row = tell(scored(lstm__transfer=0.06 + SPREAD, same_day_mean__none=0.01 + SPREAD))
    assert "the run has no rival to compare it with" in row.text
    assert (row.verdict, row.rival_model) == ("no rival", "none") and np.isnan(row.rival_rmse)


def test_one_station_tells_nothing_of_a_rival():
    row = tell(scored(lstm__transfer=[0.06], boosted_trees__both=[0.02]))
    assert "one station does not tell it from boosted trees (both domains): 0.020. Of one held-out station" in row.text
    assert row.verdict == "no clear difference"


def test_a_rival_is_compared_at_the_stations_that_both_have():
    theirs = 0.04 + SPREAD
    theirs[4:] = np.nan
    ours = np.where(np.arange(12) < 4, 0.09, 0.05)
    row = tell(scored(lstm__transfer=ours, coarse__none=theirs))
    assert row.rmse == pytest.approx(0.05) and row.difference == pytest.approx(0.055, abs=0.01)
    assert "did better: 0.033 at the 4 of these stations that both have" in row.text


def test_the_water_of_a_thin_layer_keeps_a_digit():
    row = tell(scored(lstm__transfer=0.06 + SPREAD), {"name": "surface", "top_cm": 0, "bottom_cm": 5})
    assert "about 3.0 mm in 5 cm" in row.text


@pytest.mark.parametrize(
    "metrics",
    [
        scored(layer="subsurface", lstm__transfer=0.06 + SPREAD),
        scored(mlp__transfer=0.06 + SPREAD),
        scored(lstm__transfer=np.full(12, np.nan), coarse__none=0.06 + SPREAD),
    ],
)
def test_a_layer_without_scores_of_the_mapped_model_says_so(metrics, tmp_path):
    row = tell(metrics)
    assert row.text == (
        "surface, 0–30 cm: how far off the map is at a place without a probe is not known: no held-out station has "
        "scores of LSTM (transfer)."
    )
    assert row.verdict == "not known" and np.isnan(row.rmse) and row.stations == 0


def test_the_script_writes_a_row_a_layer_that_is_read_back(make_run, tmp_path):
    run = make_run()
    paths = {"metrics": tmp_path / "metrics.csv", "accuracy": tmp_path / "accuracy.csv"}
    write_table(run["metrics"], paths["metrics"])
    systems = [{"model": "lstm", "scenario": "transfer"}]
    script.stage(paths, run["values"] | {"systems": systems, "protocol": "leave_one_station_out"})
    table = read_table(paths["accuracy"], ACCURACY)
    assert table["layer"].tolist() == ["surface", "subsurface"] and (table["rmse"] > 0).all()
    assert "expect ±" in table["text"][1] and "mm in 30 cm" in table["text"][1]


def test_the_line_says_where_the_protocol_flatters():
    metrics = scored(lstm__transfer=0.06 + SPREAD)
    (row,) = accuracies(
        metrics, [LAYER], ("lstm", "transfer"), draws=500, seed=1, protocol="random_rows"
    ).itertuples()  # fmt: skip
    assert row.protocol == "random_rows"
    assert row.text.endswith("Protocol random_rows flatters: rows of the same probe, and of the days before and after, "
                             "are on both sides.")  # fmt: skip
