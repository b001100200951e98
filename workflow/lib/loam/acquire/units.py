"""Units as files write them, turned into the canonical ones of the catalogue."""

from __future__ import annotations

import re

DAY = 86400.0  # s

# canonical unit -> unit as written -> (scale, offset): value = number * scale + offset
CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "mm d-1": {
        "mm d-1": (1, 0), "mm": (1, 0), "kg m-2": (1, 0), "kg m-2 d-1": (1, 0), "cm": (10, 0), "m": (1000, 0),
        "m d-1": (1000, 0), "kg m-2 s-1": (DAY, 0), "mm s-1": (DAY, 0), "m s-1": (1000 * DAY, 0), "mm h-1": (24, 0),
        "in": (25.4, 0),
    },
    "degC": {"degc": (1, 0), "k": (1, -273.15), "degf": (5 / 9, -32 * 5 / 9)},
    "m3 m-3": {"m3 m-3": (1, 0), "1": (1, 0), "%": (0.01, 0)},
    "%": {
        "%": (1, 0), "1": (100, 0), "m3 m-3": (100, 0), "kg kg-1": (100, 0), "g kg-1": (0.1, 0), "dg kg-1": (0.01, 0),
        "mg kg-1": (1e-4, 0), "mm m-1": (0.1, 0),
    },
    "g cm-3": {
        "g cm-3": (1, 0), "kg dm-3": (1, 0), "mg m-3": (1, 0), "t m-3": (1, 0), "kg m-3": (0.001, 0),
        "cg cm-3": (0.01, 0),
    },
    "m": {"m": (1, 0), "cm": (0.01, 0), "dm": (0.1, 0), "km": (1000, 0), "ft": (0.3048, 0), "us-ft": (1200 / 3937, 0)},
    "1": {"1": (1, 0), "%": (0.01, 0)},
}  # fmt: skip
_SPELLINGS = {
    **dict.fromkeys(
        ("celsius", "degree_celsius", "degrees_celsius", "deg_c", "degrees_c", "degreesc", "degreec", "c", "°c"), "degc"
    ),
    **dict.fromkeys(("kelvin", "degk", "deg_k", "degrees_kelvin"), "k"),
    **dict.fromkeys(("fahrenheit", "degrees_fahrenheit", "deg_f", "f", "°f"), "degf"),
    **dict.fromkeys(("percent", "percentage", "vol%"), "%"),
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
    **dict.fromkeys(("foot", "feet"), "ft"),
    **dict.fromkeys(("us_survey_foot", "us_survey_feet"), "us-ft"),
    **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters"), "mm"),
    **dict.fromkeys(("inch", "inches"), "in"),
    **dict.fromkeys(("", "fraction", "dimensionless", "unitless"), "1"),
}
_TIMES = {"day": "d", "days": "d", "hr": "h", "hour": "h", "hours": "h", "sec": "s", "second": "s", "seconds": "s"}


def conversion(written: str, canonical: str) -> tuple[float, float] | None:
    """Scale and offset from a unit as written (``kg m-2 s-1``, ``mm/day``, ``K``) to a canonical one, or None."""
    return CONVERSIONS[canonical].get(_normal(written))


def known(canonical: str) -> str:
    """The units that can be turned into ``canonical``, for an error."""
    return ", ".join(CONVERSIONS[canonical])


def _normal(written: str) -> str:
    """One spelling of a unit: lower case, powers as ``m-3``, no ``^``, ``**``, ``.`` between units, nor ``/``."""
    text = written.strip().lower().replace("**", "").replace("^", "").replace("³", "3").replace("²", "2")
    text = text.replace("⁻", "-").replace("·", " ")
    text = re.sub(r"(?<=[a-z0-9])[.*](?=[a-z])", " ", text)
    text = _SPELLINGS.get(text.replace(" ", "_"), text)
    above, *below = [part.strip() for part in text.split("/")]
    words = [_power(word, 1) for word in above.split()] + [_power(word, -1) for part in below for word in part.split()]
    return " ".join(words)


def _power(word: str, sign: int) -> str:
    """``m3`` below a fraction bar is ``m-3``; ``day`` is ``d``."""
    found = re.fullmatch(r"([a-z%]+)(-?\d+)?", word)
    if not found:
        return word
    unit, power = _TIMES.get(found[1], found[1]), sign * int(found[2] or 1)
    return unit if power == 1 else f"{unit}{power}"
