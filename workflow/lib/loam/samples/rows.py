"""Rows of samples: one a (station, date) with every covariate and every soil layer, for trees, export and reports.

They are read from the series. A row goes that lacks a covariate, in any of its lags, or all layers; what went, and why,
is counted per station. Complete cases follow Widyastuti et al.: a row with a missing covariate is left out; a row that
lacks one of several layers still trains the others.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq

from loam.covariates.features import Feature, FeatureSet, feature_set, widest_set
from loam.covariates.reasons import ALL_LAYERS, COVARIATE, KEPT, MASKED, OUTSIDE, REASONS, WARM_UP
from loam.errors import TableError
from loam.io.tables import check_table
from loam.samples.domains import Domain
from loam.samples.series import SampleSeries, first_told

log = logging.getLogger("loam")

WHY = (KEPT, ALL_LAYERS, COVARIATE, OUTSIDE, *dict.fromkeys([*REASONS.values(), MASKED]), WARM_UP)
NUMBERS_AT_ONCE = 8_000_000  # that are held in memory of a table being written

# One row a station, reason and what was missing. `column` names what was missing: the layers, or the covariates
# joined by ", " (by the name they have in the config, whichever lag it was), or those with the gap before it; empty for
# rows that were kept and for stations that have no pixel of the grid (outside it, in the sea, masked).
# Each row of a table is counted once, so a station's rows add up to the rows its table had.
DROPPED = pa.DataFrameSchema(
    {
        "domain": pa.Column(str, pa.Check.isin(["source", "target"]), coerce=True),
        "station": pa.Column(str, coerce=True),
        "reason": pa.Column(str, pa.Check.isin(WHY), coerce=True),
        "column": pa.Column(str, coerce=True, nullable=True),
        "rows": pa.Column(int, pa.Check.ge(1), coerce=True),
    },
    strict=True,
    unique=["domain", "station", "reason", "column"],
)


def sample_schema(
    layers: Sequence[Mapping[str, Any]], groups: Sequence[str], features: Mapping[str, Any]
) -> pa.DataFrameSchema:
    """The samples' columns in order: keys, layers (m3 m-3, NaN where not observed), groups, features (no NaN)."""
    return pa.DataFrameSchema(
        {
            "station": pa.Column(str, pa.Check.str_length(min_value=1), coerce=True),
            "date": pa.Column("datetime64[ns]"),
            "latitude": pa.Column(float, pa.Check.in_range(-90, 90)),
            "longitude": pa.Column(float, pa.Check.in_range(-180, 180)),
            **{layer["name"]: pa.Column(float, pa.Check.in_range(0, 1), nullable=True) for layer in layers},
            **{name: pa.Column(nullable=True) for name in groups},
            **{name: pa.Column(float) for name in feature_set(features).columns},
        },
        strict=True,
        ordered=True,
        unique=["station", "date"],
    )


@dataclass(frozen=True)
class Rows:
    """The rows of a domain.

    Args:
        series: their samples.
        features: all that a row has.
        station, day: [row] positions in the series, by station, then day.
        dropped: rows kept and dropped, schema ``DROPPED``.
    """

    series: SampleSeries
    features: FeatureSet
    station: np.ndarray
    day: np.ndarray
    dropped: pd.DataFrame

    def column(self, feature: Feature) -> np.ndarray:
        """A feature's values: [row], float64."""
        return self.series.column(feature, self.station, self.day)

    @cached_property
    def moisture(self) -> np.ndarray:
        """[row, layer] moisture of the first teacher that has it, m3 m-3; NaN where none has."""
        return first_told(self.series.moisture[:, self.station, self.day])

    def extremes(self) -> pd.DataFrame:
        """Columns ``min`` and ``max`` of each feature over the rows, by the feature's column."""
        found = [(values.min(), values.max()) for values in map(self.column, self.features.all)]
        return pd.DataFrame(found, index=self.features.columns, columns=["min", "max"])


def rows_of(series: SampleSeries, domain: Domain, features: Mapping[str, Any]) -> Rows:
    """The rows of ``series`` that have every feature and any layer.

    Raises:
        TableError: there is none, or none has a layer.
    """
    wanted = feature_set(features)
    station, day = np.nonzero(np.isfinite(series.moisture).any(axis=(0, 3)))
    every = widest_set(features, patch=domain.around is not None).all
    lacking = {feature.name: np.zeros(len(station), bool) for feature in (*wanted.all, *every)}
    for feature in every:
        lacking[feature.name] |= ~np.isfinite(series.column(feature, station, day))
    table = pd.DataFrame(lacking)
    keep = ~table.any(axis=1).to_numpy()
    dropped = _counts(domain, np.array(series.stations, object)[station], table)
    rows = Rows(series, wanted, station[keep], day[keep], dropped)
    _log_counts(domain, rows, table)
    if not keep.any():
        most = dropped[dropped["reason"] != KEPT].groupby(["reason", "column"])["rows"].sum().idxmax()
        raise TableError(
            f"no row of the {domain.name} domain has all covariates and a layer; most lack {most[0]}: {most[1]}",
            where=domain.where, fix="fill in what is missing, or leave the covariate out of the config's features",
        )  # fmt: skip
    for place, layer in enumerate(series.layers):
        if np.isnan(rows.moisture[:, place]).all():
            raise TableError(
                f"layer '{layer}' has no observation in a row of the {domain.name} domain with all covariates",
                where=domain.where, fix="fill in the covariates of its days, or remove the layer from the config",
            )  # fmt: skip
    return rows


def write_rows(rows: Rows, path: Path, schema: pa.DataFrameSchema) -> None:
    """Write the table of ``rows`` to ``path`` (Parquet), some rows at a time.

    Raises:
        TableError: a row does not fit ``schema``; of features ``rows_of`` has kept finite numbers only.
    """
    keys = _keys(rows)
    keys = check_table(keys, schema.select_columns(list(keys)), where=path)
    columns = {feature.column: feature for feature in rows.features.all if feature.column not in keys}
    step = max(1, NUMBERS_AT_ONCE // len(schema.columns))
    with ExitStack() as stack:
        writer = None
        for first in range(0, len(keys), step):
            part = slice(first, first + step)
            own = replace(rows, station=rows.station[part], day=rows.day[part])
            frame = pd.DataFrame({name: own.column(feature) for name, feature in columns.items()})
            frame = pd.concat([keys.iloc[part].reset_index(drop=True), frame], axis=1)
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
            writer = writer or stack.enter_context(pq.ParquetWriter(path, table.schema))
            writer.write_table(table)


def _keys(rows: Rows) -> pd.DataFrame:
    """Everything of the rows but the features: station, date, place, layers, groups."""
    series, station, day = rows.series, rows.station, rows.day
    columns = {
        "station": np.array(series.stations, object)[station],
        "date": series.days[day].astype("datetime64[ns]"),
        "latitude": series.latitude[station],
        "longitude": series.longitude[station],
    }
    columns |= dict(zip(series.layers, rows.moisture.T, strict=True))
    for name, values in series.groups.items():
        own = values[station] if values.ndim == 1 else values[station, day]
        columns.setdefault(name, np.where(own == "", None, own) if own.dtype.kind == "O" else own)
    return pd.DataFrame(columns)


def _counts(domain: Domain, station: np.ndarray, lacking: pd.DataFrame) -> pd.DataFrame:
    """Rows of each station by what became of them; a row without any layer is counted as that alone."""
    bits = np.packbits(lacking.to_numpy(), axis=1)
    bits = np.ascontiguousarray(bits).view(f"V{bits.shape[1]}").ravel()
    kinds, kind = np.unique(bits, return_inverse=True)  # each set of covariates that is missing together
    first = np.array([np.flatnonzero(kind == number)[0] for number in range(len(kinds))])
    names = [", ".join(lacking.columns[row]) for row in lacking.to_numpy()[first]]
    counts = pd.DataFrame({"station": station, "kind": kind}).value_counts().reset_index(name="rows")
    counts["column"] = [names[number] for number in counts.pop("kind")]
    counts["reason"] = np.where(counts["column"] == "", KEPT, COVARIATE)
    lost = pd.DataFrame([(*key, rows) for key, rows in domain.lost.items()], columns=list(DROPPED.columns)[1:])
    counts = pd.concat([counts, lost]) if len(lost) else counts
    counts = counts.assign(domain=domain.name, reason=pd.Categorical(counts["reason"], WHY))
    counts = counts.sort_values(["station", "reason", "column"], ignore_index=True)
    return counts.astype({"reason": str})[list(DROPPED.columns)]


def _log_counts(domain: Domain, rows: Rows, lacking: pd.DataFrame) -> None:
    series, name = rows.series, domain.name
    log.info(
        "%s: %d rows of %d stations with moisture, from %s; %d rows of %d stations kept", name, len(lacking),
        len(series.stations), domain.where, len(rows.station), len(np.unique(rows.station)),
    )  # fmt: skip
    for place, layer in enumerate(series.layers):
        observed = np.isfinite(rows.moisture[:, place])
        stations = len(np.unique(rows.station[observed]))
        log.info("%s: layer %s: %d rows of %d stations", name, layer, observed.sum(), stations)
    for feature, share in lacking.mean().items():
        if share:
            log.info("%s: %s is missing in %.1f %% of the rows with moisture", name, feature, 100 * share)
    kept = {series.stations[place] for place in np.unique(rows.station)}
    gone = sorted(
        ({station for station, reason, _ in domain.lost if reason == ALL_LAYERS} | set(series.stations)) - kept
    )
    if gone:
        log.warning("%s: no complete row of station %s; it is left out", name, ", ".join(gone))
