"""Which system makes the map where the scores decide."""

import json

import numpy as np
import pandas as pd
import pytest

from loam.errors import TableError
from loam.evaluation.best_system import choose_system
from loam.evaluation.chosen import chosen_of

STATIONS = [f"s{number}" for number in range(12)]
SPREAD = np.linspace(0, 0.05, 12)
LAYERS = ["surface", "subsurface"]


def system(model, scenario="both", rival=False):
    return {"model": model, "scenario": scenario, "scored": model, "rival": rival}


SYSTEMS = [system("mlp_within"), system("lstm", "transfer"), system("boosted_trees_all", rival=True)]


def scored(layers=LAYERS, **rmse):
    """Scores of stations by ``model__scenario=values``, alike in each layer."""
    parts = [
        pd.DataFrame({"station": STATIONS[: len(values)], "rmse": values, "layer": layer})
        .assign(model=name.split("__")[0], scenario=name.split("__")[1])
        for name, values in rmse.items() for layer in layers
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def choose(metrics, systems=SYSTEMS):
    return choose_system(metrics, systems, LAYERS, draws=300, seed=1)


@pytest.fixture
def metrics():
    """Trees clearly the best, the configured network the worst; a mixed level better than all, which cannot map."""
    return scored(
        mlp_within__both=0.08 + SPREAD, lstm__transfer=0.07 + SPREAD, boosted_trees_all__both=0.05 + SPREAD,
        boosted_trees_all__target=0.01 + SPREAD, lstm_mixed__transfer=0.02 + SPREAD, kriging__none=0.01 + SPREAD,
    )  # fmt: skip


def test_the_lowest_median_maps_where_the_interval_to_the_next_tells_them_apart(metrics):
    found = choose(metrics)
    assert (found["model"], found["scenario"], found["stations"]) == ("boosted_trees_all", "both", 12)
    assert [one["model"] for one in found["candidates"]] == ["boosted_trees_all", "lstm", "mlp_within"]
    assert found["candidates"][0]["median"] == pytest.approx(0.075)
    assert found["candidates"][0]["to_next"]["difference_high"] == pytest.approx(-0.02)
    assert "to_next" not in found["candidates"][-1]
    assert found["why"].startswith(
        "the best of 3 by the interval: median RMSE 0.0750 m3 m-3 at 12 held-out stations, lstm"
    )


def test_what_is_scored_and_cannot_map_is_named_and_not_taken(metrics):
    assert [one["model"] for one in choose(metrics)["cannot_map"]] == ["kriging", "lstm_mixed"]


def test_stations_that_do_not_tell_two_apart_leave_the_configured_network(metrics):
    noise = np.where(np.arange(12) % 2, 0.03, -0.031)
    close = scored(
        mlp_within__both=0.09 + SPREAD, lstm__transfer=0.07 + SPREAD, boosted_trees_all__both=0.07 + SPREAD + noise
    )
    found = choose(close)
    assert found["model"] == "mlp_within" and "is not clearly the best" in found["why"]
    itself = scored(
        mlp_within__both=0.07 + SPREAD + noise, lstm__transfer=0.07 + SPREAD, boosted_trees_all__both=0.09 + SPREAD
    )
    found = choose(itself)
    assert found["model"] == "mlp_within" and found["why"].startswith("the configured network, and none is clearly")


def test_only_stations_and_layers_of_all_candidates_count(metrics):
    worst = metrics["model"].eq("lstm") & metrics["station"].isin(["s0", "s1"]) & metrics["layer"].eq("surface")
    easy = metrics["station"].isin(["s0", "s1"]) & metrics["layer"].eq("surface") & metrics["model"].eq("mlp_within")
    expected = choose(metrics[~(metrics["station"].isin(["s0", "s1"]) & metrics["layer"].eq("surface"))])
    assert choose(metrics.assign(rmse=metrics["rmse"].mask(worst).mask(easy, 0.0))) == expected


def test_a_station_counts_once_whatever_its_layers(metrics):
    one_layer = metrics[~(metrics["layer"].eq("subsurface") & metrics["station"].ne("s0"))]
    assert choose(one_layer)["candidates"] == choose(metrics)["candidates"]


def test_a_candidate_without_scores_and_candidates_without_a_common_station_are_refused(metrics):
    with pytest.raises(TableError, match="no score of lstm transfer"):
        choose(metrics[metrics["model"] != "lstm"])
    apart = metrics[(metrics["model"] != "lstm") | metrics["station"].eq("s0")]
    with pytest.raises(TableError, match="no station has a score of every candidate"):
        choose(apart[(apart["model"] == "lstm") | apart["station"].ne("s0")])


def test_one_station_has_no_interval_and_leaves_the_configured_network(metrics):
    found = choose(metrics[metrics["station"] == "s3"])
    assert found["model"] == "mlp_within"
    assert json.loads(json.dumps(found))["candidates"][0]["to_next"]["difference_low"] is None


def test_what_was_chosen_is_read_back_and_must_be_one_that_can_map(metrics, tmp_path):
    path = tmp_path / "chosen.json"
    path.write_text(json.dumps(choose(metrics)))
    found, why = chosen_of(SYSTEMS, path)
    assert found is SYSTEMS[2] and why.startswith("the best of 3")
    assert chosen_of(SYSTEMS[:1], None) == (SYSTEMS[0], None)
    with pytest.raises(TableError, match="boosted_trees_all both is none of the systems.*rerun choose_model"):
        chosen_of(SYSTEMS[:2], path)
