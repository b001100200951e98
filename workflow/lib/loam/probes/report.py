"""The QC report of a domain: what became of the readings of each station, sensor by sensor, flag by flag.

Readings, days of a depth and days of a layer are counted apart, because flags are set at each of these steps: column
``counted`` says which. Of each, ``kept`` counts those that went on. A flag counts those that carry it: with
``excluded`` those that were left out, by this flag or another they carry too; without it those that were kept.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from loam.probes.products import DAY, KEPT, LAYER, QC_REPORT, READING
from loam.probes.quality.flags import Flag

log = logging.getLogger("loam")


def place_of(top: float, bottom: float) -> str:
    """Depths as the report writes them: ``30-60 cm``, ``5 cm``."""
    return f"{top:g} cm" if top == bottom else f"{top:g}-{bottom:g} cm"


def count_flags(
    table: pd.DataFrame, *, counted: str, keys: Sequence[str], time: str, value: str, excluded: np.ndarray
) -> pd.DataFrame:
    """Rows of the report for a station's readings, daily values or layers.

    Args:
        table: [row] with ``keys``, ``time``, ``value`` and ``qc``; rows without a value count only if ``excluded``.
        counted: ``reading``, ``day`` or ``layer``.
        keys: station, and place and sensor where there are any.
        time: column of the time or day.
        value: column of the value.
        excluded: [row] whether the row was kept out.
    """
    there = (table[value].notna() | excluded).to_numpy()
    table, excluded = table[there], np.asarray(excluded)[there]
    groups = table.groupby(list(keys), sort=False, observed=True)
    total = groups.size().rename("of").reset_index()
    days = pd.DataFrame({"group": groups.ngroup().to_numpy(), "day": table[time].dt.normalize().to_numpy()})
    flags = table["qc"].to_numpy(np.int64)
    rows = []
    for name, hit, out in [
        (KEPT, ~excluded, False),
        *((flag.name.lower(), (flags & flag.value) != 0, out) for flag in Flag for out in (True, False)),
    ]:
        found = (
            days[hit & (excluded == out)].groupby("group")["day"].agg(number="size", first_day="min", last_day="max")
        )
        if name == KEPT:  # nothing kept is worth a row
            found = found.reindex(total.index).fillna({"number": 0})
        rows.append(total.loc[found.index].join(found).assign(flag=name, excluded=out))
    report = pd.concat([part for part in rows if len(part)], ignore_index=True)
    if "sensor" not in report:
        report["sensor"] = ""
    report = report.assign(counted=counted, share=report["number"] / report["of"])
    return report.astype({"number": int})[list(QC_REPORT.columns)]


def in_order(report: pd.DataFrame) -> pd.DataFrame:
    """The report by station, from readings over days to layers, from the surface down, then by flag."""
    flags = [KEPT, *(flag.name.lower() for flag in Flag)]
    depth = report["place"].str.extract(r"^([\d.]+)", expand=False).astype(float)
    order = pd.DataFrame(
        {
            "station": report["station"], "counted": report["counted"].map([READING, DAY, LAYER].index),
            "depth": depth.fillna(0), "sensor": report["sensor"], "place": pd.factorize(report["place"])[0],
            "flag": report["flag"].map(flags.index),
        }
    )  # fmt: skip
    return report.loc[order.sort_values(list(order)).index].reset_index(drop=True)


def log_report(report: pd.DataFrame) -> None:
    """Log a line a step and flag: how many, of how many stations."""
    for counted in (READING, DAY, LAYER):
        part = report[report["counted"] == counted]
        if part.empty:
            continue
        total = part[part["flag"] == KEPT]
        log.info(
            "%ss: %d of %d kept (%.1f %%), %d stations", counted, total["number"].sum(), total["of"].sum(),
            100 * total["number"].sum() / max(1, total["of"].sum()), total["station"].nunique(),
        )  # fmt: skip
        for flag, rows in part[part["flag"] != KEPT].groupby("flag", sort=False):
            log.info(
                "  %s: %d %ss of %d stations, %d of them left out", flag, rows["number"].sum(), counted,
                rows["station"].nunique(), rows.loc[rows["excluded"], "number"].sum(),
            )  # fmt: skip
