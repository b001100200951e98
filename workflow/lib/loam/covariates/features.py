"""The features of a run: which columns of the samples a network reads, in which order and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loam.config.covariates import changes, days_back, windows_of


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
        """What samples keep: of a daily feature its name, or that of its step (``sm_surface_mean5``); of one that does
        not change its name, of a class its column.
        """
        return self.column if self.kind in ("class", "season") else self.name + self.step.suffix


@dataclass(frozen=True)
class FeatureSet:
    """All features of a run.

    Args:
        static: features of the ``static`` tensor [batch, feature], in order; everything that is not a sequence.
        sequence: features of the ``sequence`` tensor [batch, step, variable]: per step, oldest first, the variables.
        patch: features of the ``patch`` tensor [batch, step, row, column, band]: per step, oldest first, the bands.
        size: pixels a side of a patch, an odd number; 0 without one.
        lags: days before the row's day of each step, oldest first.
    """

    static: tuple[Feature, ...]
    sequence: tuple[tuple[Feature, ...], ...]
    patch: tuple[tuple[Feature, ...], ...] = ()
    size: int = 0
    lags: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[Feature, ...]:
        """All features: static ones, then the sequence step by step, then the patch likewise."""
        return (*self.static, *(feature for step in (*self.sequence, *self.patch) for feature in step))

    @property
    def patch_shape(self) -> tuple[int, int, int]:
        """Number of a patch's steps, pixels a side and bands."""
        return len(self.patch), self.size, len(self.bands)

    @property
    def bands(self) -> tuple[Feature, ...]:
        """The bands of a patch, as its last step has them; none without one."""
        return self.patch[-1] if self.patch else ()

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
        window: what a model reads that has a window of its own, ``length`` in steps, ``step`` in days, ``patch`` in
            pixels a side; None for the run's.
    """
    size = (window or {}).get("patch", 0)
    return _features(features, sorted(days_back(features["sequence"], window), reverse=True), size)


def widest_set(features: Mapping[str, Any], *, patch: bool = True) -> FeatureSet:
    """The features that any model of the run reads; every row of the samples has all of them.

    Args:
        features: the config's section.
        patch: whether the domain has patches.
    """
    windows = windows_of(features["sequence"])
    lags = {lag for window in windows for lag in days_back(features["sequence"], window)}
    size = max((window or {}).get("patch", 0) for window in windows)
    return _features(features, sorted(lags, reverse=True), size if patch else 0)


def step_of(sequence: Mapping[str, Any]) -> Step:
    """The step of the config's ``features.sequence``."""
    return Step(sequence.get("every", 1), sequence.get("statistic", "last"), sequence.get("missing_share", 0.0))


def _features(features: Mapping[str, Any], lags: Sequence[int], size: int) -> FeatureSet:
    """The features whose steps lie ``lags`` days back, oldest first, and patches of ``size`` pixels a side."""
    static = [Feature(name, name, "static") for name in features["static"]]
    for item in features["daily"]:
        first, last = item["lags"]
        static += [Feature(f"{item['name']}_{lag}", item["name"], "daily", lag) for lag in range(first, last + 1)]
    for item in features["classes"]:
        static += [Feature(f"{item['name']}_{value}", item["name"], "class", value=value) for value in item["values"]]
    if features["day_of_year"]:
        static += [Feature(f"day_of_year_{part}", "day_of_year", "season", value=part) for part in ("sin", "cos")]
    step = step_of(features["sequence"])
    sequence = [
        tuple(
            Feature(f"{name}{step.suffix}_{_step_told(lag, step)}", name, "sequence", lag, step=step)
            for name in features["sequence"]["variables"]
        )
        for lag in lags
    ]
    patch = [
        tuple(
            Feature(f"{name}_patch{size}_{lag}", name, "daily" if changes(name) else "static", lag * changes(name))
            for name in features.get("patch", ())
        )
        for lag in lags
    ]
    return FeatureSet(
        tuple(static), tuple(sequence) if features["sequence"]["variables"] else (), tuple(patch) if size else (), size,
        tuple(lags),
    )  # fmt: skip


def _step_told(lag: int, step: Step) -> str:
    """A lag in steps of several days; in days where it is no whole number of steps."""
    return str(lag // step.days) if lag % step.days == 0 else f"{lag}d"
