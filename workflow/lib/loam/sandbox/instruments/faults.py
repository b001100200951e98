"""What goes wrong with probes, planted where it can be told: outages, spikes, stuck values, drift, frost.

Each fault is written down, so that the quality control can be judged by what it finds. Faults of a sensor do not
overlap, and each has the circumstances that make it a fault rather than weather: a stuck sensor near the surface sits
through heavy rain, a drifting one has two years of record beside sensors that do not drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from loam.sandbox.instruments.makes import Make
from loam.sandbox.instruments.sites import Site

KINDS = ("gap", "spike", "stuck", "drift", "frozen")
COLUMNS = ["station", "depth_from_cm", "depth_to_cm", "fault", "first", "last", "size"]
OUTAGES, OUTAGE_DAYS = 1.5, (4, 18)  # of a logger in a year of record, and their length
SPIKES, SPIKE_SIZE = 3.0, (0.10, 0.18)  # of a sensor in the time it is read often; m3 m-3
SPIKE_MARGIN = 2  # days between spikes, and from other faults and rain: the rule looks at 12 h on either side
CALM = 0.01  # m3 m-3 by which the soil gets wetter on a calm day at most
STUCK_DAYS, STUCK_RAIN = (24, 34), 25.0  # days; mm on a day within
NEAR_SURFACE = 10.0  # cm; down to here heavy rain moves any sensor
DRIFT_A_YEAR, DRIFT_RECORD, DRIFT_FROM = (0.10, 0.14), 860, 0.35  # m3 m-3; days; share of the record before it begins
FROST_DAYS, FROST_MONTHS = (4, 8), (6, 7, 8)
FROST_DEPTH, FROST_TEMPERATURE = 20.0, (-1.8, -0.4)  # cm down to which soil freezes; degC
FROZEN_SHARE = 0.35  # of the water that a sensor still sees when the rest is ice


@dataclass(frozen=True)
class Faults:
    """Faults of one probe, by day of its record.

    Args:
        out: bool [day]; the logger wrote nothing.
        frost: bool [day]; the soil is frozen to ``FROST_DEPTH``.
        frost_temperature: of those days, degC [day].
        stuck: bool [sensor, day].
        drift: m3 m-3 added [sensor, day].
        spikes: (sensor, day, share of the day, size in m3 m-3), on days that are read often.
    """

    out: np.ndarray
    frost: np.ndarray
    frost_temperature: np.ndarray
    stuck: np.ndarray
    drift: np.ndarray
    spikes: list[tuple[int, int, float, float]]


def plant_faults(rng: np.random.Generator, site: Site, make: Make, often: np.ndarray) -> Faults:
    """Draw the faults of a probe.

    Args:
        rng: random numbers of this station.
        site: its record.
        make: its sensors.
        often: bool [day], days that are read many times; the others have one value.
    """
    days, sensors = len(site.days), len(make.depths)
    frost, temperature = _frost(rng, site)
    busy = frost.copy()
    stuck = np.zeros((sensors, days), bool)
    if (run := _stuck_run(rng, site, make, busy | often)) is not None:
        stuck[0, run] = True
        busy[max(run.start - 4, 0) : run.stop + 4] = True
    drift = np.zeros((sensors, days))
    if days >= DRIFT_RECORD and rng.random() < 0.5:
        begin = int(DRIFT_FROM * days)
        sensor = int(rng.integers(sensors))
        drift[sensor, begin:] = rng.uniform(*DRIFT_A_YEAR) * np.arange(days - begin) / 365.25
    out = _outages(rng, busy)
    return Faults(out, frost, temperature, stuck, drift, _spikes(rng, often, out | frost | _wetting(site), sensors))


def fault_rows(site: Site, make: Make, faults: Faults) -> list[dict[str, object]]:
    """The faults as rows of a table: station, depth, fault, first and last time, size (m3 m-3)."""
    rows = []

    def note(depth: tuple[float, float], fault: str, first: pd.Timestamp, last: pd.Timestamp, size: float) -> None:
        rows.append(dict(zip(COLUMNS, (site.name, *map(float, depth), fault, first, last, size), strict=True)))

    whole = (make.depths[0][0], make.depths[-1][1])
    for kind, where, depth in (("gap", faults.out, whole), ("frozen", faults.frost, (0.0, FROST_DEPTH))):
        for first, last in spans(where):
            note(depth, kind, site.days[first], site.days[last], 0.0)
    for sensor, depth in enumerate(make.depths):
        for first, last in spans(faults.stuck[sensor]):
            note(depth, "stuck", site.days[first], site.days[last], 0.0)
        for first, last in spans(faults.drift[sensor] != 0):
            note(depth, "drift", site.days[first], site.days[last], round(float(faults.drift[sensor, last]), 3))
    for sensor, day, share, size in faults.spikes:
        time = site.days[day] + pd.Timedelta(minutes=make.minutes) * int(share * 1440 / make.minutes)
        note(make.depths[sensor], "spike", time, time, round(size, 3))
    return rows


def spans(where: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    edges = np.diff(np.concatenate([[0], where.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def _frost(rng: np.random.Generator, site: Site) -> tuple[np.ndarray, np.ndarray]:
    """One cold spell in the coldest winter days of the record, where it has a winter; not in its first days."""
    frost, temperature = np.zeros(len(site.days), bool), np.full(len(site.days), np.nan)
    length = int(rng.integers(*FROST_DAYS))
    winter = np.flatnonzero(np.isin(site.days.month, FROST_MONTHS))
    winter = winter[(winter >= 10) & (winter + length + 10 < len(site.days))]
    if len(winter):
        first = int(winter[np.argmin(site.tmin[winter])])
        frost[first : first + length] = True
        temperature[frost] = rng.uniform(*FROST_TEMPERATURE, length)
    return frost, temperature


def _stuck_run(rng: np.random.Generator, site: Site, make: Make, busy: np.ndarray) -> slice | None:
    """Days about heavy rain that meet nothing else, for a sensor near the surface that is read once a day."""
    length, before = int(rng.integers(*STUCK_DAYS)), int(rng.integers(4, 9))
    if make.depths[0][1] > NEAR_SURFACE:
        return None
    for day in rng.permutation(np.flatnonzero(site.rain >= STUCK_RAIN)):
        first = int(day) - before
        if first > 4 and first + length + 4 < len(busy) and not busy[first - 4 : first + length + 4].any():
            return slice(first, first + length)
    return None


def _outages(rng: np.random.Generator, busy: np.ndarray) -> np.ndarray:
    out = np.zeros(len(busy), bool)
    for _ in range(max(1, rng.poisson(OUTAGES * len(busy) / 365.25))):
        length = int(rng.integers(*OUTAGE_DAYS))
        if len(busy) <= 3 * length:
            continue
        first = int(rng.integers(length, len(busy) - length))
        if not busy[max(first - 2, 0) : first + length + 2].any():
            out[first : first + length] = True
    return out


def _wetting(site: Site) -> np.ndarray:
    """Days on which some layer gets wetter: bool [day]."""
    rise = np.diff(site.moisture, axis=0, prepend=site.moisture[:1]).max(axis=1)
    return rise > CALM


def _spikes(
    rng: np.random.Generator, often: np.ndarray, busy: np.ndarray, sensors: int
) -> list[tuple[int, int, float, float]]:
    near = np.flatnonzero(~often | busy)
    free = np.flatnonzero(often & ~busy)
    free = free[[np.abs(near - day).min(initial=99) >= SPIKE_MARGIN for day in free]]
    spikes = []
    for sensor in range(sensors):
        wanted, taken = max(1, rng.poisson(SPIKES)), []
        for day in rng.permutation(free):
            if len(taken) == wanted:
                break
            if all(abs(day - other) > SPIKE_MARGIN for other in taken):
                taken.append(int(day))
                spikes.append((sensor, int(day), float(rng.uniform(0.2, 0.8)), float(rng.uniform(*SPIKE_SIZE))))
    return spikes
