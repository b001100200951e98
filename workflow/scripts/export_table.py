"""Write a table as CSV, for people and programs that open no Parquet."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import export_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    log.info("%d rows", export_table(paths["table"], paths["csv"]))


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
