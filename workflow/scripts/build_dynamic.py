"""Build one month of dynamic covariates: coarse moisture, weather, vegetation, Sentinel-1 and Sentinel-2."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.dynamic import build_month
from loam.grid import read_grid

KINDS = ("coarse_moisture", "weather", "vegetation", "sentinel1", "sentinel2")


def stage(paths: Paths, values: Values) -> None:
    build_month(values["month"], read_grid(paths["grid"]), paths["dynamic"], **{kind: paths[kind] for kind in KINDS})


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
