"""Where the values of a file come in: converted from the units that it names, and checked that they are possible.

The units that a file names decide how its numbers are read; the numbers then have to be possible in them. Temperatures
in kelvin that are called degrees Celsius, percent called a fraction, metres called millimetres or decibels called
linear power lie outside what is possible, or, where both are possible number by number, all of a file lies below what
the quantity reaches anywhere (a clay content in percent whose largest value is 0.6 is a fraction). A code for missing
values that is possible as a number (-99 m, 999 mm of rain) stands apart from all others (``loam.codes``).
"""

from __future__ import annotations

import logging

import numpy as np

from loam.codes import Codes
from loam.errors import RasterError
from loam.units import Conversion, spelling
from loam.variables import variable_of

log = logging.getLogger("loam")


class Door:
    """Where the values of one variable of one file come in: converted to canonical units and checked.

    Args:
        variable: its canonical name; one that is not declared passes unchanged.
        units: as the file's metadata name them; None if they do not.
        where: the file.

    Raises:
        RasterError: units that are not units of the quantity.
    """

    def __init__(self, variable: str, units: str | None, where: object) -> None:
        self.variable, self.where = variable, where
        self.declared = variable_of(variable)
        self._largest, self._smallest = -np.inf, np.inf
        self._codes = Codes()
        self._named = spelling(units) if units else None
        self._conversion: Conversion = (1.0, 0.0)
        if self.declared is None:
            return
        quantity = self.declared.measured
        canonical = spelling(self.declared.units)
        if self._named is None:
            log.warning("%s: %s names no units; they are taken as %s", where, variable, self.declared.units)
        elif self._named != canonical and self._named in quantity.others:
            self._conversion = quantity.others[self._named]
            log.info("%s: %s is converted from %s to %s", where, variable, units, self.declared.units)
        elif self._named != canonical:
            raise RasterError(
                f"{variable} has units '{units}'", where=where, expected=", ".join(quantity.known),
                fix="correct the units in the file's metadata",
            )  # fmt: skip

    @property
    def units(self) -> str:
        """Units of what leaves the door."""
        return self.declared.units if self.declared else (self._named or "1")

    def pass_through(self, values: np.ndarray, when: object = None) -> np.ndarray:
        """``values`` (any shape, NaN where missing) in canonical units, float32.

        Raises:
            RasterError: a value is impossible in the units that the file names; ``when`` (a day) is named.
        """
        if self.declared is None or not values.size:
            return values.astype(np.float32)
        if np.isfinite(highest := np.fmax.reduce(values, axis=None)):
            self._largest = max(self._largest, float(highest))
            self._smallest = min(self._smallest, float(np.fmin.reduce(values, axis=None)))
        given = values
        values = self.convert(values).astype(np.float32)
        low, high = np.float32(self.declared.low), np.float32(self.declared.high)
        with np.errstate(invalid="ignore"):
            wrong = (values < low) | (values > high)
        if wrong.any():
            found = values[wrong]
            raise RasterError(
                f"{self.variable} is {found.min():g} to {found.max():g} {self.declared.units} at {found.size} places"
                + (f" on {when}" if when is not None else ""),
                where=self.where, expected=self.declared.possible,
                fix=f"its units are not '{self._named or self.declared.units}', or its missing values are not marked",
            )  # fmt: skip
        self._codes.see(given, when)
        return values

    def convert(self, values: np.ndarray) -> np.ndarray:
        """``values`` in canonical units, unchecked."""
        if callable(self._conversion):
            return self._conversion(values.astype(np.float64))
        if self._conversion != (1.0, 0.0):
            return values.astype(np.float64) * self._conversion[0] + self._conversion[1]
        return values

    def close(self, when: object = None) -> None:
        """Raise a RasterError if all values together are too small, or none small enough, for their units, or if one
        of them is a code for missing values, which stands apart from the others.
        """
        if self.declared is None or not np.isfinite(self._largest):
            return
        for code in self._codes.found():
            raise RasterError(
                f"{self.variable} is {code.value:g} at {code.count} places" + _when(code.first, when)
                + f"; the others are {self._codes.low:g} to {self._codes.high:g}", where=self.where,
                expected="missing values that are marked", fix=f"mark {code.value:g} as nodata, or correct it",
            )  # fmt: skip
        named, quantity = self._named or spelling(self.declared.units), self.declared.measured
        least = quantity.reaches_in.get(named)
        if least is None and named == spelling(self.declared.units):
            least = self.declared.reaches or None
        if least is not None and self._largest <= least:
            raise RasterError(
                f"the largest {self.variable} is {self._largest:g} {named}" + (f" ({when})" if when else ""),
                where=self.where, expected=f"more than {least:g} {named} somewhere",
                fix="the units that the file names are not those of its numbers",
            )  # fmt: skip
        most = quantity.falls_in.get(named)
        if most is not None and self._smallest > most:
            raise RasterError(
                f"the smallest {self.variable} is {self._smallest:g} {named}" + (f" ({when})" if when else ""),
                where=self.where, expected=f"{most:g} {named} or less somewhere",
                fix="the units that the file names are not those of its numbers",
            )  # fmt: skip


def _when(first: object, when: object) -> str:
    return f" ({first})" if first is not None else f" ({when})" if when else ""
