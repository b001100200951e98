"""From what a probe reports to volumetric moisture, m3 m-3, with the bulk density of the soil around it.

Frequency-domain and capacitance probes sense the soil's permittivity. Water has 80, minerals 3 to 5, air 1: a dense
soil has a higher permittivity than a loose one with the same water. The relations (config: ``probes.calibration``):

- ``none``: the values are right as they are.
- ``linear``: moisture = intercept + slope * value; a calibration against samples taken at the probe.
- ``power``: scaled frequency = a * percent ** b + c, percent the moisture in % of volume (Paltineanu & Starr 1997, Soil
  Sci. Soc. Am. J. 61, 1576-1585, and makers' handbooks). The probe's papers give a, b and c.
- ``bulk_density``: for probes whose firmware turned permittivity into moisture by Topp, Davis & Annan (1980, Water
  Resour. Res. 16, 574-582, their equation 7), which knows no density. The permittivity is taken back from it, and the
  moisture computed anew by Malicki, Plagge & Roth (1996, Eur. J. Soil Sci. 47, 357-366), which has the bulk density:
  (sqrt(permittivity) - 0.819 - 0.168 d - 0.159 d^2) / (7.17 + 1.18 d), d in g cm-3. Both were found by time-domain
  reflectometry in soils that are not saline; a probe of low frequency (below 50 MHz) in clay reads higher than that.
- ``bulk_density_linear``: moisture = value * (k0 + k1 * d); a correction of one's own, with its coefficients.
- ``gravimetric``: value is g of water per g of dry soil; moisture = value * d / 1 g cm-3.

Coefficients of a soil or a probe are never guessed: ``linear``, ``power`` and ``bulk_density_linear`` ask for them.
Every relation can be turned round (``uncalibrate``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from loam.errors import ConfigError, TableError

WATER_DENSITY = 1.0  # g cm-3
BULK_DENSITY = (0.05, 2.2)  # g cm-3: raw peat to compacted gravelly subsoil
TOPP = (-5.3e-2, 2.92e-2, -5.5e-4, 4.3e-6)

Convert = Callable[[np.ndarray, np.ndarray, Mapping[str, float]], np.ndarray]


@dataclass(frozen=True)
class Relation:
    """A way from the probe's value to moisture and back.

    Args:
        forward: (values, bulk density, coefficients) -> m3 m-3.
        backward: (m3 m-3, bulk density, coefficients) -> values.
        coefficients: their names.
        density: whether it reads the bulk density.
        nonzero: coefficients that may not be 0.
    """

    forward: Convert
    backward: Convert
    coefficients: tuple[str, ...] = ()
    density: bool = False
    nonzero: tuple[str, ...] = ()


def calibrate(
    values: ArrayLike,
    *,
    relation: str = "none",
    bulk_density: ArrayLike | None = None,
    coefficients: Mapping[str, float] | None = None,
    where: object = None,
) -> np.ndarray:
    """Volumetric moisture, m3 m-3, from a probe's values; the shape of ``values``; NaN stays NaN.

    A value from which the relation gives no moisture (a scaled frequency below that of dry soil under ``power``, a
    moisture below -0.053 under ``bulk_density``) is NaN. Nothing is clipped.

    Args:
        values: what the probe reports, in the unit the relation asks for.
        relation: a name of ``RELATIONS``.
        bulk_density: g cm-3, one number or one a value; only read where the relation asks for it.
        coefficients: the relation's coefficients by name.
        where: the station, for errors.

    Raises:
        ConfigError: the relation is unknown, or coefficients are missing, unknown or not usable.
        TableError: the bulk density is missing or outside 0.05 to 2.2 g cm-3.
    """
    chosen, known, density = _prepared(relation, coefficients, bulk_density, where)
    return chosen.forward(np.asarray(values, dtype=float), density, known)


def uncalibrate(
    moisture: ArrayLike,
    *,
    relation: str = "none",
    bulk_density: ArrayLike | None = None,
    coefficients: Mapping[str, float] | None = None,
    where: object = None,
) -> np.ndarray:
    """What a probe reports where the moisture is ``moisture``, m3 m-3: ``calibrate`` turned round, same arguments."""
    chosen, known, density = _prepared(relation, coefficients, bulk_density, where)
    return chosen.backward(np.asarray(moisture, dtype=float), density, known)


def scaled_frequency(counts: ArrayLike, *, air: ArrayLike, water: ArrayLike, where: object = None) -> np.ndarray:
    """(air - soil) / (air - water): 0 in air, 1 in water, so that sensors of one kind can be compared.

    Args:
        counts: the sensor's counts in the soil.
        air, water: its counts in air and in water, from its own normalisation; air is the larger.
        where: the sensor, for errors.

    Raises:
        TableError: the counts in air or water are missing, or air is not larger than water.
    """
    air, water = _reference(air, water, where)
    return (air - np.asarray(counts, dtype=float)) / (air - water)


def counts(scaled: ArrayLike, *, air: ArrayLike, water: ArrayLike, where: object = None) -> np.ndarray:
    """The sensor's counts in the soil where its scaled frequency is ``scaled``: ``scaled_frequency`` turned round."""
    air, water = _reference(air, water, where)
    return air - np.asarray(scaled, dtype=float) * (air - water)


def check_bulk_density(bulk_density: ArrayLike | None, *, where: object = None) -> np.ndarray:
    """The bulk density as an array, g cm-3.

    Raises:
        TableError: it is missing or implausible.
    """
    expected = f"{BULK_DENSITY[0]} to {BULK_DENSITY[1]} g cm-3"
    density = np.asarray(np.nan if bulk_density is None else bulk_density, dtype=float)
    if np.isnan(density).any():
        raise TableError(
            "the bulk density is missing",
            where=where,
            expected=expected,
            fix="give bulk_density in the station table, or a soil map",
        )
    wrong = density[(density < BULK_DENSITY[0]) | (density > BULK_DENSITY[1])]
    if wrong.size:
        first = float(wrong[0])
        unit = "; kg m-3 perhaps: divide by 1000" if BULK_DENSITY[0] <= first / 1000 <= BULK_DENSITY[1] else ""
        raise TableError(f"bulk density {first:g} is implausible", where=where, expected=expected + unit)
    return density


def topp_moisture(permittivity: ArrayLike) -> np.ndarray:
    """m3 m-3 from relative permittivity, Topp et al. (1980), equation 7."""
    return np.polynomial.polynomial.polyval(np.asarray(permittivity, dtype=float), TOPP)


def topp_permittivity(moisture: ArrayLike) -> np.ndarray:
    """Relative permittivity that Topp's equation turns into ``moisture``.

    The cubic rises everywhere, so there is exactly one: with x counted from its inflection it reads x^3 + p x + q, p
    above 0, whose real root has a closed form with the hyperbolic sine.
    """
    constant, first, second, third = TOPP
    shift = -second / (3 * third)
    p = first / third - 3 * shift**2
    q = -2 * shift**3 + shift * first / third + (constant - np.asarray(moisture, dtype=float)) / third
    root = np.sqrt(p / 3)
    return shift - 2 * root * np.sinh(np.arcsinh(q / (2 * root**3)) / 3)


def malicki_moisture(permittivity: ArrayLike, bulk_density: ArrayLike) -> np.ndarray:
    """m3 m-3 from relative permittivity and bulk density (g cm-3), Malicki et al. (1996); NaN below permittivity 0."""
    permittivity, density = np.asarray(permittivity, dtype=float), np.asarray(bulk_density, dtype=float)
    root = np.sqrt(np.where(permittivity >= 0, permittivity, np.nan))
    return (root - _solid(density)) / (7.17 + 1.18 * density)


def malicki_permittivity(moisture: ArrayLike, bulk_density: ArrayLike) -> np.ndarray:
    """``malicki_moisture`` turned round; NaN where no permittivity gives the moisture."""
    density = np.asarray(bulk_density, dtype=float)
    root = np.asarray(moisture, dtype=float) * (7.17 + 1.18 * density) + _solid(density)
    return np.where(root >= 0, root, np.nan) ** 2


def _solid(density: np.ndarray) -> np.ndarray:
    return 0.819 + 0.168 * density + 0.159 * density**2


def _power(base: np.ndarray, exponent: float) -> np.ndarray:
    return np.where(base >= 0, base, np.nan) ** exponent


RELATIONS: dict[str, Relation] = {
    "none": Relation(lambda value, density, known: value, lambda moisture, density, known: moisture),
    "linear": Relation(
        lambda value, density, known: known["intercept"] + known["slope"] * value,
        lambda moisture, density, known: (moisture - known["intercept"]) / known["slope"],
        coefficients=("slope", "intercept"),
        nonzero=("slope",),
    ),
    "power": Relation(
        lambda value, density, known: _power((value - known["c"]) / known["a"], 1 / known["b"]) / 100,
        lambda moisture, density, known: known["a"] * _power(moisture * 100, known["b"]) + known["c"],
        coefficients=("a", "b", "c"),
        nonzero=("a", "b"),
    ),
    "bulk_density": Relation(
        lambda value, density, known: malicki_moisture(topp_permittivity(value), density),
        lambda moisture, density, known: topp_moisture(malicki_permittivity(moisture, density)),
        density=True,
    ),
    "bulk_density_linear": Relation(
        lambda value, density, known: value * _factor(density, known),
        lambda moisture, density, known: moisture / _factor(density, known),
        coefficients=("k0", "k1"),
        density=True,
    ),
    "gravimetric": Relation(
        lambda value, density, known: value * density / WATER_DENSITY,
        lambda moisture, density, known: moisture * WATER_DENSITY / density,
        density=True,
    ),
}


def _factor(density: np.ndarray, known: Mapping[str, float]) -> np.ndarray:
    factor = known["k0"] + known["k1"] * density
    if not (factor > 0).all():
        raise ConfigError(
            f"k0 + k1 * bulk density is {float(np.min(factor)):g}", where="bulk_density_linear", expected="more than 0"
        )
    return factor


def _prepared(
    relation: str, coefficients: Mapping[str, float] | None, bulk_density: ArrayLike | None, where: object
) -> tuple[Relation, dict[str, float], np.ndarray]:
    if relation not in RELATIONS:
        raise ConfigError(f"calibration relation {relation!r} is unknown", expected=f"one of {', '.join(RELATIONS)}")
    chosen = RELATIONS[relation]
    given = dict(coefficients or {})
    if set(given) != set(chosen.coefficients):
        raise ConfigError(
            f"coefficients {', '.join(sorted(given)) or 'none'} given",
            where=f"calibration relation {relation}",
            expected=", ".join(chosen.coefficients) or "none",
        )
    for name, number in given.items():
        usable = isinstance(number, int | float) and np.isfinite(number)
        if not usable or (name in chosen.nonzero and number == 0):
            raise ConfigError(
                f"coefficient {name} is {number!r}",
                where=f"calibration relation {relation}",
                expected="a number other than 0" if name in chosen.nonzero else "a number",
            )
    known = {name: float(number) for name, number in given.items()}
    density = check_bulk_density(bulk_density, where=where) if chosen.density else np.asarray(np.nan)
    return chosen, known, density


def _reference(air: ArrayLike, water: ArrayLike, where: object) -> tuple[np.ndarray, np.ndarray]:
    air, water = np.asarray(air, dtype=float), np.asarray(water, dtype=float)
    if not (np.isfinite(air).all() and np.isfinite(water).all() and (air > water).all()):
        raise TableError("counts in air and water make no scale", where=where, expected="air larger than water, both")
    return air, water
