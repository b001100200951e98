"""Units: how people and files spell them, and what turns each into the canonical one of its quantity.

The one table of units: probes, tables, rasters, netCDF and providers' replies are read with it. Spelling is free:
``m³/m³``, ``m^3 m^-3`` and ``M3 M-3`` are one. Standard library only, read when the workflow is parsed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Conversion = tuple[float, float] | Callable[[Any], Any]  # factor and offset, or a function of numbers or arrays

DAY, FOOT, SURVEY_FOOT, INCH = 86400.0, 0.3048, 1200 / 3937, 25.4  # s, m, m, mm
FAHRENHEIT = (5 / 9, -160 / 9)


@dataclass(frozen=True)
class Quantity:
    """What is measured in one canonical unit.

    Args:
        units: canonical.
        others: other units, as ``spelling`` gives them, and how numbers in them become canonical ones.
        records: those of the others that a column without units is looked for in: not degrees Fahrenheit and feet, in
            which -99.9 and 9999 would be possible.
        reaches_in: in these units, the largest value of a whole map or month is more than this.
        falls_in: in these units, the smallest value of a whole map or month is at most this.
    """

    units: str
    others: Mapping[str, Conversion] = field(default_factory=dict)
    records: tuple[str, ...] = ()
    reaches_in: Mapping[str, float] = field(default_factory=dict)
    falls_in: Mapping[str, float] = field(default_factory=dict)

    def conversion(self, written: str) -> Conversion | None:
        """What turns numbers of the unit ``written`` into canonical ones; None where nothing does."""
        spelled = spelling(written)
        return (1.0, 0.0) if spelled == spelling(self.units) else self.others.get(spelled)

    @property
    def known(self) -> list[str]:
        """All units that can be read, for an error."""
        return [spelling(self.units), *self.others]


def _power(decibels: Any) -> Any:
    return 10.0 ** (decibels / 10.0)


# by canonical unit, or by name where several quantities have it
QUANTITIES = {
    "m3 m-3": Quantity("m3 m-3", {"%": (0.01, 0.0), "1": (1.0, 0.0)}, ("%",), reaches_in={"%": 1.0}),
    "degC": Quantity("degC", {"k": (1.0, -273.15), "degf": FAHRENHEIT}, ("k",), reaches_in={"k": 150.0}),
    "mm": Quantity("mm", {"cm": (10.0, 0.0), "m": (1000.0, 0.0), "kg m-2": (1.0, 0.0), "in": (INCH, 0.0)}),
    "mm d-1": Quantity(
        "mm d-1",
        {
            "mm": (1.0, 0.0), "kg m-2": (1.0, 0.0), "kg m-2 d-1": (1.0, 0.0), "cm": (10.0, 0.0), "m": (1000.0, 0.0),
            "m d-1": (1000.0, 0.0), "kg m-2 s-1": (DAY, 0.0), "mm s-1": (DAY, 0.0), "m s-1": (1000 * DAY, 0.0),
            "mm h-1": (24.0, 0.0), "in": (INCH, 0.0),
        },
        ("m", "kg m-2 s-1"),
    ),
    "%": Quantity(
        "%",
        {
            "1": (100.0, 0.0), "kg kg-1": (100.0, 0.0), "g kg-1": (0.1, 0.0), "m3 m-3": (100.0, 0.0),
            "dg kg-1": (0.01, 0.0), "mg kg-1": (1e-4, 0.0), "mm m-1": (0.1, 0.0),
        },
        ("1", "g kg-1"),
    ),
    "g cm-3": Quantity(
        "g cm-3",
        {"kg m-3": (0.001, 0.0), "cg cm-3": (0.01, 0.0), "t m-3": (1.0, 0.0), "mg m-3": (1.0, 0.0),
         "kg dm-3": (1.0, 0.0)},
        ("kg m-3", "cg cm-3"),
    ),
    "m": Quantity(
        "m",
        {"cm": (0.01, 0.0), "dm": (0.1, 0.0), "km": (1000.0, 0.0), "ft": (FOOT, 0.0), "us-ft": (SURVEY_FOOT, 0.0)},
    ),
    "1": Quantity("1", {"%": (0.01, 0.0)}),
    "share": Quantity("1", {"%": (0.01, 0.0)}, ("%",)),
    "degree": Quantity("degree", {"rad": (180 / math.pi, 0.0)}, ("rad",)),
    "d": Quantity("d", {"h": (1 / 24, 0.0)}),
    "power": Quantity("1", {"db": _power, "linear": (1.0, 0.0), "m2 m-2": (1.0, 0.0)}, falls_in={"db": -1.0}),
}  # fmt: skip

_NAMES = {
    "degc": ("c", "celsius", "deg c", "degree c", "degrees c", "degreec", "degreesc", "degree celsius",
             "degrees celsius", "deg celsius"),
    "k": ("kelvin", "degk", "deg k", "degrees kelvin"),
    "degf": ("f", "fahrenheit", "deg f", "degrees fahrenheit"),
    "m3 m-3": ("m3m-3", "cm3 cm-3", "cm3cm-3", "m3 m-3 volumetric", "v v-1", "vwc", "l l-1", "mm mm-1"),
    "%": ("percent", "percentage", "pct", "% vol", "%vol", "vol%", "vol %", "vol.%", "vol. %", "% v v-1", "%vwc",
          "% vwc", "volumetric %", "% volume", "volume %", "percent volume", "m3 m-3 %", "cm3 100cm3"),
    "1": ("", "fraction", "share", "dimensionless", "unitless"),
    "m": ("metre", "metres", "meter", "meters"),
    "mm": ("millimetre", "millimetres", "millimeter", "millimeters", "l m-2"),
    "in": ("inch", "inches"),
    "ft": ("foot", "feet"),
    "us-ft": ("us survey foot", "us survey feet"),
    "degree": ("deg", "degrees"),
    "rad": ("radian", "radians"),
}  # fmt: skip
_SPELLINGS = {written: name for name, several in _NAMES.items() for written in several}
_TIMES = {"day": "d", "days": "d", "hr": "h", "hour": "h", "hours": "h", "sec": "s", "second": "s", "seconds": "s"}
_SIGNS = str.maketrans({"³": "3", "²": "2", "¹": "1", "⁻": "-", "°": "deg", "º": "deg", "·": " ", "_": " "})


def spelling(units: str) -> str:
    """``units`` as the tables here spell them: lower case, a blank between factors, powers as ``m-3``."""
    text = units.strip().casefold().translate(_SIGNS)
    text = re.sub(r"\*\*|\^|[()\[\]]", "", text)
    text = re.sub(r"(?<=[a-z0-9])[.*](?=[a-z])", " ", text)
    text = re.sub(r"\s+", " ", text).strip()
    if text in _SPELLINGS:
        return _SPELLINGS[text]
    above, *below = [part.strip() for part in text.split("/")]
    words = [_power_of(word, 1) for word in above.split()]
    words += [_power_of(word, -1) for part in below for word in part.split()]
    text = " ".join(words)
    return _SPELLINGS.get(text, text)


def shown(unit: str) -> str:
    """A unit as ``spelling`` gives it, as people write it."""
    return {"k": "K", "degc": "degC", "degf": "degF", "db": "dB", "mg m-3": "Mg m-3"}.get(unit, unit)


def conversion_between(quantity: Quantity, written: str, wanted: str) -> Callable[[Any], Any] | None:
    """What turns numbers (or arrays) of the unit ``written`` into such of the unit ``wanted``; None if nothing does."""
    here, there = quantity.conversion(written), quantity.conversion(wanted)
    if here is None or there is None or callable(there):
        return None
    if here == there:
        return lambda values: values
    canonical = here if callable(here) else lambda values: values * here[0] + here[1]
    return lambda values: (canonical(values) - there[1]) / there[0]


def _power_of(word: str, sign: int) -> str:
    """``m3`` below a fraction bar is ``m-3``; ``day`` is ``d``."""
    found = re.fullmatch(r"([a-z%]+)(-?\d+)?", word)
    if not found:
        return word
    unit, power = _TIMES.get(found[1], found[1]), sign * int(found[2] or 1)
    return unit if power == 1 else f"{unit}{power}"
