"""How soil holds and conducts water, from its texture, carbon and bulk density.

Conductivity is K = Ks S^(2b+3) with S = (moisture - residual) / (porosity - residual) (Brooks and Corey, 1964; the
exponent as in Clapp and Hornberger, 1978, Water Resources Research 14, 601-604). b, Ks and the air-entry suction come
from clay and sand by the regressions of Cosby et al. (1984, Water Resources Research 20, 682-690); porosity from bulk
density and the density of the grains; field capacity and wilting point are moisture at suctions of 3.4 and 153 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORGANIC_MATTER = 1.724  # g of organic matter that hold a gram of carbon (van Bemmelen)
GRAIN_DENSITY = (2.65, 1.45)  # g cm-3, mineral and organic
POROSITY_LIMITS = (0.28, 0.90)
SUCTION_CAPACITY, SUCTION_WILTING = 340.0, 15_300.0  # cm of water


@dataclass(frozen=True)
class Physics:
    """How soil translates into hydraulic properties in one domain; the default is the target's.

    Args:
        residual, porosity: what is added to both limits of moisture, m3 m-3.
        conductivity: factor of the saturated conductivity.
        suction: factor of the air-entry suction; larger holds more water.
        rooting: factor of the share of roots below 30 cm.
    """

    residual: float = 0.0
    porosity: float = 0.0
    conductivity: float = 1.0
    suction: float = 1.0
    rooting: float = 1.0


@dataclass(frozen=True)
class Hydraulics:
    """Properties, each of the shape of the soil given; moisture in m3 m-3.

    Args:
        residual, porosity: limits of moisture. wilting, capacity: moisture at -1500 and -33 kPa.
        conductivity: saturated, mm d-1.
        exponent: b.
    """

    residual: np.ndarray
    porosity: np.ndarray
    wilting: np.ndarray
    capacity: np.ndarray
    conductivity: np.ndarray
    exponent: np.ndarray


def hydraulics_of(
    clay: np.ndarray, sand: np.ndarray, soc: np.ndarray, bulk_density: np.ndarray, stones: np.ndarray,
    loose: np.ndarray, physics: Physics,
) -> Hydraulics:  # fmt: skip
    """Hydraulic properties of soil.

    Args:
        clay, sand, soc: %. bulk_density: g cm-3. stones: share of volume. Any one shape.
        loose: factor of the conductivity, of a shape that broadcasts to theirs.
        physics: of the domain.
    """
    organic = np.minimum(ORGANIC_MATTER * soc / 100.0, 0.95)
    grains = 1.0 / ((1.0 - organic) / GRAIN_DENSITY[0] + organic / GRAIN_DENSITY[1])
    fine = 1.0 - stones
    porosity = np.clip((1.0 - bulk_density / grains + physics.porosity) * fine, *POROSITY_LIMITS)
    residual = np.maximum((0.012 + 0.0016 * clay + 0.10 * organic + physics.residual) * fine, 0.004)
    exponent = 2.91 + 0.159 * clay
    entry = physics.suction * 10.0 ** (1.54 - 0.0095 * sand + 0.0063 * (100.0 - sand - clay)) * (1.0 + 1.5 * organic)
    saturated = loose * physics.conductivity * 609.6 * 10.0 ** (-0.6 + 0.0126 * sand - 0.0064 * clay)
    space = porosity - residual
    wilting, capacity = (
        residual + space * np.minimum(entry / suction, 1.0) ** (1.0 / exponent)
        for suction in (SUCTION_WILTING, SUCTION_CAPACITY)
    )
    return Hydraulics(residual, porosity, wilting, capacity, saturated, exponent)
