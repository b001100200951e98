"""From a config to scores and maps, in one process: what stations can be, whom they learn from, what networks read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from cube_probes import DAYS
from one_process import LAYERS, PROTOCOL, OneProcess
from pages import labelled_files

from loam.config.settings import load_config
from loam.covariates.features import feature_set
from loam.errors import ConfigError
from loam.samples.coarse import CoarseCells
from loam.samples.series import open_samples
from loam.samples.windows import Windows
from loam.training.card import load_members
from loam.training.predict import predict_rows

PLACES = {"a": (20, 50), "b": (60, 30), "c": (52, 70), "d": (74, 109), "e": (33, 20)}
FEATURES = {
    "static": ["clay_1"], "daily": [{"name": "tmin", "lags": [0, 0]}], "classes": [],
    "sequence": {"variables": ["sm_surface"], "lags": [0, 2]},
}  # fmt: skip
QUICK = {"epochs": 2, "batch_size": 64, "learning_rate": 0.01, "mlp": {"hidden": [16], "frozen": 1}}
BY_STATIONS = {"validation": {"by": "stations"}}


def a_run(world, folder: Path, **config) -> OneProcess:
    return OneProcess(folder, world, {"features": FEATURES, **config}, PLACES)


def test_coarse_cells_pretrain_for_probes_and_two_teachers_tell_what_they_know(world, tmp_path):
    teachers = [
        {"name": "top", "domain": "source", "column": {"surface": "sm_surface"}},
        {"name": "deep", "domain": "source", "column": {"surface": "sm_rootzone"}, "weight": 0.25},
        {"name": "probes", "domain": "target"},
        {"name": "model", "domain": "target", "column": {"surface": "sm_surface"}, "weight": 0.5},
    ]
    run = a_run(
        world, tmp_path, samples={"from": "cube", "teachers": teachers},
        features={**FEATURES, "sequence": {"variables": []}},
        covariates={"domains": {"source": "coarse_cells", "target": "cube"}},
        training={**QUICK, **BY_STATIONS, "models": ["mlp"], "scenarios": ["source", "transfer", "both"]},
    )  # fmt: skip
    metrics = run.scores()
    assert run.audit["result"].tolist() == ["passed", "passed"]
    assert set(metrics["station"]) == set(PLACES) and set(metrics["scenario"]) == {"source", "transfer", "both"}
    assert np.isfinite(metrics["rmse"]).all()
    source, target = (open_samples(tmp_path / f"{name}.zarr") for name in ("source", "target"))
    assert (source.teachers, source.weights) == (["top", "deep"], [1.0, 0.25])
    assert (target.teachers, target.weights) == (["probes", "model"], [1.0, 0.5])
    assert all(name.startswith("cell_") for name in source.stations)
    cells = CoarseCells(world.cube())
    for teacher, variable in enumerate(("sm_surface", "sm_rootzone")):
        told = world.cube().values(variable, cells.rows, cells.cols, source.days[0], source.days[-1]).T
        np.testing.assert_array_equal(source.moisture[teacher, ..., 0].astype(np.float32), told)
    daily = pd.read_parquet(tmp_path / "daily.parquet")
    predictions = pd.read_parquet(tmp_path / "predictions.parquet").query("scenario == 'transfer'")
    told = predictions.merge(daily, on=["station", "date", "layer"], how="left")
    probed = told["moisture"].notna()
    assert probed.any() and np.allclose(told["observed"][probed], told["moisture"][probed]), "scores are of the probes"


def test_a_table_pretrains_for_probes_in_the_cube(world, tmp_path):
    generator = np.random.default_rng(5)
    rows = pd.MultiIndex.from_product([["t1", "t2", "t3"], DAYS], names=["station", "date"]).to_frame(index=False)
    place = rows["station"].str[1].astype(float)
    rows = rows.assign(
        latitude=-40 - place, longitude=140.0, clay_1=10 * place, moisture=generator.uniform(0.1, 0.4, len(rows)),
        **{name: generator.uniform(low, high, len(rows))
           for name, low, high in (("tmin", 5, 20), ("sm_surface", 0.1, 0.4))},
    )  # fmt: skip
    rows.to_csv(tmp_path / "far.csv", index=False)
    run = a_run(
        world, tmp_path, samples={"from": {"source": "table", "target": "cube"}, "source": str(tmp_path / "far.csv")},
        training={**QUICK, **BY_STATIONS, "models": ["mlp"], "scenarios": ["source", "transfer"]},
    )  # fmt: skip
    metrics = run.scores()
    assert run.audit["result"].tolist() == ["passed", "passed"]
    assert set(metrics["station"]) == set(PLACES) and np.isfinite(metrics["rmse"]).all()
    source, target = (open_samples(tmp_path / f"{name}.zarr") for name in ("source", "target"))
    assert (list(source.stations), list(target.stations)) == (["t1", "t2", "t3"], sorted(PLACES))
    card = json.loads((tmp_path / f"models/{PROTOCOL}/mlp/transfer/card.json").read_text(encoding="utf-8"))
    assert set(card["data"]) == {"source", "target"}


@pytest.fixture(scope="module")
def with_patches(world, project, tmp_path_factory):
    """A run with the page's networks: a convolutional LSTM over patches, and an LSTM that answers for every day."""
    folder = tmp_path_factory.mktemp("patches")
    page = (project / "docs" / "how-to" / "add-a-model.md").read_text(encoding="utf-8")
    for name, text in labelled_files(page).items():
        (folder / Path(name).name).write_text(text, encoding="utf-8")
    run = a_run(
        world, folder, samples={"from": "cube"}, features={**FEATURES, "patch": ["elevation", "modis_ndvi", "rain"]},
        training={
            **QUICK, "model_path": str(folder), "models": ["conv_lstm", "step_lstm"], "scenarios": ["target"],
            "conv_lstm": {"window": {"length": 3, "step": 2, "patch": 3}, "filters": 4},
            "step_lstm": {"units": 16, "window": {"length": 4}},
        },
    )  # fmt: skip
    return run, run.scores()


@pytest.mark.parametrize("model", ["conv_lstm", "step_lstm"])
def test_a_network_is_one_file_and_a_config_from_samples_to_scores(with_patches, model):
    assert with_patches[0].audit["result"].tolist() == ["passed", "passed"]
    metrics = with_patches[1].query("model == @model")
    assert set(metrics["station"]) == set(PLACES) and np.isfinite(metrics["rmse"]).all()
    series = open_samples(with_patches[0].folder / "target.zarr")
    assert series.patches.size == 3 and series.attributes["lags"] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("model", ["conv_lstm", "step_lstm"])
def test_its_map_shows_at_a_station_what_is_predicted_there(with_patches, model, tmp_path):
    run, _ = with_patches
    chosen = run.values["training"][model]
    features = feature_set(run.values["features"], chosen["window"])
    windows = Windows(open_samples(run.folder / "target.zarr"), features, ["surface"], "target")
    folder = run.folder / f"models/{PROTOCOL}/{model}/target"
    members = load_members(folder / "weights.safetensors", folder / "card.json", chosen["plugin"])
    day = windows.dates[windows.stations == "a"][-1]
    rows = np.flatnonzero(windows.dates == day)
    with rasterio.open(run.map(model, str(day)[:10], tmp_path)) as dataset:
        mean, deviation, *_ = dataset.read()
    outputs = np.concatenate(predict_rows(members, windows, [rows] * 5)).astype(float)
    assert len(rows) > 1 and outputs.std() > 1e-4
    for place, station in enumerate(windows.stations[rows]):
        assert mean[PLACES[station]] == pytest.approx(outputs[:, place, 0].mean().clip(0, 1), abs=2e-6)
        assert deviation[PLACES[station]] == pytest.approx(outputs[:, place, 0].std(ddof=1), abs=2e-6)
    assert np.isfinite(mean).sum() > 2000
    with rasterio.open(tmp_path / f"{model}_trust.tif") as dataset:
        inside = dataset.read(1)
    assert all(inside[PLACES[station]] == 1 for station in windows.stations[rows]), "stations lie in their own range"


def test_what_has_no_pixels_refuses_a_model_that_reads_patches(with_patches):
    run, _ = with_patches
    training = {"models": ["conv_lstm"], "model_path": str(run.folder), "scenarios": ["source", "transfer"]}
    config = {"run": "small", "layers": LAYERS, "samples": {"from": "table", "source": "a.csv", "target": "b.csv"},
              "features": {"static": ["elevation"], "patch": ["elevation"]}, "training": training}  # fmt: skip
    with pytest.raises(ConfigError, match="conv_lstm reads patches, and the source domain has no pixels"):
        load_config(config)
    with pytest.raises(ConfigError, match="the target domain has no pixels.*covariates.domains.target: cube"):
        load_config({**config, "training": {**training, "scenarios": ["target"]}})
    with pytest.raises(ConfigError, match="conv_lstm reads patches and features.patch is empty"):
        load_config({**config, "features": {"static": ["elevation"]}})
    with pytest.raises(ConfigError, match="a patch of 4 pixels a side has no middle one.*write 5"):
        load_config({**config, "training": {**training, "conv_lstm": {"window": {"length": 2, "patch": 4}}}})
    with pytest.raises(ConfigError, match="no station of the run is a pixel of the cube"):
        load_config({**config, "samples": {**config["samples"], "block": 3}, "training": {"models": ["mlp"]}})
    with pytest.raises(ConfigError, match="2 pixels have no middle one; expected an odd number; write 3"):
        load_config({**config, "samples": {**config["samples"], "block": 2}})
    alone = load_config({**config, "training": {"models": ["mlp"], "scenarios": ["source"]}})
    assert alone["features"]["patch"] == [] and "windows" not in alone["features"]["sequence"]
