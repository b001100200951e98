"""How wide the map's intervals are: from the held-out residuals of the model that makes it."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.config.map_bands import LEVELS
from loam.evaluation.bounds import half_widths_anywhere
from loam.io.schemas import HALF_WIDTHS, PREDICTIONS
from loam.io.tables import read_table, write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    predictions = read_table(paths["predictions"], PREDICTIONS)
    table = half_widths_anywhere(predictions, values["evaluation"]["intervals"], LEVELS)
    log.info("half widths of the map's intervals\n%s", table.to_string(index=False))
    write_table(table, paths["half_widths"], HALF_WIDTHS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
