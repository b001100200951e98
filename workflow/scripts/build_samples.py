"""Turn the two tables of a run, with the moisture of its probes, into samples, and count what was dropped."""

from loam.covariates.probes import check_repeats, read_probe_table
from loam.covariates.samples import DROPPED, build_samples, sample_schema
from loam.covariates.tables import read_station_table
from loam.io.stage import Paths, Values, run_stage
from loam.io.tables import read_table, write_table
from loam.probes.products import DAILY, STATION_SUMMARY


def stage(paths: Paths, values: Values) -> None:
    """Read, join the probes where moisture comes from them, check, build and write the samples of both domains."""
    config = {
        "layers": values["layers"],
        "columns": values["samples"]["columns"],
        "groups": values["samples"]["groups"],
        "features": values["features"],
    }
    if values["samples"]["from"] == "probes":
        daily = [read_table(path, DAILY) for path in paths["daily"]]
        check_repeats(*daily)
        stations = [read_table(path, STATION_SUMMARY) for path in paths["stations"]]
        source, target = (
            read_probe_table(paths[f"{domain}_table"], domain, *probes, **config)
            for domain, *probes in zip(("source", "target"), daily, stations, strict=True)
        )
    else:
        source, target = (
            read_station_table(paths[f"{domain}_table"], domain, **config) for domain in ("source", "target")
        )
    samples, dropped = build_samples(source, target, **config)
    schema = sample_schema(config["layers"], config["groups"], config["features"])
    for domain, frame in samples.items():
        write_table(frame, paths[domain], schema)
    write_table(dropped, paths["dropped"], DROPPED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
