"""Depths as people write them, in cm below the surface: "10 cm", "0-30cm", "100 mm", "0.1 m".

A number without a unit is not guessed: 0.1 may be metres and 10 may be inches.
"""

from __future__ import annotations

import re

from loam.errors import LoamError, TableError

CENTIMETRES = {"cm": 1.0, "mm": 0.1, "m": 100.0, "in": 2.54, "inch": 2.54}
DEEPEST = 1000.0  # cm; a probe deeper than this is a unit misread
_NUMBER = r"\d+(?:[.,]\d+)?|[.,]\d+"
_UNIT = "cm|mm|m|inch|in"
_DEPTH = re.compile(
    rf"(?P<top>{_NUMBER})\s*(?P<top_unit>{_UNIT})?(?:\s*(?:-|\u2013|\u2014|_|to|\.\.)\s*(?P<bottom>{_NUMBER})\s*(?P<unit>{_UNIT})?)?",
    re.ASCII,
)
EXAMPLES = '"10 cm", "0-30 cm", "100 mm" or "0.1 m"'


def parse_depth(
    text: str, *, where: object, unit: str | None = None, error: type[LoamError] = TableError
) -> tuple[float, float]:
    """The upper and lower limit in cm of a depth below the surface; both are the same for a point sensor.

    Args:
        text: a depth or an interval, with its unit unless ``unit`` gives it.
        where: what an error names as the place.
        unit: unit of a number that has none: cm, mm, m, in.
        error: class of the error.

    Raises:
        LoamError: of class ``error``; the text is no depth, has no unit, is an interval upside down or is too deep.
    """
    match = _DEPTH.fullmatch(text.strip().lower())
    if match is None:
        raise error(f"'{_short(text)}' is not a depth", where=where, expected=f"cm below the surface, like {EXAMPLES}")
    bottom_unit = match["unit"] or (None if match["bottom"] else match["top_unit"]) or unit
    if bottom_unit is None:
        raise error(
            f"depth '{_short(text)}' has no unit", where=where, expected=EXAMPLES,
            fix="write the unit behind the number, or give the unit of the depth column",
        )  # fmt: skip
    top = _centimetres(match["top"], match["top_unit"] or bottom_unit)
    bottom = _centimetres(match["bottom"], bottom_unit) if match["bottom"] else top
    if top > bottom or (match["bottom"] and top == bottom):
        raise error(f"depth '{_short(text)}' runs upwards", where=where, expected="the upper limit first, like 0-30 cm")
    if bottom > DEEPEST:
        raise error(
            f"depth '{_short(text)}' is {bottom:g} cm", where=where, expected=f"at most {DEEPEST:g} cm",
            fix="check its unit",
        )  # fmt: skip
    return top, bottom


def _centimetres(number: str, unit: str) -> float:
    return round(float(number.replace(",", ".")) * CENTIMETRES[unit], 6)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
