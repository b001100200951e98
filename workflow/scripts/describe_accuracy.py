"""Say how far off a map of the run is where no probe is, and how that compares with the best rival."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.io.schemas import ACCURACY, METRICS_TABLE
from loam.io.tables import read_table, write_table
from loam.report.accuracy import accuracies

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    mapped = (values["mapping"]["model"], values["mapping"]["scenario"])
    draws, seed = values["evaluation"]["bootstrap"], values["seed"]
    table = accuracies(read_table(paths["metrics"], METRICS_TABLE), values["layers"], mapped, draws=draws, seed=seed)
    write_table(table, paths["accuracy"], ACCURACY)
    for text in table["text"]:
        log.info("%s", text)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
