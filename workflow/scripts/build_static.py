"""Build the static covariates on the run's grid: soil, terrain, land cover."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.build.static import build_static
from loam.raster.grid import read_grid


def stage(paths: Paths, values: Values) -> None:
    build_static(
        read_grid(paths["grid"]), paths["static"], soil=paths["soil"], terrain=paths["terrain"],
        landcover=paths["landcover"], shares=values["covariates"]["landcover"] == "shares",
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
