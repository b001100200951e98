"""The names of what is scored beside networks, and what a name tells. Read when the workflow is parsed."""

from __future__ import annotations

QUICK_RIVALS = ["coarse", "same_day_mean", "climatology", "persistence", "inverse_distance", "kriging", "ridge"]
SLOW_RIVALS = [
    "random_forest", "boosted_trees", "boosted_trees_all", "boosted_trees_neighbours", "within_station_trees",
    "within_station_trees_neighbours",
]  # fmt: skip
PROBES_OF_THE_DAY = {"same_day_mean", "persistence", "inverse_distance", "kriging"}  # nothing without them
MIXED, STACKED, CONDITIONED, NEIGHBOURS = (
    "_mixed",
    "_stacked",
    "_conditioned",
    "_neighbours",
)  # how the names of systems end


def is_rival(model: str) -> bool:
    """Whether a system, by its model's name, is a rival of networks (docs/explanation/rivals.md)."""
    return model in QUICK_RIVALS or model in SLOW_RIVALS


def reads_probes_of_the_day(model: str) -> bool:
    """Whether a network or a rival, by its name, is told what other probes measured on the day, or the day before."""
    if model in PROBES_OF_THE_DAY or model.endswith(CONDITIONED):
        return True
    return model.removesuffix(MIXED).removesuffix(STACKED).endswith(NEIGHBOURS)


def mixed(model: str) -> str:
    """The name of a network whose level is mixed."""
    return model + MIXED


def stacked(model: str) -> str:
    """The name of a network whose level is a stack of several systems'."""
    return model + STACKED


def conditioned(model: str) -> str:
    """The name of a network that is moved by the residuals of the other probes of the day."""
    return model + CONDITIONED


def names_of(model: str) -> tuple[str, ...]:
    """The names that a network is scored under, as it is and moved."""
    return model, mixed(model), stacked(model), conditioned(model)
