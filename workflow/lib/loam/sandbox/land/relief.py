"""The terrain of a synthetic region, made once for the whole grid because water knows no blocks.

Elevation has the power spectrum of real relief (spectral synthesis: white noise filtered by a power of the wavenumber;
Turcotte, 1997, Fractals and Chaos in Geology and Geophysics), laid over a range in the west, lowlands in the middle
and hills in the east. Rivers then cut in, by an amount that grows with the logarithm of the area they drain, pits
are filled until every pixel drains; a deep and wide filled pit is a lake. Slope, aspect and the wetness index are those
of ``loam.covariates``. Arrays are float32: 25 bytes a pixel in the end, about 60 while they are made.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.fft
from scipy import ndimage

from loam.covariates.build.flow import Scratch, accumulate, wetness
from loam.covariates.build.slopes import slope_and_aspect
from loam.sandbox.lattice import key_of, lattice_field, random_numbers
from loam.sandbox.world_settings import PIXEL

SPECTRUM = 3.2  # exponent of the power spectrum, in two dimensions
RELIEF = 85.0  # m, standard deviation of the relief of a region of 24 km; grows with size as the spectrum says
LARGEST_RELIEF = 260.0  # m
WEST_RANGE, EAST_HILLS, LOWLAND = 520.0, 110.0, 35.0  # m
FALL = 260.0  # m by which a side of the region falls to the sea
INCISION, CUTS = 3.5, 4  # m for each tenfold area that a river drains, and how often it cuts
LAKES = ((4.0, 25), (2.0, 25), (1.0, 20), (0.4, 10))  # m, pixels: a filled pit this deep and large is a lake
ROUGHNESS = 4.0  # m, of flats before rivers cut them
STRIP = 256  # rows that are worked on at once


@dataclass(frozen=True)
class Relief:
    """Terrain of a region, each [row, column] float32, NaN in the sea; ``lake`` is bool.

    Args:
        elevation: m.
        slope: degrees.
        north, east: cosine and sine of the aspect.
        wetness: topographic wetness index.
        valley: how far the surroundings of about 1 km stand above the pixel, m; positive in valleys.
        lake: pixels under a lake.
    """

    elevation: np.ndarray
    slope: np.ndarray
    north: np.ndarray
    east: np.ndarray
    wetness: np.ndarray
    valley: np.ndarray
    lake: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.elevation.shape

    @cached_property
    def level(self) -> tuple[float, float]:
        """Mean and standard deviation of the elevation of land, m."""
        return float(np.nanmean(self.elevation, dtype=np.float64)), float(np.nanstd(self.elevation, dtype=np.float64))

    @cached_property
    def dissection(self) -> float:
        """Standard deviation of ``valley``, m."""
        return float(np.nanstd(self.valley, dtype=np.float64))


def draw_relief(seed: int, domain: str, shape: tuple[int, int], coast: str) -> Relief:
    """Terrain of a region of ``shape`` pixels; ``coast`` is ``corner``, ``island`` or ``none``."""
    elevation = _surface(seed, domain, shape, coast)
    _roughen_flats(elevation, key_of(seed, f"{domain} flats"))
    for _ in range(CUTS):
        _cut_rivers(elevation)
    depth = elevation.copy()
    area = _accumulate(elevation)
    np.subtract(elevation, depth, out=depth)
    lake = _lakes(depth)
    del depth
    slope, north, east, index = _derivatives(elevation, area)
    surroundings = ndimage.gaussian_filter(np.nan_to_num(elevation), 1000.0 / PIXEL, mode="nearest")
    return Relief(elevation, slope, north, east, index, surroundings - elevation, lake)


def spectral_field(rng: np.random.Generator, shape: tuple[int, int], exponent: float) -> np.ndarray:
    """A random field [row, column], float32, of mean 0 and variance 1 whose power falls as wavenumber^-exponent."""
    size = tuple(scipy.fft.next_fast_len(side + side // 4, real=True) for side in shape)  # cut, so that it is no torus
    spectrum = scipy.fft.rfft2(rng.standard_normal(size, dtype=np.float32))
    across = scipy.fft.rfftfreq(size[1]).astype(np.float32)
    for row, down in enumerate(scipy.fft.fftfreq(size[0]).astype(np.float32)):
        wavenumber = np.hypot(across, down)
        if row == 0:
            wavenumber[0] = np.inf
        spectrum[row] *= wavenumber ** np.float32(-exponent / 2)
    field = scipy.fft.irfft2(spectrum, s=size)[: shape[0], : shape[1]]
    return ((field - field.mean(dtype=np.float64)) / field.std(dtype=np.float64)).astype(np.float32)


def _surface(seed: int, domain: str, shape: tuple[int, int], coast: str) -> np.ndarray:
    side = PIXEL * max(shape)
    amplitude = min(RELIEF * (side / 24_000.0) ** ((SPECTRUM - 2) / 2), LARGEST_RELIEF)
    elevation = spectral_field(random_numbers(seed, domain, "relief"), shape, SPECTRUM)
    elevation -= elevation.min()
    elevation *= np.float32(amplitude * 0.8)
    shore = key_of(seed, f"{domain} shore")
    across = ((np.arange(shape[1]) + 0.5) / shape[1])[None]
    base = LOWLAND + WEST_RANGE * np.exp(-(((across - 0.08) / 0.14) ** 2))
    base += EAST_HILLS * np.exp(-(((across - 0.92) / 0.12) ** 2))
    for first in range(0, shape[0], STRIP):
        rows, cols = np.mgrid[first : min(first + STRIP, shape[0]), : shape[1]]
        strip = elevation[first : first + STRIP]
        height = strip * (0.35 + base / 450.0) + base if coast != "none" else strip * 0.8 + LOWLAND
        if coast != "none":
            inland = _inland(rows, cols, shape, coast)
            inland += 0.03 * np.clip(lattice_field(shore, rows, cols, max(shape) / 12, finer=4), -2.0, 2.0)
            height = (height + FALL * inland) * (1.0 - np.exp(-np.maximum(inland, 0.0) / 0.10))
            height = np.where(inland > 0, 1.5 + height, np.nan)
        strip[:] = height
    return elevation


def _inland(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int], coast: str) -> np.ndarray:
    """Distance to the sea, in sides of the region, before the shore is roughened."""
    down, across = (rows + 0.5) / shape[0], (cols + 0.5) / shape[1]
    if coast == "corner":
        return np.hypot(1 - down, 1 - across) - 0.17
    return np.minimum(np.minimum(down, 1 - down), np.minimum(across, 1 - across)) - 0.07


def _roughen_flats(elevation: np.ndarray, key: int) -> None:
    """Fill pits and give the flats a gentle relief, so that rivers do not cross them along straight lines."""
    raw = elevation.copy()
    _accumulate(elevation)
    for first in range(0, elevation.shape[0], STRIP):
        strip = elevation[first : first + STRIP]
        filled = strip > raw[first : first + STRIP]
        rows, cols = np.nonzero(filled)
        strip[filled] += ROUGHNESS * np.abs(lattice_field(key, rows + first, cols, 12.0, finer=3))


def _cut_rivers(elevation: np.ndarray) -> None:
    """Fill pits, then lower ``elevation`` in place along rivers, never to below a metre above the sea."""
    area = _accumulate(elevation)
    depth = np.log10(area / np.float32(PIXEL * PIXEL), out=area)
    depth *= np.float32(INCISION)
    depth[np.isnan(depth)] = 0.0
    depth = ndimage.gaussian_filter(depth, 0.7, mode="nearest", output=np.float32)
    np.minimum(depth, np.float32(0.6) * (elevation - 1), out=depth)
    elevation -= depth


def _accumulate(elevation: np.ndarray) -> np.ndarray:
    """Fill pits of ``elevation`` in place; the area that drains through each pixel, m2."""
    sizes = np.full(elevation.shape[0], PIXEL)
    scratch = Scratch(elevation.size, Path(tempfile.gettempdir()) / "relief")
    try:
        return np.array(accumulate(elevation, sizes, sizes, scratch), copy=False)
    finally:
        scratch.close()


def _lakes(depth: np.ndarray) -> np.ndarray:
    """The deep and large patches of filled pits, or the deepest large one where there are none."""
    for least, pixels in LAKES:
        lake = _large_patches(depth > least, pixels)
        if lake.any():
            break
    return lake


def _large_patches(mask: np.ndarray, smallest: int) -> np.ndarray:
    """Connected patches of ``mask`` of at least ``smallest`` pixels."""
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return sizes[labels] >= smallest


def _derivatives(elevation: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, ...]:
    """Slope, north, east and wetness index, strip by strip."""
    rows, cols = elevation.shape
    out = tuple(np.empty((rows, cols), np.float32) for _ in range(4))
    for first in range(0, rows, STRIP):
        last = min(first + STRIP, rows)
        halo = np.full((last - first + 2, cols + 2), np.nan, np.float32)
        above, below = max(first - 1, 0), min(last + 1, rows)
        halo[above - first + 1 : below - first + 1, 1:-1] = elevation[above:below]
        sizes = np.full((last - first, cols), PIXEL)
        slope, north, east = slope_and_aspect(halo, sizes, sizes)
        index = wetness(area[first:last], slope, sizes, sizes)
        for whole, strip in zip(out, (slope, north, east, index), strict=True):
            whole[first:last] = strip
    return out
