"""Make the true moisture of the synthetic world on the days that are mapped: what evaluation alone reads."""

from datetime import date

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.truth import write_truth
from loam.sandbox.world import World
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write one netCDF file of all days."""
    days = [date.fromisoformat(day) for day in values["mapping"]["dates"]]
    write_truth(World(settings_of(values["seed"], values["sandbox"])), days, paths["truth"], values["threads"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
