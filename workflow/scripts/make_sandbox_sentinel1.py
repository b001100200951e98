"""Make the synthetic Sentinel-1 products and their orbit files, or backscatter on the grid: what the radar sees."""

from loam.io.stage import Paths, Values, run_stage
from loam.config.read import picked
from loam.config.sections.sandbox import Sandbox
from loam.sandbox.gridded_scenes import write_gridded
from loam.sandbox.scene_rows import named_by, takes_and_sights
from loam.sandbox.synthetic_scenes import write_radar
from loam.sandbox.world import World
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write products and orbits, each to the path that bears its scene's name."""
    world, scenes = World(settings_of(values["seed"], values["sandbox"])), picked(Sandbox, values["sandbox"]).scenes
    takes = {take.name.product: take for take in takes_and_sights(world.geobox, scenes)[0]}
    products, orbits = (named_by(paths[name], takes) for name in ("products", "orbits"))
    if not products or scenes.sentinel1 is None:
        return
    if scenes.sentinel1.gridded:
        write_gridded(world, products, looks=scenes.sentinel1.looks, threads=values["threads"])
    else:
        write_radar(world, products, orbits, looks=scenes.sentinel1.looks, threads=values["threads"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
