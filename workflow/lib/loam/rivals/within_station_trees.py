"""Trees that learn within stations: the strictest rival of a network that does.

Days of one station are no independent witnesses of its level. These trees are fitted to anomalies, moisture minus the
station's mean over its training rows; the level of a held-out station is that of plain trees, ``boosted_trees_all``.
"""

from __future__ import annotations

import pandas as pd

from loam.evaluation.level_mix import with_level
from loam.rivals.boosted_trees import trees
from loam.rivals.regression import regression
from loam.rivals.trial import Trial


def within_station_trees(trial: Trial) -> pd.DataFrame:
    """Anomalies from the features."""
    return _within(trial, "within_station_trees", neighbours=False)


def within_station_trees_neighbours(trial: Trial) -> pd.DataFrame:
    """Anomalies from the features and from what the other probes say of the day."""
    return _within(trial, "within_station_trees_neighbours", neighbours=True)


def _within(trial: Trial, model: str, *, neighbours: bool) -> pd.DataFrame:
    scenario = trial.widest
    dynamics = regression(
        trial, model, scenario, lambda: trees(trial.seed), rows="all", neighbours=neighbours, within=True
    )
    level = trial.level[trial.level["scenario"] == scenario]
    return with_level(dynamics, level, share=1.0)
