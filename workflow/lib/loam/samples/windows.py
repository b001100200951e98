"""The rows of a domain as views into its series: what a network reads of a station on a day, without a copy a lag.

A row is a (station, day) on which every feature is known, with all its lags, and any layer is observed; rows are in the
order of stations, then days. What a network reads of a row lies in three tables: of its station, of its day at the
station, and of the days of the sequence, each reached by the row's position less the lag.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from loam.covariates.features import Feature, FeatureSet
from loam.errors import TableError
from loam.samples.series import SampleSeries, first_told


class Windows:
    """Rows of one domain and where their inputs lie.

    Attributes:
        of_station: [station, feature], float64: static features and classes.
        of_day: [station day, feature], float64: daily features by their lags, season, what else changes; a station's
            days together.
        of_step: [station day, variable], float64: the sequence's variables.
        around: of a station and of its days, float32: the patches' bands that do not change, [station, row, column,
            band], and those that do, [station day, row, column, band]; without bands where no patch is read.
        bands: positions of the patches' bands in the first of ``around`` beside the second.
        order: positions of the static tensor's features in ``of_station`` beside ``of_day``.
        lags: days before the row's day of each step, oldest first.
        station, day: [row] positions in the series.
        moisture: [teacher, station day, layer], m3 m-3, float64; NaN where not observed.

    Args:
        series: samples of the domain.
        features: what is read.
        layers: names, in the order that networks answer in.
        domain: its name, for errors.

    Raises:
        TableError: a feature or layer is not in the series, or no row is left.
    """

    def __init__(self, series: SampleSeries, features: FeatureSet, layers: Sequence[str], domain: str) -> None:
        self.series, self.features, self.layers, self.domain = series, features, list(layers), domain
        self._check()
        stations, days = len(series.stations), len(series.days)
        still = {id(feature) for feature in features.static if _is_still(feature, series)}
        fixed = [feature for feature in features.static if id(feature) in still]
        moving = [feature for feature in features.static if id(feature) not in still]
        self.of_station = series.static[:, [list(series.variables).index(feature.column) for feature in fixed]]
        complete = np.repeat(np.isfinite(self.of_station).all(1)[:, None], days, 1)
        of_day = np.empty((stations, days, len(moving)))
        for place, feature in enumerate(moving):
            of_day[..., place] = series.column(feature, np.arange(stations)[:, None], np.arange(days))
        complete &= np.isfinite(of_day).all(2)
        variables = [feature.series for feature in features.sequence[0]] if features.sequence else []
        self.lags = np.array(features.lags if variables or features.patch else [], np.int64)
        of_step = np.empty((stations, days, len(variables)))
        for place, name in enumerate(variables):
            of_step[..., place] = series.daily[name]
        known = np.isfinite(of_step).all(2)
        read = {*self.lags.tolist(), *(series.attributes.get("lags", ()) if variables or series.patches else ())}
        if series.patches is not None:  # whose middle pixels the series hold; all models are trained on the same rows
            known &= np.isfinite([series.daily[name] for name in series.patches.moving]).all(0)
            still = [list(series.variables).index(name) for name in series.patches.still]
            complete &= np.isfinite(series.static[:, still]).all(1)[:, None]
        for lag in read:
            complete &= _before(known, lag)
        self.of_day, self.of_step = (part.reshape(stations * days, part.shape[2]) for part in (of_day, of_step))
        places = {id(feature): place for place, feature in enumerate([*fixed, *moving])}
        self.order = np.array([places[id(feature)] for feature in features.static], np.int64)
        self._take_patches()
        chosen = [list(series.layers).index(layer) for layer in layers]
        self.moisture = series.moisture[..., chosen].reshape(len(series.teachers), stations * days, len(chosen))
        observed = np.isfinite(self.moisture).any((0, 2)).reshape(stations, days)
        self.station, self.day = np.nonzero(complete & observed)
        if not len(self.station):
            raise TableError(
                f"no day of the {domain} domain has moisture and every feature, with all its lags", where=self.where,
                fix="see dropped.csv for what was missing, or shorten the lags",
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self.station)

    @property
    def where(self) -> str:
        """Where the samples are, for errors."""
        return f"samples of the {self.domain} domain"

    @cached_property
    def position(self) -> np.ndarray:
        """[row] positions in ``of_day``, ``of_step`` and ``moisture``."""
        return self.station * len(self.series.days) + self.day

    @cached_property
    def of_target(self) -> np.ndarray:
        """[station] whether it is of the target domain."""
        named = self.series.attributes.get("of_target")
        return np.full(len(self.series.stations), self.domain == "target") if named is None else np.asarray(named)

    @cached_property
    def stations(self) -> np.ndarray:
        """[row] name of the station."""
        return np.array(self.series.stations, object)[self.station]

    @cached_property
    def dates(self) -> np.ndarray:
        """[row] the day, datetime64[ns]."""
        return self.series.days[self.day].astype("datetime64[ns]")

    @cached_property
    def observed(self) -> np.ndarray:
        """[row, layer] moisture of the first teacher that has it, m3 m-3; NaN where none has."""
        return first_told(self.moisture[:, self.position])

    @cached_property
    def keys(self) -> pd.DataFrame:
        """Rows as a table: station, date and one column a layer."""
        columns = dict(zip(self.layers, self.observed.T, strict=True))
        return pd.DataFrame({"station": self.stations, "date": self.dates, **columns})

    def column(self, number: int, rows: np.ndarray) -> np.ndarray:
        """Feature ``number`` (in ``features.all``) of ``rows`` (their positions): [row], float64."""
        return self.series.column(self.features.all[number], self.station[rows], self.day[rows])

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that training reads: stations, days, moisture and features; 64 hex digits."""
        digest = hashlib.sha256("\n".join([*self.layers, *self.features.columns]).encode())
        digest.update("\n".join(self.series.stations).encode())
        digest.update(self.series.days.astype("<i8").tobytes())
        digest.update(np.asarray(self.series.weights, "<f8").tobytes())
        for part in (self.of_station, self.of_day, self.of_step, self.moisture):
            digest.update(np.ascontiguousarray(part, "<f8").tobytes())
        for part in self.around if self.features.patch else ():
            digest.update(np.ascontiguousarray(part, "<f4"))
        return digest.hexdigest()

    def band(self, number: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A band of the patches that ``rows`` (positions) read: its values [value, 1], and how often each is read."""
        fixed = self.around[0].shape[-1]
        moving = (place := self.bands[number]) >= fixed
        values = self.around[1][..., place - fixed] if moving else self.around[0][..., place]
        read = np.zeros(len(values), np.int64)
        for lag in self.lags if moving else [0]:
            read += np.bincount(self.position[rows] - lag if moving else self.station[rows], minlength=len(read))
        values = values[read > 0].reshape(np.count_nonzero(read), -1)
        return values.reshape(-1, 1), np.repeat(read[read > 0], values.shape[1])

    def _take_patches(self) -> None:
        patches, size, bands = self.series.patches, self.features.size, self.features.bands
        if bands and (patches is None or patches.size < size):
            raise TableError(f"no patches of {size} x {size} pixels", where=self.where, fix="rerun build_samples")
        still = [band.series for band in bands if band.kind == "static"]
        moving = [band.series for band in bands if band.kind != "static"]
        if patches is None or not bands:
            stations, days = len(self.series.stations), len(self.series.days)
            self.around = tuple(np.empty((rows, 0, 0, 0), np.float32) for rows in (stations, stations * days))
        else:
            of_day = patches.of("patch", moving, size)
            self.around = patches.of("patch_static", still, size), of_day.reshape(-1, *of_day.shape[2:])
        self.bands = np.array([[*still, *moving].index(band.series) for band in bands], np.int64)

    def _check(self) -> None:
        series = self.series
        held = {*series.daily, *series.variables, "day_of_year_sin", "day_of_year_cos"}
        wanted = {feature.series for feature in self.features.all}
        if missing := sorted((wanted - held) | (set(self.layers) - set(series.layers))):
            raise TableError(f"no {', '.join(missing)}", where=self.where, fix="rerun build_samples")


def _is_still(feature: Feature, series: SampleSeries) -> bool:
    """Whether a feature does not change at a station; a table can give a static one or a class by the day."""
    return feature.kind in ("static", "class") and feature.series not in series.daily


def _before(known: np.ndarray, lag: int) -> np.ndarray:
    """Whether ``known`` [station, day] ``lag`` days before; False before the first day."""
    shifted = np.zeros_like(known)
    shifted[:, lag:] = known[:, : max(known.shape[1] - lag, 0)]
    return shifted
