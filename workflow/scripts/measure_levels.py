"""Set what a user has measured against the map's members, and find how far the error of their level reaches."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.mapping import Mapping
from loam.covariates.features import feature_set
from loam.evaluation.level_field import level_fields
from loam.io.schemas import LEVEL_FIELDS, MEASURED, PREDICTIONS
from loam.io.tables import read_table, write_table
from loam.mapping.day_inputs import day_inputs
from loam.mapping.measured_levels import predict_measured
from loam.mapping.measurements import read_measurements
from loam.mapping.open_system import open_system
from loam.mapping.probes_of_day import ProbesOfDay
from loam.raster.grid import read_grid
from loam.samples.series import open_samples
from loam.samples.windows import Windows


def stage(paths: Paths, values: Values) -> None:
    (system,), layers = values["systems"], [layer["name"] for layer in values["layers"]]
    features, grid = feature_set(values["features"], system["window"]), read_grid(paths["grid"])
    measured = read_measurements(paths["measurements"], layers, grid)
    mapping = picked(Mapping, values["mapping"])
    inputs, _ = day_inputs(paths, values, mapping.inputs, grid)
    engine, _ = open_system(system, paths, values, features)
    windows = (
        Windows(open_samples(paths["samples"][0]), features, layers, "target") if engine.reads_neighbours else None
    )

    def probes(day: str) -> ProbesOfDay | None:
        return None if windows is None else ProbesOfDay(windows, day, engine.card["neighbours"])

    table = predict_measured(
        engine,
        features,
        inputs,
        measured,
        grid,
        values["days"],
        outside=mapping.outside,
        day_boundary=values["day_boundary"],
        probes=probes,
    )
    places = read_table(paths["target"]).groupby("station")[["latitude", "longitude"]].first()
    named = [layer for layer in layers if layer in set(table["layer"])]
    fields = level_fields(read_table(paths["predictions"][0], PREDICTIONS), places, named)
    write_table(table, paths["measured"], MEASURED)
    write_table(fields, paths["level_fields"], LEVEL_FIELDS)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
