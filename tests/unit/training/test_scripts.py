"""The training's scripts, from samples to held-out predictions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import draw_folds
import fine_tune
import numpy as np
import predict_held_out
import pytest
import torch
import train_source
import train_target

from loam.config.models import resolve_model
from loam.errors import ConfigError, TableError
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.samples.series import write_samples
from loam.training.card import load_members
from loam.training.device import use_device

LIBRARY = Path(__file__).parents[3] / "workflow" / "lib"
LAYERS = [{"name": "surface"}, {"name": "subsurface"}]


@pytest.fixture
def values(make_plan):
    """Values as the training rules give them."""

    def of_model(model):
        plan, training = make_plan(model), {"learning_rate": 0.01, "batch_size": 16, "epochs": 2, "patience": 2}
        return {
            "protocol": "leave_one_station_out", "plugin": None, "samples": {"groups": []},
            "seed": 3, "threads": 1, "model": model, "run": "small", "layers": LAYERS,
            "features": {
                "static": ["clay", "elevation"], "daily": [{"name": "rain", "lags": [0, 1]}], "classes": [],
                "sequence": {"variables": ["coarse", "deep"], "lags": [0, 3]}, "day_of_year": False,
                "neighbours": {"power": 2.0, "floor_km": 1.0, "absent": 0.25},
            },
            "training": {
                "protocol_settings": {"leave_one_station_out": {}},
                "model_path": None, "device": "cpu", model: resolve_model(model, training | {model: plan.network}),
                "validation": {"by": "dates", "training_dates": ["2020-01-01", "2020-01-20"],
                               "validation_dates": ["2020-01-21", "2020-12-31"], "station_share": 0.2},
                "scaling": {"target": "fold", "transfer": "source"},
            },
        }  # fmt: skip

    return of_model


@pytest.fixture
def run(source, target, values, series_of, tmp_path):
    """Run all scripts for one model; gives the paths of each scenario."""
    write_table(target, tmp_path / "target.parquet")
    inputs = {name: tmp_path / f"{name}.zarr" for name in ("source", "target")} | {"folds": tmp_path / "folds.csv"}
    for name, samples in (("source", source), ("target", target)):
        write_samples(series_of(samples), inputs[name])

    def paths(scenario):
        folder = tmp_path / scenario
        return inputs | {
            "weights": folder / "weights.safetensors", "card": folder / "card.json", "history": folder / "history.csv",
            "predictions": folder / "predictions.parquet", "pretrained": tmp_path / "source" / "weights.safetensors",
            "pretrained_card": tmp_path / "source" / "card.json",
        }  # fmt: skip

    def all_scripts(model):
        own = values(model)
        draw_folds.stage(paths("target") | {"target": tmp_path / "target.parquet"}, own)
        train_source.stage(paths("source"), own)
        train_target.stage(paths("target"), own)
        fine_tune.stage(paths("transfer"), own)
        for scenario in ("source", "target", "transfer"):
            predict_held_out.stage(paths(scenario), own)
        return paths

    return all_scripts


@pytest.mark.parametrize("model", ["mlp", "lstm"])
def test_scripts_lead_from_samples_to_held_out_predictions(model, run, target):
    paths = run(model)
    folds = read_table(paths("target")["folds"], FOLDS)
    observed = target.melt(["station", "date"], ["surface", "subsurface"], "layer", "observed").dropna()
    for scenario in ("source", "target", "transfer"):
        own = paths(scenario)
        table = read_table(own["predictions"], PREDICTIONS)
        assert set(table["scenario"]) == {scenario}
        assert np.isfinite(table["predicted"]).all()
        both = table.merge(observed, on=["station", "date", "layer"], how="outer", suffixes=("", "_sample"))
        assert len(both) == len(table) == len(observed)
        assert both["observed"].equals(both["observed_sample"])
        tested = folds[folds["role"] == "test"][["fold", "station"]]
        assert len(table.merge(tested, on=["fold", "station"])) == len(table)
        card = json.loads(own["card"].read_text())
        assert (card["model"], card["scenario"]) == (model, scenario)
        assert [member["fold"] for member in card["members"]] == ([0] if scenario == "source" else [1, 2, 3, 4, 5])


@pytest.mark.parametrize("scenario", ["source", "transfer"])
def test_a_station_is_predicted_by_the_member_that_has_not_met_it(scenario, run, target):
    own = run("lstm")(scenario)
    table = read_table(own["predictions"])
    members = load_members(own["weights"], own["card"])
    columns = members.card["features"]
    for fold in (1, 4):
        place = 0 if scenario == "source" else fold - 1
        rows = table.query("fold == @fold and layer == 'subsurface'")
        samples = rows[["date", "station"]].merge(target, on=["date", "station"])
        mean, std = map(torch.from_numpy, (members.scaler.mean, members.scaler.std))
        scaled = (torch.from_numpy(samples[columns].to_numpy()) - mean[place]) / std[place]
        static, sequence = scaled[:, :4].float(), scaled[:, 4:].reshape(-1, 4, 2).float()
        expected = members.network_of(place)[0]({"static": static, "sequence": sequence})[:, -1, 1]
        np.testing.assert_allclose(rows["predicted"], expected.numpy(), rtol=0, atol=1e-6)


def test_predictions_for_other_folds_or_features_are_refused(run, values):
    own = run("mlp")("target")
    folds = read_table(own["folds"], FOLDS)
    write_table(folds.assign(fold=6 - folds["fold"]), own["folds"], FOLDS)
    with pytest.raises(TableError, match="folds are not those.*mlp target|mlp target.*folds are not those"):
        predict_held_out.stage(own, values("mlp"))
    other = values("mlp")
    other["features"]["static"] = ["clay"]
    with pytest.raises(ConfigError, match="elevation"):
        predict_held_out.stage(own, other)


def test_a_gpu_that_is_not_there_is_an_error(run, values, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    own = values("mlp")
    own["training"]["device"] = "cuda"
    with pytest.raises(ConfigError, match="training.device.*no GPU"):
        train_source.stage(run("mlp")("source"), own)
    assert use_device("auto", 1).type == "cpu"


def test_folds_are_drawn_without_importing_torch():
    code = "import sys, loam.training.folds; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(LIBRARY)})
