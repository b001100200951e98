"""Fetch the orbit file that covers a Sentinel-1 scene of the run's list, the precise one when it is out."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.scenes.scene_files import fetch_listed_orbit


def stage(paths: Paths, values: Values) -> None:
    """Write the orbit file."""
    name, prefer = values["sentinel1"]["dataset"], values["orbit"]
    fetch_listed_orbit(paths["scenes"], values["scene"], name, prefer, paths["orbit"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
