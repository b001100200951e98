"""Make the grid of the run: that of a raster, or of CRS, bounds and resolution with its land by a land-cover map."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.build.land import build_grid
from loam.raster.grid import write_grid


def stage(paths: Paths, values: Values) -> None:
    like, landcover = (paths.get(name) or None for name in ("like", "landcover"))
    settings = {**values["mapping"].get("grid", {}), "like": like}
    landcover = landcover[0] if isinstance(landcover, list) else landcover
    write_grid(build_grid(settings, values["mapping"]["tile"], landcover, paths.get("land")), paths["grid"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
