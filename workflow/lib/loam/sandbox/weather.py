"""Daily rain and temperatures of a made-up climate, and the evaporative demand that follows from them.

Wet and dry days are a two-state Markov chain with gamma amounts (Richardson, 1981, Water Resources Research 17);
temperature is a season plus an autoregressive anomaly, with a smaller range on wet days. Demand is the equation of
Hargreaves and Samani (1985) with extraterrestrial radiation after FAO-56 (Allen et al., 1998, eq. 21-25).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERSISTENCE = 0.35  # correlation of wet and dry from one day to the next
WET_SHARE = 0.4  # of days, over the year
AMOUNT_SHAPE = 0.7  # of the gamma distribution of the rain of a wet day
LAPSE = 0.0065  # K m-1
OROGRAPHY = 0.0009  # growth of rain, a metre
WARMEST = 20  # day of the year, southern hemisphere


@dataclass(frozen=True)
class Climate:
    """Climates of several places; each field [place].

    Args:
        rain: mean, mm d-1.
        wettest: day of the year about which rain is most frequent.
        seasonality: of rain, 0 (none) to 1.
        temperature: annual mean at the reference height, degC.
        latitude: degrees north.
    """

    rain: np.ndarray
    wettest: np.ndarray
    seasonality: np.ndarray
    temperature: np.ndarray
    latitude: np.ndarray


def draw_weather(
    rng: np.random.Generator, climate: Climate, day_of_year: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Daily rain (mm d-1), minimum and maximum temperature (degC), each [day, place]."""
    days, places = len(day_of_year), len(climate.rain)
    chance = WET_SHARE * (1 + climate.seasonality * np.cos(_angle(day_of_year[:, None] - climate.wettest)))
    draws = rng.random((days, places))
    wet = np.empty((days, places), bool)
    wet[0] = draws[0] < chance[0]
    for day in range(1, days):
        wet[day] = draws[day] < chance[day] * (1 - PERSISTENCE) + PERSISTENCE * wet[day - 1]
    scale = climate.rain / WET_SHARE / AMOUNT_SHAPE
    rain = wet * rng.gamma(AMOUNT_SHAPE, scale, (days, places))

    season = np.cos(_angle(day_of_year[:, None] - WARMEST))
    anomaly = autoregressive(rng, (days, places), 0.7) * 2.2
    mean = climate.temperature + 5.5 * season + anomaly - 0.8 * wet
    half_range = np.maximum(5.6 + 1.4 * season - 1.8 * wet + 1.2 * rng.standard_normal((days, places)), 1.5)
    return rain, mean - half_range, mean + half_range


def autoregressive(rng: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """Noise of mean 0 and variance 1 whose first axis is time, with correlation ``memory`` from step to step."""
    noise = rng.standard_normal(shape)
    for step in range(1, shape[0]):
        noise[step] = memory * noise[step - 1] + np.sqrt(1 - memory**2) * noise[step]
    return noise


def potential_evapotranspiration(
    tmin: np.ndarray, tmax: np.ndarray, latitude: np.ndarray | float, day_of_year: int
) -> np.ndarray:
    """Reference evapotranspiration (mm d-1) of a day: 0.0023 Ra (T + 17.8) sqrt(tmax - tmin), Ra as evaporation."""
    radiation = _extraterrestrial_radiation(latitude, day_of_year) / 2.45
    mean = (tmin + tmax) / 2
    return np.maximum(0.0023 * radiation * (mean + 17.8) * np.sqrt(np.maximum(tmax - tmin, 0.0)), 0.0)


def _extraterrestrial_radiation(latitude: np.ndarray | float, day_of_year: int) -> np.ndarray | float:
    """MJ m-2 d-1."""
    angle = 2 * np.pi * day_of_year / 365
    distance, declination = 1 + 0.033 * np.cos(angle), 0.409 * np.sin(angle - 1.39)
    phi = np.radians(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    return (
        37.586
        * distance
        * (sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset))
    )


def _angle(days: np.ndarray) -> np.ndarray:
    return 2 * np.pi * days / 365.25
