"""Score a map against the known moisture of every pixel."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.evaluation.map_score import score_map
from loam.io.schemas import MAP_SCORES
from loam.io.tables import write_table

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    table = score_map(paths["map"], paths["trust"], paths["truth"], layers, values["date"])
    write_table(table, paths["score"], MAP_SCORES)
    log.info("%s\n%s", paths["score"], table.to_string(index=False, float_format="%.4g"))


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
