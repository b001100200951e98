"""Make the logger files of the synthetic target domain's probes, with faults of every kind."""

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.instruments.logger_files import write_probes
from loam.sandbox.instruments.sites import target_sites
from loam.sandbox.world import World
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write a folder of CSV files, their description, the station table, and what was planted in them."""
    sites = target_sites(World(settings_of(values["seed"], values["sandbox"])), values["threads"])
    write_probes(
        values["seed"], sites, folder=paths["files"], description=paths["description"], stations=paths["stations"],
        faults=paths["faults"],
    )  # fmt: skip


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
