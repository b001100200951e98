"""What is predicted is possible moisture, of the networks that have not met the station; a family's is their mean."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from held_out import folds_of
from networks import a_network
from series import features_of_shape, series_of_inputs

from loam.covariates.features import feature_set
from loam.models.parts.initial import draw_parameters
from loam.models.parts.recurrent import Lstm
from loam.samples.series import SampleSeries
from loam.samples.windows import Windows
from loam.training.card import Members, load_members
from loam.training.folds import draw_folds
from loam.training.predict import predict_held_out, predict_rows
from loam.training.scaling import Scaler
from loam.training.scenarios import train_target
from loam.training.train_networks import write_result

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
    members = Members([network], [parameters], Scaler(np.zeros((1, 3)), np.ones((1, 3))), card)
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
                scaled = torch.from_numpy((inputs - members.scaler.mean[scaler]) / members.scaler.std[scaler])
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


class Carrying(torch.nn.Module):
    """An LSTM that answers every day and can be run along a series."""

    def __init__(self):
        super().__init__()
        self.lstm = Lstm(3, 4, every=True)
        self.output = torch.nn.Linear(4, 1)

    def forward(self, inputs):
        return self.carry(inputs, None)[0]

    def carry(self, inputs, state):
        sequence = inputs["sequence"]
        static = inputs["static"].unsqueeze(1).expand(-1, sequence.shape[1], -1)
        states, state = self.lstm.carry(torch.cat([sequence, static], 2), state)
        return self.output(states), state


def answers_of_windows(members: Members, windows: Windows, own: list[np.ndarray]) -> list[np.ndarray]:
    """What the same members answer without ``carry``: that of each window alone, as a map reads it."""

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.output = members.networks[0].lstm, members.networks[0].output

        def forward(self, inputs):
            return Carrying.carry(self, inputs, None)[0]

    return predict_rows(replace(members, networks=[Network()]), windows, own)


def test_a_network_that_carries_its_state_runs_each_series_once_and_begins_anew_after_a_gap(monkeypatch, caplog):
    monkeypatch.setattr("loam.training.predict.DAYS_AT_ONCE", 7)
    generator = np.random.default_rng(2)
    daily = {name: generator.normal(size=(2, 40)) for name in ("v0", "v1")}
    daily["v1"][1, 20] = np.nan
    days = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]")
    series = SampleSeries(
        ["a", "b"], days, ["s0"], generator.normal(size=(2, 1)), daily, ["l0"], np.full((1, 2, 40, 1), 0.2),
        np.zeros(2), np.zeros(2),
    )  # fmt: skip
    features = feature_set({
        "static": ["s0"], "daily": [], "classes": [], "day_of_year": False,
        "sequence": {"variables": ["v0", "v1"], "lags": [1, 3]},
    })  # fmt: skip
    windows = Windows(series, features, ["l0"], "target")
    network = Carrying()
    parameters = draw_parameters(network, [1, 2])
    mean, std = generator.normal(size=(2, 7)), generator.uniform(1, 2, (2, 7))
    mean[:, 1:], std[:, 1:] = np.tile(mean[:, 1:3], 3), np.tile(std[:, 1:3], 3)
    card = {"layers": ["l0"], "training": {"engine": "stacked"}}
    members = Members([network], [parameters], Scaler(mean, std), card)
    own = [np.flatnonzero(windows.station == station) for station in (0, 1)]
    outputs = predict_rows(members, windows, own)
    by_window, apart = answers_of_windows(members, windows, own), re.findall(r"up to (\S+) m3 m-3, (\S+)", caplog.text)
    missed = np.concatenate([np.abs(one - other).ravel() for one, other in zip(outputs, by_window, strict=True)])
    assert apart == [(f"{missed.max():.4f}", f"{missed.mean():.4f}")] and missed.max() > 0.005
    assert "lengthen the model's window until its map is what is scored" in caplog.text
    for station, (rows, output) in enumerate(zip(own, outputs, strict=True)):
        member = Carrying()
        member.load_state_dict({name: tensor[station] for name, tensor in parameters.items()})
        scaled = [(series.static[station] - mean[station, 0]) / std[station, 0]]
        scaled += [
            (daily[f"v{place}"][station] - mean[station, 1 + place]) / std[station, 1 + place] for place in (0, 1)
        ]
        for row, said in zip(rows, output[0], strict=True):
            last = windows.day[row] - 1
            first = 21 if station == 1 and last > 20 else 0
            inputs = {
                "static": torch.tensor(scaled[0]).float()[None],
                "sequence": torch.tensor(np.stack(scaled[1:], 1)[first : last + 1]).float()[None],
            }
            np.testing.assert_allclose(said, member(inputs)[0, -1].detach(), atol=1e-5)
