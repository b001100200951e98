"""Describe a day's map as a STAC item."""

from loam.io.stage import Paths, Values, run_stage
from loam.mapping.map_catalogue import item_of, write_item


def stage(paths: Paths, values: Values) -> None:
    files = {"soil_moisture": paths["map"], "trust": paths["trust"], "picture": paths["map"].with_suffix(".png")}
    if paths["netcdf"]:
        (files["netcdf"],) = paths["netcdf"]
    write_item(item_of(files, values["citations"], values["day_boundary"]), paths["item"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
