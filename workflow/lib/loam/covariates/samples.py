"""Samples: one row a (station, date) with every covariate and every soil layer, as the networks read them.

Lags are built while all days of a table are there, those without a moisture reading too; only then rows go that lack a
covariate or all layers. What went, and why, is counted per station. Complete cases follow Widyastuti et al.: a row with
a missing covariate is left out; a row that lacks one of several layers still trains the others.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from loam.covariates.checks import (
    check_constant,
    check_days,
    check_domains,
    check_names,
    check_ranges_meet,
    check_static,
    check_table,
)
from loam.covariates.features import Feature, feature_set
from loam.covariates.lags import build_lags
from loam.covariates.losses import warn_of_losses
from loam.covariates.reasons import ALL_LAYERS, COVARIATE, KEPT, MASKED, OUTSIDE, REASONS
from loam.covariates.season import day_of_year
from loam.covariates.tables import StationTable, lag_windows, ready_lags
from loam.errors import TableError

log = logging.getLogger("loam")

NO_PIXEL = (OUTSIDE, *dict.fromkeys([*REASONS.values(), MASKED]))

# One row a station, reason and what was missing. `column` names what was missing: the layers, or the covariates
# joined by ", " (by the name they have in the config, whichever lag it was); empty for rows that were kept and for
# stations that have no pixel of the grid (outside it, in the sea, masked).
# Each row of a table is counted once, so a station's rows add up to the rows its table had.
DROPPED = pa.DataFrameSchema(
    {
        "domain": pa.Column(str, pa.Check.isin(["source", "target"]), coerce=True),
        "station": pa.Column(str, coerce=True),
        "reason": pa.Column(str, pa.Check.isin([KEPT, ALL_LAYERS, COVARIATE, *NO_PIXEL]), coerce=True),
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


def build_samples(
    *tables: StationTable,
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Samples of the source and the target domain, or of the target alone, and the counts of rows.

    Returns:
        ``{"source": frame, "target": frame}``, of the tables that were given, with the columns of ``sample_schema``,
        sorted by station and date; and the rows that were kept and dropped (schema ``DROPPED``).

    Raises:
        ConfigError: names of the config collide.
        TableError: a table cannot be used, or no complete row is left.
    """
    check_names(layers, columns, groups, features)
    for table in tables:
        check_days(table)
        check_table(table, features)
        check_static(table, features)
    if len(tables) > 1:
        check_domains(*tables)
    samples, counts = {}, []
    for table in tables:
        samples[table.domain], dropped = _samples(table, features)
        counts.append(dropped)
    dropped = pd.concat(counts, ignore_index=True)
    warn_of_losses(dropped)
    check_constant(samples, features)
    check_ranges_meet(samples, features)
    return samples, dropped


def features_of(table: StationTable, features: Mapping[str, Any]) -> pd.DataFrame:
    """All feature columns of the rows of ``table``, in the order of ``FeatureSet.columns``; NaN where missing."""
    if table.columns is not None:
        return table.columns
    header = list(table.covariates)
    built = {
        name: range(lags[0], lags[1] + 1)
        for name, lags in lag_windows(features).items()
        if not ready_lags(header, name, lags)
    }
    log.info("%s: lags built from daily columns: %s", table.domain, ", ".join(built) or "none")
    values = pd.concat(
        [table.covariates, build_lags(table.keys["station"], table.keys["date"], table.covariates, built)], axis=1
    )
    wanted = feature_set(features)
    columns = {feature.column: _column(feature, table, values) for feature in wanted.static}
    columns |= {feature.column: values[feature.column] for step in wanted.sequence for feature in step}
    return pd.DataFrame(columns, index=values.index)


def _column(feature: Feature, table: StationTable, values: pd.DataFrame) -> pd.Series:
    if feature.kind == "class":
        given = table.classes[feature.name]
        return (given == str(feature.value)).astype(float).where(given.notna())
    if feature.kind == "season":
        return pd.Series(day_of_year(table.keys["date"], str(feature.value)), index=values.index)
    return values[feature.column]


def _samples(table: StationTable, features: Mapping[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns = features_of(table, features)
    wanted = feature_set(features)
    flat = [*wanted.static, *(feature for step in wanted.sequence for feature in step)]
    lacking = {
        name: columns[[feature.column for feature in flat if feature.name == name]].isna().any(axis=1)
        for name in dict.fromkeys(feature.name for feature in flat)
    }
    lacking = pd.DataFrame(lacking, index=columns.index)
    unobserved = table.layers.isna().all(axis=1)
    keep = ~(unobserved | lacking.any(axis=1)).to_numpy()
    counts = _counts(table, unobserved.to_numpy(), lacking)
    _log_counts(table, keep, lacking[~unobserved])
    if not keep.any():
        most = counts[counts["reason"] != KEPT].groupby(["reason", "column"])["rows"].sum().idxmax()
        raise TableError(
            f"no row of the {table.domain} domain has all covariates and a layer; most lack {most[0]}: {most[1]}",
            where=table.path, fix="fill in what is missing, or leave the covariate out of the config's features",
        )  # fmt: skip
    parts = pd.concat([table.keys, table.layers, table.groups, columns], axis=1).loc[keep]
    parts = parts.loc[:, ~parts.columns.duplicated()].reset_index(drop=True)
    for layer in table.layers:
        if parts[layer].isna().all():
            raise TableError(
                f"layer '{layer}' has no observation in a row of the {table.domain} domain with all covariates",
                where=table.path, fix="fill in the covariates of its days, or remove the layer from the config",
            )  # fmt: skip
    return parts, counts


def _counts(table: StationTable, unobserved: np.ndarray, lacking: pd.DataFrame) -> pd.DataFrame:
    """Rows of each station by what became of them; a row without any layer is counted as that alone."""
    bits = np.packbits(lacking.to_numpy(), axis=1)
    bits = np.ascontiguousarray(bits).view(f"V{bits.shape[1]}").ravel()
    kinds, kind = np.unique(bits, return_inverse=True)  # each set of covariates that is missing together
    first = np.array([np.flatnonzero(kind == number)[0] for number in range(len(kinds))])
    names = [", ".join(lacking.columns[row]) for row in lacking.to_numpy()[first]]
    kind = np.where(unobserved, -1, kind)
    counts = pd.DataFrame({"station": table.keys["station"].to_numpy(), "kind": kind}).value_counts().reset_index()
    column = [", ".join(table.layers) if number < 0 else names[number] for number in counts["kind"]]
    reason = [ALL_LAYERS if number < 0 else COVARIATE if names[number] else KEPT for number in counts["kind"]]
    counts = counts.assign(domain=table.domain, reason=reason, column=column).rename(columns={"count": "rows"})
    if table.lost:
        lost = [(table.domain, *key, rows) for key, rows in table.lost.items()]
        counts = pd.concat([counts[list(DROPPED.columns)], pd.DataFrame(lost, columns=list(DROPPED.columns))])
    counts["reason"] = pd.Categorical(counts["reason"], [KEPT, ALL_LAYERS, COVARIATE, *NO_PIXEL])
    counts = counts.sort_values(["station", "reason", "column"], ignore_index=True)
    return counts.astype({"reason": str})[list(DROPPED.columns)]


def _log_counts(table: StationTable, keep: np.ndarray, lacking: pd.DataFrame) -> None:
    station = table.keys["station"]
    log.info(
        "%s: %d rows of %d stations read from %s; %d rows of %d stations kept", table.domain, len(keep),
        station.nunique(), table.path, keep.sum(), station[keep].nunique(),
    )  # fmt: skip
    for layer in table.layers:
        observed = keep & table.layers[layer].notna().to_numpy()
        log.info(
            "%s: layer %s: %d rows of %d stations", table.domain, layer, observed.sum(), station[observed].nunique()
        )
    for name, share in lacking.mean().items():
        if share:
            log.info("%s: %s is missing in %.1f %% of the rows with moisture", table.domain, name, 100 * share)
    gone = sorted(set(station) - set(station[keep]))
    if gone:
        log.warning("%s: no complete row of station %s; it is left out", table.domain, ", ".join(gone))
