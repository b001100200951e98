"""What a protocol holds out, and the scores of all protocols beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loam.config.protocols import LEAVE_ONE_OUT, told
from loam.config.sections.protocols import ProtocolSettings
from loam.config.systems import reads_probes_of_the_day
from loam.report.names import METRICS
from loam.report.page_tables import Table
from loam.report.words import layer_name, number, system_name

KEY = ["protocol", "size"]
STATION_BY_STATION = (
    "Each station is the test station of one fold; another, drawn by the seed, says when training stops; the rest "
    "train."
)
SHOWN = ["mae", "rmse", "r"]


def about(protocol: str) -> str:
    """What a protocol holds out, in a sentence."""
    if protocol == LEAVE_ONE_OUT:
        return STATION_BY_STATION
    field = ProtocolSettings.model_fields.get(protocol)
    return f"Protocol {told(protocol)}. {field.description if field else ''}".strip()


def beside(summary: pd.DataFrame, layers: Sequence[Mapping[str, Any]]) -> Table | None:
    """Median scores of every protocol, size, layer and system, best RMSE first; None where there is but one protocol.

    Args:
        summary: schema SUMMARY, of every protocol.
        layers: of the config.
    """
    if len(summary[KEY].drop_duplicates()) < 2:
        return None
    rows = []
    for (protocol, size), part in summary.groupby(KEY, sort=False):
        for layer in layers:
            own = part[part["layer"] == layer["name"]]
            medians = own.pivot(index=["model", "scenario"], columns="metric", values="median").sort_values("rmse")
            for system, row in medians.iterrows():
                scores = [number(row[metric], metric) for metric in SHOWN]
                rows.append([told(protocol), str(size or "–"), layer_name(layer), system_name(system), *scores])
    header = ["Protocol", "Stations that train", "Layer", "Model, trained on", *(METRICS[metric] for metric in SHOWN)]
    return Table(header, rows)


def best_lines(summary: pd.DataFrame, layers: Sequence[Mapping[str, Any]]) -> list[str]:
    """For the terminal: the lowest median RMSE of each protocol, size and layer; [] where the run has but one.

    What reads the probes of the day is left out: it makes no map of a day without them.
    """
    table = beside(summary, layers)
    if table is None:
        return []
    systems = set(zip(summary["model"], summary["scenario"], strict=True))
    told_more = {system_name(system) for system in systems if reads_probes_of_the_day(system[0])}
    best: dict[tuple[str, ...], list[str]] = {}
    for row in table.rows:
        if row[3] not in told_more:
            best.setdefault(tuple(row[:3]), row)
    lines = [
        f"  {row[0]}{'' if row[1] == '–' else f', stations that train: {row[1]}'}, {row[2]}: {row[5]}, {row[3]}"
        for row in best.values()
    ]
    return ["Lowest median RMSE by protocol", *lines, ""]
