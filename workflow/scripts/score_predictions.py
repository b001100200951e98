"""Score the held-out predictions, per station and over all stations."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.metrics import score_stations
from loam.evaluation.summary import summarise
from loam.io.schemas import METRICS_TABLE, PREDICTIONS, SUMMARY
from loam.io.tables import read_table, write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    predictions = read_table(paths["predictions"], PREDICTIONS)
    metrics = score_stations(predictions)
    summary = summarise(predictions, metrics, draws=values["evaluation"]["bootstrap"], seed=values["seed"])
    log.info("%d predictions, %d station scores, bootstrap seed %d", len(predictions), len(metrics), values["seed"])
    write_table(metrics, paths["metrics"], METRICS_TABLE)
    write_table(summary, paths["summary"], SUMMARY)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
