"""Covariates that are derived when they are read: lags, windows of lags, moving sums, the last valid observation.

The cube keeps what was measured or modelled on each day; all that depends on several days is made from it here, by
``derive`` and nothing else, for a map (one day, many cells) as for samples (many days, few cells). Every number is
computed from its own cell's days in a fixed order, oldest first, so that both give the same bits.

Days are told by date, never by position: a day before the record, one that no file holds and one without a value are
all missing, and no other day steps in for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from loam.config.covariates import LONGEST_GAP, look_back
from loam.covariates.features import Feature, FeatureSet, Step
from loam.covariates.season import day_of_year
from loam.raster.cell_index import CellIndex
from loam.sentinel2.observation_series import interpolate, last_observed
from loam.variables import observed

# What a pass or composite observes: covariate -> (group of the cube, variable there); None is the age in days.
OBSERVED: dict[str, tuple[str, str | None]] = {
    name: (str(item.kind), item.variable if item.derive == "last_valid" else None) for name, item in observed().items()
}


DAY = Step()
DAILY = ("daily", "sequence")  # kinds of features that have another value every day


@dataclass(frozen=True)
class Settings:
    """How covariates are derived and read.

    Args:
        landcover: ``majority`` (a class is 0 or 1) or ``shares`` (a class is its share of the pixel).
        cell_index: ``nearest`` or ``bilinear``.
        maximum_age: days from which on an observation is too old, by group of the cube.
        sum_days: lengths of the sums of rain that there are.
        missing_share: of a sum's days that may lack.
        linear: groups whose values are drawn linearly between observations, not held since the last one.
    """

    landcover: str = "majority"
    cell_index: str = "nearest"
    maximum_age: Mapping[str, int] = field(default_factory=dict)
    sum_days: tuple[int, ...] = ()
    missing_share: float = 0.0
    linear: frozenset[str] = frozenset()


def settings_of(covariates: Mapping[str, Any]) -> Settings:
    """The settings that the config's section ``covariates`` gives."""
    return Settings(
        covariates["landcover"], covariates["cell_index"],
        {str(item.kind): look_back(item, covariates) for item in observed().values()},
        tuple(covariates["rain_sums"]["days"]), covariates["rain_sums"]["missing_share"],
        frozenset({"sentinel2"} if covariates["sentinel"]["sentinel2"] == "linear" else ()),
    )  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How a covariate is made.

    Args:
        variable: of the source.
        group: the group of observations that it is the last valid of; None for a daily variable.
        windows: what is made of several days of it, one after the other: a sum of rain, a step of a sequence.
        age: it is the age of the observation, not its value.
        back: days before the (lagged) day that are read.
        ahead: days after it.
    """

    variable: str
    group: str | None = None
    windows: tuple[Step, ...] = ()
    age: bool = False
    back: int = 0
    ahead: int = 0


def recipe_of(name: str, settings: Settings, step: Step = DAY, *, ready: bool = False) -> Recipe:
    """How the covariate ``name`` is made: ``rain_30`` is the sum of ``rain``, ``vv`` the last valid one.

    Args:
        name: of the covariate.
        settings: how covariates are derived.
        step: of a sequence, that it is read in.
        ready: the source has the covariate itself.
    """
    recipe = Recipe(name) if ready else _recipe(name, settings)
    if step.days == 1:
        return recipe
    return replace(recipe, windows=(*recipe.windows, step), back=recipe.back + step.days - 1)


def _recipe(name: str, settings: Settings) -> Recipe:
    if name in OBSERVED:
        group, variable = OBSERVED[name]
        first = next(other for kind, other in OBSERVED.values() if kind == group)
        back = settings.maximum_age[group]
        if variable and group in settings.linear:
            return Recipe(variable, group, back=LONGEST_GAP, ahead=LONGEST_GAP)
        return Recipe(variable or first, group, age=variable is None, back=back)
    for days in settings.sum_days:
        if name == f"rain_{days}":
            return Recipe("rain", windows=(Step(days, "sum", settings.missing_share),), back=days - 1)
    return Recipe(name)


def observed_as(group: str, variable: str) -> str:
    """The covariate that is the last valid ``variable`` of a group: ``modis_ndvi`` for ``ndvi`` of vegetation."""
    return next(name for name, own in OBSERVED.items() if own == (group, variable))


def base_of(name: str, settings: Settings) -> str:
    """The covariate that ``name`` is made from where a table has not ``name`` itself: ``rain`` for ``rain_30``."""
    group, variable = OBSERVED.get(name, (None, name))
    if variable is None:
        return next(other for other, own in OBSERVED.items() if own[0] == group and own[1])
    return _recipe(name, settings).variable if group is None else name


@dataclass(frozen=True)
class Series:
    """Daily values of cells: ``values`` [day, cell], float32 or float64, NaN where missing, from ``first`` on."""

    first: np.datetime64
    values: np.ndarray


@dataclass(frozen=True)
class Observations:
    """Observations of cells, by day: ``values`` [observation, cell], float32, NaN where invalid; ``days`` in order, of
    Sentinel-2 and composites without repeats.
    """

    days: np.ndarray
    values: np.ndarray


class Source(Protocol):
    """What covariates are read from: pixels of the cube or of rasters, or stations of tables."""

    def holds(self, name: str) -> bool:
        """Whether it has the covariate itself, day by day, not only what it is made from."""

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable from ``first`` to ``last``, and which cell each pixel reads."""

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """Observations from ``first`` to ``last``, and which cell each pixel reads."""

    def static(self, name: str) -> np.ndarray:
        """A covariate that does not change: [pixel], NaN where missing."""

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class of a class covariate: 1 or 0, or its share of the pixel: [pixel], NaN where missing."""


def derive(
    recipe: Recipe, given: Series | Observations, days: np.ndarray, lag: int, settings: Settings
) -> np.ndarray:  # fmt: skip
    """A covariate of the days ``days``, ``lag`` days before each: [day, cell], NaN where missing, typed as ``given``.

    A window is over the day and those before it. It is missing if more than its ``missing_share`` of its days are; else
    a sum takes the mean of the days that have a value for the others. An observation is missing when the last
    valid one is more than ``settings.maximum_age`` days old; one that is drawn linearly (``settings.linear``), when
    the nearer of the two around the day is farther away than that.
    """
    if recipe.windows:
        *inner, window = recipe.windows
        base = replace(recipe, windows=tuple(inner))
        back = range(window.days - 1, -1, -1)
        return _over(window, (derive(base, given, days, lag + number, settings) for number in back))
    days = np.asarray(days, "datetime64[D]") - np.timedelta64(lag, "D")
    if isinstance(given, Observations) and recipe.ahead:
        return interpolate(given.values, given.days, days, settings.maximum_age[recipe.group], LONGEST_GAP)
    if isinstance(given, Observations):
        values, age = last_observed(given.values, given.days, days)
        return np.where(age <= settings.maximum_age[recipe.group], age if recipe.age else values, np.float32(np.nan))
    return _rows(given.values, (days - given.first).astype(np.int64), np.float32(np.nan))


def _over(window: Step, days: Iterable[np.ndarray]) -> np.ndarray:
    """The window's statistic of its days, oldest first, each [day, cell]."""
    total = count = latest = None
    for values in days:
        known = ~np.isnan(values)
        if total is None:
            total, count, latest = np.zeros(values.shape), np.zeros(values.shape, np.int16), values
        total += np.where(known, values, 0).astype(np.float64)
        count += known
        latest = np.where(known, values, latest)
    enough = (window.days - count <= window.missing_share * window.days + 1e-9) & (count > 0)
    if window.statistic == "last":
        return np.where(enough, latest, latest.dtype.type(np.nan))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        return np.where(enough, mean if window.statistic == "mean" else mean * window.days, np.nan).astype(latest.dtype)


def _rows(values: np.ndarray, place: np.ndarray, missing: object) -> np.ndarray:
    """Rows ``place`` of ``values``; ``missing`` where there is no such row."""
    inside = (place >= 0) & (place < len(values))
    if inside.all() and len(place) and (np.diff(place) == 1).all():
        return values[place[0] : place[-1] + 1]
    if not len(values):
        return np.full((len(place), values.shape[1]), missing, values.dtype)
    return np.where(inside[:, None], values[np.where(inside, place, 0)], np.asarray(missing, values.dtype))


class RowReader:
    """Reads rows, each a pixel on a day, of features from a source; the one way that maps and samples have.

    Args:
        features: all that will be read.
        source: the pixels or stations.
        days: the days that rows may be of, datetime64[D].
        settings: how covariates are derived.
    """

    def __init__(self, features: FeatureSet, source: Source, days: np.ndarray, settings: Settings) -> None:
        self.source, self.settings = source, settings
        self.days = np.asarray(days, "datetime64[D]")
        self._given: dict[tuple[str | None, str], tuple[Series | Observations, CellIndex]] = {}
        self._spans: dict[tuple[str | None, str], tuple[int, int, int]] = {}  # days read before, before at least, after
        self._lags: dict[str, int] = {}
        for feature in features.all:
            if feature.kind in DAILY:
                recipe = self._recipe(feature)
                key = (recipe.group, recipe.variable)
                lag = feature.lag
                back, least, ahead = self._spans.get(key, (0, lag, 0))
                self._spans[key] = (max(back, recipe.back + lag), min(least, lag), max(ahead, recipe.ahead - lag))
                self._lags[feature.series] = max(self._lags.get(feature.series, 0), feature.lag)

    def read(self, features: Sequence[Feature], day: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """Values of ``features`` in rows [row, feature], float32, NaN where missing.

        Args:
            features: which, and in which order.
            day: [row] positions in ``days``.
            pixel: [row] positions in the source's pixels.
        """
        rows = np.empty((len(pixel), len(features)), np.float32)
        for column, feature in enumerate(features):
            rows[:, column] = self.column(feature, day, pixel)
        return rows

    def index_of(self, feature: Feature) -> CellIndex:
        """Which cells a daily feature is read from."""
        return self._load(self._recipe(feature))[1]

    def column(self, feature: Feature, day: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """One feature in rows [row]; as ``read``, in the source's own type."""
        if feature.kind == "season":
            return day_of_year(pd.DatetimeIndex(self.days), str(feature.value)).astype(np.float32)[day]
        if feature.kind == "class":
            shares = self.settings.landcover == "shares"
            return self.source.class_of(feature.name, str(feature.value), shares=shares)[pixel]
        if feature.kind == "static":
            return self.source.static(feature.name)[pixel]
        recipe = self._recipe(feature)
        given, index = self._load(recipe)
        return index.take(derive(recipe, given, self.days, feature.lag, self.settings), day, pixel)

    def series(self, feature: Feature, pixels: int) -> tuple[np.datetime64, np.ndarray]:
        """The daily series of a feature: its first day, and the values [pixel, day] to the last of ``days``.

        It begins as many days before the first of ``days`` as any lag of the feature reaches back.
        """
        first = self.days.min() - np.timedelta64(self._lags[feature.series], "D")
        days = np.arange(first, self.days.max() + 1)
        recipe = self._recipe(feature)
        given, index = self._load(recipe)
        values = derive(recipe, given, days, 0, self.settings)
        day, pixel = np.tile(np.arange(len(days)), pixels), np.repeat(np.arange(pixels), len(days))
        return first, index.take(values, day, pixel).reshape(pixels, len(days))

    def _recipe(self, feature: Feature) -> Recipe:
        return recipe_of(feature.name, self.settings, feature.step, ready=self.source.holds(feature.name))

    def _load(self, recipe: Recipe) -> tuple[Series | Observations, CellIndex]:
        key = (recipe.group, recipe.variable)
        if key not in self._given:
            back, least, ahead = self._spans[key]
            first = self.days.min() - np.timedelta64(back, "D")
            if recipe.group is None:
                last = self.days.max() - np.timedelta64(least, "D")
                self._given[key] = self.source.series(recipe.variable, first, last)
            else:
                last = self.days.max() + np.timedelta64(ahead, "D")
                self._given[key] = self.source.observations(recipe.group, recipe.variable, first, last)
        return self._given[key]
