"""List the scenes that the synthetic satellites take of the region; the same settings are the same bytes."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.scenes.scene_table import write_scenes
from loam.config.read import picked
from loam.config.sections.sandbox import Sandbox
from loam.sandbox.scene_rows import scene_rows, takes_and_sights
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write the list, as ``snakemake scenes`` does for real satellites."""
    geobox = settings_of(values["seed"], values["sandbox"]).geobox
    takes, sights = takes_and_sights(geobox, picked(Sandbox, values["sandbox"]).scenes)
    write_scenes(scene_rows(geobox, takes, sights), paths["scenes"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
