"""Average the maps of a period's days."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.code import code_version
from loam.mapping.aggregates import mean_map
from loam.mapping.tags import tags_of_maps
from loam.raster.grid import read_grid


def stage(paths: Paths, values: Values) -> None:
    layers = [layer["name"] for layer in values["layers"]]
    tags = tags_of_maps(values, paths["maps"], code=code_version("average_maps"), period=values["period"])
    grid, encoding = read_grid(paths["grid"]), values["mapping"]["encoding"]
    mean_map(paths["maps"], layers, grid, paths["map"], paths["days"], tags, encoding)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
