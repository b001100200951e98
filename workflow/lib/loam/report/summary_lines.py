"""The run in a few lines of text, for the terminal: what to know before, scores, findings, credits, and files."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.config.protocols import LEAVE_ONE_OUT, default_protocol, told
from loam.evaluation.shown import shown
from loam.report.data import datasets
from loam.report.finding import findings
from loam.report.held_out import best_lines
from loam.report.notices import notices
from loam.report.page_tables import map_scores
from loam.report.words import layer_name, percent, system_name

SHOWN = ["mae", "rmse", "r"]
WIDTHS = (44, 10, 10, 9, 8, 8, 8, 9)  # of the columns of a map's scores


def summary_text(
    metrics: pd.DataFrame,
    summary: pd.DataFrame,
    inside: Mapping[str, float],
    scores: Mapping[str, pd.DataFrame],
    files: Sequence[tuple[str, Path]],
    config: Mapping[str, Any],
    accuracy: Sequence[str] = (),
    cards: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Median scores over held-out stations of every model, by layer, best RMSE first; findings; maps; files.

    Args:
        metrics: schema METRICS_TABLE, of the protocol that is shown (``loam.evaluation.shown``).
        summary: schema SUMMARY, of every protocol.
        inside: share of the pixels within the range of the training data, of each mapped day; may be empty.
        scores: of each mapped day against the truth, schema MAP_SCORES; may be empty.
        files: what to name, as pairs of a title and a path.
        config: the whole config.
        accuracy: how far off a map is, a line a layer (``loam.report.accuracy``); shown where days are mapped.
        cards: card of each network and scenario.
    """
    layers = [layer for layer in config["layers"] if layer["name"] in set(summary["layer"])]
    protocol, by_protocol = default_protocol(config), best_lines(summary, layers)
    summary = shown(summary, protocol)
    found = findings(metrics, layers, draws=config["evaluation"]["bootstrap"], seed=config["seed"])
    lines = [line for notice in notices(config, cards) for line in (*_wrapped(f"{notice.title}. {notice.text}"), "")]
    named = "" if protocol == LEAVE_ONE_OUT and not by_protocol else f", {told(protocol)}"
    lines += [f"Run {config['run']}{named}: median over held-out stations, m3 m-3", ""]
    for layer, finding in zip(layers, found, strict=True):
        rows = summary[(summary["layer"] == layer["name"]) & summary["metric"].isin(SHOWN)]
        table = rows.pivot(index=["model", "scenario"], columns="metric", values="median").sort_values("rmse")
        lines.append(
            f"{layer_name(layer):<44}" + "".join(f"{name.upper() if name != 'r' else name:>8}" for name in SHOWN)
        )
        for system, row in table.iterrows():
            lines.append(f"  {system_name(system):<42}" + "".join(_score(row[name]) for name in SHOWN))
        lines += [*_wrapped(finding.text, "  "), ""]
    lines += by_protocol
    lines += accuracy if inside else []
    for day, share in inside.items():
        lines.append(f"Map of {day}: {percent(share)} of the pixels within the range of the training data")
    for day, score in scores.items():
        for layer in layers:
            lines += ["", *_map_lines(score, layer, day)]
    if scores:
        lines += ["", "In 90 %: share of the pixels whose 90 % interval (lower90 to upper90) holds the truth."]
    if credited := datasets(config):
        lines += ["", "Data", *(line for row in credited.rows for line in _wrapped("; ".join(row), "  "))]
    width = max(len(title) for title, _ in files)
    return "\n".join([*lines, "", *(f"{title:<{width}}  {path}" for title, path in files), ""])


def _score(value: float) -> str:
    return f"{value:8.3f}" if math.isfinite(value) else f"{'–':>8}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 118, initial_indent=indent, subsequent_indent=indent)


def _map_lines(score: pd.DataFrame, layer: Mapping[str, Any], day: str) -> list[str]:
    table = map_scores(score, layer["name"])
    header = [f"Map of {day}, {layer_name(layer)}", *table.header[1:]]
    rows = [[f"  {row[0]}", *row[1:]] for row in table.rows]
    return [
        f"{row[0]:<{WIDTHS[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(row[1:], WIDTHS[1:], strict=True))
        for row in (header, *rows)
    ]
