"""The domains of a run, from the files that the rule build_samples reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.config.parts import of_cells, origin
from loam.covariates.read.cube import Cube
from loam.covariates.read.derive import settings_of
from loam.io.tables import read_table
from loam.probes.products import DAILY, STATION_SUMMARY
from loam.raster.grid import read_grid
from loam.samples.brought_table import StationTable, read_station_table
from loam.samples.domains import (
    STATION_GROUPS,
    Domain,
    domain_of_cells,
    domain_of_cube,
    domain_of_probes,
    domain_of_table,
)
from loam.samples.point_tables import PointTables, read_points
from loam.samples.probes import check_repeats, within_period
from loam.samples.table_checks import check_covariates, check_static
from loam.samples.teachers import Teacher, layers_to_read, teachers_of

DOMAINS = ("source", "target")
Paths = Mapping[str, Any]
Values = Mapping[str, Any]


def read_domains(paths: Paths, values: Values) -> list[Domain]:
    """The domains of which ``paths`` names samples: stations, moisture and covariates, checked.

    Args:
        paths: the rule's.
        values: of the config, that the rule holds.

    Raises:
        TableError: a file cannot be used.
    """
    names, layers = [name for name in DOMAINS if name in paths], [layer["name"] for layer in values["layers"]]
    teachers = {name: teachers_of(name, values["samples"], layers) for name in names}
    probes = _probes([name for name in names if origin(values, name) != "table" and not of_cells(values, name)], paths)
    return [_domain(name, paths, values, layers, teachers[name], probes) for name in names]


def _probes(names: Sequence[str], paths: Paths) -> dict[str, tuple[Path, pd.DataFrame, pd.DataFrame]]:
    """Where each domain's daily moisture is, the moisture, and its stations."""
    if not names:
        return {}
    daily = [read_table(path, DAILY) for path in paths["daily"]]
    if len(daily) > 1:
        check_repeats(*daily)
    stations = [read_table(path, STATION_SUMMARY) for path in paths["stations"]]
    return dict(zip(names, zip(map(Path, paths["daily"]), daily, stations, strict=True), strict=True))


def _domain(
    name: str, paths: Paths, values: Values, layers: Sequence[str], teachers: Sequence[Teacher],
    probes: Mapping[str, tuple[Path, pd.DataFrame, pd.DataFrame]],
) -> Domain:  # fmt: skip
    features = values["features"]
    if origin(values, name) == "table":
        return domain_of_table(name, _table(name, paths, values), features, layers, teachers)
    if of_cells(values, name):
        cube, settings = _source(paths, name, values), settings_of(values["covariates"])
        period, where = values["acquire"]["period"][name], Path("results") / values["run"] / "covariates"
        return domain_of_cells(name, cube, period, layers, teachers, settings, where)
    where, daily, stations = probes[name]
    if origin(values, name) == "probes":
        table = _table(name, paths, values)
        return domain_of_probes(name, table, daily, stations, layers, features, teachers)
    daily = within_period(daily, values["acquire"]["period"][name], name)
    source, block = _source(paths, name, values), values["samples"]["block"]
    return domain_of_cube(name, source, daily, stations, layers, where, teachers, block)


def _table(name: str, paths: Paths, values: Values) -> StationTable:
    """The domain's table, checked; of covariates alone where moisture comes from probes."""
    samples, alone = values["samples"], origin(values, name) == "probes"
    columns = {key: column for key, column in samples["columns"].items() if not alone or key in ("station", "date")}
    teachers = teachers_of(name, samples, [layer["name"] for layer in values["layers"]])
    table = read_station_table(
        paths[f"{name}_table"], name, layers=[] if alone else layers_to_read(teachers, values["layers"]),
        columns=columns,
        groups=[group for group in samples["groups"] if not alone or group not in STATION_GROUPS],
        features=values["features"], settings=settings_of(values["covariates"]),
        more=[column for teacher in teachers if alone for column in (teacher.columns or {}).values()],
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
