"""Build one month of dynamic covariates: fields, composites, Sentinel-1 and Sentinel-2."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.build.dynamic import build_month
from loam.raster.grid import read_grid
from loam.variables import kinds


def stage(paths: Paths, values: Values) -> None:
    files = {kind: paths[kind] for kind in kinds() if kind in paths}
    build_month(values["month"], read_grid(paths["grid"]), paths["dynamic"], **files)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
