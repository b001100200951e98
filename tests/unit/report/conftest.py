"""A run made up of numbers: predictions with realistic errors, their scores, folds, cards, dropped rows."""

from __future__ import annotations

import copy
import zlib

import numpy as np
import pandas as pd
import pytest
import yaml
from held_out import days_of, folds_of

from loam.config.mapped import map_systems
from loam.config.settings import load_config
from loam.evaluation.metrics import score_stations
from loam.evaluation.summary import summarise
from loam.io.schemas import MAP_SCORES, PREDICTIONS

# bias between stations, random error, share of the variation that is followed
ERRORS = {
    ("mlp", "source"): (0.050, 0.045, 0.45),
    ("lstm", "source"): (0.048, 0.040, 0.55),
    ("mlp", "target"): (0.040, 0.040, 0.60),
    ("lstm", "target"): (0.042, 0.038, 0.62),
    ("mlp", "transfer"): (0.032, 0.032, 0.75),
    ("lstm", "transfer"): (0.028, 0.027, 0.85),
    ("boosted_trees", "target"): (0.036, 0.034, 0.70),
    ("boosted_trees", "both"): (0.029, 0.028, 0.80),
    ("coarse", "none"): (0.038, 0.040, 0.55),
    ("same_day_mean", "none"): (0.040, 0.020, 0.80),
}
FEW = [("mlp", "target"), ("lstm", "transfer"), ("boosted_trees", "both"), ("same_day_mean", "none")]


@pytest.fixture
def load(default_config):
    """The config with sections laid over the default."""

    def load(**sections) -> dict:
        config = copy.deepcopy(default_config)
        for section, values in sections.items():
            config[section].update(values)
        return load_config(config)

    return load


def make_predictions(stations, days, layers, systems):
    """Predictions of ``systems`` at stations that follow one season, schema PREDICTIONS."""
    generator = np.random.default_rng(7)
    dates = pd.date_range("2021-01-01", periods=days)
    season = 0.1 * np.cos(2 * np.pi * (np.arange(days) - 200) / 365)
    parts = []
    for depth, layer in enumerate(layers):
        for fold, station in enumerate(stations, start=1):
            noise = np.convolve(generator.normal(0, 0.03, days + 9), np.full(10, 0.3), mode="valid")
            observed = np.clip(0.26 + 0.03 * depth + generator.normal(0, 0.04) + season + noise, 0.03, 0.6)
            for system in systems:
                bias, error, share = ERRORS[system]
                name = "/".join((*system, layer, station)).encode()
                own = np.random.default_rng(zlib.crc32(name))
                predicted = (
                    observed.mean() + own.normal(0, bias) + share * (observed - observed.mean())
                    + own.normal(0, error, days)
                )  # fmt: skip
                parts.append(
                    pd.DataFrame(
                        {"protocol": "leave_one_station_out", "size": 0, "draw": 1, "model": system[0],
                         "scenario": system[1], "rows": "training", "fold": fold, "domain": "target",
                         "station": station, "date": dates,
                         "layer": layer, "observed": observed, "predicted": predicted}
                    )
                )  # fmt: skip
    unknown = dict.fromkeys(["output", "spread", "lower", "upper"], np.nan)
    return pd.concat(parts, ignore_index=True).assign(**unknown)[list(PREDICTIONS.columns)]


@pytest.fixture
def make_run(project):
    """Give ``make(stations, days, layers, systems)``: the arguments of ``build_page`` for a made-up run."""

    def make(stations=("creek", "hill", "plain", "ridge"), days=40, layers=("surface", "subsurface"), systems=FEW):
        predictions = make_predictions(stations, days, layers, systems)
        metrics = score_stations(predictions)
        config = load_config(yaml.safe_load((project / "config" / "config.yaml").read_text(encoding="utf-8")))
        config["layers"] = [layer for layer in config["layers"] if layer["name"] in layers]
        networks = sorted(set(predictions["model"]) & {"mlp", "lstm"})
        scenarios = [name for name in ("source", "target", "transfer") if name in set(predictions["scenario"])]
        config["training"] |= {"models": networks, "scenarios": scenarios}
        config["mapping"] |= {"model": "lstm" if "lstm" in networks else networks[0], "scenario": "transfer"}
        folds = folds_of(dict(zip(stations, [*stations[1:], stations[0]], strict=True)))
        dropped = pd.DataFrame(
            [("source", "far", "kept", "", 7000), ("source", "far", "covariate", "rain", 12)]
            + [("target", station, "kept", "", days) for station in stations]
            + [("target", stations[0], "all layers", ", ".join(layers), 31)],
            columns=["domain", "station", "reason", "column", "rows"],
        )
        return {
            "predictions": predictions,
            "metrics": metrics,
            "summary": summarise(predictions, metrics, draws=200, seed=1),
            "folds": folds,
            "dropped": dropped,
            "cards": [make_card(model, scenario, folds) for model in networks for scenario in scenarios],
            "maps": [],
            "inside": {},
            "scores": {},
            "products": [],
            "values": {**config, "systems": map_systems(config), "threads": 1},
        }

    return make


@pytest.fixture
def map_score():
    """The scores of a map in two layers, schema MAP_SCORES: a land cover that no pixel has, one member's spread."""
    groups = [("all", "all", 62500), ("landcover", "PAST", 40000), ("landcover", "FORE", 22500),
              ("landcover", "IRRI", 0), ("range", "inside", 50000), ("range", "outside", 12500)]  # fmt: skip
    rows = [
        {"layer": layer, "group": group, "value": value, "n": count, "masked": 0,
         **(dict(mae=0.033, rmse=0.0417 + shift, ubrmse=0.04, bias=-0.0062, r=0.834, ccc=0.8, std_mean=0.02,
                 members_90=0.3, within_90=within, width_90=0.0658, within_50=within,
                 width_50=0.03) if count else {})}
        for layer, shift, within in (("surface", 0.0, 0.6251), ("subsurface", 0.02, np.nan))
        for group, value, count in groups
    ]  # fmt: skip
    return MAP_SCORES.validate(pd.DataFrame(rows))


def make_card(model, scenario, folds):
    """What a card says of the members' stations and epochs."""
    members = [
        {"fold": fold, "days": days_of(folds, fold), "training_rows": 1000 * fold, "epochs": 40 + fold,
         "best_epoch": 35 + fold, "best_validation_loss": 0.1 * fold}
        for fold in sorted(set(folds["fold"].tolist()))
    ]  # fmt: skip
    if scenario == "source":
        members = [{**members[0], "fold": 0, "days": {}}]
    training = {"epochs": 150, "patience": 5, "batch_size": 32}
    protocol = None if scenario == "source" else "leave_one_station_out"
    return {
        "model": model, "scenario": scenario, "protocol": protocol, "training": training, "members": members,
    }  # fmt: skip
