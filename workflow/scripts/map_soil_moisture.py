"""Map a day: mean and standard deviation over a model's members, intervals, and where they can be trusted."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.code import code_version
from loam.config.map_bands import LEVELS
from loam.config.read import picked
from loam.config.sections.mapping import Mapping
from loam.covariates.features import feature_set
from loam.evaluation.chosen import chosen_of
from loam.io.schemas import HALF_WIDTHS, LEVEL_FIELDS, MEASURED, PREDICTIONS
from loam.io.tables import read_parquet, read_table
from loam.mapping.conditioned_day import ConditionedDay
from loam.mapping.day_inputs import day_inputs
from loam.mapping.day_map import map_day
from loam.mapping.half_widths import half_widths_of
from loam.mapping.level_shift import LevelShift
from loam.mapping.measured_levels import MeasuredLevels
from loam.mapping.open_system import open_system
from loam.mapping.pores import Pores
from loam.mapping.probes_of_day import ProbesOfDay
from loam.mapping.sidecar import plain
from loam.mapping.tags import map_tags
from loam.raster.grid import read_grid
from loam.samples.series import open_samples
from loam.samples.windows import Windows
from loam.trust.dissimilarity import read_area


def stage(paths: Paths, values: Values) -> None:
    """Map from the covariate cube where the rule gives one, else from the rasters of mapping.inputs."""
    system, why = chosen_of(values["systems"], paths.get("chosen"))
    features = feature_set(values["features"], system["window"])
    mapping, day = picked(Mapping, values["mapping"]), values["date"]
    grid = read_grid(paths["grid"])
    inputs, read = day_inputs(paths, values, mapping.inputs, grid)
    engine, learned = open_system(system, paths, values, features)
    given = [*learned, paths["half_widths"], paths["area"], *read]
    probes = None
    if engine.reads_neighbours:
        windows = Windows(open_samples(paths["samples"][0]), features, engine.layers, "target")
        probes = ProbesOfDay(windows, day, engine.card["neighbours"])
        given += paths["samples"]
    levels: LevelShift | None = None
    if paths.get("measured"):
        tables = read_table(paths["measured"], MEASURED), read_table(paths["level_fields"], LEVEL_FIELDS)
        levels = MeasuredLevels(*tables, engine.layers, day)
        given += [paths["measured"], paths["level_fields"]]
    if paths.get("held_out"):
        stations = read_parquet(paths["stations"], ["station", "latitude", "longitude"])
        places = stations.groupby("station")[["latitude", "longitude"]].first()
        levels = ConditionedDay(read_table(paths["held_out"], PREDICTIONS), places, engine.layers, day)
        given += [paths["held_out"], paths["stations"]]
    half_widths = half_widths_of(read_table(paths["half_widths"], HALF_WIDTHS), engine.layers, LEVELS)
    plugins = [each["plugin"] for each in values["systems"]]
    tags = map_tags(values, engine.card, given, code=code_version("map_soil_moisture", *plugins))
    tags |= {"chosen": plain(why)} if why else {}
    map_day(
        engine, features, inputs, day, grid, paths["map"], paths["trust"], tags, outside=mapping.outside,
        encoding=mapping.encoding, half_widths=half_widths, pores=Pores(features, values["layers"]),
        day_boundary=values["day_boundary"], probes=probes, levels=levels,
        area=read_area(paths["area"], len(features.static) + sum(map(len, features.sequence))),
        threads=values["threads"],
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
