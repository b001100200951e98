"""Bring the AWRA-L water stores at the OzNet stations into one table of covariates."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.datasets.murrumbidgee import store_table
from loam.io.tables import write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    """Read, join and write."""
    table = store_table({name: paths[name] for name in ("s0", "ss", "sd")})
    log.info("%d rows of %d stations", len(table), table["station"].nunique())
    write_table(table, paths["covariates"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
