"""What the rule build_samples makes of domains, without its files: series, rows as frames, counts; for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.covariates.read.derive import Settings
from loam.io.tables import read_table
from loam.samples.build import build_series
from loam.samples.domains import Domain
from loam.samples.rows import rows_of, sample_schema, write_rows
from loam.samples.series import SampleSeries

NO_GAPS = {"fill_days": 0, "warm_up": 0, "variables": None}  # the config's samples.gaps
SETTINGS = Settings("majority", "nearest", {"sentinel1": 12, "sentinel2": 20, "vegetation": 32}, (5, 30), 0.2)


def sampled(
    domain: Domain, folder: Path, layers: Sequence[Mapping[str, Any]], features: Mapping[str, Any],
    groups: Sequence[str] = (), settings: Settings = SETTINGS,
) -> tuple[SampleSeries, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """The series of a domain, its table of rows as it is read back, and the counts of rows."""
    series = build_series(domain, settings, groups=groups, features=features)
    rows = rows_of(series, domain, features)
    path, schema = folder / f"rows_{domain.name}.parquet", sample_schema(layers, groups, features)
    write_rows(rows, path, schema)
    return series, read_table(path, schema), rows.dropped
