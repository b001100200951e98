"""The features of a run: which columns of the samples a network reads, in which order and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """What one step of a sequence tells of its days.

    Args:
        days: how many, the last of them the step's own.
        statistic: ``last``, ``mean`` or ``sum`` of those that have a value.
        missing_share: of its days that may have none; in a sum the mean of the others stands in for them.
    """

    days: int = 1
    statistic: str = "last"
    missing_share: float = 0.0

    @property
    def suffix(self) -> str:
        """What the step adds to a covariate's name: nothing for a day."""
        return "" if self.days == 1 else f"_{self.statistic}{self.days}"


@dataclass(frozen=True)
class Feature:
    """One column of the samples that a network reads.

    Args:
        column: the column's name in the samples.
        name: what it is made from (a column of the tables, a raster): ``rain`` for ``rain_2``.
        kind: ``static``, ``daily``, ``sequence``, ``class`` or ``season``.
        lag: days before the row's date, for ``daily`` and ``sequence``; of a step of several days, to its last one.
        value: the class that it is 1 for (``class``), or ``sin``, ``cos`` (``season``).
        step: what a step of a sequence is made of.
    """

    column: str
    name: str
    kind: str
    lag: int = 0
    value: str | int | None = None
    step: Step = Step()

    @property
    def series(self) -> str:
        """What samples keep: of a daily feature its name, or that of its step (``sm_surface_mean5``); its column."""
        return self.name + self.step.suffix if self.kind in ("daily", "sequence") else self.column


@dataclass(frozen=True)
class FeatureSet:
    """All features of a run.

    Args:
        static: features of the ``static`` tensor [batch, feature], in order; everything that is not a sequence.
        sequence: features of the ``sequence`` tensor [batch, step, variable]: per step, oldest first, the variables.
    """

    static: tuple[Feature, ...]
    sequence: tuple[tuple[Feature, ...], ...]

    @property
    def all(self) -> tuple[Feature, ...]:
        """All features: static ones, then the sequence step by step."""
        return (*self.static, *(feature for step in self.sequence for feature in step))

    @property
    def columns(self) -> list[str]:
        """Columns of all features, in their order."""
        return [feature.column for feature in self.all]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of static features, of steps and of sequence variables."""
        return len(self.static), len(self.sequence), len(self.sequence[0]) if self.sequence else 0


def feature_set(features: Mapping[str, Any], window: Mapping[str, int] | None = None) -> FeatureSet:
    """The features that the config's ``features`` names.

    Args:
        features: the config's section.
        window: ``length``, the steps that a model reads which has a window of its own; None for the run's.
    """
    if window is not None:
        first = features["sequence"]["lags"][0]
        lags = [first, first + window["length"] - 1]
        features = {**features, "sequence": {**features["sequence"], "lags": lags}}
    static = [Feature(name, name, "static") for name in features["static"]]
    for item in features["daily"]:
        static += [Feature(f"{item['name']}_{lag}", item["name"], "daily", lag) for lag in _lags(item["lags"])]
    for item in features["classes"]:
        static += [Feature(f"{item['name']}_{value}", item["name"], "class", value=value) for value in item["values"]]
    if features["day_of_year"]:
        static += [Feature(f"day_of_year_{part}", "day_of_year", "season", value=part) for part in ("sin", "cos")]
    sequence = features["sequence"]
    step = step_of(sequence)
    steps = [
        tuple(
            Feature(f"{name}{step.suffix}_{lag}", name, "sequence", lag * step.days, step=step)
            for name in sequence["variables"]
        )
        for lag in reversed(_lags(sequence["lags"]))
    ]
    return FeatureSet(tuple(static), tuple(steps) if sequence["variables"] else ())


def widest_set(features: Mapping[str, Any]) -> FeatureSet:
    """The features with the longest window that any model of the run reads; every row of the samples has all of it."""
    longest = features["sequence"].get("longest")
    return feature_set(features, {"length": longest} if longest else None)


def step_of(sequence: Mapping[str, Any]) -> Step:
    """The step of the config's ``features.sequence``."""
    return Step(sequence.get("every", 1), sequence.get("statistic", "last"), sequence.get("missing_share", 0.0))


def _lags(window: list[int]) -> range:
    return range(window[0], window[1] + 1)
