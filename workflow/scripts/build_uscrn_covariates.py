"""Make the table of covariates at USCRN stations: weather of the day and sums of rain."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.sums import trailing_sums
from loam.io.tables import write_table
from loam.probes.uscrn import daily_weather

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    """Read, sum and write."""
    table = daily_weather(paths["probes"])
    sums = trailing_sums(table["station"], table["date"], table["rain"], **values["covariates"]["rain_sums"])
    table = table.join(sums)
    log.info("%d rows of %d stations", len(table), table["station"].nunique())
    for name, share in table.isna().mean().items():
        log.info("%s is missing in %.1f %% of the rows", name, 100 * share)
    write_table(table, paths["covariates"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
