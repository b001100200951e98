"""Take the grid of the map from a raster: CRS, transform, shape, land mask and tiles."""

from loam.grid import grid_like, write_grid
from loam.io.stage import Paths, Values, run_stage


def stage(paths: Paths, values: Values) -> None:
    write_grid(grid_like(paths["like"], values["mapping"]["tile"]), paths["grid"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
