"""Today's probes say where a network is off: their residuals, carried to places without a probe.

The residual (observed - predicted, the station held out) of station s on day t is e = u_s + d_st: u, the error of its
level, and d, the error of the day about it. The level's errors are a field over the region where they have a range
(``loam.evaluation.level_field``), and else say nothing of another place. The errors of a day are alike at all stations
to a part, and more alike at near ones:

    Cov(d_st, d_rt) = c + v exp(-h / L),  h km apart;  variance of d = c + v + n

c, v and L are those that fit the mean products of the residuals of pairs of stations best (weighted least squares;
Cressie, 1985, for variograms), n is what is left of the variance. The best linear unbiased prediction of d at a place
from the stations that report on the day (simple kriging: the mean of d is 0 by its making) is w'd, w = C^-1 k, with the
variance c + v + n - w'k left.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from loam.config.systems import conditioned
from loam.errors import TableError
from loam.evaluation.level_field import LevelField, fit_level_field
from loam.evaluation.level_model import Record
from loam.evaluation.level_stack import left_out_draws
from loam.raster.great_circle import distances

FEWEST_STATIONS = 3  # others, whose residuals tell how alike those of a day are
FEWEST_DAYS = 10  # that two stations share
RANGES = np.geomspace(0.5, 2000, 25)  # km, that are tried
LEAST_NUGGET = 0.05  # of the variance: no two probes err alike

log = logging.getLogger("loam")


@dataclass(frozen=True)
class DayErrors:
    """How alike the errors of one day are at different stations.

    Args:
        common: covariance of any two, c, (m3 m-3)^2.
        near: what near ones share beyond that, v.
        range_km: how far that reaches, L.
        alone: what no other shares, n.
    """

    common: float
    near: float
    range_km: float
    alone: float

    @property
    def shares(self) -> tuple[float, float]:
        """Per cent of the variance that all stations share, and that near ones share beyond it."""
        variance = max(self.common + self.near + self.alone, 1e-12)
        return 100 * self.common / variance, 100 * self.near / variance

    def covariance(self, away: np.ndarray) -> np.ndarray:
        """Of the errors at different stations ``away`` km apart."""
        return self.common + self.near * np.exp(-away / self.range_km)

    def weights(self, among: np.ndarray, towards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights of the reporting stations at each place, and the variance that is left there.

        Args:
            among: km between the stations [station, station].
            towards: km from each place to them [place, station].

        Returns:
            [place, station] and [place], (m3 m-3)^2.
        """
        known = self.covariance(among) + self.alone * np.eye(len(among))
        shared = self.covariance(towards)
        weights = np.linalg.solve(known, shared.T).T
        return weights, self.common + self.near + self.alone - (weights * shared).sum(1)


@dataclass(frozen=True)
class Residuals:
    """Held-out residuals of a network in one layer, by station and day.

    Args:
        first: the first day, days since 1970.
        values: observed - predicted [station, day], NaN where not observed, m3 m-3.
        latitude, longitude: [station], degrees.
    """

    first: int
    values: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray

    @classmethod
    def of(cls, predictions: pd.DataFrame, places: pd.DataFrame) -> Residuals:
        """Those of predictions of one layer, a station and day at most once; ``places`` by station, in degrees."""
        number, names = pd.factorize(predictions["station"], sort=True)
        day = predictions["date"].to_numpy("datetime64[D]").astype(int)
        values = np.full((len(names), day.max() - day.min() + 1), np.nan)
        values[number, day - day.min()] = (predictions["observed"] - predictions["predicted"]).to_numpy(float)
        at = places.loc[names]
        return cls(int(day.min()), values, at["latitude"].to_numpy(float), at["longitude"].to_numpy(float))

    @property
    def away(self) -> np.ndarray:
        """Km between the stations [station, station]."""
        return self.from_places(self.latitude, self.longitude)

    def from_places(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """Km from places to the stations [place, station]."""
        return distances(latitude[:, None], longitude[:, None], self.latitude[None], self.longitude[None])

    @property
    def levels(self) -> np.ndarray:
        """Mean over the days [station]."""
        return np.nanmean(self.values, axis=1)


def fit_day_errors(values: np.ndarray, away: np.ndarray) -> DayErrors | None:
    """How alike the errors of days are; None where too few stations share days.

    Args:
        values: errors about each station's mean [station, day], NaN where not observed.
        away: km between stations [station, station].
    """
    seen = np.isfinite(values)
    filled = np.where(seen, values, 0.0)
    shared = seen.astype(float) @ seen.T
    pairs = np.triu(shared >= FEWEST_DAYS, 1)
    if len(values) < FEWEST_STATIONS or not pairs.any():
        return None
    product = (filled @ filled.T)[pairs] / shared[pairs]
    variance = float(np.mean((filled**2).sum(1) / np.maximum(seen.sum(1), 1)))
    weight = np.sqrt(shared[pairs])
    best, least = (0.0, 0.0, float(RANGES[0])), np.inf
    for reach in RANGES:
        basis = np.stack([np.ones(len(product)), np.exp(-away[pairs] / reach)], axis=1)
        (common, near), off = nnls(basis * weight[:, None], product * weight)
        if off < least * (1 - 1e-9):
            best, least = (float(common), float(near), float(reach)), off
    common, near, reach = best
    most = (1 - LEAST_NUGGET) * variance
    shrunk = min(1.0, most / max(common + near, 1e-12))
    return DayErrors(common * shrunk, near * shrunk, reach, variance - shrunk * (common + near))


class Conditioner:
    """What the residuals at stations say of other places.

    Args:
        residuals: of the stations, held out.
    """

    def __init__(self, residuals: Residuals) -> None:
        self.residuals = residuals
        levels = residuals.levels
        self.about = residuals.values - levels[:, None]
        self._away = residuals.away
        records = [_record(row, residuals.first) for row in residuals.values]
        enough = np.array([len(record.days) > 1 for record in records])
        self.days = fit_day_errors(self.about, self._away)
        self.level: LevelField | None = None
        if enough.sum() >= FEWEST_STATIONS:
            kept = [record for record, there in zip(records, enough, strict=True) if there]
            self.level = fit_level_field(kept, residuals.latitude[enough], residuals.longitude[enough]).field
        self._weights = self._of_levels(levels)

    def level_at(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """Error of the level at places [place], m3 m-3; 0 where the levels' errors have no range."""
        if self.level is None or self._weights is None:
            return np.zeros(len(latitude))
        towards = self.level.correlation(self.residuals.from_places(latitude, longitude))
        return self.level.model.between * towards @ self._weights

    def _of_levels(self, levels: np.ndarray) -> np.ndarray | None:
        """Weights of the stations in the level's error elsewhere [station]; None where it has no range."""
        if self.level is None or self.level.range_km is None or self.level.model.between == 0:
            return None
        among = self.level.correlation(self._away)
        noise = self.level.model.within / np.maximum(np.isfinite(self.about).sum(1), 1)
        return np.linalg.solve(self.level.model.between * among + np.diag(noise), levels)

    def days_at(self, latitude: np.ndarray, longitude: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors of days about the level at one place or several, and the variance left of them.

        Args:
            latitude, longitude: [place], degrees.
            days: since 1970 [day].

        Returns:
            Each [place, day], m3 m-3 and its square; on a day when no station reports 0 and all of the variance.
        """
        shift = np.zeros((len(latitude), len(days)))
        if self.days is None:
            return shift, np.full(shift.shape, np.nan)
        left = np.full(shift.shape, self.days.common + self.days.near + self.days.alone)
        towards, among = self.residuals.from_places(latitude, longitude), self._away
        column = days - self.residuals.first
        known = (column >= 0) & (column < self.about.shape[1])
        about = np.full((len(self.about), len(days)), np.nan)
        about[:, known] = self.about[:, column[known]]
        patterns, number = np.unique(np.isfinite(about), axis=1, return_inverse=True)
        for place, reports in enumerate(patterns.T):
            if reports.any():
                on = np.flatnonzero(number.ravel() == place)
                weights, rest = self.days.weights(among[np.ix_(reports, reports)], towards[:, reports])
                shift[:, on] = weights @ about[np.ix_(reports, on)]
                left[:, on] = rest[:, None]
        return shift, left


def condition(network: pd.DataFrame, nested: pd.DataFrame, folds: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """A network's held-out predictions, moved by what the other stations' residuals say, as ``<model>_conditioned``.

    Args:
        network: predictions (schema PREDICTIONS) of a model and scenario, one station left out in each fold.
        nested: those of protocol ``nested``: of each draw, the stations but one, held out from one another; the one has
            a part in none of it.
        folds: schema FOLDS, of protocol ``nested``.
        places: columns latitude and longitude, degrees, by station.

    Raises:
        TableError: a station was left out of no draw.
    """
    name = network["model"].iloc[0]
    draw_of = left_out_draws(folds)
    moved, silent = pd.Series(0.0, index=network.index), 0
    for (station, layer), rows in network.groupby(["station", "layer"], sort=False):
        where = f"{conditioned(name)} at station {station}, {layer}"
        if station not in draw_of:
            raise TableError("no draw leaves it out", where=where, expected="protocol nested, of the same stations")
        others = nested[(nested["draw"] == draw_of[station]) & (nested["layer"] == layer)]
        if (others["station"] == station).any():
            raise TableError("is among the stations whose residuals it is told", where=where, fix="rerun nested")
        if others.empty:
            silent += len(rows)
            continue
        told = Conditioner(Residuals.of(others, places))
        latitude, longitude = (places.loc[[station], axis].to_numpy(float) for axis in ("latitude", "longitude"))
        days = rows["date"].to_numpy("datetime64[D]").astype(int)
        shift, _ = told.days_at(latitude, longitude, days)
        moved[rows.index] = shift[0] + told.level_at(latitude, longitude)[0]
        silent += int((shift[0] == 0).sum())
    output = network["predicted"] + moved
    log.info("%s: moved by %.4f m3 m-3 on average; %d of %d rows hear of no other probe", conditioned(name),
             float(moved.abs().mean()), silent, len(network))  # fmt: skip
    unknown = dict.fromkeys(["spread", "lower", "upper"], float("nan"))
    return network.assign(model=conditioned(name), output=output, predicted=output.clip(0, 1), **unknown)


def _record(row: np.ndarray, first: int) -> Record:
    days = np.flatnonzero(np.isfinite(row))
    return Record(days + first, np.zeros(len(days)), row[days])
