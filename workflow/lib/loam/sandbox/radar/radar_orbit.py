"""The synthetic Sentinel-1's path: a circular, sun-synchronous orbit of 12 days, and when it sees a place.

In the Earth-fixed frame such an orbit is a closed formula: the plane turns once a solar day, so that the ascending node
passes a longitude at the same local time every day, and 175 revolutions take 12 days exactly. What is free is where on
its path the satellite is; it is chosen so that a place is seen at a wanted angle on a wanted day, and all other passes
follow. Zero Doppler: the satellite sees a place when it lies across the line of flight (Earth-fixed velocity).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
from scipy.optimize import brentq, fsolve

from loam.acquire.scenes.satellites import REVOLUTIONS, relative_orbit
from loam.errors import ConfigError
from loam.sandbox.world_settings import INCIDENCE

EPOCH = np.datetime64("2014-04-03T00:00:00", "ns")  # orbit numbers count from 1 here
CYCLE_DAYS = 12
DAY = 86400.0  # s
PERIOD = CYCLE_DAYS * DAY / REVOLUTIONS  # s, from node to node
MISSION = "S1A"
RADIUS = 7_071_000.0  # m
INCLINATION = np.radians(98.18)
NODE_HOUR = 18.0  # local time at the ascending node
FARTHEST = 1_300_000.0  # m of slant range that are looked at
STEP = 30.0  # s between places where a pass is looked for
DIRECTIONS = ("ascending", "descending")


@dataclass(frozen=True)
class Orbit:
    """The orbit; times are seconds since ``EPOCH``.

    Args:
        phase: revolutions since the ascending node at the epoch, 0 to 1.
    """

    phase: float

    def position(self, time: np.ndarray) -> np.ndarray:
        """Earth-fixed position, m [..., 3], at times [...]."""
        return _state(time, self.phase)[0]

    def velocity(self, time: np.ndarray) -> np.ndarray:
        """Earth-fixed velocity, m s-1 [..., 3], at times [...]."""
        return _state(time, self.phase)[1]

    def revolutions(self, time: float) -> float:
        """Revolutions since the ascending node before the epoch."""
        return time / PERIOD + self.phase

    def node_time(self, time: float) -> float:
        """When the satellite was last at its ascending node, s."""
        return (np.floor(self.revolutions(time)) - self.phase) * PERIOD

    def number(self, time: float) -> int:
        """Number of the orbit, counted from the epoch.

        Raises:
            ConfigError: a time before the epoch.
        """
        if time < 0:
            raise ConfigError("no Sentinel-1 flew", where=f"{utc(time)}", expected=f"a day after {str(EPOCH)[:10]}")
        return int(np.floor(self.revolutions(time))) + 1

    def relative(self, time: float) -> int:
        """Relative orbit, 1 to 175."""
        return relative_orbit(MISSION, self.number(time))


@dataclass(frozen=True)
class Pass:
    """One sight of a place: zero-Doppler time (s since ``EPOCH``), slant range (m), incidence angle (degrees)."""

    time: float
    slant_range: float
    incidence: float
    direction: str


def utc(time: float | np.ndarray) -> np.ndarray:
    """Times, s since ``EPOCH``, as datetime64[ns]."""
    whole = np.floor(time)
    return EPOCH + whole.astype("timedelta64[s]") + np.rint((time - whole) * 1e9).astype("timedelta64[ns]")


def since_epoch(day: np.datetime64 | str) -> float:
    """A time as seconds since ``EPOCH``."""
    return float((np.datetime64(day, "ns") - EPOCH) / np.timedelta64(1, "s"))


def earth_fixed(longitude: np.ndarray, latitude: np.ndarray, height: np.ndarray | float) -> np.ndarray:
    """Earth-fixed positions (WGS 84), m [..., 3], of degrees and heights above the ellipsoid (m) [...]."""
    longitude, latitude, height = np.broadcast_arrays(longitude, latitude, height)
    transformer = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(transformer.transform(longitude, latitude, height), axis=-1)


def geodetic(position: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitude, latitude (degrees) and height above the ellipsoid (m) of Earth-fixed positions [..., 3]."""
    transformer = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
    return transformer.transform(*np.moveaxis(np.asarray(position, float), -1, 0))


def upward(position: np.ndarray) -> np.ndarray:
    """Unit normals of the ellipsoid, [..., 3], at Earth-fixed positions [..., 3]."""
    longitude, latitude, _ = geodetic(position)
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    across = np.cos(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=-1)


def orbit_over(longitude: float, latitude: float, day: str, *, incidence: float, direction: str) -> Orbit:
    """The orbit that sees a place on a day, to its right, at an incidence angle (degrees).

    Args:
        longitude, latitude: of the place, degrees.
        day: UTC, YYYY-MM-DD.
        incidence: degrees.
        direction: ``ascending`` or ``descending``.

    Raises:
        ConfigError: no such orbit; places near the poles, angles far outside 20 to 50 degrees.
    """
    place = earth_fixed(longitude, latitude, 0.0)
    normal = upward(place)
    climbing = 1.0 if direction == "ascending" else -1.0
    sine = np.sin(np.radians(latitude)) / np.sin(INCLINATION)
    if abs(sine) < 0.995:
        argument = np.arcsin(sine) if climbing > 0 else np.pi - np.arcsin(sine)
        east = np.degrees(np.arctan2(np.cos(INCLINATION) * np.sin(argument), np.cos(argument)))
        aside = climbing * 5.0 / np.cos(np.radians(latitude))  # degrees; the satellite is to the west when it climbs
        node = longitude - aside - east
        guess = (((NODE_HOUR - node / 15.0) % 24.0) / 24.0, argument)

        def misfit(unknown: np.ndarray) -> tuple[float, float]:
            satellite, velocity = _at(unknown[0] * DAY, unknown[1])
            sight = satellite - place
            cosine = sight @ normal / np.linalg.norm(sight)
            return sight @ velocity / 1e9, cosine - np.cos(np.radians(incidence))

        found, _, status, _ = fsolve(misfit, guess, full_output=True, xtol=1e-12)
        time = since_epoch(day) + (found[0] % 1.0) * DAY
        if status == 1:
            orbit = Orbit(float((found[1] / (2 * np.pi) - time / PERIOD) % 1.0))
            if any(abs(each.time - time) < 1.0 for each in passes_over(orbit, longitude, latitude, day, day)):
                return orbit
    raise ConfigError(
        f"no {direction} pass sees {longitude:.2f} E {latitude:.2f} N at {incidence:g} degrees",
        where="config key 'sandbox.scenes.sentinel1'",
        expected="latitudes within 80 degrees, an angle of 30 to 45 degrees",
    )  # fmt: skip


def passes_over(
    orbit: Orbit, longitude: float, latitude: float, first: str, last: str, *,
    incidence: tuple[float, float] = INCIDENCE,
) -> list[Pass]:  # fmt: skip
    """When a satellite that looks to its right sees a place, from day ``first`` to ``last`` (UTC), in order of time.

    Args:
        orbit: the orbit.
        longitude, latitude: of the place, degrees.
        first, last: days, YYYY-MM-DD, both included.
        incidence: lowest and highest angle, degrees.
    """
    place = earth_fixed(longitude, latitude, 0.0)
    normal = upward(place)
    begin, end = since_epoch(first), since_epoch(last) + DAY
    time = np.arange(begin - STEP, min(end, begin + CYCLE_DAYS * DAY) + STEP, STEP)
    doppler = _ahead(orbit, time, place)
    near = np.linalg.norm(orbit.position(time) - place, axis=-1) < FARTHEST
    crossing = np.flatnonzero((doppler[:-1] > 0) & (doppler[1:] <= 0) & (near[:-1] | near[1:]))
    found = []
    for before in crossing:
        once = brentq(lambda at: float(_ahead(orbit, at, place)), time[before], time[before + 1], xtol=1e-9)
        satellite, velocity = orbit.position(once), orbit.velocity(once)
        sight = satellite - place
        slant = float(np.linalg.norm(sight))
        angle = float(np.degrees(np.arccos(sight @ normal / slant)))
        right = np.cross(velocity, satellite)
        if sight @ right < 0 and incidence[0] <= angle <= incidence[1]:
            direction = DIRECTIONS[0] if velocity[2] > 0 else DIRECTIONS[1]
            repeats = np.arange(0, int((end - once) // (CYCLE_DAYS * DAY)) + 1)
            found += [Pass(once + count * CYCLE_DAYS * DAY, slant, angle, direction) for count in repeats]
    return sorted((each for each in found if begin <= each.time < end), key=lambda each: each.time)


def zero_doppler(orbit: Orbit, place: np.ndarray, guess: float) -> tuple[np.ndarray, np.ndarray]:
    """Zero-Doppler time (s) and slant range (m) of Earth-fixed places [point, 3] near a time: [point] each."""
    time = np.full(len(place), float(guess))
    for _ in range(20):
        step = _ahead(orbit, time, place) / (_ahead(orbit, time - 0.5, place) - _ahead(orbit, time + 0.5, place))
        time = time + step
        if np.abs(step).max() < 1e-7:
            break
    return time, np.linalg.norm(orbit.position(time) - place, axis=-1)


def ground_point(orbit: Orbit, time: np.ndarray, slant_range: np.ndarray, height: np.ndarray | float) -> np.ndarray:
    """The Earth-fixed place, m [point, 3], to the right of the satellite at zero-Doppler times and slant ranges.

    Args:
        orbit: the orbit.
        time: s [point].
        slant_range: m [point].
        height: above the ellipsoid, m [point].
    """
    satellite, velocity = orbit.position(time), orbit.velocity(time)
    along = velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)
    down = -satellite + (satellite * along).sum(-1, keepdims=True) * along
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    right = np.cross(down, along)
    look = np.full(np.shape(slant_range), np.radians(33.0))
    for _ in range(30):
        towards = np.cos(look)[..., None] * down + np.sin(look)[..., None] * right
        place = satellite + slant_range[..., None] * towards
        turned = np.cos(look)[..., None] * right - np.sin(look)[..., None] * down
        rise = slant_range * (turned * upward(place)).sum(-1)
        step = (geodetic(place)[2] - height) / rise
        look = look - step
        if np.abs(step * slant_range).max() < 1e-5:
            break
    return place


def _ahead(orbit: Orbit, time: np.ndarray | float, place: np.ndarray) -> np.ndarray:
    """How far a place lies ahead along the line of flight, times the speed, m2 s-1."""
    satellite, velocity = _state(time, orbit.phase)
    return ((place - satellite) * velocity).sum(-1)


def _state(time: np.ndarray, phase: float) -> tuple[np.ndarray, np.ndarray]:
    time = np.asarray(time, float)
    return _at(time, 2 * np.pi * (time / PERIOD + phase))


def _at(time: np.ndarray | float, argument: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity at a time since a midnight (UTC), for an angle from the ascending node (radians)."""
    node = np.radians(15.0 * NODE_HOUR) - 2 * np.pi / DAY * np.asarray(time, float)
    turn, run = -2 * np.pi / DAY, 2 * np.pi / PERIOD
    x, y = np.cos(argument), np.sin(argument) * np.cos(INCLINATION)
    z = np.sin(argument) * np.sin(INCLINATION)
    dx, dy = -np.sin(argument) * run, np.cos(argument) * np.cos(INCLINATION) * run
    dz = np.cos(argument) * np.sin(INCLINATION) * run
    cosine, sine = np.cos(node), np.sin(node)
    place = np.stack([cosine * x - sine * y, sine * x + cosine * y, z + 0 * node], axis=-1)
    flow = np.stack(
        [cosine * dx - sine * dy - turn * place[..., 1], sine * dx + cosine * dy + turn * place[..., 0], dz + 0 * node],
        axis=-1,
    )
    return RADIUS * place, RADIUS * flow
