"""The stages of a small run from the cube, one after the other in this process, as its config asks for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build_samples
import calibrate_map
import draw_folds
import fine_tune
import map_soil_moisture
import measure_area
import pandas as pd
import predict_held_out
import train_both
import train_source
import train_target
from cube_probes import DAYS, moisture_of, stations_at
from cube_world import World

from loam.config.mapped import map_systems
from loam.config.protocols import trained
from loam.config.settings import load_config
from loam.evaluation.merge import merge_predictions
from loam.evaluation.audit import check_rows, table_of
from loam.evaluation.audit_scalers import check_scalers
from loam.evaluation.metrics import score_stations
from loam.io.schemas import FOLDS, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.raster.grid import write_grid

PROTOCOL = "leave_one_station_out"
LAYERS = [{"name": "surface", "top_cm": 0, "bottom_cm": 30, "column": "moisture"}]
PERIOD = [f"{DAYS[0]:%Y-%m-%d}", f"{DAYS[-1]:%Y-%m-%d}"]
NAMED = {"dataset": "smap_l4", "back_end": "earthengine"}
CONFIG: dict[str, Any] = {
    "run": "small", "layers": LAYERS,
    "acquire": {
        "coarse_moisture": NAMED, "weather": {"dataset": "silo", "back_end": "direct"},
        "soil": {"dataset": "slga", "back_end": "direct"}, "terrain": {"dataset": "glo30", "back_end": "direct"},
        "landcover": {"dataset": "worldcover", "back_end": "earthengine"},
        "vegetation": {"dataset": "modis_ndvi", "back_end": "earthengine"},
        "period": {"source": PERIOD, "target": PERIOD},
    },
    "probes": {"target": {"format": "oznet", "path": "probes"}},
    "covariates": {"rain_sums": {"missing_share": 0.5}},
    "mapping": {"grid": {"crs": "EPSG:28355", "bounds": [540000, 5354000, 548800, 5360000], "resolution": 80}},
    "evaluation": {"coarse": [], "bootstrap": 100},
}  # fmt: skip
SCENARIOS = {"source": train_source, "target": train_target, "transfer": fine_tune, "both": train_both}


@dataclass
class OneProcess:
    """A run in a folder.

    Args:
        folder: where.
        world: whose cube it reads.
        config: laid over ``CONFIG``.
        places: pixel of each of the target's stations.
    """

    folder: Path
    world: World
    config: dict[str, Any]
    places: dict[str, tuple[int, int]]

    def __post_init__(self) -> None:
        self.values = {**load_config(_laid_over(CONFIG, self.config)), "threads": 1, "data_licences": []}
        write_grid(self.world.grid, self.folder / "grid.json")
        stations = stations_at(self.world.grid, self.places)
        stations.to_parquet(self.folder / "stations.parquet", index=False)
        daily = moisture_of(*self.places)
        daily[daily["layer"] == "surface"].to_parquet(self.folder / "daily.parquet", index=False)

    def scores(self) -> pd.DataFrame:
        """Everything from samples to scores; the table of scores by station."""
        domains = ["source", "target"] if self._has_source else ["target"]
        samples = {name: self.folder / f"{name}.parquet" for name in domains}
        samples |= {f"{name}_series": self.folder / f"{name}.zarr" for name in domains}
        cube = {"static": [self.world.folder / "static.zarr"], "grid": [self.folder / "grid.json"],
                "dynamic": sorted((self.world.folder / "dynamic").glob("*.zarr"))}  # fmt: skip
        tables = {f"{name}_table": self.values["samples"][name] for name in ("source", "target")}
        points = {f"{name}_points": [] for name in ("source", "target")}
        probes = {"daily": [self.folder / "daily.parquet"], "stations": [self.folder / "stations.parquet"]}
        build_samples.stage({**samples, **cube, **tables, **points, **probes, "dropped": self.folder / "dropped.csv"},
                            self.values)  # fmt: skip
        folds = self.folder / "folds.csv"
        draw_folds.stage({"target": self.folder / "target.parquet", "folds": folds},
                         {**self.values, "protocol": PROTOCOL, "plugin": None})  # fmt: skip
        predicted = [self._train(model, scenario, folds) for model in self.values["training"]["models"]
                     for scenario in self.values["training"]["scenarios"]]  # fmt: skip
        models = [read_table(paths["predictions"], PREDICTIONS) for paths in predicted]
        cards = [json.loads(paths["card"].read_text(encoding="utf-8")) for paths in predicted]
        predictions = merge_predictions(read_table(folds, FOLDS), [], models, cards)
        write_table(predictions, self.folder / "predictions.parquet", PREDICTIONS)
        own = {name: read_table(path) for name, path in samples.items() if not name.endswith("_series")}
        self.audit = table_of(
            [*check_rows(read_table(folds, FOLDS), cards, own["target"]), *check_scalers(cards, own)]
        )
        return score_stations(predictions)

    def map(self, model: str, day: str, folder: Path) -> Path:
        """The map of a day by the members of a model's last scenario."""
        paths = self._paths(model, self.values["training"]["scenarios"][-1]) | {
            "grid": self.folder / "grid.json", "static": [self.world.folder / "static.zarr"],
            "dynamic": sorted((self.world.folder / "dynamic").glob("*.zarr")), "rasters": [],
            "map": folder / f"{model}.tif", "trust": folder / f"{model}_trust.tif",
            "half_widths": folder / f"{model}.csv", "area": folder / f"{model}.npz",
        }  # fmt: skip
        paths |= {name: [paths[name]] for name in ("weights", "card", "predictions")}
        mapping = {**self.values["mapping"], "model": model, "outside": "extrapolate", "encoding": "float32",
                   "scenario": self.values["training"]["scenarios"][-1]}  # fmt: skip
        values = {**self.values, "date": day, "mapping": mapping}
        values["systems"] = map_systems(values)
        calibrate_map.stage(paths, values)
        measure_area.stage(
            {"source": self.folder / "source.zarr" if self._has_source else [],
             "target": self.folder / "target.zarr", "area": paths["area"]}, values,
        )  # fmt: skip
        map_soil_moisture.stage(paths, values)
        return paths["map"]

    @property
    def _has_source(self) -> bool:
        return bool({"source", "transfer", "both"} & set(self.values["training"]["scenarios"]))

    def _paths(self, model: str, scenario: str) -> dict[str, Path]:
        folder, before = (self.folder / trained(PROTOCOL, model, name) for name in (scenario, "source"))
        return {
            "weights": folder / "weights.safetensors", "card": folder / "card.json", "history": folder / "history.csv",
            "pretrained": before / "weights.safetensors", "pretrained_card": before / "card.json",
            "predictions": self.folder / f"{model}_{scenario}.parquet",
            "source": self.folder / "source.zarr", "target": self.folder / "target.zarr",
        }  # fmt: skip

    def _train(self, model: str, scenario: str, folds: Path) -> dict[str, Path]:
        paths, values = self._paths(model, scenario) | {"folds": folds}, {**self.values, "model": model}
        SCENARIOS[scenario].stage(paths, values)
        predict_held_out.stage(paths, values)
        return paths


def _laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _laid_over(base.get(key) or {}, value) if isinstance(value := over.get(key, base.get(key)), dict) else value
        for key in {**base, **over}
    }
