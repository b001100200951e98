"""Make the maps of soil, terrain and land cover of the synthetic world, as they are published."""

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.instruments.delivery import deliver_maps
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write one GeoTIFF a map, on the run's grid."""
    deliver_maps(settings_of(values["seed"], values["sandbox"]), values["maps"], paths["maps"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
