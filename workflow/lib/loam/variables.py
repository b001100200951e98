"""What the variables of canonical files are: their units, how others become these, and which values contradict them.

The units that a file names decide how its numbers are read; the numbers then have to be possible in them. Temperatures
in kelvin that are called degrees Celsius, percent called a fraction, metres called millimetres or decibels called
linear power lie outside what is possible, or, where both are possible number by number, all of a file lies below what
the quantity reaches anywhere (a clay content in percent whose largest value is 0.6 is a fraction).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from loam.errors import RasterError

log = logging.getLogger("loam")

Conversion = tuple[float, float] | Callable[[np.ndarray], np.ndarray]  # factor and offset, or a function


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
    """

    units: str
    low: float
    high: float
    others: Mapping[str, Conversion] = field(default_factory=dict)
    reaches: float | None = None
    reaches_in: Mapping[str, float] = field(default_factory=dict)
    falls_in: Mapping[str, float] = field(default_factory=dict)


def _power(decibels: np.ndarray) -> np.ndarray:
    return np.power(10.0, decibels / 10.0)


_FOOT = 0.3048
_percent = {"1": (100.0, 0.0), "fraction": (100.0, 0.0), "kg kg-1": (100.0, 0.0), "g kg-1": (0.1, 0.0)}
_temperature = Quantity(
    "degC", -90, 60, {"k": (1.0, -273.15), "degf": (5 / 9, -160 / 9)}, reaches_in={"k": 150.0}
)  # fmt: skip
_moisture = Quantity(
    "m3 m-3", 0, 1, {"%": (0.01, 0.0), "percent": (0.01, 0.0), "1": (1.0, 0.0)}, reaches_in={"%": 1.0, "percent": 1.0}
)
_power_of = Quantity(  # noise that was taken off leaves some power below 0; corners of buildings and ships are bright
    "1", -0.5, 3e4, {"db": _power, "linear": (1.0, 0.0), "m2 m-2": (1.0, 0.0)}, falls_in={"db": -1.0}
)
_angle = Quantity("degree", 0, 180, {"deg": (1.0, 0.0), "degrees": (1.0, 0.0), "rad": (180 / np.pi, 0.0),
                                    "radian": (180 / np.pi, 0.0)}, reaches=2.0)  # fmt: skip
_index = Quantity("1", -1, 1, {"%": (0.01, 0.0), "percent": (0.01, 0.0)})
_count = Quantity("1", 0, 48)
_flag = Quantity("1", 0, 1)

QUANTITIES: dict[str, Quantity] = {
    "rain": Quantity(
        "mm d-1", 0, 1900,
        {"mm": (1.0, 0.0), "mm/day": (1.0, 0.0), "mm day-1": (1.0, 0.0), "kg m-2": (1.0, 0.0), "kg m-2 d-1": (1.0, 0.0),
         "m": (1000.0, 0.0), "m d-1": (1000.0, 0.0), "m day-1": (1000.0, 0.0), "kg m-2 s-1": (86400.0, 0.0)},
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
    "clay": Quantity("%", 0, 100, _percent, reaches=1.0),
    "bulk_density": Quantity(
        "g cm-3", 0.02, 2.65,
        {"kg m-3": (0.001, 0.0), "cg cm-3": (0.01, 0.0), "t m-3": (1.0, 0.0), "mg m-3": (1.0, 0.0)},
    ),
    "porosity": Quantity("m3 m-3", 0.05, 0.95, {"1": (1.0, 0.0), "%": (0.01, 0.0), "percent": (0.01, 0.0)}),
    "elevation": Quantity(
        "m", -500, 9000, {"metre": (1.0, 0.0), "meter": (1.0, 0.0), "metres": (1.0, 0.0), "ft": (_FOOT, 0.0),
                          "foot": (_FOOT, 0.0), "feet": (_FOOT, 0.0), "us survey foot": (1200 / 3937, 0.0)},
    ),
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
    for unit, conversion in quantity.others.items():
        if not callable(conversion) and unit not in ("degf", "ft", "foot", "feet", "us survey foot"):
            factor, offset = conversion
            found.append(((quantity.low - offset) / factor, (quantity.high - offset) / factor, unit))
    widest = max(found, key=lambda item: item[1] - item[0])
    return [item for item in found if item is widest or not widest[0] <= item[0] <= item[1] <= widest[1]]


def spelling(units: str) -> str:
    """``units`` as the table spells them: lower case, ``^`` and ``**`` left out, a point or blank between factors."""
    text = units.strip().lower().replace("**", "").replace("^", "").replace("°", "deg").replace("*", " ")
    text = {"kelvin": "k", "celsius": "degc", "degrees celsius": "degc", "degree_celsius": "degc", "degreesc": "degc",
            "c": "degc", "unitless": "1", "dimensionless": "1", "m3/m3": "m3 m-3", "g/cm3": "g cm-3", "g/kg": "g kg-1",
            "kg/m3": "kg m-3", "": "1"}.get(text, text)  # fmt: skip
    return re.sub(r"\s+", " ", text)


class Door:
    """Where the values of one variable of one file come in: converted to canonical units and checked.

    Args:
        variable: its canonical name; one that is not in ``QUANTITIES`` passes unchanged.
        units: as the file's metadata name them; None if they do not.
        where: the file.

    Raises:
        RasterError: units that are not units of the quantity.
    """

    def __init__(self, variable: str, units: str | None, where: object) -> None:
        self.variable, self.where = variable, where
        self.quantity = quantity_of(variable)
        self._largest, self._smallest = -np.inf, np.inf
        self._named = spelling(units) if units else None
        self._conversion: Conversion = (1.0, 0.0)
        if self.quantity is None:
            return
        canonical = spelling(self.quantity.units)
        if self._named is None:
            log.warning("%s: %s names no units; they are taken as %s", where, variable, self.quantity.units)
        elif self._named != canonical and self._named in self.quantity.others:
            self._conversion = self.quantity.others[self._named]
            log.info("%s: %s is converted from %s to %s", where, variable, units, self.quantity.units)
        elif self._named != canonical:
            raise RasterError(
                f"{variable} has units '{units}'", where=where, expected=", ".join([canonical, *self.quantity.others]),
                fix="correct the units in the file's metadata",
            )  # fmt: skip

    @property
    def units(self) -> str:
        """Units of what leaves the door."""
        return self.quantity.units if self.quantity else (self._named or "1")

    def pass_through(self, values: np.ndarray, when: object = None) -> np.ndarray:
        """``values`` (any shape, NaN where missing) in canonical units, float32.

        Raises:
            RasterError: a value is impossible in the units that the file names; ``when`` (a day) is named.
        """
        if self.quantity is None or not values.size:
            return values.astype(np.float32)
        if np.isfinite(highest := np.fmax.reduce(values, axis=None)):
            self._largest = max(self._largest, float(highest))
            self._smallest = min(self._smallest, float(np.fmin.reduce(values, axis=None)))
        values = self.convert(values).astype(np.float32)
        low, high = np.float32(self.quantity.low), np.float32(self.quantity.high)
        with np.errstate(invalid="ignore"):
            wrong = (values < low) | (values > high)
        if wrong.any():
            found = values[wrong]
            raise RasterError(
                f"{self.variable} is {found.min():g} to {found.max():g} {self.quantity.units} at {found.size} places"
                + (f" on {when}" if when is not None else ""),
                where=self.where, expected=f"{self.quantity.low:g} to {self.quantity.high:g} {self.quantity.units}",
                fix=f"its units are not '{self._named or self.quantity.units}', or its missing values are not marked",
            )  # fmt: skip
        return values

    def convert(self, values: np.ndarray) -> np.ndarray:
        """``values`` in canonical units, unchecked."""
        if callable(self._conversion):
            return self._conversion(values.astype(np.float64))
        if self._conversion != (1.0, 0.0):
            return values.astype(np.float64) * self._conversion[0] + self._conversion[1]
        return values

    def close(self, when: object = None) -> None:
        """Raise a RasterError if all values together are too small, or none small enough, for their units."""
        if self.quantity is None or not np.isfinite(self._largest):
            return
        named = self._named or spelling(self.quantity.units)
        least = self.quantity.reaches_in.get(named)
        if least is None and named == spelling(self.quantity.units):
            least = self.quantity.reaches
        if least is not None and self._largest <= least:
            raise RasterError(
                f"the largest {self.variable} is {self._largest:g} {named}" + (f" ({when})" if when else ""),
                where=self.where, expected=f"more than {least:g} {named} somewhere",
                fix="the units that the file names are not those of its numbers",
            )  # fmt: skip
        most = self.quantity.falls_in.get(named)
        if most is not None and self._smallest > most:
            raise RasterError(
                f"the smallest {self.variable} is {self._smallest:g} {named}" + (f" ({when})" if when else ""),
                where=self.where, expected=f"{most:g} {named} or less somewhere",
                fix="the units that the file names are not those of its numbers",
            )  # fmt: skip
