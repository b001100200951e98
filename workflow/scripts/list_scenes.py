"""List the Sentinel-1 and Sentinel-2 scenes of the run's region and period; an unchanged list is the same bytes."""

from datetime import date

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import CHOICES, access_of
from loam.acquire.region import bounds_of_run
from loam.acquire.scenes.scene_files import list_run_scenes
from loam.acquire.scenes.scene_table import write_scenes
from loam.acquire.sources import open_scenes


def stage(paths: Paths, values: Values) -> None:
    """Ask for the scenes and merge them into the list that there is."""
    accesses = [access_of({**values, **values["scenes"]}, kind) for kind in CHOICES if values["scenes"][kind]]
    opened = [open_scenes(access.choice.dataset, access.choice.back_end, access) for access in accesses]
    first, last = (date.fromisoformat(values["scenes"][key]) if opened else date.min for key in ("first", "last"))
    bounds = bounds_of_run(values["mapping"]["grid"]) if opened else (0.0, 0.0, 0.0, 0.0)
    write_scenes(list_run_scenes(opened, bounds, first, last, paths["scenes"]), paths["scenes"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
