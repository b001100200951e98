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

WORDS = {
    "extrapolated": "no sensor reaches far enough into the layer",
    "not_splined": "no profile could be fitted",
    "too_few_readings": "too few readings",
}
LOSS = 0.1  # share of a station's days from which on their loss is a warning
NO_DAY = np.iinfo(np.int64).min  # a time that is missing
LATEST = np.int64(2**40)  # later than any day


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
    excluded = np.asarray(excluded, dtype=bool)
    there = table[value].notna().to_numpy() | excluded
    table, excluded = table[there], excluded[there]
    group = table.groupby(list(keys), sort=False, observed=True).ngroup().to_numpy()
    total = table.loc[~pd.Series(group, index=table.index).duplicated(), list(keys)].reset_index(drop=True)
    kind, kinds = pd.factorize(table["qc"].to_numpy(np.int64))
    shape = (len(total), 2, len(kinds))
    cell = (2 * group + excluded) * len(kinds) + kind
    cells = _by_cell(cell, table[time].to_numpy("datetime64[D]").astype(np.int64), shape)
    asked = [(KEPT, 0, 0), *((flag.name.lower(), flag.value, out) for flag in Flag for out in (1, 0))]
    bit, out = np.array([bit for _, bit, _ in asked]), np.array([out for _, _, out in asked])
    carries = (bit == 0)[:, None] | ((bit[:, None] & kinds) != 0)  # [flag asked, kind]
    number = np.where(carries, cells[0][:, out], 0).sum(axis=2)  # [group, flag asked]
    first = np.where(carries, cells[1][:, out], LATEST).min(axis=2, initial=LATEST)
    last = np.where(carries, cells[2][:, out], -LATEST).max(axis=2, initial=-LATEST)
    wanted = number > 0
    wanted[:, 0] = True  # also nothing kept is worth a row
    flag, row = np.nonzero(wanted.T)
    report = total.iloc[row].reset_index(drop=True)
    if "sensor" not in report:
        report["sensor"] = ""
    found, of = number[row, flag], np.bincount(group)[row]
    return report.assign(
        counted=counted, flag=[asked[place][0] for place in flag], excluded=out[flag] == 1, number=found, of=of,
        share=found / of, first_day=_days(first, number)[row, flag], last_day=_days(last, number)[row, flag],
    )[list(QC_REPORT.columns)]  # fmt: skip


def _by_cell(cell: np.ndarray, day: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of rows, first and last day of each cell, of ``shape``; LATEST and -LATEST are the days of no rows."""
    size = int(np.prod(shape))
    first, last = np.full(size, LATEST), np.full(size, -LATEST)
    np.minimum.at(first, cell, day)
    np.maximum.at(last, cell, day)
    return np.bincount(cell, minlength=size).reshape(shape), first.reshape(shape), last.reshape(shape)


def _days(day: np.ndarray, number: np.ndarray) -> np.ndarray:
    return np.where(number > 0, day, NO_DAY).astype("datetime64[D]").astype("datetime64[ns]")


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


def losses(report: pd.DataFrame, excluding: Sequence[str]) -> pd.DataFrame:
    """Layers of stations that lost more than ``LOSS`` of the days on which something was read, most first.

    Args:
        report: schema QC_REPORT.
        excluding: names of the flags that keep readings out.

    Returns:
        station, layer, lost (days without a value), of (days with readings), share, reasons: the flags that kept
        readings out, in words, with the share of the days that each took.
    """
    layers = report[report["counted"] == LAYER]
    kept = layers[layers["flag"] == KEPT]
    found = kept.assign(lost=kept["of"] - kept["number"]).rename(columns={"place": "layer"})
    found = found.assign(share=found["lost"] / found["of"])[found["lost"] > LOSS * found["of"]]
    reasons = []
    for row in found.itertuples():
        own = layers[(layers["station"] == row.station) & (layers["place"] == row.layer) & layers["excluded"]]
        own = own[own["flag"].isin([*excluding, *WORDS])].sort_values("number", ascending=False)
        shares = zip(own["flag"], own["number"], strict=True)
        reasons.append(", ".join(f"{WORDS.get(flag, flag)} {number / row.of:.0%}" for flag, number in shares))
    found = found.assign(reasons=reasons)[["station", "layer", "lost", "of", "share", "reasons"]]
    return found.sort_values(["share", "station", "layer"], ascending=[False, True, True], ignore_index=True)


def warn_of_losses(report: pd.DataFrame, excluding: Sequence[str]) -> None:
    """Warn of every station and layer in ``losses``: how much it lost, and why; without a sensor there, in one line."""
    found = losses(report, excluding)
    bare = (found["lost"] == found["of"]) & found["reasons"].astype(str).str.startswith(WORDS["extrapolated"])
    for layer, rows in found[bare].groupby("layer", sort=False):
        log.warning("no sensor reaches far enough into %s at station %s", layer, ", ".join(rows["station"]))
    for row in found[~bare].itertuples():
        log.warning(
            "station %s: %d of %d days of %s (%.0f %%) have readings and no value: %s", row.station, row.lost, row.of,
            row.layer, 100 * row.share, row.reasons or "its sensors stand for too little of the layer",
        )  # fmt: skip
