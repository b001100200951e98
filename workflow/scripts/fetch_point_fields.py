"""Fetch the fields of a month or year at a domain's stations, unless the table is what this request gave before."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import access_of
from loam.acquire.canonical.origin import is_current
from loam.acquire.catalogue import dataset_of
from loam.acquire.sources import open_source
from loam.acquire.station_places import hash_of_stations, read_stations
from loam.acquire.steps.fetch_points import fetch_point_fields
from loam.acquire.steps.fetched_parts import open_parts, request_of


def stage(paths: Paths, values: Values) -> None:
    """Write one row a station and day, and the manifest."""
    dataset, back_end, access = dataset_of(values["dataset"]), values["back_end"], access_of(values)
    span, state, stations = values["span"], values["state"], read_stations(paths["stations"])
    points, manifest = paths["points"], paths["manifest"]
    request = request_of(dataset, back_end, access, span=span, state=state, stations=hash_of_stations(stations))
    if is_current(points, request) and manifest.exists():
        points.touch()  # newer than the stations, which are the same
        manifest.touch()
        return
    source = open_source(dataset.name, back_end, access.on(state), open_parts(points, request))
    fetch_point_fields(source, stations, span, state, points, manifest, request)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
