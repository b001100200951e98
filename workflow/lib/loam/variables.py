"""What is measured: each variable's units, how others become these, and which values are possible.

The one place where ranges stand: readers of probes, of tables, of rasters, of netCDF and of providers' replies take
them from here; a data set of the catalogue may narrow one and says why. Read when the workflow is parsed: standard
library only. Records: WMO World Weather and Climate Extremes Archive (air -89.2 to 56.7 degC, rain 1,825 mm in a day);
bare desert soil reaches 80 degC, and soil under Siberian air has been measured down to some -60.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Conversion = tuple[float, float] | Callable[[Any], Any]  # factor and offset, or a function of numbers or arrays


@dataclass(frozen=True)
class Quantity:
    """A quantity as it is inside the program.

    Args:
        units: canonical.
        low, high: what is possible, in these units.
        others: other units, as spelled by ``spelling``, and how they become the canonical ones.
        reaches: the largest value of a whole map or month is at least this; 0 if that cannot be said.
        reaches_in: the same for other units, before they are converted.
        falls_in: in these units, the smallest value of a whole map or month is at most this.
        reaches_in_years: the largest value of a record of years at a place is at least this; 0 if that cannot be said.
    """

    units: str
    low: float
    high: float
    others: Mapping[str, Conversion] = field(default_factory=dict)
    reaches: float | None = None
    reaches_in: Mapping[str, float] = field(default_factory=dict)
    falls_in: Mapping[str, float] = field(default_factory=dict)
    reaches_in_years: float = 0.0


def _power(decibels: Any) -> Any:
    return 10.0 ** (decibels / 10.0)


_FOOT = 0.3048
_percent = {"1": (100.0, 0.0), "fraction": (100.0, 0.0), "kg kg-1": (100.0, 0.0), "g kg-1": (0.1, 0.0)}
_temperatures = {"k": (1.0, -273.15), "degf": (5 / 9, -160 / 9)}
TEMPERATURE = Quantity("degC", -90, 85, _temperatures)  # of anything: air, soil, the surface of land
_temperature = Quantity("degC", -90, 60, _temperatures, reaches_in={"k": 150.0})
_moisture = Quantity(
    "m3 m-3", 0, 1, {"%": (0.01, 0.0), "percent": (0.01, 0.0), "1": (1.0, 0.0)}, reaches_in={"%": 1.0, "percent": 1.0}
)
_power_of = Quantity(  # noise that was taken off leaves some power below 0; corners of buildings and ships are bright
    "1", -0.5, 3e4, {"db": _power, "linear": (1.0, 0.0), "m2 m-2": (1.0, 0.0)}, falls_in={"db": -1.0}
)
_angle = Quantity("degree", 0, 180, {"deg": (1.0, 0.0), "degrees": (1.0, 0.0), "rad": (180 / math.pi, 0.0),
                                    "radian": (180 / math.pi, 0.0)}, reaches=2.0)  # fmt: skip
_index = Quantity("1", -1, 1, {"%": (0.01, 0.0), "percent": (0.01, 0.0)})
_texture = Quantity("%", 0, 100, _percent, reaches=1.0)
_elevation = Quantity(
    "m", -500, 9000, {"metre": (1.0, 0.0), "meter": (1.0, 0.0), "metres": (1.0, 0.0), "ft": (_FOOT, 0.0),
                      "foot": (_FOOT, 0.0), "feet": (_FOOT, 0.0), "us survey foot": (1200 / 3937, 0.0)},
)  # fmt: skip
_count = Quantity("1", 0, 48)
_flag = Quantity("1", 0, 1)

QUANTITIES: dict[str, Quantity] = {
    "soil_moisture": _moisture,
    "soil_temperature": Quantity("degC", -65, 85, _temperatures, reaches_in={"k": 150.0}),
    "air_temperature": _temperature,
    "precipitation": Quantity("mm", 0, 1900, {"cm": (10.0, 0.0), "m": (1000.0, 0.0), "kg m-2": (1.0, 0.0)}),
    "rain": Quantity(
        "mm d-1", 0, 1900,
        {"mm": (1.0, 0.0), "mm/day": (1.0, 0.0), "mm day-1": (1.0, 0.0), "kg m-2": (1.0, 0.0), "kg m-2 d-1": (1.0, 0.0),
         "m": (1000.0, 0.0), "m d-1": (1000.0, 0.0), "m day-1": (1000.0, 0.0), "kg m-2 s-1": (86400.0, 0.0)},
        reaches_in_years=2.0,
    ),
    "tmin": _temperature,
    "tmax": _temperature,
    "tavg": _temperature,
    "tmean": _temperature,
    "sm_surface": _moisture,
    "sm_rootzone": _moisture,
    "n_fields": _count,
    "model_only": _flag,
    "awc": Quantity("%", 0, 100, {**_percent, "m3 m-3": (100.0, 0.0)}, reaches=1.0),
    "soc": Quantity("%", 0, 100, _percent, reaches=0.1),
    "clay": _texture,
    "silt": _texture,
    "sand": _texture,
    "bulk_density": Quantity(
        "g cm-3", 0.02, 2.65,
        {"kg m-3": (0.001, 0.0), "cg cm-3": (0.01, 0.0), "t m-3": (1.0, 0.0), "mg m-3": (1.0, 0.0)},
    ),
    "porosity": Quantity("m3 m-3", 0.05, 0.95, {"1": (1.0, 0.0), "%": (0.01, 0.0), "percent": (0.01, 0.0)}),
    "elevation": _elevation,
    "dem": _elevation,
    "ndvi": _index,
    "ndwi": _index,
    "vv": _power_of,
    "vh": _power_of,
    "local_incidence": _angle,
}  # fmt: skip


def quantity_of(variable: str) -> Quantity | None:
    """The quantity of a variable: ``clay`` for ``clay`` and ``clay_1``; None if it is not known here."""
    return QUANTITIES.get(variable) or QUANTITIES.get(re.sub(r"_\d+$", "", variable))


def ranges_of(column: str) -> list[tuple[float, float, str]]:
    """What a table's column of that name can hold: least and greatest value, in each unit it may be written in.

    ``rain_30`` is a sum over 30 days, or the rain 30 days before; degrees Fahrenheit and feet are not looked for, since
    they would let -99.9 and 9999 pass. Empty for a name that is not known.
    """
    quantity = quantity_of(column)
    if quantity is None:
        return []
    found = [(quantity.low, quantity.high, quantity.units)]
    if days := re.fullmatch(r"rain_(\d+)", column):
        found = [(quantity.low, quantity.high * max(1, int(days[1])), "mm")]
    for unit, (factor, offset) in _of_records(quantity).items():
        found.append(((quantity.low - offset) / factor, (quantity.high - offset) / factor, shown(unit)))
    widest = max(found, key=lambda item: item[1] - item[0])
    return [item for item in found if item is widest or not widest[0] <= item[0] <= item[1] <= widest[1]]


def unit_of_record(quantity: Quantity, low: float, high: float) -> str | None:
    """The unit of a record of years whose least and greatest value are ``low`` and ``high``: the canonical one, or the
    first other in which they are possible; None where there is none.
    """
    for unit, (factor, offset) in {spelling(quantity.units): (1.0, 0.0), **_of_records(quantity)}.items():
        canonical = max(quantity.reaches or 0.0, quantity.reaches_in_years) if (factor, offset) == (1.0, 0.0) else 0.0
        least = quantity.reaches_in.get(unit, canonical)
        possible = quantity.low <= low * factor + offset and high * factor + offset <= quantity.high
        if possible and (high > least or not least):
            return unit
    return None


def conversion_between(quantity: Quantity, written: str, wanted: str) -> Callable[[Any], Any] | None:
    """What turns numbers (or arrays) of the unit ``written`` into such of the unit ``wanted``; None if nothing does."""
    ways = {spelling(quantity.units): (1.0, 0.0), **quantity.others}
    here, there = ways.get(spelling(written)), ways.get(spelling(wanted))
    if here is None or there is None or callable(there):
        return None
    if here == there:
        return lambda values: values
    canonical = here if callable(here) else lambda values: values * here[0] + here[1]
    return lambda values: (canonical(values) - there[1]) / there[0]


def _of_records(quantity: Quantity) -> dict[str, tuple[float, float]]:
    """The other units that a record is looked for in, by factor and offset; not degrees Fahrenheit and feet, in which
    -99.9 and 9999 would be possible.
    """
    unlikely = ("degf", "ft", "foot", "feet", "us survey foot")
    return {unit: way for unit, way in quantity.others.items() if not callable(way) and unit not in unlikely}


def shown(unit: str) -> str:
    """A unit that is spelled as in ``Quantity.others``, as people write it."""
    return {"k": "K", "degc": "degC", "degf": "degF", "db": "dB", "mg m-3": "Mg m-3"}.get(unit, unit)


def spelling(units: str) -> str:
    """``units`` as the table spells them: lower case, ``^`` and ``**`` left out, a point or blank between factors."""
    text = units.strip().lower().replace("**", "").replace("^", "").replace("°", "deg").replace("*", " ")
    text = {"kelvin": "k", "celsius": "degc", "degrees celsius": "degc", "degree_celsius": "degc", "degreesc": "degc",
            "c": "degc", "deg c": "degc", "deg_c": "degc", "degree_c": "degc", "degrees_c": "degc",
            "degrees_celsius": "degc", "degree celsius": "degc", "fahrenheit": "degf", "degk": "k",
            "mm/d": "mm d-1", "millimetres": "mm", "millimeters": "mm", "m/day": "m d-1", "percentage": "percent",
            "unitless": "1", "dimensionless": "1", "m3/m3": "m3 m-3", "g/cm3": "g cm-3", "g/kg": "g kg-1",
            "kg/m3": "kg m-3", "": "1"}.get(text, text)  # fmt: skip
    return re.sub(r"\s+", " ", text)
