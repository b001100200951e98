"""Daily weather at the nodes of a wide lattice (or at stations), each day drawn from the seed and the date alone.

Wet and dry days are a two-state Markov chain with gamma amounts at every node (Richardson, 1981, Water Resources
Research 17, 182-190), driven by random fields that neighbours share, so that spells are wet and dry together (Wilks,
1998, Journal of Hydrology 210, 178-191). A field is a regional number and a few random cosine waves whose amplitudes
are drawn for each day (random Fourier features, Rahimi and Recht, 2007: a Gaussian field of Gaussian correlation).
Temperature is a season, an anomaly with memory and an effect of rain. A drought year has fewer and smaller rains, a
wet year more and larger ones. Demand is the equation of Hargreaves and Samani (1985) with extraterrestrial radiation
after FAO-56 (Allen et al., 1998, eq. 21-25).

Memory is finite by construction (the chain forgets its start within ``LEAD`` days, the anomaly is a finite sum), so
that the weather of a day does not depend on which days are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
from scipy.special import gammaincinv, ndtr

from loam.sandbox.lattice import random_numbers

PERSISTENCE = 0.38  # correlation of wet and dry from one day to the next
AMOUNT_SHAPE = 0.75  # of the gamma distribution of the rain of a wet day
LARGEST_RAIN = 150.0  # mm d-1, at a node
WARMEST = 20  # day of the year, southern hemisphere
SEASON = 5.2  # K, half the range of the monthly means
ANOMALY, MEMORY = 2.3, 0.7  # K, and its correlation from day to day
LEAD = 60  # days
WAVES = 40
DROUGHT, WET, ORDINARY = 0.55, 1.45, 0.10  # rain of a year relative to the mean; spread of the other years


@dataclass(frozen=True)
class Climate:
    """Climates of the nodes; each field [node].

    Args:
        x, y: where the node is, m; the random fields are functions of it.
        rain: mean, mm d-1, at the reference height.
        wet_share: of days.
        wettest: day of the year about which rain is most frequent. seasonality: of its frequency, 0 (none) to 1.
        temperature: annual mean at sea level, degC.
        latitude: degrees north.
    """

    x: np.ndarray
    y: np.ndarray
    rain: np.ndarray
    wet_share: np.ndarray
    wettest: np.ndarray
    seasonality: np.ndarray
    temperature: np.ndarray
    latitude: np.ndarray

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, np.ascontiguousarray(getattr(self, field.name), np.float64))


@dataclass(frozen=True)
class NodeWeather:
    """Weather at nodes, each [day, node] float64.

    Args:
        first: the first day.
        rain: mm d-1 at the reference height.
        tmin, tmax: degC at sea level.
        demand: what (mean temperature + 17.8) is multiplied with to give reference evapotranspiration, mm d-1 K-1.
    """

    first: date
    rain: np.ndarray
    tmin: np.ndarray
    tmax: np.ndarray
    demand: np.ndarray


class Weather:
    """The weather of one domain."""

    def __init__(
        self, seed: int, domain: str, climate: Climate, length: float, years: dict[int, float], regional: float = 0.6
    ) -> None:
        """Weather at the nodes of ``climate``.

        Args:
            seed, domain: what it follows from.
            climate: of the nodes.
            length: m within which the random fields are alike.
            years: rain of certain years relative to the mean (``drought_and_wet``).
            regional: share of the variance that all nodes have in common.
        """
        self._seed, self._domain, self.climate, self._years = seed, domain, climate, years
        rng = random_numbers(seed, domain, "waves")
        wave = rng.standard_normal((WAVES, 2)) / length
        phase = climate.x[:, None] * wave[:, 0] + climate.y[:, None] * wave[:, 1]
        local = np.sqrt((1 - regional) / WAVES)
        self._basis = np.ascontiguousarray(
            np.hstack([np.full((len(climate.x), 1), np.sqrt(regional)), local * np.cos(phase), local * np.sin(phase)])
        )

    def days(self, first: date, last: date) -> NodeWeather:
        """The weather of all days from ``first`` to ``last``."""
        count, nodes = (last - first).days + 1, len(self.climate.x)
        out = NodeWeather(first, *(np.empty((count, nodes)) for _ in range(4)))
        memory = np.sqrt(1 - MEMORY**2) * MEMORY ** np.arange(LEAD)
        wet = np.zeros(nodes, bool)
        drawn = np.zeros((LEAD, self._basis.shape[1]))  # the last amplitudes of the anomaly, newest first
        for number in range(-LEAD, count):
            day = first + timedelta(days=number)
            amplitudes = random_numbers(self._seed, self._domain, "day", day.toordinal()).standard_normal(
                (4, self._basis.shape[1])
            )
            drawn = np.roll(drawn, 1, axis=0)
            drawn[0] = amplitudes[2]
            occurs = ndtr(self._basis @ amplitudes[0])
            wet = occurs < self._chance(day) * (1 - PERSISTENCE) + PERSISTENCE * wet
            if number >= 0:
                rain = np.where(wet, self._amount(day, ndtr(self._basis @ amplitudes[1])), 0.0)
                anomaly = self._basis @ (memory @ drawn)
                self._store(out, number, day, rain, anomaly, self._basis @ amplitudes[3])
        return out

    def year(self, year: int) -> float:
        """Rain of a year relative to the mean."""
        if year in self._years:
            return self._years[year]
        return float(np.exp(ORDINARY * random_numbers(self._seed, self._domain, "year", year).standard_normal()))

    def _chance(self, day: date) -> np.ndarray:
        season = 1 + self.climate.seasonality * np.cos(_angle(_day_of_year(day) - self.climate.wettest))
        return np.clip(self.climate.wet_share * np.sqrt(self.year(day.year)) * season, 0.02, 0.95)

    def _amount(self, day: date, share: np.ndarray) -> np.ndarray:
        """Quantile ``share`` of a wet day's rain, mm."""
        scale = self.climate.rain / self.climate.wet_share * np.sqrt(self.year(day.year)) / AMOUNT_SHAPE
        return np.minimum(scale * gammaincinv(AMOUNT_SHAPE, np.minimum(share, 1 - 1e-9)), LARGEST_RAIN)

    def _store(
        self, out: NodeWeather, number: int, day: date, rain: np.ndarray, anomaly: np.ndarray, spread: np.ndarray
    ) -> None:
        climate, wet = self.climate, rain > 0
        season = np.cos(_angle(_day_of_year(day) - WARMEST))
        mean = climate.temperature + SEASON * season + ANOMALY * anomaly - 0.8 * wet
        half_range = np.maximum(5.4 + 1.4 * season - 1.8 * wet + 1.2 * spread, 1.5)
        out.rain[number] = rain
        out.tmin[number], out.tmax[number] = mean - half_range, mean + half_range
        out.demand[number] = 0.0023 * _radiation(climate.latitude, _day_of_year(day)) * np.sqrt(2 * half_range)


def drought_and_wet(drought: int | None, wet: int | None) -> dict[int, float]:
    """Factors of rain of a drought year and of a wet year, where there is one."""
    return {year: factor for year, factor in ((drought, DROUGHT), (wet, WET)) if year is not None}


def _radiation(latitude: np.ndarray, day_of_year: int) -> np.ndarray:
    """Extraterrestrial radiation as the evaporation it could drive, mm d-1."""
    angle = 2 * np.pi * day_of_year / 365
    distance, declination = 1 + 0.033 * np.cos(angle), 0.409 * np.sin(angle - 1.39)
    phi = np.radians(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    high = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return 37.586 * distance * high / 2.45


def _day_of_year(day: date) -> int:
    return day.timetuple().tm_yday


def _angle(days: np.ndarray | float) -> np.ndarray | float:
    return 2 * np.pi * days / 365.25
