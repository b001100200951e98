"""Stations that lose much of their record between the probes and the samples: which, how much, and why."""

from __future__ import annotations

import logging

import pandas as pd

from loam.covariates.reasons import ALL_LAYERS, COVARIATE, KEPT

log = logging.getLogger("loam")

LOSS = 0.1  # share of a station's rows with moisture from which on their loss is a warning
LOSSES = ["domain", "station", "lost", "of", "share", "reasons"]


def sample_losses(dropped: pd.DataFrame) -> pd.DataFrame:
    """Stations that lost more than ``LOSS`` of their rows with moisture, most first.

    Args:
        dropped: rows kept and dropped by station and reason, schema ``loam.samples.rows.DROPPED``.

    Returns:
        domain, station, lost, of (rows with moisture), share, reasons: what was missing, with the share of the rows
        that each took.
    """
    found = []
    for (domain, station), rows in dropped[dropped["reason"] != ALL_LAYERS].groupby(["domain", "station"]):
        lost, of = rows[rows["reason"] != KEPT].sort_values("rows", ascending=False), int(rows["rows"].sum())
        share = lost["rows"].sum() / of
        if share > LOSS:
            reasons = (
                f"{f'no {row.column}' if row.reason == COVARIATE else row.reason} {row.rows / of:.0%}"
                for row in lost.itertuples()
            )
            found.append((domain, station, int(lost["rows"].sum()), of, share, "; ".join(reasons)))
    table = pd.DataFrame(found, columns=LOSSES)
    return table.sort_values(["share", "domain", "station"], ascending=[False, True, True], ignore_index=True)


def warn_of_losses(dropped: pd.DataFrame) -> None:
    """Warn of every station in ``sample_losses``."""
    for row in sample_losses(dropped).itertuples():
        log.warning(
            "%s: station %s: %d of %d rows with moisture (%.0f %%) are no samples: %s", row.domain, row.station,
            row.lost, row.of, 100 * row.share, row.reasons,
        )  # fmt: skip
