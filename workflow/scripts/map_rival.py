"""Map a day with a rival, and score it against the known moisture where there is one."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.code import code_version
from loam.config.read import picked
from loam.config.sections.mapping import Mapping
from loam.covariates.features import feature_set
from loam.evaluation.map_score import score_map
from loam.io.schemas import MAP_SCORES
from loam.io.tables import read_table, write_table
from loam.mapping.day_inputs import day_inputs
from loam.mapping.day_map import map_day
from loam.mapping.pores import Pores
from loam.mapping.rival_map import RivalEngine
from loam.mapping.tags import map_tags
from loam.plugins import load
from loam.raster.grid import read_grid


def stage(paths: Paths, values: Values) -> None:
    features, layers = feature_set(values["features"]), [layer["name"] for layer in values["layers"]]
    mapping, day, grid = picked(Mapping, values["mapping"]), values["date"], read_grid(paths["grid"])
    inputs, given = day_inputs(paths, values, mapping.inputs, grid)
    source = read_table(paths["source"]) if paths["source"] else None
    make = load(values["plugin"])
    engine = RivalEngine(
        values["rival"], lambda: make(values["seed"]), source, read_table(paths["target"]), features, layers,
        values["threads"],
    )  # fmt: skip
    tags = map_tags(values, engine.card, given, code=code_version("map_rival", values["plugin"]))
    map_day(
        engine, features, inputs, day, grid, paths["map"], paths["trust"], tags, outside=mapping.outside,
        encoding=mapping.encoding, pores=Pores(features, values["layers"]), day_boundary=values["day_boundary"],
        threads=values["threads"],
    )  # fmt: skip
    if paths["truth"]:
        table = score_map(paths["map"], paths["trust"], paths["truth"], layers, day)
        write_table(table, paths["score"], MAP_SCORES)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
