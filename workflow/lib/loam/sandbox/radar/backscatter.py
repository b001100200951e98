"""Radar backscatter of a soil under vegetation at C band, VV and VH, as the synthetic Sentinel-1 sees it.

The water cloud model (Attema & Ulaby 1978, Radio Science 13(2), eqs 8-9, in the form with a vegetation descriptor of
Prevot et al. 1993): a canopy of descriptor V scatters itself and lets twice through the share t2 of what the soil
scatters,

    sigma0 = A V cos(angle) (1 - t2) + t2 sigma0_soil,    t2 = exp(-2 B V / cos(angle)).

The soil is the empirical model of Baghdadi et al. (2016, Remote Sensing 8(11), 920, eqs 6-7), made from thousands of
measurements at X, C and L band:

    sigma0_soil = 10^c cos(angle)^p 10^(m cot(angle) moisture) (k s)^(r sin(angle)),

moisture in percent of volume, k the wavenumber, s the standard deviation of the surface's heights. So backscatter rises
with moisture and roughness and falls with the angle. A and B are those that Baghdadi et al. (2017, Remote Sensing 9(9),
969) fitted to Sentinel-1 over crops and grassland with NDVI as the descriptor; where wood stands the descriptor goes on
above where NDVI ends (``DESCRIPTOR``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from loam.sandbox.land.cover_map import by_class

WAVELENGTH = 5.5466  # cm, of 5.405 GHz
WETTEST, ROUGHEST = 45.0, 5.0  # % of volume and k s up to which the soil term was fitted; held beyond
STEEPEST, FLATTEST = 10.0, 75.0  # degrees that the angle is held between


@dataclass(frozen=True)
class Coefficients:
    """Of one polarisation: canopy ``a``, ``b``; soil ``level`` c, ``fall`` p, ``moisture`` m, ``roughness`` r."""

    a: float
    b: float
    level: float
    fall: float
    moisture: float
    roughness: float


COEFFICIENTS = {
    "vv": Coefficients(a=0.0950, b=0.5513, level=-1.138, fall=1.528, moisture=0.008, roughness=0.71),
    "vh": Coefficients(a=0.0413, b=1.1662, level=-2.325, fall=-0.01, moisture=0.011, roughness=0.44),
}
# By land cover: standard deviation of heights, cm, and the descriptor of a full canopy (greenness 1).
ROUGHNESS = {"PAST": 1.0, "FORE": 1.5, "AGRI": 1.8, "SAVA": 1.2, "IRRI": 1.5}
DESCRIPTOR = {"PAST": 1.0, "FORE": 2.0, "AGRI": 1.0, "SAVA": 1.2, "IRRI": 1.1}
WATER = {"vv": -19.0, "vh": -28.0}  # dB at 35 degrees, of open water under a moderate wind
WATER_FALL = -0.35  # dB a degree


def backscatter(
    polarisation: str, moisture: np.ndarray, roughness: np.ndarray, descriptor: np.ndarray, angle: np.ndarray
) -> np.ndarray:
    """Sigma0, linear, float64 [...]; NaN where an argument is.

    Args:
        polarisation: ``vv`` or ``vh``.
        moisture: of the top few centimetres, m3 m-3 [...].
        roughness: standard deviation of the surface's heights, cm [...].
        descriptor: of the vegetation, 0 for bare soil, about NDVI for crops and grass [...].
        angle: local incidence angle, degrees [...].
    """
    own = COEFFICIENTS[polarisation]
    tilt = np.radians(np.clip(angle, STEEPEST, FLATTEST))
    cosine = np.cos(tilt)
    wet = np.clip(100.0 * np.asarray(moisture, float), 0.0, WETTEST)
    rough = np.clip(2 * np.pi / WAVELENGTH * np.asarray(roughness, float), 0.1, ROUGHEST)
    soil = (
        10**own.level
        * cosine**own.fall
        * 10 ** (own.moisture * wet / np.tan(tilt))
        * rough ** (own.roughness * np.sin(tilt))
    )
    through = np.exp(-2 * own.b * np.asarray(descriptor, float) / cosine)
    return own.a * descriptor * cosine * (1 - through) + through * soil


def water(polarisation: str, angle: np.ndarray) -> np.ndarray:
    """Sigma0 of open water, linear [...], at incidence angles (degrees) [...]."""
    return 10 ** ((WATER[polarisation] + WATER_FALL * (np.asarray(angle, float) - 35.0)) / 10)


def land_backscatter(
    polarisation: str,
    moisture: np.ndarray,
    greenness: np.ndarray,
    landcover: np.ndarray,
    codes: Mapping[str, int],
    angle: np.ndarray,
    texture: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Sigma0 of a landscape, linear, float64 [row, column]; water where there is no land cover or no moisture.

    Args:
        polarisation: ``vv`` or ``vh``.
        moisture: of the top few centimetres, m3 m-3 [row, column]; NaN off land.
        greenness: share of a full canopy, 0 to 1 [row, column].
        landcover: codes [row, column]; 0 off land.
        codes: name of each class of ``ROUGHNESS`` -> its code.
        angle: local incidence angle, degrees [row, column].
        texture: natural logarithm of a factor of the roughness [row, column], lasting from day to day.
    """
    rough, full = (by_class(landcover, codes, table) for table in (ROUGHNESS, DESCRIPTOR))
    values = backscatter(polarisation, moisture, rough * np.exp(texture), full * greenness, angle)
    return np.where(np.isfinite(values), values, water(polarisation, angle))
