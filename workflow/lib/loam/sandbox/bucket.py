"""The water balance of two soil layers, 0-30 and 30-60 cm, day by day, for any number of pixels at once.

Rain and irrigation infiltrate as far as pores and conductivity allow, the rest runs off; plants take water from both
layers; each layer drains to the next by gravity with the conductivity of Brooks and Corey (1964), K = Ks S^m with S
the effective saturation, integrated exactly over the day, so that no step can overdraw a layer. What enters, leaves
and stays adds up to the last millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loam.sandbox.landscape import LANDCOVER

LAYER_DEPTH = 300.0  # mm, both layers
SURFACE_DEPTHS = np.array([5.0, 10.0, 15.0, 0.0]) / 30.0  # share of each soil map's depth in 0-30 cm
SUBSURFACE_DEPTHS = np.array([0.0, 0.0, 0.0, 1.0])
IRRIGATION = 12.0  # mm, on a day when the surface layer of irrigated land runs short
SKIN_STORE = 60.0  # mm of infiltration that fill the top few centimetres
SKIN_RETURN = 0.3  # share by which the top few centimetres return towards the layer below, a day

# By land-cover code (0: none): demand relative to the reference, and the share of roots in 0-30 cm.
DEMAND = np.array([0.0, 0.85, 1.05, 0.80, 0.75, 1.10])
ROOTS = np.array([1.0, 0.72, 0.50, 0.75, 0.60, 0.72])


@dataclass(frozen=True)
class Relation:
    """How soil translates into moisture in one domain: what is added to both limits, and a conductivity factor."""

    residual: float = 0.0
    porosity: float = 0.0
    conductivity: float = 1.0


@dataclass(frozen=True)
class Soil:
    """Hydraulic properties, each [layer, pixel] but ``demand``, ``roots`` and ``irrigated`` [pixel].

    Args:
        residual, porosity: limits of moisture, m3 m-3.
        conductivity: saturated, mm d-1.
        exponent: m of K = Ks S^m.
        wilting: moisture below which plants take nothing, m3 m-3.
        available: water between wilting and field capacity, m3 m-3.
        demand, roots: of the land cover. irrigated: whether it is irrigated.
    """

    residual: np.ndarray
    porosity: np.ndarray
    conductivity: np.ndarray
    exponent: np.ndarray
    wilting: np.ndarray
    available: np.ndarray
    demand: np.ndarray
    roots: np.ndarray
    irrigated: np.ndarray


@dataclass(frozen=True)
class State:
    """Moisture [layer, pixel], m3 m-3, and effective saturation of the top few centimetres [pixel]."""

    moisture: np.ndarray
    skin: np.ndarray


@dataclass(frozen=True)
class Fluxes:
    """Water of one day [pixel], mm."""

    irrigation: np.ndarray
    runoff: np.ndarray
    evapotranspiration: np.ndarray
    drainage: np.ndarray


def soil_of(
    clay: np.ndarray, soc: np.ndarray, awc: np.ndarray, landcover: np.ndarray, conductivity: np.ndarray,
    valley: np.ndarray, relation: Relation,
) -> Soil:  # fmt: skip
    """Hydraulic properties of pixels.

    Args:
        clay, soc, awc: %, [depth, pixel].
        landcover: codes [pixel].
        conductivity: factor of both layers' conductivity [pixel].
        valley: position on the slope [pixel]; drainage out of the profile is slower in valleys.
        relation: of the domain.
    """
    weights = np.stack([SURFACE_DEPTHS, SUBSURFACE_DEPTHS])
    clay, soc, awc = (weights @ np.asarray(field, np.float64) for field in (clay, soc, awc))
    residual = np.maximum(0.02 + 0.0020 * clay + relation.residual, 0.005)
    porosity = np.minimum(0.37 + 0.0012 * clay + 0.016 * np.minimum(soc, 12.0) + relation.porosity, 0.75)
    impeded = np.stack([np.ones_like(valley), np.exp(-0.5 * np.clip(valley, -1.0, 2.0))])
    return Soil(
        residual=residual,
        porosity=porosity,
        conductivity=10.0 ** (2.4 - 0.020 * clay) * conductivity * relation.conductivity * impeded,
        exponent=3.0 + 2.0 * np.exp(0.5 + 0.018 * clay),
        wilting=residual + 0.015 + 0.0013 * clay,
        available=awc / 100.0,
        demand=DEMAND[landcover],
        roots=ROOTS[landcover],
        irrigated=landcover == LANDCOVER["IRRI"],
    )


def start(soil: Soil) -> State:
    """A moist profile; months of spin-up let it forget this."""
    saturation = np.full(soil.residual.shape, 0.6)
    return State(soil.residual + saturation * (soil.porosity - soil.residual), saturation[0].copy())


def step(state: State, soil: Soil, rain: np.ndarray, potential: np.ndarray, irrigating: bool) -> tuple[State, Fluxes]:
    """One day.

    Args:
        state: at the start of the day.
        soil: of the pixels.
        rain, potential: rain and reference evapotranspiration [pixel], mm.
        irrigating: whether it is the season of irrigation.

    Returns:
        The state at the end of the day and the day's fluxes.
    """
    pores = (soil.porosity - soil.residual) * LAYER_DEPTH  # mm
    water = (state.moisture - soil.residual) * LAYER_DEPTH  # mm above residual
    uptake = np.clip((state.moisture - soil.wilting) / (0.5 * soil.available), 0.0, 1.0)

    irrigation = np.where(soil.irrigated & (uptake[0] < 0.7), IRRIGATION if irrigating else 0.0, 0.0)
    supply = rain + irrigation
    infiltration = np.minimum(np.minimum(supply, pores[0] - water[0]), 2.0 * soil.conductivity[0])
    water[0] += infiltration

    demand = potential * soil.demand
    taken = np.stack([
        np.minimum(demand * soil.roots * uptake[0], water[0]),
        np.minimum(demand * (1.0 - soil.roots) * uptake[1], water[1]),
    ])  # fmt: skip
    water -= taken

    drainage = _drained(water[1], pores[1], soil.conductivity[1], soil.exponent[1])
    water[1] -= drainage
    percolation = np.minimum(_drained(water[0], pores[0], soil.conductivity[0], soil.exponent[0]), pores[1] - water[1])
    water[0] -= percolation
    water[1] += percolation

    wetted = np.minimum(state.skin + infiltration / SKIN_STORE, 1.0)
    rest = (0.25 + 0.65 * water[0] / pores[0]) * np.exp(-0.06 * potential)
    skin = wetted + SKIN_RETURN * (rest - wetted)
    moisture = soil.residual + water / LAYER_DEPTH
    return State(moisture, skin), Fluxes(irrigation, supply - infiltration, taken.sum(axis=0), drainage)


def _drained(water: np.ndarray, pores: np.ndarray, conductivity: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Water (mm) that leaves a layer in a day: the exact solution of dS/dt = -Ks S^m / pores."""
    saturation = np.maximum(water / pores, 1e-9)
    power = exponent - 1.0
    left = (saturation**-power + power * conductivity / pores) ** (-1.0 / power)
    return np.clip(water - left * pores, 0.0, water)
