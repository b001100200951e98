"""The modelled moisture of 9 km cells, as a land-surface model would give it: near the truth, never the truth.

Cells are those of the EASE-Grid 2.0 (Brodzik et al., 2012, EPSG:6933), SMAP's, so a coarse cell here lies as askew to
the 80 m pixels as a real one.
"""

from __future__ import annotations

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from loam.sandbox.bucket import Soil, State
from loam.sandbox.weather import autoregressive

EASE_CRS = "EPSG:6933"
EASE_CELL = 9008.055210146  # m
EASE_ORIGIN = (-17367530.4451615, 7314540.8306386)  # north-western corner
EASE_SHAPE = (1624, 3856)

GAIN = 0.9  # the model's moisture varies less than the real one
NOISE = 0.012  # m3 m-3, from day to day
CELL_BIAS = 0.015  # m3 m-3, standard deviation between cells
DOMAIN_BIAS = np.array([0.035, 0.045])  # m3 m-3, of the target region at domain distance 1


def ease_grid() -> GeoBox:
    """The global 9 km EASE-Grid 2.0."""
    west, north = EASE_ORIGIN
    return GeoBox(EASE_SHAPE, Affine(EASE_CELL, 0.0, west, 0.0, -EASE_CELL, north), EASE_CRS)


def modelled_layers(state: State, soil: Soil) -> np.ndarray:
    """What a model calls surface (a few centimetres) and root-zone moisture, m3 m-3: [variable, pixel]."""
    surface = soil.residual[0] + state.skin * (soil.porosity[0] - soil.residual[0])
    return np.stack([surface, 0.45 * state.moisture[0] + 0.55 * state.moisture[1]])


def distort(rng: np.random.Generator, means: np.ndarray, domain_bias: float) -> np.ndarray:
    """Area means as the model gives them.

    Args:
        rng: random numbers.
        means: [day, variable, cell], m3 m-3; NaN for a cell without land.
        domain_bias: how much of ``DOMAIN_BIAS`` the domain has.

    Returns:
        float32 of the same shape.
    """
    bias = DOMAIN_BIAS * domain_bias + CELL_BIAS * rng.standard_normal((means.shape[2], 2))
    noise = NOISE * autoregressive(rng, means.shape, 0.5)
    average = np.nanmean(means, axis=(0, 2), keepdims=True)
    modelled = average + GAIN * (means - average) + bias.T + noise
    return np.clip(modelled, 0.01, 0.8).astype(np.float32)
