"""Say how far off a map of the run is where no probe is, and how that compares with the best rival."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.chosen import chosen_of
from loam.evaluation.shown import station_scores
from loam.io.schemas import ACCURACY, METRICS_TABLE
from loam.io.tables import read_table, write_table
from loam.report.accuracy import accuracies

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    system, _ = chosen_of(values["systems"], paths.get("chosen"))
    mapped = (system["model"], system["scenario"])
    draws, seed, protocol = values["evaluation"]["bootstrap"], values["seed"], values["protocol"]
    metrics = station_scores(read_table(paths["metrics"], METRICS_TABLE), protocol)
    table = accuracies(metrics, values["layers"], mapped, draws=draws, seed=seed, protocol=protocol)
    write_table(table, paths["accuracy"], ACCURACY)
    for text in table["text"]:
        log.info("%s", text)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
