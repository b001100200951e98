"""What each change of recipe ``ours`` is worth, one at a time, on development tasks cut out of the source domains.

No station of a target domain, on which results are reported, is read. A task takes some stations of a run's source
domain as its target; every network is held out station by station, and scored against boosted trees of both domains on
the same rows (``boosted_trees_all``): the ratio of the mean RMSE, and of the mean ubRMSE, over the task's layers.

    python benchmarks/recipe.py --results results --data-dir /path/to/data --out benchmarks/recipe.csv

reads ``<results>/{murrumbidgee,yanco,uscrn}/samples/source.zarr`` of runs that have been made, and adds a line a task
and variant to the table as it goes; lines that are there are not computed again. With ``--levels FILE`` it tells
instead how far off each task's levels are: by the network, by trees, by the mean of the other stations, and by a stack
of the three whose weights are learnt at the other stations.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "lib"))

from loam.config.protocols import LEAVE_ONE_OUT  # noqa: E402
from loam.config.settings import load_config, pick  # noqa: E402
from loam.evaluation.level_mix import with_level  # noqa: E402
from loam.evaluation.level_stack import stack_weights  # noqa: E402
from loam.evaluation.metrics import score_stations  # noqa: E402
from loam.io.tables import read_table  # noqa: E402
from loam.rivals.predict_rivals import predict_rivals  # noqa: E402
from loam.samples.series import SampleSeries, open_samples  # noqa: E402
from loam.training.card import Members  # noqa: E402
from loam.training.folds import draw_folds  # noqa: E402
from loam.training.networks import build_networks  # noqa: E402
from loam.training.plan import Plan, read_plan  # noqa: E402
from loam.training.predict import predict_held_out  # noqa: E402
from loam.training.scaling import Scaler  # noqa: E402
from loam.training.scenarios import fine_tune, train_both, train_source, train_target  # noqa: E402
from loam.training.train_networks import Result  # noqa: E402

YANCO_NEAR = {"ya3", "ya4a", "ya4b", "ya4c", "ya4d", "ya4e", "ya5"}
TASKS = {  # of each run: which stations of its source domain are the target of the task
    "murrumbidgee": lambda series: [name.startswith("K") for name in series.stations],
    "yanco": lambda series: [name in YANCO_NEAR for name in series.stations],
    "uscrn": lambda series: list(series.longitude < -88.5),
}
SEEDS = 2  # a fold, where the variant does not say
PAPER_SIZE = {"hidden": [128, 64, 32, 16], "activation": "relu", "output": "linear"}
# Variants: the model, its scenario and what is changed of it.
VARIANTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ours": ("mlp_within", "both", {}),
    "loss mse": ("mlp_within", "both", {"loss": "mse"}),
    "loss 1 - concordance": ("mlp_within", "both", {"loss": "concordance"}),
    "level weight 1": ("mlp_within", "both", {"level_weight": 1.0}),
    "level weight 0.1": ("mlp_within", "both", {"level_weight": 0.1}),
    "level weight 0.01": ("mlp_within", "both", {"level_weight": 0.01}),
    "inputs standardised only": ("mlp_within", "both", {"scaling": "standard"}),
    "the paper's network": ("mlp_within", "both", PAPER_SIZE),
    "no domain indicator": ("mlp_within", "both", {"domain_indicator": False}),
    "one seed": ("mlp_within", "both", {"seeds": 1}),
    "four seeds": ("mlp_within", "both", {"seeds": 4}),
    "no decay": ("mlp_within", "both", {"decay": 0.0}),
    "the fold's validation station left out": ("mlp_within", "both", {"validation": "fold"}),
    "target only": ("mlp_within", "target", {}),
    "pretrained, then all layers fine-tuned": ("mlp_within", "transfer", {}),
    "the same, drawn to the pretrained": (
        "mlp_within", "transfer", {"anchor": 2.0, "learning_rate": 1.0e-3, "decay": 0.0}
    ),
    "with neighbours": ("mlp_neighbours", "both", {}),
    "with neighbours, never absent": ("mlp_neighbours", "both", {"absent": 0.0}),
    "the paper's recipe, transfer": ("mlp", "transfer", {}),
    "the paper's recipe, both": ("mlp", "both", {}),
}  # fmt: skip

RIVALS = {"trees": "boosted_trees_all", "within-station trees": "within_station_trees",
          "within-station trees with neighbours": "within_station_trees_neighbours"}  # fmt: skip
MEANS = {"with neighbours, half of the level by trees": "trees",
         "with neighbours, its mean with within-station trees with neighbours": "within-station trees with neighbours",
         }  # fmt: skip
SHARES = dict(zip(MEANS, ({"share": 0.5}, {"share": 0.5, "dynamics_share": 0.5}), strict=True))
ALL = [*RIVALS, *VARIANTS, *MEANS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/recipe.csv"))
    parser.add_argument("--levels", type=Path)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--variants", nargs="+", default=ALL, choices=ALL)
    chosen = parser.parse_args()
    done = pd.read_csv(chosen.out) if chosen.out.is_file() else pd.DataFrame(columns=["task", "variant"])
    if chosen.levels:
        made = [levels(Development(task, chosen.results, chosen.data_dir)) for task in chosen.tasks]
        pd.concat(made).to_csv(chosen.levels, index=False)
        return
    for task in chosen.tasks:
        left = [name for name in chosen.variants if not ((done["task"] == task) & (done["variant"] == name)).any()]
        if not left:
            continue
        development = Development(task, chosen.results, chosen.data_dir)
        by_trees = scores(development.of("trees"))
        for name in left:
            began = time.perf_counter()
            ratio = scores(development.of(name)) / by_trees
            line = {"task": task, "variant": name, "rmse": float(np.exp(np.log(ratio["rmse"]).mean())),
                    "ubrmse": float(np.exp(np.log(ratio["ubrmse"]).mean())), "layers": len(ratio),
                    "seconds": round(time.perf_counter() - began, 1)}  # fmt: skip
            done = pd.concat([done, pd.DataFrame([line])], ignore_index=True)
            done.to_csv(chosen.out, index=False)
            print(line, flush=True)


def levels(development: Development) -> pd.DataFrame:
    """Root mean squared error of the station's level by each system, and the levels' own spread; a row a layer."""
    network, trees = (development.of(name) for name in ("ours", "trees"))
    rows = []
    for layer, part in network.groupby("layer", sort=False):
        found = part.groupby("station")[["observed", "predicted"]].mean()
        said = np.stack(
            [
                found["predicted"],
                trees[trees["layer"] == layer].groupby("station")["predicted"].mean().reindex(found.index),
                (found["observed"].sum() - found["observed"]) / (len(found) - 1),
            ],
            axis=1,
        )
        observed, others = found["observed"].to_numpy(), ~np.eye(len(found), dtype=bool)
        stack = [own @ stack_weights(said[kept], observed[kept]) for own, kept in zip(said, others, strict=True)]
        errors = np.column_stack([said, stack]) - observed[:, None]
        rmse = dict(zip(["network", "trees", "mean", "stack"], np.sqrt(np.mean(errors**2, axis=0)), strict=True))
        rows.append({"task": development.task, "layer": layer, "stations": len(found), "sd": observed.std(), **rmse})
    return pd.DataFrame(rows).round(4)


class Development:
    """A task, and the held-out predictions of each variant, made when they are asked for."""

    def __init__(self, task: str, results: Path, data_dir: str) -> None:
        self.task, self.data_dir = task, data_dir
        series = open_samples(results / task / "samples" / "source.zarr")
        table = read_table(results / task / "samples" / "source.parquet")
        ours = np.array(TASKS[task](series))
        self.source, self.target = (taken(series, own) for own in (~ours, ours))
        self.tables = [table[table["station"].isin(part.stations)].reset_index(drop=True)
                       for part in (self.source, self.target)]  # fmt: skip
        base = load_config(overlaid(task, data_dir, {}, "mlp"))
        self.folds = draw_folds(self.tables[1], [layer["name"] for layer in base["layers"]], base["seed"])
        self.values = {**pick(base, "seed", "layers", "features"), "threads": 2, "evaluation": {"coarse": []}}
        self.held: dict[str, pd.DataFrame] = {}

    def of(self, name: str) -> pd.DataFrame:
        """Held-out predictions of a variant."""
        if name not in self.held:
            self.held[name] = self._made(name)
        return self.held[name]

    def _made(self, name: str) -> pd.DataFrame:
        if name in RIVALS:
            level = self.of("trees") if name != "trees" else None
            found = predict_rivals(*self.tables, self.folds, {**self.values, "rivals": [RIVALS[name]]}, level)
            return found[found["scenario"] == "both"]
        if name in MEANS:
            return with_level(self.of("with neighbours"), self.of(MEANS[name]), **SHARES[name])
        return predicted(self.task, self.data_dir, name, self.source, self.target, self.folds)


def overlaid(task: str, data_dir: str, changes: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The config of a run with one model, changed."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    over = yaml.safe_load((ROOT / "config" / f"{task}.yaml").read_text(encoding="utf-8"))
    for key, value in over.items():
        config[key] = {**config[key], **value} if isinstance(config.get(key), dict) else value
    config |= {"data_dir": data_dir}
    config["training"] = {**config["training"], "models": [model], model: {"scenarios": ["both"], **changes}}
    config["level"], config["mapping"]["model"] = {"mix": {"models": []}}, None
    return config


def taken(series: SampleSeries, own: np.ndarray) -> SampleSeries:
    """Some stations of a domain."""
    return replace(
        series, stations=[name for name, there in zip(series.stations, own, strict=True) if there],
        static=series.static[own], daily={name: values[own] for name, values in series.daily.items()},
        moisture=series.moisture[:, own], latitude=series.latitude[own], longitude=series.longitude[own],
        groups={name: values[own] for name, values in series.groups.items()},
    )  # fmt: skip


def predicted(
    task: str, data_dir: str, variant: str, source: SampleSeries, target: SampleSeries, folds: pd.DataFrame
) -> pd.DataFrame:
    model, scenario, changes = VARIANTS[variant]
    changes, absent = {**({} if model == "mlp" else {"seeds": SEEDS}), **changes}, changes.get("absent")
    changes.pop("absent", None)
    config = load_config(overlaid(task, data_dir, changes, model))
    if absent is not None:
        config["features"]["neighbours"]["absent"] = absent
    plan = read_plan({**pick(config, "seed", "layers", "features", "training"), "model": model, "threads": 2})
    stations = {**config["training"]["validation"], "by": "stations"}
    if scenario == "both":
        weights = config["training"]["domain_weights"]
        result = train_both(plan, source, target, folds, stations, weights)
    elif scenario == "target":
        result = train_target(plan, target, folds, "fold", None, stations)
    else:
        result = fine_tune(plan, target, folds, "source", members(plan, train_source(plan, source, stations)))
    return predict_held_out(members(plan, result), target, folds, plan.features, plan.layers)


def members(plan: Plan, result: Result) -> Members:
    """Members as they would come back from their files."""
    card = result.card
    networks = build_networks(
        plan.plugin, plan.network, plan.family, card["shape"], len(plan.layers), plan.training.loss,
        plan.features.patch_shape, plan.seeds,
    )  # fmt: skip
    folds = len(card["members"]) // len(networks)
    scaler = Scaler.of_card([member["scaler"] for member in card["members"][:folds]])
    return Members(networks, result.parameters, scaler, card)


def scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean over the stations of RMSE and ubRMSE, by layer."""
    assert set(predictions["protocol"]) == {LEAVE_ONE_OUT}
    return score_stations(predictions).groupby("layer")[["rmse", "ubrmse"]].mean()


if __name__ == "__main__":
    main()
