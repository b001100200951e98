"""Fetch one variable of a map on the run's grid, unless the file is what this request gave before.

``relief`` is the elevation for Sentinel-1: at its own resolution, and beyond the grid's edge.
"""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import access_of
from loam.acquire.acquire_plan import HEIGHTS, RELIEF
from loam.acquire.canonical.origin import is_current
from loam.acquire.catalogue import dataset_of
from loam.acquire.radar_relief import relief_geobox
from loam.acquire.region import geobox_of_run
from loam.acquire.sources import open_source
from loam.acquire.steps.fetch_maps import fetch_map
from loam.acquire.steps.fetched_parts import open_parts, request_of


def stage(paths: Paths, values: Values) -> None:
    """Write the map, its tiles kept beside it until it is complete."""
    grid, access = values["mapping"]["grid"], access_of(values)
    dataset, back_end = dataset_of(values["dataset"]), values["back_end"]
    request = request_of(dataset, back_end, access, variable=values["variable"], grid=dict(grid))
    if is_current(paths["map"], request):
        return
    geobox, variable = geobox_of_run(grid), values["variable"]
    source = open_source(dataset.name, back_end, access, open_parts(paths["map"], request))
    if variable == RELIEF:
        variable, source.smooth = HEIGHTS, True
        geobox = relief_geobox(source, variable, geobox)
    fetch_map(source, variable, geobox, paths["map"], request)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
