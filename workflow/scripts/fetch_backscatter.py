"""Fetch one Sentinel-1 scene of the run's list as the backscatter that Earth Engine keeps, on the run's grid."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import access_of
from loam.acquire.scenes.scene_files import fetch_listed


def stage(paths: Paths, values: Values) -> None:
    """Write the scene, whole and checked."""
    fetch_listed(paths["scenes"], values["scene"], access_of(values, "sentinel1"), paths["product"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
