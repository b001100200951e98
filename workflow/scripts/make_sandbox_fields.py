"""Make the months of weather and coarse moisture over the synthetic target domain."""

from loam.io.stage import Paths, Values, run_stage
from loam.sandbox.instruments.delivery import deliver_fields, spans_of
from loam.sandbox.world_settings import settings_of


def stage(paths: Paths, values: Values) -> None:
    """Write one netCDF file a dataset and month, and its manifest; the world is simulated once for all of them."""
    settings = settings_of(values["seed"], values["sandbox"])
    for dataset, spans in spans_of(values["fields"], paths["fields"], paths["manifests"]).items():
        deliver_fields(settings, dataset, values["grid"], spans, values["threads"])


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
