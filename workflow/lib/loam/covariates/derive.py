"""Covariates that are derived when they are read: lags, windows of lags, moving sums, the last valid observation.

The cube keeps what was measured or modelled on each day; all that depends on several days is made from it here, by
``derive`` and nothing else, for a map (one day, many cells) as for samples (many days, few cells). Every number is
computed from its own cell's days in a fixed order, oldest first, so that both give the same bits.

Days are told by date, never by position: a day before the record, one that no file holds and one without a value are
all missing, and no other day steps in for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from loam.config.covariates import COMPOSITE_AGE, LONGEST_GAP
from loam.covariates.cell_index import CellIndex
from loam.covariates.features import Feature, FeatureSet
from loam.covariates.season import day_of_year
from loam.sentinel2.series import interpolate, last_observed

# What a pass or composite observes: covariate -> (group of the cube, variable there); None is the age in days.
OBSERVED: dict[str, tuple[str, str | None]] = {
    "vv": ("sentinel1", "vv"),
    "vh": ("sentinel1", "vh"),
    "local_incidence": ("sentinel1", "local_incidence"),
    "sentinel1_age": ("sentinel1", None),
    "ndvi": ("sentinel2", "ndvi"),
    "ndwi": ("sentinel2", "ndwi"),
    "sentinel2_age": ("sentinel2", None),
    "modis_ndvi": ("vegetation", "ndvi"),
    "modis_ndvi_age": ("vegetation", None),
}


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
    sentinel = covariates["sentinel"]["maximum_age_days"]
    return Settings(
        covariates["landcover"], covariates["cell_index"],
        {"sentinel1": sentinel, "sentinel2": sentinel, "vegetation": COMPOSITE_AGE},
        tuple(covariates["rain_sums"]["days"]), covariates["rain_sums"]["missing_share"],
        frozenset({"sentinel2"} if covariates["sentinel"]["sentinel2"] == "linear" else ()),
    )  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How a covariate is made.

    Args:
        variable: of the cube.
        group: the group of observations that it is the last valid of; None for a daily variable.
        days: it is the sum over so many days; 1 for the day alone.
        age: it is the age of the observation, not its value.
        back: days before the (lagged) day that are read.
        ahead: days after it.
    """

    variable: str
    group: str | None = None
    days: int = 1
    age: bool = False
    back: int = 0
    ahead: int = 0


def recipe_of(name: str, settings: Settings) -> Recipe:
    """How the covariate ``name`` is made: ``rain_30`` is the sum of ``rain``, ``vv`` the last valid one."""
    if name in OBSERVED:
        group, variable = OBSERVED[name]
        first = next(other for kind, other in OBSERVED.values() if kind == group)
        back = settings.maximum_age[group]
        if variable and group in settings.linear:
            return Recipe(variable, group, back=LONGEST_GAP, ahead=LONGEST_GAP)
        return Recipe(variable or first, group, age=variable is None, back=back)
    for days in settings.sum_days:
        if name == f"rain_{days}":
            return Recipe("rain", days=days, back=days - 1)
    return Recipe(name)


@dataclass(frozen=True)
class Series:
    """Daily values of cells: ``values`` [day, cell], float32, NaN where missing, from the day ``first`` on."""

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
    """What covariates are read from: pixels of the cube, or stations of point tables."""

    def series(self, variable: str, first: np.datetime64, last: np.datetime64) -> tuple[Series, CellIndex]:
        """A daily variable from ``first`` to ``last``, and which cell each pixel reads."""

    def observations(
        self, group: str, variable: str, first: np.datetime64, last: np.datetime64
    ) -> tuple[Observations, CellIndex]:
        """Observations from ``first`` to ``last``, and which cell each pixel reads."""

    def static(self, name: str) -> np.ndarray:
        """A covariate that does not change: [pixel], float32, NaN where missing."""

    def class_of(self, name: str, value: str, *, shares: bool) -> np.ndarray:
        """A class of a class covariate: 1 or 0, or its share of the pixel: [pixel], float32, NaN where missing."""


def derive(
    recipe: Recipe, given: Series | Observations, days: np.ndarray, lag: int, settings: Settings
) -> np.ndarray:  # fmt: skip
    """A covariate of the days ``days``, ``lag`` days before each: [day, cell], float32, NaN where missing.

    A sum is over the day and those before it. It is missing if more than ``settings.missing_share`` of its days are;
    else the mean of the days that have a value stands in for the others. An observation is missing when the last
    valid one is more than ``settings.maximum_age`` days old; one that is drawn linearly (``settings.linear``), when
    the nearer of the two around the day is farther away than that.
    """
    days = np.asarray(days, "datetime64[D]") - np.timedelta64(lag, "D")
    if isinstance(given, Observations) and recipe.ahead:
        return interpolate(given.values, given.days, days, settings.maximum_age[recipe.group], LONGEST_GAP)
    if isinstance(given, Observations):
        values, age = last_observed(given.values, given.days, days)
        return np.where(age <= settings.maximum_age[recipe.group], age if recipe.age else values, np.float32(np.nan))
    place = (days - given.first).astype(np.int64)
    if recipe.days == 1:
        return _rows(given.values, place, np.float32(np.nan))
    total = np.zeros((len(days), given.values.shape[1]))
    count = np.zeros(total.shape, np.int16)
    known = ~np.isnan(given.values)
    values = np.where(known, given.values, np.float32(0)).astype(np.float64)
    for back in range(recipe.days - 1, -1, -1):
        total += _rows(values, place - back, 0.0)
        count += _rows(known, place - back, False)
    enough = (recipe.days - count <= settings.missing_share * recipe.days + 1e-9) & (count > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(enough, total / count * recipe.days, np.nan).astype(np.float32)


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
        self._reach: dict[tuple[str | None, str], int] = {}
        self._ahead: dict[tuple[str | None, str], int] = {}
        for feature in features.all:
            if feature.kind in ("daily", "sequence"):
                recipe = recipe_of(feature.name, settings)
                key = (recipe.group, recipe.variable)
                self._reach[key] = max(self._reach.get(key, 0), recipe.back + feature.lag)
                self._ahead[key] = max(self._ahead.get(key, 0), recipe.ahead - feature.lag)

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
        return self._load(recipe_of(feature.name, self.settings))[1]

    def column(self, feature: Feature, day: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """One feature in rows [row]; as ``read``."""
        if feature.kind == "season":
            return day_of_year(pd.DatetimeIndex(self.days), str(feature.value)).astype(np.float32)[day]
        if feature.kind == "class":
            shares = self.settings.landcover == "shares"
            return self.source.class_of(feature.name, str(feature.value), shares=shares)[pixel]
        if feature.kind == "static":
            return self.source.static(feature.name)[pixel]
        recipe = recipe_of(feature.name, self.settings)
        given, index = self._load(recipe)
        return index.take(derive(recipe, given, self.days, feature.lag, self.settings), day, pixel)

    def _load(self, recipe: Recipe) -> tuple[Series | Observations, CellIndex]:
        key = (recipe.group, recipe.variable)
        if key not in self._given:
            first = self.days.min() - np.timedelta64(self._reach[key], "D")
            if recipe.group is None:
                self._given[key] = self.source.series(recipe.variable, first, self.days.max())
            else:
                last = self.days.max() + np.timedelta64(self._ahead[key], "D")
                self._given[key] = self.source.observations(recipe.group, recipe.variable, first, last)
        return self._given[key]
