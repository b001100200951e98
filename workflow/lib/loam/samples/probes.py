"""Daily moisture of probes as the observations of samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pandas as pd

from loam.errors import TableError
from loam.probes.quality.repeats import repeated_stations

log = logging.getLogger("loam")


def moisture_of(daily: pd.DataFrame, layers: Sequence[str]) -> pd.DataFrame:
    """Moisture by (station, date), one column a layer, m3 m-3; only days on which any layer has it, sorted.

    Args:
        daily: station, date, layer, moisture (m3 m-3, may be missing).
        layers: names.
    """
    daily = daily.assign(station=daily["station"].astype(str))
    moisture = daily[daily["moisture"].notna()].pivot(index=["station", "date"], columns="layer", values="moisture")
    return moisture.reindex(columns=layers).rename_axis(columns=None).astype(float).dropna(how="all").sort_index()


def within_period(daily: pd.DataFrame, period: Sequence[str], domain: str) -> pd.DataFrame:
    """The rows of ``daily`` from the first to the last day of ``period``.

    Files of covariates hold whole months and the days before that lags reach back to: what is sampled must not depend
    on how much of them there is.

    Raises:
        TableError: no row is in the period.
    """
    first, last = (pd.Timestamp(day) for day in period)
    kept = daily[daily["date"].between(first, last)]
    if len(kept) < len(daily):
        log.info("%s: %d of %d rows are outside acquire.period", domain, len(daily) - len(kept), len(daily))
    if kept.empty and len(daily):
        raise TableError(
            f"no day of the {domain} domain's probes is in the period", where=f"config key 'acquire.period.{domain}'",
            expected=f"days from {daily['date'].min():%Y-%m-%d} to {daily['date'].max():%Y-%m-%d}",
        )  # fmt: skip
    return kept


def check_repeats(source: pd.DataFrame, target: pd.DataFrame) -> None:
    """Raise a TableError if a target station has the moisture of a source station: it would be trained on.

    Args:
        source, target: station, date, layer, moisture.
    """
    both = pd.concat([source, target], ignore_index=True)
    layer = pd.factorize(both["layer"])[0].astype(float)
    repeats = repeated_stations(both.assign(depth_from_cm=layer, depth_to_cm=layer))
    mine = set(target["station"])
    for row in repeats.itertuples():
        if (row.station in mine) != (row.original in mine):
            raise TableError(
                f"stations {row.station} and {row.original} have the same moisture on {row.days} days",
                where="probes of source and target", expected="a station in one domain only",
                fix="leave one out by probes.<domain>.include",
            )  # fmt: skip
