"""Fetch maps at the stations of a domain, unless the table is what this request gave before."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import access_of
from loam.acquire.canonical.origin import is_current
from loam.acquire.catalogue import dataset_of
from loam.acquire.region import resolution_of_run
from loam.acquire.sources import open_source
from loam.acquire.station_places import hash_of_stations, read_stations
from loam.acquire.steps.fetch_points import fetch_point_maps
from loam.acquire.steps.fetched_parts import open_parts, request_of


def stage(paths: Paths, values: Values) -> None:
    """Write one row a station."""
    access, resolution = access_of(values), resolution_of_run(values["mapping"]["grid"])
    dataset, back_end = dataset_of(values["dataset"]), values["back_end"]
    variables, stations = list(values.get("variables") or dataset.variables), read_stations(paths["stations"])
    request = request_of(
        dataset, back_end, access, stations=hash_of_stations(stations), variables=variables, resolution=resolution
    )
    if is_current(paths["points"], request):
        paths["points"].touch()  # newer than the stations, which are the same
        return
    source = open_source(dataset.name, back_end, access, open_parts(paths["points"], request))
    fetch_point_maps(source, stations, variables, resolution, paths["points"], request)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
