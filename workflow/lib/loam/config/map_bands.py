"""The bands of a map by their names. Read when the workflow is parsed."""

from __future__ import annotations

from collections.abc import Sequence

# Ends of an interval: its level of confidence, and on which side of the mean it lies.
BOUNDS = {"lower90": (0.9, -1), "upper90": (0.9, 1), "lower50": (0.5, -1), "upper50": (0.5, 1)}
LEVELS = sorted({level for level, _ in BOUNDS.values()}, reverse=True)
OF_MEMBERS = ("mean", "std")
STATISTICS = (*OF_MEMBERS, *BOUNDS)


def band_names(layers: Sequence[str], statistics: Sequence[str] = STATISTICS) -> list[str]:
    """``<layer>_<statistic>``: of one statistic all layers, then of the next."""
    return [f"{layer}_{statistic}" for statistic in statistics for layer in layers]
