"""Score the held-out predictions, per station and over all stations."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.metrics import score_stations
from loam.evaluation.paired import pair_systems
from loam.evaluation.summary import summarise
from loam.io.schemas import MERGED, METRICS_TABLE, PAIRED, SUMMARY
from loam.io.tables import read_table, write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    predictions = read_table(paths["predictions"], MERGED)
    metrics = score_stations(predictions)
    bootstrap = {"draws": values["evaluation"]["bootstrap"], "seed": values["seed"]}
    summary = summarise(predictions, metrics, **bootstrap)
    models = {model: values["training"][model]["neighbours"] for model in values["training"]["models"]}
    paired = pair_systems(predictions, metrics, models, **bootstrap)
    log.info("%d predictions, %d station scores, bootstrap seed %d", len(predictions), len(metrics), values["seed"])
    write_table(metrics, paths["metrics"], METRICS_TABLE)
    write_table(summary, paths["summary"], SUMMARY)
    write_table(paired, paths["paired"], PAIRED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
