"""Soils: texture, carbon, bulk density and water capacity at four depths, tied to terrain, climate and parent material.

A parent-material field gives clay and sand; clay gathers downslope and, in texture-contrast soils, downwards. Carbon
follows cold, wet and hollow ground and the land cover, and falls with depth; in the peat country it is above 20 %
throughout. Bulk density mixes mineral and organic matter as Adams (1973, Journal of Soil Science 24, 10-17) does; it,
with the density of the grains, gives porosity. Available water is what the hydraulic properties hold between -33 and
-1500 kPa (``loam.sandbox.land.hydraulics``), so that the map of it says something true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loam.sandbox.land.cover_map import LANDCOVER, Cover
from loam.sandbox.land.ground import Ground
from loam.sandbox.land.hydraulics import ORGANIC_MATTER, Hydraulics, Physics, hydraulics_of
from loam.sandbox.lattice import key_of, lattice_field

DEPTHS = (2.5, 10.0, 22.5, 45.0)  # cm, middles of 0-5, 5-15, 15-30, 30-60 cm
CLAY_INCREASE = (0.0, 1.0, 4.0, 9.0)  # %, down the profile
ORGANIC_DENSITY = 0.244  # g cm-3 (Adams)
MINERAL_DENSITY = (1.38, 1.45, 1.55, 1.62)  # g cm-3, without carbon, by depth
LARGEST_CARBON = 14.0  # %, outside the peat country
LEAST_PEAT_CARBON = 21.0
CARBON_OF_COVER = {"PAST": 1.1, "FORE": 1.3, "AGRI": 0.75, "SAVA": 0.9, "IRRI": 1.0}


@dataclass(frozen=True)
class Character:
    """What sets the soils of one domain or place apart: added clay (%), a factor of carbon."""

    clay: float | np.ndarray = 0.0
    carbon: float | np.ndarray = 1.0


@dataclass(frozen=True)
class Soils:
    """Soils of pixels, each [depth, ...] float64; values where there is no land mean nothing.

    Args:
        clay, sand: %, of mineral soil.
        soc: organic carbon, %.
        bulk_density: g cm-3.
        awc: available water capacity, % of volume.
        stones: share of the volume that is rock; no covariate tells it.
        hydraulics: of the four depths.
    """

    clay: np.ndarray
    sand: np.ndarray
    soc: np.ndarray
    bulk_density: np.ndarray
    awc: np.ndarray
    stones: np.ndarray
    hydraulics: Hydraulics


def soils_at(
    seed: int, domain: str, ground: Ground, cover: Cover, physics: Physics, character: Character | None = None
) -> Soils:
    """Soils of the pixels of ``ground``.

    Args:
        seed, domain: what the random fields follow from.
        ground, cover: of the pixels.
        physics: how soil translates into hydraulic properties.
        character: of the soils; the target's if not given.
    """
    character = character or Character()

    def field(name: str, length: float, finer: int = 2) -> np.ndarray:
        return lattice_field(key_of(seed, f"{domain} soil {name}"), ground.rows, ground.cols, length, finer)

    gathered = np.clip(ground.wetness - 8.0, -2.0, 6.0)
    contrast = np.clip(0.8 + 0.7 * field("contrast", 45.0), 0.0, 2.5)
    topsoil = 23.0 + character.clay + 9.0 * field("parent", 60.0, 3) + 1.2 * gathered
    sandiness = np.clip(0.55 + 0.16 * field("sandiness", 40.0, 3) - 0.010 * gathered, 0.12, 0.92)
    cold = np.clip(ground.elevation / 1000.0, 0.0, 1.2)
    litter = 1.5 + 2.0 * (1.0 - ground.easting) + 1.6 * cold + 0.22 * gathered
    litter = character.carbon * litter * _by_cover(cover) * np.exp(0.22 * field("litter", 14.0, 3))
    peaty = 33.0 + 5.0 * field("peat", 30.0, 3)
    rock = np.clip((ground.slope - 7.0) / 60.0 + 0.04 * field("rock", 10.0), 0.0, 0.35)

    clay, sand, soc, density, stones = [], [], [], [], []
    for number, depth in enumerate(DEPTHS):
        share = np.clip(topsoil + contrast * CLAY_INCREASE[number] + 2.0 * field(f"clay {number}", 8.0), 4.0, 72.0)
        mineral = np.clip(litter * np.exp(-depth / 30.0 + 0.12 * field(f"carbon {number}", 8.0)), 0.15, LARGEST_CARBON)
        carbon = np.where(cover.peat, np.maximum(peaty * np.exp(-depth / 160.0), LEAST_PEAT_CARBON), mineral)
        packed = MINERAL_DENSITY[number] - 0.0025 * (share - 25.0) + 0.05 * field(f"packing {number}", 12.0)
        clay.append(share)
        sand.append((100.0 - share) * sandiness)
        soc.append(carbon)
        density.append(bulk_density(carbon, packed))
        stones.append(rock * (0.4, 0.6, 1.0, 1.6)[number])
    clay, sand, soc, density, stones = (np.stack(part) for part in (clay, sand, soc, density, stones))
    loose = np.exp(0.30 * field("conductivity", 9.0, 2))
    hydraulics = hydraulics_of(clay, sand, soc, density, stones, loose, physics)
    return Soils(clay, sand, soc, density, 100.0 * (hydraulics.capacity - hydraulics.wilting), stones, hydraulics)


def bulk_density(carbon: np.ndarray, mineral: np.ndarray) -> np.ndarray:
    """Bulk density (g cm-3) of soil with ``carbon`` (%) whose mineral part alone would have density ``mineral``."""
    organic = np.minimum(ORGANIC_MATTER * carbon, 95.0)
    return 100.0 / (organic / ORGANIC_DENSITY + (100.0 - organic) / mineral)


def _by_cover(cover: Cover) -> np.ndarray:
    factors = np.ones(len(LANDCOVER) + 1)
    for name, code in LANDCOVER.items():
        factors[code] = CARBON_OF_COVER[name]
    return factors[cover.landcover]
