"""Choose what makes the map by its scores at held-out stations, and write which and why."""

import json
import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.best_system import choose_system
from loam.evaluation.shown import station_scores
from loam.io.atomic import write_text
from loam.io.schemas import METRICS_TABLE
from loam.io.tables import read_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    metrics = station_scores(read_table(paths["metrics"], METRICS_TABLE), values["protocol"])
    layers = [layer["name"] for layer in values["layers"]]
    draws, seed = values["evaluation"]["bootstrap"], values["seed"]
    found = choose_system(metrics, values["systems"], layers, draws=draws, seed=seed)
    log.info("%s %s makes the map: %s", found["model"], found["scenario"], found["why"])
    write_text(json.dumps(found, indent=1) + "\n", paths["chosen"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
