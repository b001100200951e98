"""Moisture of probes beside a table of covariates: joined by station, day and layer.

Days of the table without a reading stay, since later days need them for their lags; days with a reading that the table
does not have become rows without covariates, so that they are counted where they are dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loam.covariates.tables import StationTable, read_station_table
from loam.errors import TableError
from loam.probes.quality.repeats import repeated_stations

log = logging.getLogger("loam")

STATION_GROUPS = ("elevation", "landcover", "soil")  # groups that the table of stations gives


def read_probe_table(
    path: str | Path,
    domain: str,
    daily: pd.DataFrame,
    stations: pd.DataFrame,
    *,
    layers: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    groups: Sequence[str],
    features: Mapping[str, Any],
) -> StationTable:
    """A table of covariates with the moisture of the domain's probes; arguments as ``read_station_table``'s."""
    table = read_station_table(
        path, domain, layers=[], columns={name: columns[name] for name in ("station", "date")},
        groups=[name for name in groups if name not in STATION_GROUPS], features=features,
    )  # fmt: skip
    return join_probes(table, daily, stations, layers=layers, groups=groups, static=features["static"])


def join_probes(
    table: StationTable,
    daily: pd.DataFrame,
    stations: pd.DataFrame,
    *,
    layers: Sequence[Mapping[str, Any]],
    groups: Sequence[str],
    static: Sequence[str],
) -> StationTable:
    """The table with the probes' moisture, their coordinates, and the groups that belong to a station.

    Args:
        table: covariates, read without layers and coordinates; stations that have no probe are left out.
        daily: station, date, layer, moisture (m3 m-3, may be missing).
        stations: station, latitude, longitude, and any of ``STATION_GROUPS``.
        layers, groups: of the config.
        static: covariates that do not change at a station; rows that are added get the station's.

    Raises:
        TableError: the table and the probes have no station in common.
    """
    names = [layer["name"] for layer in layers]
    moisture = daily[daily["moisture"].notna()].pivot(index=["station", "date"], columns="layer", values="moisture")
    moisture = moisture.reindex(columns=names).rename_axis(columns=None).astype(float)
    known = set(stations["station"])
    keys = table.keys[table.keys["station"].isin(known)]
    if keys.empty:
        raise TableError(
            "no station of the probes is in this table", where=table.path, expected=", ".join(sorted(known)[:5])
        )
    if absent := sorted(set(daily["station"]) - set(keys["station"])):
        log.warning("%s: no covariates of station %s", table.domain, ", ".join(absent))
    index = pd.MultiIndex.from_frame(keys[["station", "date"]])
    more = moisture.index.difference(index)
    rows = np.arange(table.keys.index.max() + 1, table.keys.index.max() + 1 + len(more))
    all_keys = pd.concat([keys[["station", "date"]], more.to_frame(index=False).set_index(rows)])
    all_keys["station"] = all_keys["station"].astype(str)
    order = np.lexsort((all_keys["date"].to_numpy(), pd.factorize(all_keys["station"], sort=True)[0]))
    all_keys = all_keys.iloc[order]
    about = stations.set_index("station").reindex(all_keys["station"]).set_index(all_keys.index)
    parts = {name: getattr(table, name).reindex(all_keys.index) for name in ("covariates", "classes", "groups")}
    covariates, added = parts["covariates"], ~all_keys.index.isin(keys.index)
    of_station = covariates[list(static)].groupby(all_keys["station"]).transform("first")
    covariates.loc[added, list(static)] = of_station[added]
    own = {name: about[name] for name in groups if name in STATION_GROUPS}
    return replace(
        table,
        keys=all_keys.assign(latitude=about["latitude"].astype(float), longitude=about["longitude"].astype(float)),
        layers=moisture.reindex(pd.MultiIndex.from_frame(all_keys)).set_index(all_keys.index),
        covariates=parts["covariates"],
        classes=parts["classes"],
        groups=parts["groups"].assign(**own)[list(groups)],
    )


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
