"""The tables of the report, as rows of text that the template prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loam.io.schemas import METRICS
from loam.report.finding import METRIC, Finding
from loam.report.names import METRICS as METRIC_NAMES
from loam.report.names import heading, pixels_name
from loam.report.words import UNITLESS, number, percent, system_name

DROPPED_KEY = ["domain", "reason", "column"]
MAP_METRICS = ["rmse", "bias", "r"]
MAP_HEADER = ["Pixels", "Scored", "Masked", "Share", *(METRIC_NAMES[metric] for metric in MAP_METRICS), "In 90 %"]


@dataclass(frozen=True)
class Score:
    """One cell of the scores table: the median over stations, its interval, and whether none of the layer is better."""

    value: str
    interval: str
    best: bool


@dataclass(frozen=True)
class ScoreRow:
    """One row of the scores table: a model and scenario, its stations and rows, one score a metric."""

    name: str
    stations: int
    rows: int
    scores: list[Score]
    pooled: list[str]


@dataclass(frozen=True)
class Table:
    """A plain table of text."""

    header: list[str]
    rows: list[list[str]]


def score_rows(summary: pd.DataFrame) -> list[ScoreRow]:
    """Rows of the scores table of one layer, the lowest median RMSE first.

    Args:
        summary: rows of one layer, schema SUMMARY.
    """
    medians = summary.pivot(index=["model", "scenario"], columns="metric", values="median")
    best = {metric: badness(medians[metric], metric).min() for metric in METRICS}
    by_system = {system: rows.set_index("metric") for system, rows in summary.groupby(["model", "scenario"])}
    rows = []
    for system in medians.sort_values("rmse", kind="stable").index:
        mine = by_system[system]
        rows.append(
            ScoreRow(
                system_name(system),
                int(mine["stations"].max()),
                int(mine["n"].max()),
                [_score(mine.loc[metric], metric, best[metric]) for metric in METRICS],
                [number(mine.loc[metric, "pooled"], metric) for metric in METRICS],
            )
        )
    return rows


def badness(values: pd.Series, metric: str) -> pd.Series:
    """The scores rounded as they are printed, so that the smallest is the best: errors, size of the bias, 1 - r."""
    rounded = values.round(2 if metric in UNITLESS else 3)
    return 1 - rounded if metric in UNITLESS else rounded.abs()


def _score(row: pd.Series, metric: str, best: float) -> Score:
    low, high = number(row["median_low"], metric), number(row["median_high"], metric)
    value = row["median"]
    is_best = bool(np.isfinite(value)) and bool(badness(pd.Series([value]), metric).iloc[0] == best)
    return Score(number(value, metric), f"{low} to {high}" if np.isfinite(row["median_low"]) else "", is_best)


def comparisons(findings: Sequence[Finding]) -> Table:
    """The paired comparisons behind the key finding, one row a layer and rival."""
    header = [
        "Layer", "Transfer", "Rival", "Median RMSE, transfer", "Median RMSE, rival", "Transfer lower at",
        "Median difference (95 % interval)",
    ]  # fmt: skip
    rows = [
        [
            finding.layer,
            str(finding.transfer),
            system_name(one.rival),
            number(one.ours, METRIC),
            number(one.theirs, METRIC),
            f"{one.lower} of {one.stations} stations",
            f"{number(one.difference, METRIC)} ({number(one.low, METRIC)} to {number(one.high, METRIC)})",
        ]
        for finding in findings
        for one in finding.comparisons
    ]
    return Table(header, rows)


def dropped_rows(dropped: pd.DataFrame) -> Table:
    """Rows kept and dropped by domain and reason, over all stations; another table is shown as it is."""
    if not {*DROPPED_KEY, "station", "rows"} <= set(dropped.columns):
        return plain_table(dropped)
    filled = dropped.assign(column=dropped["column"].fillna(""))
    grouped = filled.groupby(DROPPED_KEY, sort=False).agg(stations=("station", "nunique"), rows=("rows", "sum"))
    return plain_table(grouped.reset_index().rename(columns={"column": "missing"}))


def folds_table(folds: pd.DataFrame) -> Table:
    """The stations that each fold tests, validates and trains with, one row a fold.

    Args:
        folds: schema FOLDS, of one protocol.
    """
    rows = []
    for fold, part in folds.groupby("fold", sort=True):
        by_role = part.groupby("role")["station"].unique()
        test, validation, trains = (by_role.get(role, []) for role in ("test", "validation", "training"))
        rows.append([str(fold), _few(test), _few(validation), f"{len(trains):,}"])
    return Table(["Fold", "Test station", "Validation station", "Training stations"], rows)


def _few(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if len(names) else "–"


def plain_table(frame: pd.DataFrame) -> Table:
    """Every column of ``frame``, under its name as a heading."""
    columns = [str(column) for column in frame.columns]
    rows = [
        [
            number(value, column) if column in METRICS else _text(value)
            for column, value in zip(columns, row, strict=True)
        ]
        for row in frame.itertuples(index=False, name=None)
    ]
    return Table([heading(column) for column in columns], rows)


def map_scores(score: pd.DataFrame, layer: str) -> Table:
    """A map's scores in one layer: all pixels, those of each land cover, inside and outside the training range.

    Args:
        score: schema MAP_SCORES.
        layer: its name.

    Returns:
        One row a group, under ``MAP_HEADER``. Its share is that of all pixels that are scored or masked.
    """
    own = score[score["layer"] == layer]
    whole = own.loc[own["group"] == "all"].iloc[0]
    total = whole["n"] + whole["masked"]
    rows = [
        [
            pixels_name(row.group, row.value),
            f"{row.n:,}",
            f"{row.masked:,}",
            percent((row.n + row.masked) / total),
            *(number(getattr(row, metric), metric) for metric in MAP_METRICS),
            percent(row.within_90),
        ]
        for row in own.itertuples()
    ]
    return Table(MAP_HEADER, rows)


def training(cards: Sequence[Mapping[str, Any]]) -> Table:
    """What the cards say of each network and scenario: median over its members, and range."""
    header = ["Network", "Members", "Training rows", "Epochs", "Best epoch", "Best validation loss"]
    rows = []
    for card in cards:
        members = card["members"]
        rows.append(
            [
                system_name((card["model"], card["scenario"])),
                str(len(members)),
                _range([member["training_rows"] for member in members], ",.0f"),
                _range([member["epochs"] for member in members], "g"),
                _range([member["best_epoch"] for member in members], "g"),
                _range([member["best_validation_loss"] for member in members], ".3f"),
            ]
        )
    return Table(header, rows)


def _range(values: Sequence[float | None], digits: str) -> str:
    """Median, least and greatest; a dash where members have none: no rows validate."""
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    text = f"{np.median(values):{digits}}"
    return f"{text} ({min(values):{digits}} to {max(values):{digits}})" if len(values) > 1 else text


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "–" if np.isnan(value) else f"{value:,.4g}".replace("-", "−")
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}"
    return "–" if value is None else str(value)
