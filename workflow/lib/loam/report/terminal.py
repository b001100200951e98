"""The run in a few lines of text, for the terminal: scores, findings, and where everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loam.report.finding import findings
from loam.report.names import layer_name, system_name

SHOWN = ["mae", "rmse", "r"]


def summary_text(
    metrics: pd.DataFrame,
    summary: pd.DataFrame,
    map_scores: Mapping[str, pd.DataFrame],
    files: Sequence[tuple[str, Path]],
    config: Mapping[str, Any],
) -> str:
    """Median scores over held-out stations of every model, by layer, best RMSE first; findings; map scores; files.

    Args:
        metrics: schema METRICS_TABLE.
        summary: schema SUMMARY.
        map_scores: score of each mapped day against the truth, by date; may be empty.
        files: what to name, as pairs of a title and a path.
        config: the whole config.
    """
    layers = [layer for layer in config["layers"] if layer["name"] in set(summary["layer"])]
    found = findings(metrics, layers, draws=config["evaluation"]["bootstrap"], seed=config["seed"])
    lines = [f"Run {config['run']}: median over held-out stations, m3 m-3", ""]
    for layer, finding in zip(layers, found, strict=True):
        rows = summary[(summary["layer"] == layer["name"]) & summary["metric"].isin(SHOWN)]
        table = rows.pivot(index=["model", "scenario"], columns="metric", values="median").sort_values("rmse")
        lines.append(
            f"{layer_name(layer):<44}" + "".join(f"{name.upper() if name != 'r' else name:>8}" for name in SHOWN)
        )
        for system, row in table.iterrows():
            lines.append(f"  {system_name(system):<42}" + "".join(f"{row[name]:8.3f}" for name in SHOWN))
        lines += [f"  {finding.text}", ""]
    for date, score in map_scores.items():
        for row in score.itertuples():
            lines.append(
                f"Map of {date} against the truth, {row.layer}: RMSE {row.rmse:.3f}, r {row.r:.2f} ({row.n:,} pixels)"
            )
    width = max(len(title) for title, _ in files)
    return "\n".join([*lines, "", *(f"{title:<{width}}  {path}" for title, path in files), ""])
