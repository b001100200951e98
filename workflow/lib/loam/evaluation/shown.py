"""The rows of a table of scores that stand first where a run has several protocols."""

from __future__ import annotations

import pandas as pd

from loam.evaluation.metrics import over_draws


def shown(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """The rows of a table of one protocol; where it asks how many stations are needed, those of the most stations."""
    own = table[table["protocol"] == protocol]
    return own[own["size"] == own["size"].max()]


def station_scores(metrics: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """``shown`` of the scores of stations, schema METRICS_TABLE, each the mean over the protocol's draws."""
    return over_draws(shown(metrics, protocol))
