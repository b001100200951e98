"""Choose the colours of the run's maps, one scale a band for all days, and write a QGIS style of each band."""

import logging

from loam.io.stage import Paths, Values, run_stage
from loam.io.atomic import write_text
from loam.io.schemas import SCALES
from loam.io.tables import read_parquet, write_table
from loam.mapping.picture import MOISTURE, SPREAD
from loam.mapping.qgis import ramp_style
from loam.mapping.scale import scales

log = logging.getLogger("loam")


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    table = scales(read_parquet(paths["target"], layers), layers, values["mapping"]["scale"])
    log.info("colours of the maps\n%s", table.to_string(index=False))
    write_table(table, paths["scales"], SCALES)
    for number, (row, path) in enumerate(zip(table.itertuples(), paths["styles"], strict=True), start=1):
        colours = MOISTURE if row.statistic == "mean" else SPREAD
        write_text(ramp_style(number, (row.low, row.high), colours, "m3 m-3"), path)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
