"""Compare the map of a day with those of its time of the year."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.code import code_version
from loam.mapping.aggregates import against_record
from loam.mapping.tags import tags_of_maps
from loam.raster.grid import read_grid


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    tags = tags_of_maps(values, paths["record"], code=code_version("compare_with_record"), day=values["date"])
    written = paths["anomaly"], paths["percentile"]
    against_record(paths["map"], paths["record"], layers, read_grid(paths["grid"]), *written, tags)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
