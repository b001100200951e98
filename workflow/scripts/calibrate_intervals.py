"""Give every held-out prediction its 90 % interval, from the other stations' residuals, and say how often they hold."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.bounds import with_bounds
from loam.evaluation.coverage import score_intervals
from loam.io.schemas import COVERAGE, MERGED
from loam.io.tables import read_table, write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    predictions = read_table(paths["uncalibrated"], MERGED)
    settings = values["evaluation"]["intervals"]
    coverage = score_intervals(predictions, settings, draws=values["evaluation"]["bootstrap"], seed=values["seed"])
    for row in coverage[
        (coverage["season"] == "all") & (coverage["area"] == "all") & (coverage["level"] == 0.9)
    ].itertuples():
        log.info(
            "%s %s %s, %s: the 90 %% interval holds %.1f %%, at the worst of %d stations %.1f %%, %.3f wide",
            row.protocol, row.model, row.scenario, row.layer, 100 * row.coverage, row.stations, 100 * row.worst,
            row.width,
        )  # fmt: skip
    write_table(coverage, paths["coverage"], COVERAGE)
    write_table(with_bounds(predictions, settings), paths["predictions"], MERGED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
