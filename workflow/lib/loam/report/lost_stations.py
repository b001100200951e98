"""The report's table of stations that lost much of their record, on the way to daily values or to samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from loam.probes.report import losses
from loam.report.page_tables import Table
from loam.report.words import percent
from loam.samples.lost_records import sample_losses

HEADER = ["Domain", "Station", "Of", "Lost", "Share", "Why"]


def lost_rows(checked: Mapping[str, pd.DataFrame], dropped: pd.DataFrame, excluding: Sequence[str]) -> Table:
    """Stations that lost over a tenth of their days with readings, or of their rows with moisture, most first.

    Args:
        checked: the QC report of each domain whose moisture comes from probes, schema QC_REPORT.
        dropped: schema DROPPED; a table of other columns says nothing of stations.
        excluding: names of the flags that keep readings out.
    """
    rows = []
    for domain, report in checked.items():
        for row in losses(report, excluding).itertuples():
            why = row.reasons or "sensors stand for too little of the layer"
            rows.append((row.share, [domain, row.station, f"days of {row.layer}", row.lost, row.of, why]))
    if {"domain", "station", "reason", "column", "rows"} <= set(dropped.columns):
        for row in sample_losses(dropped).itertuples():
            rows.append((row.share, [row.domain, row.station, "samples", row.lost, row.of, row.reasons]))
    rows.sort(key=lambda item: -item[0])
    return Table(
        HEADER,
        [
            [domain, str(station), what, f"{lost:,} of {of:,}", percent(share), why]
            for share, (domain, station, what, lost, of, why) in rows
        ],
    )
