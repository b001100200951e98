"""The key finding says what the numbers say."""

import numpy as np
import pandas as pd
import pytest

from loam.report.finding import findings

LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30}]
STATIONS = [f"station {number}" for number in range(12)]
SPREAD = np.linspace(0.0, 0.02, 12)


def find(**rmse):
    """The finding for RMSE of each station, given as ``model__scenario=values``."""
    metrics = pd.concat(
        [
            pd.DataFrame({"model": name.split("__")[0], "scenario": name.split("__")[1], "layer": "surface",
                          "station": STATIONS, "rmse": values})
            for name, values in rmse.items()
        ]
    )  # fmt: skip
    (finding,) = findings(metrics, LAYERS, draws=500, seed=1)
    return finding


def test_transfer_that_is_better_everywhere_beats_both_rivals():
    finding = find(
        mlp__transfer=0.030 + SPREAD, mlp__target=0.050 + SPREAD, boosted_trees__both=0.040 + SPREAD,
        coarse__none=0.080 + SPREAD,
    )  # fmt: skip
    assert finding.layer == "surface, 0–30 cm"
    assert finding.text == (
        "Lowest median RMSE: MLP, transfer, 0.040 m³ m⁻³. Transfer beats training on the target alone (0.040 against "
        "0.060, lower at 12 of 12 stations); it beats boosted trees on both domains (0.040 against 0.050, lower at 12 "
        "of 12 stations)."
    )


def test_transfer_that_loses_is_said_to_lose():
    finding = find(mlp__transfer=0.05 + SPREAD, mlp__target=0.03 + SPREAD, boosted_trees__both=0.04 + SPREAD)
    assert finding.text.startswith("Lowest median RMSE: MLP, target only, 0.040")
    assert "Transfer does not beat training on the target alone" in finding.text
    assert "it does not beat boosted trees on both domains" in finding.text
    assert "close" not in finding.text


def test_a_lead_within_the_chance_of_stations_is_too_close_to_call():
    jitter = np.tile([0.02, -0.021], 6)
    finding = find(mlp__transfer=0.05 + SPREAD + jitter, mlp__target=0.0502 + SPREAD[::-1])
    (comparison,) = finding.comparisons
    assert comparison.low < 0 < comparison.high
    if comparison.ours < comparison.theirs:
        assert comparison.verdict == "is slightly ahead of"
    assert "too close to call" in finding.text


def test_the_best_network_of_a_scenario_stands_for_it():
    finding = find(
        mlp__transfer=0.05 + SPREAD, lstm__transfer=0.03 + SPREAD, mlp__target=0.06 + SPREAD, lstm__target=0.07 + SPREAD
    )
    assert finding.transfer == "LSTM, transfer"
    assert finding.comparisons[0].rival == ("mlp", "target")
    assert finding.comparisons[0].difference == pytest.approx(-0.03)


def test_other_probes_on_the_day_win_only_with_their_condition():
    finding = find(mlp__transfer=0.05 + SPREAD, same_day_mean__none=0.02 + SPREAD)
    assert finding.text.startswith(
        "Lowest median RMSE: MLP, transfer, 0.060 m³ m⁻³. Only the mean of the other probes on the same day is lower "
        "(0.030), and it needs probes that report on the day."
    )


def test_a_run_without_transfer_says_so():
    finding = find(mlp__source=0.05 + SPREAD)
    assert finding.text.endswith("No network was trained by transfer in this run.")
    assert finding.comparisons == []


def test_one_common_station_settles_nothing_and_none_is_no_comparison():
    rival = np.full(12, np.nan)
    rival[3] = 0.5
    finding = find(mlp__transfer=0.03 + SPREAD, mlp__target=rival)
    assert "lower at 1 of 1 stations; too close to call" in finding.text
    rival[:] = np.nan
    assert find(mlp__transfer=0.03 + SPREAD, mlp__target=rival).comparisons == []


def test_comparisons_use_the_stations_that_both_have():
    rmse = 0.05 + SPREAD
    rmse[:4] = np.nan
    (comparison,) = find(mlp__transfer=0.03 + SPREAD, mlp__target=rmse).comparisons
    assert (comparison.stations, comparison.lower) == (8, 8)
