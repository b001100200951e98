"""Make the readings of the synthetic source domain's stations, as a download of a network."""

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.instruments.ismn_download import write_download
from loam.sandbox.instruments.sites import source_sites
from loam.sandbox.source_domain import SourceDomain
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write a folder with one file a sensor."""
    sites = source_sites(SourceDomain(settings_of(values["seed"], values["sandbox"])))
    write_download(values["seed"], sites, paths["download"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
