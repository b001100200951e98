"""The level of one system, the dynamics of another."""

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.evaluation.level_mix import mix_level, with_level
from loam.io.schemas import PREDICTIONS

DAYS = 4


def predictions(predicted, model="mlp", scenario="both", station="a", fold=1, rows="training", **more):
    """Of one station, a value a day from 1 January."""
    dates = pd.date_range("2021-01-01", periods=len(predicted))
    table = pd.DataFrame({"date": dates, "predicted": predicted, "observed": np.arange(len(predicted)) / 10})
    unknown = dict.fromkeys(["output", "lower", "upper"], np.nan)
    table = table.assign(
        protocol="leave_one_station_out", size=0, draw=1, model=model, scenario=scenario, rows=rows, fold=fold,
        domain="target", station=station, layer="surface", spread=0.01, **(unknown | more),
    )  # fmt: skip
    return PREDICTIONS.validate(table[list(PREDICTIONS.columns)])


def test_the_level_is_shared_and_the_dynamics_are_the_network_s():
    network, trees = predictions([0.1, 0.2, 0.3, 0.4]), predictions([0.5, 0.3, 0.4, 0.4], "trees")
    mixed = PREDICTIONS.validate(with_level(network, trees, share=0.25))  # means 0.25 and 0.40
    assert mixed["predicted"].tolist() == pytest.approx([0.1375, 0.2375, 0.3375, 0.4375])
    assert (mixed["model"] == "mlp").all() and mixed["spread"].isna().all()


def test_a_share_of_one_takes_the_level_and_one_near_nothing_leaves_it():
    network, trees = predictions([0.1, 0.2, 0.3, 0.4]), predictions([0.5, 0.3, 0.4, 0.4], "trees")
    assert with_level(network, trees, share=1.0)["predicted"].mean() == pytest.approx(0.4)
    assert with_level(network, trees, share=1e-9)["predicted"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_each_station_fold_and_layer_has_its_own_level():
    network = pd.concat([predictions([0.1, 0.3]), predictions([0.4, 0.6], station="b", fold=2)])
    trees = pd.concat([predictions([0.3, 0.3], "trees"), predictions([0.2, 0.2], "trees", station="b", fold=2)])
    mixed = with_level(network, trees, share=0.5)
    assert mixed["predicted"].tolist() == pytest.approx([0.15, 0.35, 0.25, 0.45])


def test_the_means_are_over_the_rows_that_both_predict_and_the_others_are_told_of(caplog):
    network, trees = predictions([0.1, 0.2, 0.9]), predictions([0.4, 0.5, 0.5], "trees").iloc[:2]
    mixed = with_level(network, trees, share=1.0)
    assert mixed["predicted"].tolist() == pytest.approx([0.4, 0.5])
    assert "1 of 3 rows are left out" in caplog.text


def test_a_station_with_one_day_has_the_mixed_level_of_that_day():
    mixed = with_level(predictions([0.1]), predictions([0.3], "trees"), share=0.5)
    assert mixed["predicted"].tolist() == pytest.approx([0.2])


def test_what_leaves_the_possible_is_bounded_and_kept_as_output():
    mixed = with_level(predictions([0.0, 0.4]), predictions([0.05, 0.05], "trees"), share=1.0)
    assert mixed["output"].tolist() == pytest.approx([-0.15, 0.25])
    assert mixed["predicted"].tolist() == pytest.approx([0.0, 0.25])


@pytest.mark.parametrize(
    ("ours", "theirs", "rows"),
    [("training", "training", "training"), ("training", "all", "all"), ("all", "training", "all")],
)
def test_a_mix_was_fitted_on_all_rows_where_either_was(ours, theirs, rows):
    mixed = with_level(predictions([0.1, 0.2], rows=ours), predictions([0.3, 0.3], "trees", rows=theirs), share=0.5)
    assert set(mixed["rows"]) == {rows}


def test_other_observations_and_no_common_row_are_refused():
    network = predictions([0.1, 0.2])
    with pytest.raises(TableError, match="level of trees both for mlp both.*no row that both predict"):
        with_level(network, predictions([0.1], "trees", station="b"), share=0.5)
    with pytest.raises(TableError, match="station a observed 0.1 and 0.7 on 2021-01-02"):
        with_level(network, predictions([0.1, 0.2], "trees", observed=[0.0, 0.7]), share=0.5)


def rivals():
    return pd.concat(
        [predictions([0.2, 0.2], "trees", "target"), predictions([0.6, 0.6], "trees", "both"),
         predictions([0.9, 0.9], "ridge", "both")]
    )  # fmt: skip


@pytest.mark.parametrize(("scenario", "level"), [("target", 0.2), ("both", 0.6), ("transfer", 0.6)])
def test_a_network_of_the_target_alone_has_its_level_from_the_target_alone(scenario, level):
    mixed = mix_level(predictions([0.3, 0.5], scenario=scenario), rivals(), rival="trees", share=1.0)
    assert mixed["predicted"].tolist() == pytest.approx([level - 0.1, level + 0.1])
    assert set(mixed["model"]) == {"mlp_mixed"} and set(mixed["scenario"]) == {scenario}


def test_a_rival_that_predicts_nothing_lends_no_level():
    with pytest.raises(TableError, match=r"section 'level'.*coarse predicts nothing"):
        mix_level(predictions([0.3, 0.5]), rivals(), rival="coarse", share=0.5)


def test_the_dynamics_can_be_shared_too_and_half_of_both_is_the_mean_of_the_systems():
    network, trees = predictions([0.1, 0.2, 0.3, 0.4]), predictions([0.5, 0.3, 0.4, 0.4], "trees")
    mean = with_level(network, trees, share=0.5, dynamics_share=0.5)
    assert mean["predicted"].tolist() == pytest.approx([0.3, 0.25, 0.35, 0.4])
    moved = with_level(network, trees, share=1e-9, dynamics_share=1.0)
    assert moved["predicted"].tolist() == pytest.approx([0.35, 0.15, 0.25, 0.25]), (
        "the trees', about the network's mean"
    )
