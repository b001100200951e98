"""What a reading may be at all: range, porosity, and what its provider said of it.

Range and saturation are flags C01-C03 of the ISMN (Dorigo et al. 2013, doi 10.2136/vzj2012.0097).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from loam.variables import variables

MOISTURE = variables()["soil_moisture"]
PARTICLE_DENSITY = 2.65  # g cm-3, quartz and most minerals of soils
SEPARATORS = str.maketrans(",;|", "   ")  # providers join several codes in one field: "D03,D10"


def porosity_from_bulk_density(bulk_density: np.ndarray | float) -> np.ndarray | float:
    """Porosity, m3 m-3: ``1 - bulk density / 2.65``, of bulk density in g cm-3."""
    return 1 - np.asarray(bulk_density) / PARTICLE_DENSITY


def outside_range(value: np.ndarray, *, minimum: float = MOISTURE.low, maximum: float = 0.6) -> np.ndarray:
    """Where moisture (m3 m-3) is below ``minimum`` or above ``maximum`` (ISMN C01, C02). Missing is not outside.

    The ISMN's maximum is narrower than what is possible: no mineral soil holds more water.
    """
    return (value < minimum) | (value > maximum)


def impossible(value: np.ndarray) -> np.ndarray:
    """Where moisture (m3 m-3) cannot be, whatever the soil: water takes none of its volume, or all and more."""
    return (value < MOISTURE.low) | (value > MOISTURE.high)


def above_porosity(value: np.ndarray, porosity: float | np.ndarray) -> np.ndarray:
    """Where moisture exceeds the pore space, both m3 m-3 (ISMN C03). An unknown (NaN) porosity flags nothing."""
    return value > porosity


def provider_flagged(flag: np.ndarray, *, good: Collection[str] = (), bad: Collection[str] = ()) -> np.ndarray:
    """Where the provider's own flag says that a reading is bad.

    A field may hold several codes (``D03,D10``). A reading is bad if one of them is in ``bad``, or, with ``good``
    given, if one of them is not in ``good``; an empty field says nothing.

    Args:
        flag: [reading] the provider's flags, text.
        good, bad: codes.
    """
    good, bad = set(good), set(bad)
    fields, place = np.unique(np.asarray(flag, dtype=str), return_inverse=True)
    wrong = np.zeros(len(fields), dtype=bool)
    for number, field in enumerate(fields):
        codes = set(field.translate(SEPARATORS).split())
        wrong[number] = bool(codes & bad) or bool(good and codes - good)
    return wrong[place]
