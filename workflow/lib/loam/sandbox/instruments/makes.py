"""Makes of soil-moisture probes: at which depths they measure, in which unit they report, and how well.

All of them turn permittivity into moisture by the equation of Topp et al. (1980), which knows no bulk density; what
they report is therefore wrong by an amount that the relation ``bulk_density`` of ``loam.probes.sensor_calibration``
undoes. A small gain of the make's own, an offset of each sensor and noise remain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SENSOR_OFFSET = 0.008  # m3 m-3, standard deviation between sensors
SENSOR_NOISE = 0.004  # m3 m-3, from day to day
READING_NOISE = 0.0008  # m3 m-3, from reading to reading


@dataclass(frozen=True)
class Make:
    """A make of probe.

    Args:
        name: of the make, in file names.
        depths: top and bottom of each sensor, cm; both are the same where it measures at a point.
        unit: in which it reports moisture: ``%``, ``m3/m3`` or ``mm``.
        decimals: of what it reports.
        gain: by which its moisture is off after calibration.
        minutes: between readings.
        temperature: depth of its soil temperature, cm.
    """

    name: str
    depths: tuple[tuple[float, float], ...]
    unit: str
    decimals: int
    gain: float
    minutes: int
    temperature: float

    def columns(self, *, daily: bool) -> list[str]:
        """Names of the columns of moisture in its files, in the order of ``depths``."""
        kind = "avg " if daily else ""
        return [f"SM {depth_text(*depth)} {kind}({self.unit})" for depth in self.depths]

    @property
    def temperature_column(self) -> str:
        """Name of the column of soil temperature."""
        return f"Soil T {self.temperature:g}cm (C)"

    def report(self, moisture: np.ndarray, top: float, bottom: float) -> np.ndarray:
        """Moisture (m3 m-3) in the make's unit, rounded as it rounds."""
        factor = {"%": 100.0, "m3/m3": 1.0, "mm": 10.0 * (bottom - top)}[self.unit]
        return np.round(moisture * factor, self.decimals)


def depth_text(top: float, bottom: float) -> str:
    """``10cm`` or ``0-30cm``."""
    return f"{top:g}cm" if top == bottom else f"{top:g}-{bottom:g}cm"


MAKES = (
    Make("profile", ((10, 10), (20, 20), (30, 30), (40, 40), (50, 50)), "%", 2, 1.03, 30, 10),
    Make("rods", ((5, 5), (15, 15), (30, 30), (50, 50)), "m3/m3", 4, 1.0, 15, 5),
    Make("segment", ((0, 30), (30, 60)), "mm", 1, 0.97, 60, 10),
)
RAIN_COLUMN = "Rain (mm)"
TIME_COLUMN = "TIMESTAMP"
