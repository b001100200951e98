"""List the Sentinel-1 and Sentinel-2 scenes of the run's region and period; an unchanged list is the same bytes."""

from datetime import date

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.region import bounds_of_run
from loam.acquire.scenes.scene_files import list_run_scenes
from loam.acquire.scenes.scene_table import write_scenes
from loam.acquire.sources import open_scenes


def stage(paths: Paths, values: Values) -> None:
    """Ask for the scenes and merge them into the list that there is."""
    chosen = {kind: options for kind in ("sentinel1", "sentinel2") if (options := values["scenes"][kind])}
    settings = {**values["acquire"], **chosen, "mapping": values["mapping"]}
    opened = [(options, open_scenes(options["dataset"], options["back_end"], settings)) for options in chosen.values()]
    first, last = (date.fromisoformat(values["scenes"][key]) if opened else date.min for key in ("first", "last"))
    bounds = bounds_of_run(values["mapping"]["grid"]) if opened else (0.0, 0.0, 0.0, 0.0)
    write_scenes(list_run_scenes(opened, bounds, first, last, paths["scenes"]), paths["scenes"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
