"""Models, scenarios, layers and numbers as a sentence says them: on the page, in a map's tags and on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from loam.evaluation.paired import System

MODELS = {
    "mlp": "MLP",
    "lstm": "LSTM",
    "mlp_within": "MLP within stations",
    "mlp_neighbours": "MLP with the probes of the day",
    "lstm_within": "LSTM within stations",
    "within_station_trees_neighbours": "Within-station trees with neighbours",
    "within_station_trees": "Within-station trees",
    "boosted_trees_neighbours": "Boosted trees with neighbours",
    "boosted_trees_all": "Boosted trees on all rows",
    "boosted_trees": "Boosted trees",
    "random_forest": "Random forest",
    "ridge": "Ridge regression",
    "coarse": "Coarse moisture, rescaled",
    "climatology": "Climatology",
    "kriging": "Other probes, kriged",
    "inverse_distance": "Other probes, by distance",
    "same_day_mean": "Other probes, same day",
    "persistence": "Other probes, day before",
}
SCENARIOS = {
    "source": "source only",
    "target": "target only",
    "transfer": "transfer",
    "both": "both domains",
    "none": "",
}

UNIT = "m³ m⁻³"
UNITLESS = {"r", "ccc"}


def system_name(system: System) -> str:
    """A model and what it was trained on, as a reader calls it: ``LSTM, transfer``."""
    model, scenario = system
    name, trained = MODELS.get(model, model), SCENARIOS.get(scenario, scenario)
    return f"{name}, {trained}" if trained else name


def plain_name(system: System) -> str:
    """``system_name`` amid a sentence: ``boosted trees (both domains)``, ``coarse moisture (rescaled)``."""
    model, scenario = system
    name, trained = MODELS.get(model, model), SCENARIOS.get(scenario, scenario)
    name = name if name[1:2].isupper() else name[:1].lower() + name[1:]
    name, _, more = name.partition(", ")
    more = ", ".join(part for part in (more, trained) if part)
    return f"{name} ({more})" if more else name


def layer_name(layer: Mapping[str, Any]) -> str:
    """A layer of the config with its limits: ``surface, 0–30 cm``."""
    return f"{layer['name']}, {layer['top_cm']:g}–{layer['bottom_cm']:g} cm"


def listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def percent(share: float) -> str:
    """A share as it is printed: ``62.5 %``, a dash where it is undefined."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "–"


def number(value: float, metric: str) -> str:
    """A score as it is printed: three digits for moisture, two for r and CCC, a dash where it is undefined."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{2 if metric in UNITLESS else 3}f}"
    text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace("-", "−")
