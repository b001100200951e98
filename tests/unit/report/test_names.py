"""What things are called on the page."""

import numpy as np
import pandas as pd
import pytest

from loam.report.names import heading, systems_of
from loam.report.words import layer_name, number, plain_name, system_name


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (0.03449, "rmse", "0.034"),
        (-0.0126, "bias", "−0.013"),
        (-0.0001, "bias", "0.000"),
        (0.7251, "r", "0.73"),
        (np.nan, "ccc", "–"),
    ],
)
def test_scores_are_printed_with_the_digits_they_deserve(value, metric, text):
    assert number(value, metric) == text


def test_networks_come_by_scenario_and_rivals_last():
    frame = pd.DataFrame(
        [
            ("coarse", "none"), ("lstm", "transfer"), ("boosted_trees", "both"), ("mlp", "transfer"),
            ("boosted_trees", "target"), ("mlp", "source"), ("mlp", "source"), ("convlstm", "source"),
        ],
        columns=["model", "scenario"],
    )  # fmt: skip
    assert systems_of(frame) == [
        ("mlp", "source"), ("convlstm", "source"), ("mlp", "transfer"), ("lstm", "transfer"),
        ("boosted_trees", "target"), ("boosted_trees", "both"), ("coarse", "none"),
    ]  # fmt: skip


def test_names_are_those_a_reader_knows():
    assert system_name(("lstm", "transfer")) == "LSTM, transfer"
    assert system_name(("same_day_mean", "none")) == "Other probes, same day"
    assert layer_name({"name": "surface", "top_cm": 0, "bottom_cm": 30.0}) == "surface, 0–30 cm"
    assert [heading(name) for name in ("test_station", "ubrmse", "r")] == ["Test station", "ubRMSE", "r"]


def test_a_system_amid_a_sentence_keeps_its_acronyms_and_holds_no_comma():
    systems = [("boosted_trees", "both"), ("lstm", "transfer"), ("coarse", "none"), ("same_day_mean", "none")]
    assert [plain_name(system) for system in systems] == [
        "boosted trees (both domains)", "LSTM (transfer)", "coarse moisture (rescaled)", "other probes (same day)",
    ]  # fmt: skip
