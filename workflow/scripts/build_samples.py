"""Turn the two sample tables of a run into samples with lags, classes and season, and count what was dropped."""

from loam.covariates.samples import DROPPED, build_samples, sample_schema
from loam.covariates.tables import read_station_table
from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import write_table


def stage(paths: Paths, values: Values) -> None:
    """Read, check, build and write the samples of both domains."""
    config = {
        "layers": values["layers"],
        "columns": values["samples"]["columns"],
        "groups": values["samples"]["groups"],
        "features": values["features"],
    }
    source, target = (read_station_table(paths[f"{domain}_table"], domain, **config) for domain in ("source", "target"))
    samples, dropped = build_samples(source, target, **config)
    schema = sample_schema(config["layers"], config["groups"], config["features"])
    for domain, frame in samples.items():
        write_table(frame, paths[domain], schema)
    write_table(dropped, paths["dropped"], DROPPED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
