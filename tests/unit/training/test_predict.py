"""What is predicted is possible moisture, of the networks that have not met the station; a family's is their mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from held_out import folds_of
from networks import a_network
from series import features_of_shape, series_of_inputs

from loam.models.parts.initial import draw_parameters
from loam.training.card import Members, load_members
from loam.training.folds import draw_folds
from loam.training.predict import predict_held_out
from loam.training.scenarios import train_target, write_result

LAYERS = ["surface", "subsurface"]


def test_held_out_moisture_beyond_the_possible_becomes_the_bound():
    shape = (3, 0, 0)
    network = a_network("mlp", {"hidden": [4], "output": "linear"}, shape, 2)
    parameters = draw_parameters(network, [1])
    parameters["output.weight"][:] = 0
    parameters["output.bias"][:] = torch.tensor([-0.4, 1.7])
    features, layers = features_of_shape(shape), ["l0", "l1"]
    card = {"model": "mlp", "scenario": "source", "layers": layers, "features": features.columns,
            "training": {"engine": "stacked"}}  # fmt: skip
    members = Members([network], [parameters], torch.zeros(1, 3).double(), torch.ones(1, 3).double(), card)
    series = series_of_inputs(np.random.default_rng(0).random((5, 3)), np.full((5, 2), 0.2), shape)
    pairs = {station: series.stations[number - 1] for number, station in enumerate(series.stations)}
    table = predict_held_out(members, series, folds_of(pairs), features, layers)
    assert table.groupby("layer")["predicted"].unique().map(list).to_dict() == {"l0": [0.0], "l1": [1.0]}
    for layer, output in (("l0", -0.4), ("l1", 1.7)):
        assert table[table["layer"] == layer]["output"].to_numpy() == pytest.approx([output] * 5, abs=1e-7)
    assert table["spread"].isna().all(), "one network has no spread"


def test_a_family_s_prediction_is_the_mean_of_its_networks_and_the_spread_their_deviation(
    target, make_plan, by_stations, series_of, features, tmp_path
):
    """From training to files, back, and to the station that no network of the fold has met."""
    family = {"hidden": [[16], [32, 16]], "output": ["linear", "logistic"]}
    plan, folds = make_plan("mlp", epochs=2, family=family), draw_folds(target, LAYERS, 3)
    files = [tmp_path / name for name in ("weights.safetensors", "card.json", "history.csv")]
    result = train_target(plan, series_of(target), folds, "fold", None, by_stations)
    write_result(result, *files)
    members = load_members(*files[:2])
    assert (len(members.networks), len(members)) == (4, 20)
    labels = [f"hidden={hidden},output={output}" for hidden in family["hidden"] for output in family["output"]]
    assert [member["network"] for member in members.card["members"]] == [name for name in labels for _ in range(5)]
    assert result.history["network"].unique().tolist() == labels
    table = predict_held_out(members, series_of(target), folds, features, LAYERS)
    assert len(table) == target[LAYERS].notna().sum().sum()
    for fold in (1, 4):
        for number, layer in enumerate(LAYERS):
            rows = table[(table["fold"] == fold) & (table["layer"] == layer)]
            samples = rows[["date", "station"]].merge(target, on=["date", "station"])
            assert len(samples) == len(rows) > 10
            inputs = samples[features.columns].to_numpy()
            outputs = []
            for place in range(fold - 1, 20, 5):  # the fold's member of each network
                network, scaler = members.network_of(place)
                scaled = (torch.from_numpy(inputs) - members.mean[scaler]) / members.std[scaler]
                static, sequence = scaled[:, :4].float(), scaled[:, 4:].reshape(-1, 4, 2).float()
                outputs.append(network({"static": static, "sequence": sequence})[:, -1, number].double().numpy())
            assert np.std(outputs, axis=0).min() > 1e-3, "the networks must differ, or the test shows too little"
            mean = sum(outputs) / 4
            deviation = np.sqrt(sum((output - mean) ** 2 for output in outputs) / 3)
            np.testing.assert_allclose(rows["output"], mean, rtol=0, atol=1e-6)
            np.testing.assert_allclose(rows["spread"], deviation, rtol=0, atol=1e-6)
            np.testing.assert_allclose(rows["predicted"], mean.clip(0, 1), rtol=0, atol=1e-6)


def test_networks_of_a_family_are_drawn_apart(target, make_plan, by_stations, series_of):
    """Two of one size, which differ in what they pass through at the end, do not start from the same weights."""
    plan = make_plan("mlp", epochs=1, learning_rate=1e-12, family={"output": ["linear", "logistic"]})
    folds = draw_folds(target, LAYERS, 3)
    one, other = train_target(plan, series_of(target), folds, "fold", None, by_stations).parameters
    assert one["hidden.0.weight"].shape == other["hidden.0.weight"].shape
    assert not torch.allclose(one["hidden.0.weight"], other["hidden.0.weight"])
