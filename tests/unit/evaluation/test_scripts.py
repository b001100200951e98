"""The evaluation's scripts, from files to files."""

import json
import subprocess
import sys
from pathlib import Path

import adapt_levels as adapting
import calibrate_intervals as calibrating
import measure_dissimilarity as measuring
import merge_predictions as merging
import mix_level as mixing
import numpy as np
import pandas as pd
import predict_rivals as rivals
import pytest
import score_predictions as scoring
from held_out import days_of, folds_of

from loam.io.schemas import ADAPTATION, COVERAGE, METRICS_TABLE, PAIRED, SUMMARY
from loam.io.tables import read_table, write_table

LIBRARY = Path(__file__).parents[3] / "workflow" / "lib"
FEATURES = {
    "static": ["clay"],
    "daily": [],
    "sequence": {"variables": [], "lags": [0, 0]},
    "classes": [],
    "day_of_year": False,
}


@pytest.fixture
def paths(tmp_path):
    generator = np.random.default_rng(1)

    def samples(names):
        rows = pd.DataFrame(
            {"station": np.repeat(names, 30), "date": np.tile(pd.date_range("2021-01-01", periods=30), len(names))}
        )
        return rows.assign(clay=generator.uniform(10, 60, len(rows)), surface=generator.uniform(0.1, 0.4, len(rows)))

    target = samples(["1", "2", "3"])  # names that a CSV reads as numbers
    network = target.rename(columns={"surface": "observed"}).drop(columns="clay")
    network = network.assign(
        protocol="leave_one_station_out", size=0, draw=1, domain="target", output=np.nan, spread=np.nan, lower=np.nan,
        upper=np.nan, rows="training", model="mlp", scenario="transfer", fold=network["station"].astype(int),
        layer="surface",
        predicted=network["observed"] + generator.normal(0, 0.03, len(network)),
    )  # fmt: skip
    folds = folds_of({"1": "2", "2": "3", "3": "1"})
    card = {"model": "mlp", "scenario": "transfer", "protocol": "leave_one_station_out"}
    card["members"] = [{"fold": fold, "days": days_of(folds, fold)} for fold in (1, 2, 3)]
    write_table(samples(["far"]), tmp_path / "source.parquet")
    write_table(target, tmp_path / "target.parquet")
    write_table(network, tmp_path / "network.parquet")
    (tmp_path / "card.json").write_text(json.dumps(card))
    write_table(folds, tmp_path / "folds.csv")
    return tmp_path


def test_scripts_lead_from_samples_to_scores(paths):
    rivals.stage(
        {"source": paths / "source.parquet", "target": paths / "target.parquet", "folds": paths / "folds.csv",
         "level": [], "predictions": paths / "rivals.parquet"},
        {"seed": 1, "threads": 1, "layers": [{"name": "surface"}], "features": FEATURES, "evaluation": {"coarse": []},
         "rivals": ["coarse", "same_day_mean", "boosted_trees"]},
    )  # fmt: skip
    mixing.stage(
        {
            "dynamics": paths / "network.parquet",
            "level": paths / "rivals.parquet",
            "predictions": paths / "mix.parquet",
        },
        {"level": {"mix": {"with": "boosted_trees", "share": 0.5, "dynamics": 0.0}}},
    )
    measuring.stage(
        {"source": paths / "source.parquet", "target": paths / "target.parquet", "folds": paths / "folds.csv",
         "dissimilarity": paths / "dissimilarity.parquet"},
        {"seed": 1, "threads": 1, "layers": [{"name": "surface"}], "features": FEATURES},
    )  # fmt: skip
    merging.stage(
        {"folds": paths / "folds.csv", "dissimilarity": [paths / "dissimilarity.parquet"],
         "rivals": [paths / "rivals.parquet"], "mixed": [paths / "mix.parquet"], "moved": [],
         "models": [paths / "network.parquet"], "cards": [paths / "card.json"],
         "uncalibrated": paths / "uncalibrated.parquet"},
        {},
    )  # fmt: skip
    intervals = {"method": "level_and_dynamics", "levels": [0.5, 0.9], "finite_sample": False}
    calibrating.stage(
        {"uncalibrated": paths / "uncalibrated.parquet", "predictions": paths / "predictions.parquet",
         "coverage": paths / "coverage.csv"},
        {"seed": 1, "evaluation": {"bootstrap": 100, "intervals": intervals}},
    )  # fmt: skip
    scoring.stage(
        {"predictions": paths / "predictions.parquet", "metrics": paths / "metrics.csv",
         "summary": paths / "summary.csv", "paired": paths / "paired.csv"},
        {"seed": 1, "training": {"models": ["mlp"], "mlp": {"neighbours": False}},
         "layers": [{"name": "surface"}], "evaluation": {"bootstrap": 100}},
    )  # fmt: skip
    adapting.stage(
        {"predictions": paths / "predictions.parquet", "adaptation": paths / "adaptation.csv"},
        {"seed": 1, "protocol": "leave_one_station_out",
         "evaluation": {"bootstrap": 100, "adapt": {"days": [0, 5], "draws": 2}}},
    )  # fmt: skip
    assert set(read_table(paths / "adaptation.csv", ADAPTATION)["days"]) == {0, 5}
    metrics = read_table(paths / "metrics.csv", METRICS_TABLE)
    summary = read_table(paths / "summary.csv", SUMMARY)
    predictions = pd.read_parquet(paths / "predictions.parquet")
    assert list(metrics.columns) == [
        "protocol", "flatters", "size", "draw", "model", "scenario", "layer", "station", "n",
        "mae", "rmse", "ubrmse", "bias", "r", "ccc",
    ]  # fmt: skip
    assert list(summary.columns) == [
        "protocol", "flatters", "size", "model", "scenario", "layer", "metric", "stations", "n",
        "median", "median_low", "median_high",
        "mean", "mean_low", "mean_high", "pooled",
    ]  # fmt: skip
    assert (predictions["upper"] - predictions["lower"] > 0).all()
    assert predictions["dissimilarity"].between(0, 2).all() and predictions["inside_area"].mean() > 0.9
    assert set(read_table(paths / "coverage.csv", COVERAGE)["level"]) == {0.5, 0.9}
    for row in metrics.itertuples():
        mine = predictions.query("model == @row.model and scenario == @row.scenario and station == @row.station")
        assert row.rmse == pytest.approx(((mine["predicted"] - mine["observed"]) ** 2).mean() ** 0.5)
    paired = read_table(paths / "paired.csv", PAIRED)
    assert set(paired["model"]) == {"mlp", "mlp_mixed"} and "boosted_trees" in set(paired["rival_model"])
    assert set(metrics["model"]) == {"mlp", "mlp_mixed", "boosted_trees", "same_day_mean"}
    means = predictions.groupby(["model", "scenario", "station"])["predicted"].mean()
    shared = (means["mlp", "transfer"] + means["boosted_trees", "both"]) / 2
    assert means["mlp_mixed", "transfer"].to_dict() == pytest.approx(shared.to_dict())


def test_evaluation_runs_without_torch():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import loam.rivals.predict_rivals, loam.evaluation.merge, loam.evaluation.metrics, loam.evaluation.summary\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(LIBRARY)], check=False).returncode == 0
