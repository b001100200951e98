"""Summarise a day's map over zones."""

from loam.io.stage import Paths, Values, run_stage
from loam.io.atomic import atomic_path
from loam.mapping.zones import read_zones, summarise_zones
from loam.raster.grid import crs_of, read_grid


def stage(paths: Paths, values: Values) -> None:
    chosen = values["zones"]
    zones = read_zones(paths["zones"], chosen["id"], crs_of(read_grid(paths["grid"]).geobox))
    known = {name: chosen[name] for name in ("thresholds", "wilting_point", "field_capacity")}
    table = summarise_zones(zones, paths["map"], paths["trust"], values["layers"], **known)
    with atomic_path(paths["table"]) as path:
        table.drop(columns="geometry").to_csv(path, index=False, float_format="%.4f")
    with atomic_path(paths["outlines"]) as path:
        table.to_parquet(path)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
