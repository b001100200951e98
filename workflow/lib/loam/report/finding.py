"""What the scores say, in a sentence or two a layer: who is best, and whether transfer beats what it has to beat.

The verdict compares the medians over stations of the RMSE. It is close where the 95 % interval of the median paired
difference (bootstrap over stations, Efron 1979) holds zero, because a dozen stations settle little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from loam.config.systems import is_rival, reads_probes_of_the_day
from loam.evaluation.paired import Paired, compare
from loam.report.words import UNIT, System, layer_name, number, plain_name, system_name

METRIC = "rmse"
MEAN_OF_THE_DAY: System = ("same_day_mean", "none")
TREES: System = ("boosted_trees", "both")


@dataclass(frozen=True)
class Comparison(Paired):
    """The best transfer network against one rival, by the RMSE at the stations that both have.

    Args:
        rival: model and scenario.
        name: what the rival stands for.
    """

    rival: System
    name: str

    @property
    def verdict(self) -> str:
        """``beats``, ``is slightly ahead of`` (too close to call) or ``does not beat``."""
        if not self.ours < self.theirs:
            return "does not beat"
        return "beats" if self.better else "is slightly ahead of"


@dataclass(frozen=True)
class Finding:
    """One layer's name, sentences, best transfer network (None without one) and its comparisons."""

    layer: str
    text: str
    transfer: str | None
    comparisons: list[Comparison]


def findings(metrics: pd.DataFrame, layers: Sequence[Mapping[str, Any]], *, draws: int, seed: int) -> list[Finding]:
    """The finding of each layer that has scores.

    Args:
        metrics: schema METRICS_TABLE.
        layers: of the config.
        draws: bootstrap draws of the paired differences.
        seed: of the draws.
    """
    result = []
    for layer in layers:
        rows = metrics[metrics["layer"] == layer["name"]]
        if len(rows):
            by_system = rows.pivot(index="station", columns=["model", "scenario"], values=METRIC)
            transfer = _best_network(by_system.median(), "transfer")
            compared = _comparisons(by_system, transfer, draws, seed) if transfer else []
            text = f"{_winner(by_system.median())} {_verdicts(compared, transfer)}".strip()
            name = system_name(transfer) if transfer else None
            result.append(Finding(layer_name(layer), text, name, compared))
    return result


def _winner(medians: pd.Series) -> str:
    told = [system for system in medians.index if reads_probes_of_the_day(system[0])]
    alone = medians.drop(told) if len(told) < len(medians) else medians
    best = alone.idxmin()
    text = f"Lowest median RMSE: {system_name(best)}, {number(alone[best], METRIC)} {UNIT}."
    if medians.min() < alone.min():
        lower = medians.idxmin()
        name = "the mean of the other probes on the same day" if lower == MEAN_OF_THE_DAY else plain_name(lower)
        text += f" Only {name} is lower ({number(medians.min(), METRIC)}), and it needs probes that report on the day."
    return text


def _verdicts(compared: Sequence[Comparison], transfer: System | None) -> str:
    if transfer is None:
        return "No network was trained by transfer in this run."
    clauses = [
        f"{one.verdict} {one.name} ({number(one.ours, METRIC)} against {number(one.theirs, METRIC)}, lower at "
        f"{one.lower} of {one.stations} stations{'' if one.better or one.worse else '; too close to call'})"
        for one in compared
    ]
    return f"Transfer {'; it '.join(clauses)}." if clauses else ""


def _comparisons(by_system: pd.DataFrame, transfer: System, draws: int, seed: int) -> list[Comparison]:
    target = _best_network(by_system.median(), "target")
    rivals = [(target, "training on the target alone")] if target else []
    rivals += [(TREES, "boosted trees on both domains")] if TREES in by_system.columns else []
    result = []
    for rival, name in rivals:
        if paired := compare(by_system, transfer, rival, draws=draws, seed=seed):
            result.append(Comparison(**asdict(paired), rival=rival, name=name))
    return result


def _best_network(medians: pd.Series, scenario: str) -> System | None:
    chosen = [system for system in medians.index if system[1] == scenario and not is_rival(system[0])]
    return min(chosen, key=lambda system: medians[system]) if chosen else None
