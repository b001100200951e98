"""Fetch the fields of a month or year for the run's region, unless the file is what this request gave before."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.access import access_of
from loam.acquire.canonical.origin import is_current
from loam.acquire.catalogue import dataset_of
from loam.acquire.region import geobox_of_run
from loam.acquire.sources import open_source
from loam.acquire.steps.fetch_fields import fetch_fields
from loam.acquire.steps.fetched_parts import open_parts, request_of


def stage(paths: Paths, values: Values) -> None:
    """Write the file of fields and its manifest."""
    grid, access = values["mapping"]["grid"], access_of(values)
    dataset, back_end = dataset_of(values["dataset"]), values["back_end"]
    span, state = values["span"], values["state"]
    request = request_of(dataset, back_end, access, span=span, state=state, grid=dict(grid))
    if is_current(paths["fields"], request) and paths["manifest"].exists():
        return
    geobox = geobox_of_run(grid)
    source = open_source(dataset.name, back_end, access.on(state), open_parts(paths["fields"], request))
    fetch_fields(source, geobox, span, state, paths["fields"], paths["manifest"], request)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
