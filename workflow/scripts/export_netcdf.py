"""Write a day's map as CF-netCDF too."""

from loam.io.stage import Paths, Values, run_stage
from loam.mapping.cf_netcdf import write_netcdf


def stage(paths: Paths, values: Values) -> None:
    write_netcdf(paths["map"], paths["netcdf"], values["layers"], values["day_boundary"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
