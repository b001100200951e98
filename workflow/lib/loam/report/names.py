"""How models, scenarios, metrics and layers are called, ordered and coloured on the page and in its figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from loam.evaluation.paired import System

MODELS = {
    "mlp": "MLP",
    "lstm": "LSTM",
    "boosted_trees": "Boosted trees",
    "coarse": "Coarse moisture, rescaled",
    "same_day_mean": "Other probes, same day",
}
SCENARIOS = {
    "source": "source only",
    "target": "target only",
    "transfer": "transfer",
    "both": "both domains",
    "none": "",
}
BASELINES = ["boosted_trees", "coarse", "same_day_mean"]

# Okabe and Ito (2008): told apart by the colour-blind and, by their lightness, in grey.
COLOURS = {
    "mlp": "#56B4E9",
    "lstm": "#0072B2",
    "boosted_trees": "#009E73",
    "coarse": "#8A8A8A",
    "same_day_mean": "#E69F00",
}
OTHER_COLOUR = "#CC79A7"

METRICS = {"mae": "MAE", "rmse": "RMSE", "ubrmse": "ubRMSE", "bias": "Bias", "r": "r", "ccc": "CCC"}
UNIT = "m³ m⁻³"
UNITLESS = {"r", "ccc"}

# Groups of pixels that a map is scored on: (group, value) of its scores.
PIXELS = {
    ("all", "all"): "all pixels",
    ("landcover", "PAST"): "pasture",
    ("landcover", "FORE"): "forest",
    ("landcover", "AGRI"): "crops",
    ("landcover", "SAVA"): "savanna",
    ("landcover", "IRRI"): "irrigated",
    ("range", "inside"): "inside the range of the training data",
    ("range", "outside"): "outside the range of the training data",
}


KINDS = {"landcover": "land cover", "sentinel1": "Sentinel-1", "sentinel2": "Sentinel-2", "terrain": "elevation"}


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


def systems_of(frame: pd.DataFrame) -> list[System]:
    """The (model, scenario) pairs of a table: networks by scenario, then the baselines."""
    models, scenarios = list(MODELS), list(SCENARIOS)

    def place(system: System) -> tuple[bool, int, int, str]:
        model, scenario = system
        baseline = model in BASELINES
        model_place = models.index(model) if model in MODELS else len(models)
        scenario_place = scenarios.index(scenario)
        first, second = (model_place, scenario_place) if baseline else (scenario_place, model_place)
        return baseline, first, second, model

    return sorted(set(zip(frame["model"], frame["scenario"], strict=True)), key=place)


def layer_name(layer: Mapping[str, Any]) -> str:
    """A layer of the config with its limits: ``surface, 0–30 cm``."""
    return f"{layer['name']}, {layer['top_cm']:g}–{layer['bottom_cm']:g} cm"


def heading(column: str) -> str:
    """A table's column as its heading: metrics by their name, other names with spaces and a capital."""
    text = column.replace("_", " ")
    return {**METRICS, "n": "n", "std_mean": "Mean spread"}.get(column, text[:1].upper() + text[1:])


def pixels_name(group: str, value: str) -> str:
    """A group of a map's pixels as a reader calls it; a land cover that is not the models' by its own name."""
    return PIXELS.get((group, value), value)


def kind_name(kind: str) -> str:
    """A kind of data (a key of section ``acquire``) as a reader calls it."""
    return KINDS.get(kind, kind.replace("_", " "))


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
