"""Bring the Yanco probes of 2016-2019 and their covariates into one table a domain."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.datasets.yanco import split_domains, station_table
from loam.io.tables import write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    """Read, leave out repeated stations, split and write."""
    table = station_table(paths["sites"], paths["stations"])
    for domain, frame in zip(("source", "target"), split_domains(table), strict=True):
        log.info("%s: %d rows of %d stations", domain, len(frame), frame["station"].nunique())
        write_table(frame, paths[domain])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
