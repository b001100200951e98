"""The cube's covariates by name, and the kind of data that each is made from. Read when the workflow is parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loam.config.wrong import nearest
from loam.errors import ConfigError
from loam.variables import Variable, covariate_of, facts_of, kinds, variables

LONGEST_GAP = 180  # days between two observations that a line is drawn between


def kind_of(name: str) -> str:
    """The kind of data that the covariate ``name`` is made from.

    Raises:
        ConfigError: the cube has no covariate of that name.
    """
    if variable := covariate_of(name):
        return str(variable.kind)
    layers = {
        known: range(1, item.layers + 1) if item.layers else () for known, item in variables().items() if item.kind
    }
    known = [f"{base}_{layer}" for base, own in layers.items() for layer in own] + [*layers]
    raise ConfigError(
        f"the cube has no covariate '{name}'", where="config section 'features'",
        expected="one of docs/reference/covariates.md", fix=nearest(name, known),
    )  # fmt: skip


def known_at_points(name: str) -> bool:
    """Whether point tables can hold the covariate: not what needs a pixel's neighbours or a processed scene."""
    variable = covariate_of(name)
    return variable is not None and variable.points and not variable.neighbours


def covariate_names(features: Mapping[str, Any]) -> list[str]:
    """The names of all covariates that the config's ``features`` reads, in its order."""
    return [
        *features["static"],
        *(item["name"] for item in features["daily"]),
        *features["sequence"]["variables"],
        *(item["name"] for item in features["classes"]),
        *features.get("patch", ()),
    ]


def facts_read(features: Mapping[str, Any]) -> dict[str, Any]:
    """What is declared of the variables that samples and maps read, for the values of their jobs."""
    return {"variables": facts_of(["soil_moisture", *covariate_names(features)])}


def kinds_needed(features: Mapping[str, Any]) -> list[str]:
    """The kinds of data that the features need, in ``loam.variables``' order; land cover always, for the land mask."""
    found = {kind_of(name) for name in covariate_names(features)} | {"landcover"}
    return [kind for kind in kinds() if kind in found]


def reach_of(features: Mapping[str, Any], covariates: Mapping[str, Any]) -> int:
    """Days before a day that its covariates reach back to in the cube: lags, sums and the age of observations."""
    windows = [(item["name"], item["lags"][1]) for item in features["daily"]]
    last = days_of_steps(features["sequence"])[1]
    windows += [(name, last) for name in (*features["sequence"]["variables"], *features.get("patch", ()))]
    return max((lag + _back_of(name, covariates) for name, lag in windows), default=0)


def days_of_steps(sequence: Mapping[str, Any]) -> list[int]:
    """First and last day, counted back from a row's own, that the steps of the config's ``features.sequence`` read."""
    back = [lag for window in windows_of(sequence) for lag in days_back(sequence, window)]
    return [min(back), max(back) + sequence.get("every", 1) - 1]


def windows_of(sequence: Mapping[str, Any]) -> list[Mapping[str, int] | None]:
    """The windows that models read of a run's ``features.sequence``: its lags (None), and those of models' own."""
    return [None, *sequence.get("windows", ())]


def days_back(sequence: Mapping[str, Any], window: Mapping[str, int] | None) -> list[int]:
    """Days from a row's own back to the (last) day of each step of a window, newest first.

    Args:
        sequence: the config's ``features.sequence``.
        window: ``length`` in steps, and ``step`` in days where that is not the run's; None for the run's lags.
    """
    first, last = sequence["lags"]
    every = sequence.get("every", 1)
    if window is None:
        return [lag * every for lag in range(first, last + 1)]
    return [first * every + number * window.get("step", every) for number in range(window["length"])]


def changes(name: str) -> bool:
    """Whether a covariate of the cube changes from day to day."""
    variable = covariate_of(name)
    return variable is None or kinds()[str(variable.kind)].form != "maps"


def fillable(names: Sequence[str] | None, features: Mapping[str, Any]) -> list[str]:
    """The daily covariates whose gaps are filled: ``names``, or weather but rain and modelled moisture."""
    if names is not None:
        return list(names)
    daily = [
        *(item["name"] for item in features["daily"]),
        *features["sequence"]["variables"],
        *features.get("patch", ()),
    ]
    known = {name: covariate_of(name) for name in daily if not is_rain(name)}
    return [name for name, variable in known.items() if variable and variable.kind in ("weather", "coarse_moisture")]


def is_rain(name: str) -> bool:
    """Whether a covariate is rain of a day or of several."""
    return (variable := covariate_of(name)) is not None and variable.name == "rain"


def ahead_of(features: Mapping[str, Any], covariates: Mapping[str, Any]) -> int:
    """Days after a day that its covariates read: those of observations to draw a line to."""
    named = (covariate_of(name) for name in covariate_names(features))
    return LONGEST_GAP if any(variable and _is_drawn(variable, covariates) for variable in named) else 0


def look_back(variable: Variable, covariates: Mapping[str, Any]) -> int:
    """Days for which an observation of the variable is the last one: its own, or the config's."""
    if isinstance(variable.look_back, int):
        return variable.look_back
    value: Any = {"covariates": covariates}
    for key in str(variable.look_back).split("."):
        value = value[key]
    return int(value)


def _back_of(name: str, covariates: Mapping[str, Any]) -> int:
    """Days before a day that a covariate of the cube is made from."""
    variable = covariate_of(name)
    if variable is None or variable.derive is None:
        return 0
    if variable.derive == "sum":
        days = name.removeprefix(variable.name).removeprefix("_")
        return int(days) - 1 if days else 0
    return LONGEST_GAP if _is_drawn(variable, covariates) else look_back(variable, covariates)


def _is_drawn(variable: Variable, covariates: Mapping[str, Any]) -> bool:
    """Whether a variable is drawn linearly between observations."""
    return variable.between and covariates["sentinel"]["sentinel2"] == "linear"
