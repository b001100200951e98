"""How wide the map's intervals are: from the held-out residuals of the model that makes it."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.config.map_bands import LEVELS
from loam.evaluation.applicability import with_dissimilarity
from loam.evaluation.bounds import half_widths_anywhere
from loam.evaluation.chosen import chosen_of
from loam.io.schemas import DISSIMILARITY, HALF_WIDTHS, PREDICTIONS
from loam.io.tables import read_table, write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    system, _ = chosen_of(values["systems"], paths.get("chosen"))
    predictions = read_table(paths["predictions"][values["systems"].index(system)], PREDICTIONS)
    of_system = (predictions["model"] == system["scored"]) & (predictions["scenario"] == system["scenario"])
    predictions = predictions[of_system]
    if paths.get("dissimilarity"):
        predictions = with_dissimilarity(
            predictions, [read_table(path, DISSIMILARITY) for path in paths["dissimilarity"]]
        )
    table = half_widths_anywhere(predictions, values["evaluation"]["intervals"], LEVELS)
    log.info("half widths of the map's intervals\n%s", table.to_string(index=False))
    write_table(table, paths["half_widths"], HALF_WIDTHS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
