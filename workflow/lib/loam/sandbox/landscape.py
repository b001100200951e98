"""A made-up landscape: elevation, three soil maps at four depths and land cover, each tied to the others.

Elevation has the power spectrum of real relief (spectral synthesis: white noise filtered by a power of the wavenumber;
Turcotte, 1997, Fractals and Chaos in Geology and Geophysics). A smooth field stands for parent material. Soil follows
from parent material, height and position on the slope; land cover from relief. The sea covers one corner; a lake has
an elevation but no soil.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

PIXEL = 80.0  # m
DEPTHS = (2.5, 10.0, 22.5, 45.0)  # cm, middles of 0-5, 5-15, 15-30, 30-60 cm
LANDCOVER = {"PAST": 1, "FORE": 2, "AGRI": 3, "SAVA": 4, "IRRI": 5}  # pasture, forest, crops, savanna, irrigated
CLAY_INCREASE = (0.0, 1.0, 5.0, 12.0)  # %, down the profile of a texture-contrast soil
RELIEF_SPECTRUM, TEXTURE_SPECTRUM = 3.2, 2.6  # exponents of the power spectra in two dimensions


@dataclass(frozen=True)
class Character:
    """What sets the soils of one domain apart from another's: added clay (%), factors of carbon and of height."""

    clay: float = 0.0
    carbon: float = 1.0
    height: float = 1.0


@dataclass(frozen=True)
class Landscape:
    """Maps [row, column] or [depth, row, column]; NaN (land cover 0) where there is none.

    Args:
        elevation: m; missing in the sea.
        awc: available water capacity, % of volume; missing in the sea and the lake, as the others that follow.
        soc: soil organic carbon, %.
        clay: clay, %.
        landcover: codes of ``LANDCOVER``.
        conductivity: factor of the soil's conductivity that no covariate tells.
        valley: position on the slope, about -3 (ridge) to 3 (valley); no covariate tells it.
    """

    elevation: np.ndarray
    awc: np.ndarray
    soc: np.ndarray
    clay: np.ndarray
    landcover: np.ndarray
    conductivity: np.ndarray
    valley: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Pixels with every map: bool [row, column]."""
        return self.landcover > 0


def draw_landscape(rng: np.random.Generator, pixels: int, character: Character) -> Landscape:
    """A square landscape of ``pixels`` pixels a side; maps are float32, land cover uint8."""
    shape = (pixels, pixels)
    relief = spectral_field(rng, shape, RELIEF_SPECTRUM)
    parent = smooth_field(rng, shape, 5000.0)
    coast = _distance_to_corner(shape) - 0.17 + 0.04 * smooth_field(rng, shape, 1500.0)
    height = character.height * (40.0 + 85.0 * (relief - relief.min()) + 130.0 * coast)
    elevation = np.maximum(2.0 + height * (1.0 - np.exp(-np.maximum(coast, 0.0) / 0.12)), 1.0)
    sea = coast < 0
    valley = _standardised(gaussian_filter(elevation, 1000.0 / PIXEL) - elevation)
    lake = ~sea & _lowest_spot(elevation + 1e6 * (coast < 0.25), 400.0 / PIXEL)

    def texture() -> np.ndarray:
        return spectral_field(rng, shape, TEXTURE_SPECTRUM)

    topsoil = 26.0 + character.clay + 9.0 * parent + 3.0 * valley
    clay = np.clip([topsoil + increase + 2.5 * texture() for increase in CLAY_INCREASE], 3.0, 75.0)
    litter = character.carbon * (1.3 + 1.6 * elevation / 350.0 + 0.5 * np.maximum(valley, 0.0))
    soc = np.clip([litter * np.exp(-depth / 28.0 + 0.18 * texture()) for depth in DEPTHS], 0.1, 25.0)
    awc = np.clip(8.0 + 0.36 * clay - 0.0045 * clay**2 + 1.1 * soc + 0.8 * texture(), 3.0, 35.0)
    landcover = _draw_landcover(rng, elevation, valley, ~(sea | lake))
    land, soil = np.where(sea, np.nan, elevation), ~(sea | lake)
    return Landscape(
        land.astype(np.float32),
        *(np.where(soil, field, np.nan).astype(np.float32) for field in (awc, soc, clay)),
        landcover,
        np.exp(0.35 * smooth_field(rng, shape, 600.0)),
        valley,
    )


def spectral_field(rng: np.random.Generator, shape: tuple[int, int], exponent: float) -> np.ndarray:
    """A random field [row, column] of mean 0 and variance 1 whose power falls with wavenumber to ``-exponent``."""
    wavenumber = _wavenumbers(shape)
    wavenumber[0, 0] = np.inf
    return _filtered(rng, shape, wavenumber ** (-exponent / 2))


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], length: float) -> np.ndarray:
    """A random field [row, column] of mean 0 and variance 1, smooth over ``length`` metres (Gaussian filter)."""
    length = min(length, PIXEL * max(shape) / 6)
    response = np.exp(-((2 * np.pi * _wavenumbers(shape) * length / PIXEL) ** 2) / 4)
    response[0, 0] = 0.0
    return _filtered(rng, shape, response)


def _wavenumbers(shape: tuple[int, int]) -> np.ndarray:
    return np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])


def _filtered(rng: np.random.Generator, shape: tuple[int, int], response: np.ndarray) -> np.ndarray:
    return _standardised(np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * response, s=shape))


def _standardised(field: np.ndarray) -> np.ndarray:
    return (field - field.mean()) / field.std()


def _distance_to_corner(shape: tuple[int, int]) -> np.ndarray:
    """Distance to the south-eastern corner, in sides of the box."""
    rows, cols = np.indices(shape) + 0.5
    return np.hypot(1 - rows / shape[0], 1 - cols / shape[1])


def _lowest_spot(elevation: np.ndarray, radius: float) -> np.ndarray:
    rows, cols = np.indices(elevation.shape)
    row, col = np.unravel_index(np.argmin(gaussian_filter(elevation, radius)), elevation.shape)
    return np.hypot(rows - row, cols - col) <= radius


def _draw_landcover(
    rng: np.random.Generator, elevation: np.ndarray, valley: np.ndarray, soil: np.ndarray
) -> np.ndarray:
    """Forest on the high ground, irrigation and crops on the low and flat, savanna scattered, pasture elsewhere."""
    shape = elevation.shape
    height = _standardised(elevation) - 0.4 * valley
    cover = np.where(soil, LANDCOVER["PAST"], 0).astype(np.uint8)
    for name, score, share in (
        ("FORE", height + 0.7 * smooth_field(rng, shape, 1200.0), 0.28),
        ("IRRI", -height + 0.9 * smooth_field(rng, shape, 500.0), 0.12),
        ("AGRI", -0.5 * height + smooth_field(rng, shape, 600.0), 0.20),
        ("SAVA", smooth_field(rng, shape, 900.0), 0.25),
    ):
        free = cover == LANDCOVER["PAST"]
        if free.any():
            cover[free & (score >= np.quantile(score[free], 1 - share))] = LANDCOVER[name]
    return cover
