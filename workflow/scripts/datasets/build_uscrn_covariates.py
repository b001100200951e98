"""Make the table of covariates at USCRN stations: weather of the day and sums of rain."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.datasets.uscrn_weather import daily_weather, sums_of_rain
from loam.io.tables import write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    """Read, sum and write."""
    table = sums_of_rain(daily_weather(paths["probes"]), **values["covariates"]["rain_sums"])
    log.info("%d rows of %d stations", len(table), table["station"].nunique())
    for name, share in table.isna().mean().items():
        log.info("%s is missing in %.1f %% of the rows", name, 100 * share)
    write_table(table, paths["covariates"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
