"""Units of readings as providers write them, brought to one: m3 m-3, degC, mm.

What a unit says and what the numbers say can contradict each other; a column in percent that is called a share would
pass every later step as nonsense, so this is refused here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loam.errors import TableError
from loam.probes.formats import MEASURED
from loam.units import spelling
from loam.variables import variables

CANONICAL = {name: variables()[name].units for name in MEASURED}
WATER_DEPTH = "mm"  # of water in the sensor's interval
GRAVIMETRIC = "g g-1"  # g of water in g of dry soil; needs the bulk density
RAW = "raw"  # an FDR probe's count or scaled frequency; needs a calibration

COUNTS = ("raw", "count", "counts", "raw count", "raw counts")
LATER = {
    **dict.fromkeys(("mm", "mm water", "mm of water"), WATER_DEPTH),
    **dict.fromkeys(("g g-1", "kg kg-1", "gravimetric"), GRAVIMETRIC),
    **dict.fromkeys(COUNTS, RAW),
    **dict.fromkeys(("sf", "su", "scaled frequency", "scaled unit", "scaled units"), RAW),
}


def canonical_unit(variable: str, unit: str) -> tuple[str, float, float]:
    """The canonical unit that ``unit`` becomes, with factor and offset: value * factor + offset.

    A soil moisture that no factor can convert (mm, g g-1, raw) keeps its own unit: ``WATER_DEPTH``, ``GRAVIMETRIC`` or
    ``RAW``, with factor 1. Spelling is free: ``m³/m³``, ``m^3 m^-3`` and ``M3 M-3`` are one.

    Raises:
        TableError: the unit is not known for this variable.
    """
    if found := variables()[variable].measured.conversion(unit):
        return CANONICAL[variable], *found
    if variable == "soil_moisture" and spelling(unit) in LATER:
        return LATER[spelling(unit)], 1, 0
    raise TableError(
        f"unit '{unit}' of {variable} is not known", expected=_examples(variable), fix="write one of these in its place"
    )


def is_counts(unit: str) -> bool:
    """Whether the unit is a capacitance probe's raw counts."""
    return spelling(unit) in COUNTS


def to_canonical(readings: pd.DataFrame, *, where: object = None) -> pd.DataFrame:
    """Readings with values in m3 m-3, degC and mm; flags, depths and times as they were.

    Millimetres of water in a sensor's interval are divided by its thickness. Gravimetric moisture and raw counts stay
    what they are (unit ``g g-1`` or ``raw``), for the calibration.

    Args:
        readings: schema READINGS; the whole record of a station, so that its units can be judged by it.
        where: file or folder, for errors.

    Raises:
        TableError: an unknown unit, mm of a point sensor, or numbers that contradict their unit.
    """
    value, unit = readings["value"].to_numpy(float, copy=True), readings["unit"].astype(object).to_numpy(copy=True)
    for (variable, name), rows in readings.groupby(["variable", "unit"], observed=True).indices.items():
        try:
            canonical, factor, offset = canonical_unit(str(variable), str(name))
        except TableError as error:
            station = readings["station"].iloc[rows[0]]
            raise TableError(
                error.what, where=f"{where}, station '{station}'", expected=_examples(str(variable)), fix="correct it"
            ) from None
        if variable == "soil_moisture":
            if canonical == CANONICAL[variable]:
                _check_numbers(readings.iloc[rows], percent=factor != 1, where=where)
            elif canonical == WATER_DEPTH:
                factor, canonical = 1 / _thickness_mm(readings.iloc[rows], where), CANONICAL[variable]
        value[rows] = value[rows] * factor + offset
        unit[rows] = canonical
    return readings.assign(value=value, unit=pd.Categorical(unit))


def _examples(variable: str) -> str:
    return {"soil_moisture": "m3 m-3, %, mm, g g-1 or raw", "precipitation": "mm, cm, m or inch"}.get(
        variable, "degC, K or degF"
    )


def _check_numbers(readings: pd.DataFrame, *, percent: bool, where: object) -> None:
    for sensor, values in readings.groupby("sensor", observed=True)["value"]:
        values = values.dropna()
        plausible = values[(values >= 0) & (values <= 100)]
        if plausible.empty:
            continue
        place = f"{where}, station '{readings['station'].iloc[0]}', sensor '{sensor}'"
        middle, highest = float(plausible.median()), float(plausible.max())
        if not percent and middle > 1:
            raise TableError(
                f"half of the values are above {middle:g} and called {readings['unit'].iloc[0]}", where=place,
                expected="a share of 1", fix="the unit looks like percent (%)",
            )  # fmt: skip
        if percent and highest < 1 and middle >= 0.02:
            raise TableError(
                f"no value is above {highest:g} and the unit is {readings['unit'].iloc[0]}", where=place,
                expected="percent of volume", fix="the unit looks like a share (m3 m-3)",
            )  # fmt: skip


def _thickness_mm(readings: pd.DataFrame, where: object) -> np.ndarray:
    thickness = 10 * (readings["depth_to_cm"] - readings["depth_from_cm"]).to_numpy(float)
    if (thickness <= 0).any():
        row = readings.iloc[int(np.flatnonzero(thickness <= 0)[0])]
        raise TableError(
            f"mm of water at {row['depth_from_cm']:g} cm, a point", where=f"{where}, station '{row['station']}'",
            expected="an interval (from, to) for a depth of water", fix="give the interval that the probe measures",
        )  # fmt: skip
    return thickness
