"""How models are ordered and coloured, and metrics, pixels and kinds of data called, on the page and in its figures."""

from __future__ import annotations

import pandas as pd

from loam.config.systems import is_rival
from loam.evaluation.paired import System
from loam.report.words import MODELS, SCENARIOS
from loam.variables import kinds

# Okabe and Ito (2008): told apart by the colour-blind and, by their lightness, in grey.
COLOURS = {
    "mlp": "#56B4E9",
    "lstm": "#0072B2",
    "boosted_trees": "#009E73",
    "boosted_trees_all": "#009E73",
    "boosted_trees_neighbours": "#009E73",
    "within_station_trees": "#D55E00",
    "within_station_trees_neighbours": "#D55E00",
    "coarse": "#8A8A8A",
    "same_day_mean": "#E69F00",
}
OTHER_COLOUR = "#CC79A7"

METRICS = {"mae": "MAE", "rmse": "RMSE", "ubrmse": "ubRMSE", "bias": "Bias", "r": "r", "ccc": "CCC"}

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
    ("area", "inside"): "inside the area of applicability",
    ("area", "outside"): "outside the area of applicability",
}


def systems_of(frame: pd.DataFrame) -> list[System]:
    """The (model, scenario) pairs of a table: networks by scenario, then the rivals."""
    models, scenarios = list(MODELS), list(SCENARIOS)

    def place(system: System) -> tuple[bool, int, int, str]:
        model, scenario = system
        rival = is_rival(model)
        model_place = models.index(model) if model in MODELS else len(models)
        scenario_place = scenarios.index(scenario)
        first, second = (model_place, scenario_place) if rival else (scenario_place, model_place)
        return rival, first, second, model

    return sorted(set(zip(frame["model"], frame["scenario"], strict=True)), key=place)


def heading(column: str) -> str:
    """A table's column as its heading: metrics by their name, other names with spaces and a capital."""
    text = column.replace("_", " ")
    return {**METRICS, "n": "n", "std_mean": "Mean spread"}.get(column, text[:1].upper() + text[1:])


def pixels_name(group: str, value: str) -> str:
    """A group of a map's pixels as a reader calls it; a land cover that is not the models' by its own name."""
    return PIXELS.get((group, value), value)


def kind_name(kind: str) -> str:
    """A kind of data (a key of section ``acquire``, or probes) as a reader calls it."""
    return kinds()[kind].title if kind in kinds() else kind
