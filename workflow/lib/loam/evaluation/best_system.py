"""Which system makes the map where the config leaves it to the scores (``mapping.model: best``).

Systems are set beside one another by their RMSE at held-out stations, at the stations and layers that all of them have,
of a station the mean over its layers. The one of the lowest median is taken where the 95 % interval of its median
paired difference to the next lies below zero (``loam.evaluation.paired``); where the stations do not tell the two
apart, the run's configured network maps, because what is no better is no reason to change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loam.errors import TableError
from loam.evaluation.paired import Paired, compare

METRIC = "rmse"
CANNOT_MAP = "scored, but has no value of its own at a pixel without a probe, or is no regressor of features"


def choose_system(
    metrics: pd.DataFrame, systems: Sequence[Mapping[str, Any]], layers: Sequence[str], *, draws: int, seed: int
) -> dict[str, Any]:
    """The system that maps, and why.

    Args:
        metrics: schema METRICS_TABLE of one protocol, each station the mean over its draws.
        systems: of ``loam.config.mapped.map_systems``, the configured network first.
        layers: names.
        draws: bootstrap draws of the stations.
        seed: of the draws.

    Returns:
        ``model``, ``scenario`` and ``why`` of the one that is taken; ``candidates``, from the lowest median RMSE (m3
        m-3) on, each with its stations and its paired difference to the next; ``cannot_map``, the systems that were
        scored and are no candidates.

    Raises:
        TableError: a candidate has no score, or the candidates share no station.
    """
    known = metrics[metrics["layer"].isin(layers)]
    wanted = [(system["scored"], system["scenario"]) for system in systems]
    scored = set(zip(known["model"], known["scenario"], strict=True))
    if lacking := [" ".join(system) for system in wanted if system not in scored]:
        raise TableError(
            f"no score of {', '.join(lacking)}", where="evaluation/metrics.csv", fix="rerun score_predictions"
        )
    by_layer = known.pivot(index=["station", "layer"], columns=["model", "scenario"], values=METRIC)
    error = by_layer[wanted].dropna().groupby("station").mean()
    if error.empty:
        raise TableError(
            "no station has a score of every candidate", where="evaluation/metrics.csv",
            fix="name what makes the map in mapping.model",
        )  # fmt: skip
    median = error.median()
    order = sorted(wanted, key=lambda system: (median[system], wanted.index(system)))
    paired = [compare(error, *pair, draws=draws, seed=seed) for pair in zip(order, order[1:], strict=False)]
    taken, why = _decide(order, wanted[0], paired[0] if paired else None)
    place = wanted.index(taken)
    return {
        "model": systems[place]["model"], "scenario": systems[place]["scenario"], "why": why, "metric": METRIC,
        "stations": len(error),
        "candidates": [
            {"model": name, "scenario": scenario, "median": float(median[name, scenario])} | _told(beside)
            for (name, scenario), beside in zip(order, [*paired, None], strict=True)
        ],
        "cannot_map": [
            {"model": name, "scenario": scenario, "why": CANNOT_MAP}
            for name, scenario in sorted(scored - set(wanted)) if name not in {model for model, _ in wanted}
        ],
    }  # fmt: skip


def _decide(
    order: Sequence[tuple[str, str]], configured: tuple[str, str], paired: Paired | None
) -> tuple[tuple[str, str], str]:
    """The system that is taken, and why."""
    best = order[0]
    if paired is None:
        return best, "the only system that can map"
    told = (
        f"median RMSE {paired.ours:.4f} m3 m-3 at {paired.stations} held-out stations, {' '.join(order[1])} "
        f"{paired.theirs:.4f}, paired difference {paired.difference:+.4f} ({paired.low:.4f} to {paired.high:.4f})"
    )
    if paired.better:
        return best, f"the best of {len(order)} by the interval: {told}"
    if best == configured:
        return best, f"the configured network, and none is clearly better: {told}"
    return configured, f"the configured network, because {' '.join(best)} is not clearly the best: {told}"


def _told(paired: Paired | None) -> dict[str, Any]:
    """The paired difference to the next as plain numbers; None where there is none."""
    if paired is None:
        return {}
    numbers = {"difference": paired.difference, "difference_low": paired.low, "difference_high": paired.high}
    return {"to_next": {name: value if math.isfinite(value) else None for name, value in numbers.items()}}
