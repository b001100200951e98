"""Make what maps hold at the stations of the synthetic source domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.acquire.station_places import read_stations
from loam.sandbox.instruments.delivery import deliver_point_maps
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write one table a dataset."""
    settings, stations = settings_of(values["seed"], values["sandbox"]), read_stations(paths["stations"])
    deliver_point_maps(settings, values["maps"], values["grid"], stations, paths["points"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
