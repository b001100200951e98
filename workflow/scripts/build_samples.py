"""Turn the two tables of a run, or its cube, with the moisture of its probes, into samples; count what was dropped."""

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.cube import Cube
from loam.covariates.cube_samples import sample_domain, within_period
from loam.covariates.derive import settings_of
from loam.covariates.points import PointTables, read_points
from loam.covariates.probes import check_repeats, read_probe_table
from loam.covariates.samples import DROPPED, build_samples, sample_schema
from loam.covariates.tables import read_station_table
from loam.grid import read_grid
from loam.io.tables import read_table, write_table
from loam.probes.products import DAILY, STATION_SUMMARY

DOMAINS = ("source", "target")


def stage(paths: Paths, values: Values) -> None:
    """Read or sample, join the probes where moisture comes from them, check, write the samples of each domain."""
    config = {
        "layers": values["layers"],
        "columns": values["samples"]["columns"],
        "groups": values["samples"]["groups"],
        "features": values["features"],
    }
    domains = [domain for domain in DOMAINS if domain in paths]
    if values["samples"]["from"] != "table":
        daily = [read_table(path, DAILY) for path in paths["daily"]]
        if len(daily) > 1:
            check_repeats(*daily)
        stations = [read_table(path, STATION_SUMMARY) for path in paths["stations"]]
    if values["samples"]["from"] == "cube":
        periods = values["acquire"]["period"]
        daily = [within_period(rows, periods[domain], domain) for domain, rows in zip(domains, daily, strict=True)]
        tables = [
            sample_domain(
                domain, _open(paths, domain, values), *probes, settings_of(values["covariates"]),
                layers=values["layers"], groups=config["groups"], features=values["features"], where=path,
            )
            for domain, path, *probes in zip(domains, paths["daily"], daily, stations, strict=True)
        ]  # fmt: skip
    elif values["samples"]["from"] == "probes":
        tables = [
            read_probe_table(paths[f"{domain}_table"], domain, *probes, **config)
            for domain, *probes in zip(domains, daily, stations, strict=True)
        ]
    else:
        tables = [read_station_table(paths[f"{domain}_table"], domain, **config) for domain in domains]
    samples, dropped = build_samples(*tables, **config)
    schema = sample_schema(config["layers"], config["groups"], config["features"])
    for domain, frame in samples.items():
        write_table(frame, paths[domain], schema)
    write_table(dropped, paths["dropped"], DROPPED)


def _open(paths: Paths, domain: str, values: Values) -> Cube | PointTables:
    """The domain's point tables where it has any, else the cube of the run's grid."""
    if paths[f"{domain}_points"]:
        return read_points(paths[f"{domain}_points"])
    (grid,), (static,) = paths["grid"], paths["static"]
    settings, outliers = settings_of(values["covariates"]), values["covariates"]["sentinel"]["outliers"]
    return Cube(read_grid(grid), static, paths["dynamic"], settings, outliers=outliers)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
