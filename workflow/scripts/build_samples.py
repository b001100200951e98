"""Turn the tables of a run, or its cube, with the moisture of its probes, into samples; count what was dropped."""

from contextlib import ExitStack

import pandas as pd

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.cube import Cube
from loam.covariates.derive import settings_of
from loam.grid import read_grid
from loam.io.atomic import atomic_path
from loam.io.tables import read_table, write_table
from loam.probes.products import DAILY, STATION_SUMMARY
from loam.samples.build import build_series
from loam.samples.checks import check_constant, check_covariates, check_names, check_ranges_meet, check_static
from loam.samples.domains import (
    STATION_GROUPS,
    Domain,
    check_domains,
    domain_of_cube,
    domain_of_probes,
    domain_of_table,
)
from loam.samples.losses import warn_of_losses
from loam.samples.points import PointTables, read_points
from loam.samples.probes import check_repeats, within_period
from loam.samples.rows import DROPPED, rows_of, sample_schema, write_rows
from loam.samples.series import write_samples
from loam.samples.tables import StationTable, read_station_table

DOMAINS = ("source", "target")


def stage(paths: Paths, values: Values) -> None:
    """Bring the stations, moisture and covariates of each domain together, check, write series, rows and counts."""
    features, groups, settings = values["features"], values["samples"]["groups"], settings_of(values["covariates"])
    check_names(values["layers"], values["samples"]["columns"], groups, features)
    domains = _domains(paths, values)
    if len(domains) > 1:
        check_domains(*domains)
    series = [build_series(domain, settings, groups=groups, features=features) for domain in domains]
    rows = {domain.name: rows_of(own, domain, features) for domain, own in zip(domains, series, strict=True)}
    dropped = pd.concat([own.dropped for own in rows.values()], ignore_index=True)
    warn_of_losses(dropped)
    extremes = {name: own.extremes() for name, own in rows.items()}
    check_constant(extremes, features)
    check_ranges_meet(extremes, features)
    schema = sample_schema(values["layers"], groups, features)
    with ExitStack() as stack:
        for name, own in rows.items():
            write_rows(own, stack.enter_context(atomic_path(paths[name])), schema)
            write_samples(own.series, paths[f"{name}_series"])
    write_table(dropped, paths["dropped"], DROPPED)


def _domains(paths: Paths, values: Values) -> list[Domain]:
    names = [name for name in DOMAINS if name in paths]
    if values["samples"]["from"] == "table":
        return [domain_of_table(name, _table(name, paths, values), values["features"]) for name in names]
    daily = [read_table(path, DAILY) for path in paths["daily"]]
    if len(daily) > 1:
        check_repeats(*daily)
    stations = [read_table(path, STATION_SUMMARY) for path in paths["stations"]]
    layers = [layer["name"] for layer in values["layers"]]
    if values["samples"]["from"] == "probes":
        return [
            domain_of_probes(name, _table(name, paths, values), *probes, layers, values["features"])
            for name, *probes in zip(names, daily, stations, strict=True)
        ]
    periods = values["acquire"]["period"]
    return [
        domain_of_cube(
            name, _source(paths, name, values), within_period(rows, periods[name], name), about, layers, where
        )
        for name, where, rows, about in zip(names, paths["daily"], daily, stations, strict=True)
    ]


def _table(name: str, paths: Paths, values: Values) -> StationTable:
    """The domain's table, checked; of covariates alone where moisture comes from probes."""
    samples, alone = values["samples"], values["samples"]["from"] == "probes"
    columns = {key: column for key, column in samples["columns"].items() if not alone or key in ("station", "date")}
    table = read_station_table(
        paths[f"{name}_table"], name, layers=[] if alone else values["layers"], columns=columns,
        groups=[group for group in samples["groups"] if not alone or group not in STATION_GROUPS],
        features=values["features"], settings=settings_of(values["covariates"]),
    )  # fmt: skip
    check_covariates(table, values["features"])
    check_static(table, values["features"])
    return table


def _source(paths: Paths, name: str, values: Values) -> Cube | PointTables:
    """The domain's point tables where it has any, else the cube of the run's grid."""
    if paths[f"{name}_points"]:
        return read_points(paths[f"{name}_points"])
    (grid,), (static,) = paths["grid"], paths["static"]
    settings, outliers = settings_of(values["covariates"]), values["covariates"]["sentinel"]["outliers"]
    return Cube(read_grid(grid), static, paths["dynamic"], settings, outliers=outliers)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
