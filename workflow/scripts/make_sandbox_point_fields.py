"""Make the months of weather and coarse moisture at the stations of the synthetic source domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.station_places import read_stations
from loam.sandbox.instruments.delivery import deliver_point_fields, spans_of
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write one table a dataset and month, and its manifest; the domain is simulated once for all of them."""
    settings, stations = settings_of(values["seed"], values["sandbox"]), read_stations(paths["stations"])
    for dataset, spans in spans_of(values["fields"], paths["points"], paths["manifests"]).items():
        deliver_point_fields(settings, dataset, stations, spans)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
