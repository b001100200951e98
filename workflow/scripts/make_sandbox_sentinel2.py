"""Make the synthetic Sentinel-2 items: what the imager sees of the world, and of the clouds above it."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.sandbox import Sandbox
from loam.sandbox.scene_rows import named_by, takes_and_sights
from loam.sandbox.synthetic_scenes import write_optical
from loam.sandbox.world import World
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write the items, each to the path that bears its name."""
    world = World(settings_of(values["seed"], values["sandbox"]))
    scenes = picked(Sandbox, values["sandbox"]).scenes
    sights = {sight.name: sight for sight in takes_and_sights(world.geobox, scenes)[1]}
    write_optical(world, named_by(paths["products"], sights), values["threads"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
