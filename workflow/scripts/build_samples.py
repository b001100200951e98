"""Turn the tables of a run, or its cube, with the moisture of its probes, into samples; count what was dropped."""

from contextlib import ExitStack
from dataclasses import replace

import pandas as pd

from loam.io.stage import Paths, Values, run_stage
from loam.covariates.features import widest_set
from loam.covariates.read.derive import settings_of
from loam.io.atomic import atomic_path
from loam.io.tables import write_table
from loam.samples.build import build_series
from loam.samples.domains import check_domains
from loam.samples.gaps import gaps_of, mask_after_gaps
from loam.samples.inputs import read_domains
from loam.samples.lost_records import warn_of_losses
from loam.samples.patch_reader import read_patches
from loam.samples.rows import DROPPED, rows_of, sample_schema, write_rows
from loam.samples.series import write_samples
from loam.samples.table_checks import check_constant, check_names, check_ranges_meet
from loam.samples.teachers import columns_taught


def stage(paths: Paths, values: Values) -> None:
    """Bring the stations, moisture and covariates of each domain together, check, write series, rows and counts."""
    features, groups, settings = values["features"], values["samples"]["groups"], settings_of(values["covariates"])
    taught = columns_taught(values["samples"])
    check_names(values["layers"], values["samples"]["columns"], groups, features, taught)
    domains = read_domains(paths, values)
    if len(domains) > 1:
        check_domains(*domains)
    gaps = gaps_of(values["samples"], features)
    rows, patches = {}, {}
    for domain in domains:
        series = build_series(domain, settings, groups=groups, features=features, gaps=gaps)
        series, masked = mask_after_gaps(series, gaps)
        patches[domain.name] = read_patches(domain, widest_set(features), series.days, settings, gaps)
        rows[domain.name] = rows_of(series, replace(domain, lost={**domain.lost, **masked}), features)
    dropped = pd.concat([own.dropped for own in rows.values()], ignore_index=True)
    warn_of_losses(dropped)
    extremes = {name: own.extremes() for name, own in rows.items()}
    check_constant(extremes, features)
    check_ranges_meet(extremes, features)
    schema = sample_schema(values["layers"], groups, features)
    with ExitStack() as stack:
        for name, own in rows.items():
            write_rows(own, stack.enter_context(atomic_path(paths[name])), schema)
            write_samples(own.series, paths[f"{name}_series"], patches[name])
    write_table(dropped, paths["dropped"], DROPPED)


if __name__ == "__main__":
    run_stage(snakemake, stage)  # noqa: F821
