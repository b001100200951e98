"""Range-Doppler geometry: from a point on the Earth to line and sample of a ground range image, and back.

The azimuth time of a point is when it lies across the line of flight (zero Doppler), found by Newton's iteration;
slant range is the distance then; ground range comes from the polynomial that is nearest in time (Small & Schubert 2008,
Guide to ASAR Geocoding, RSL-ASAR-GC-AD). Positions are Earth-fixed (WGS 84), metres; heights are above
the ellipsoid.
"""

from __future__ import annotations

import numba
import numpy as np

from loam.errors import RasterError
from loam.sentinel1.annotation import Annotation, GroundRange
from loam.sentinel1.orbit import Orbit

SEMI_MAJOR = 6378137.0  # m, WGS 84
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)
ITERATIONS = 20
TIME_TOLERANCE = 1e-9  # s; 7 micrometres along the orbit


def earth_fixed(longitude: np.ndarray, latitude: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Earth-fixed positions, m [..., 3], of longitudes, latitudes (deg) and heights above the ellipsoid (m) [...]."""
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    normal = SEMI_MAJOR / np.sqrt(1 - ECCENTRICITY2 * np.sin(latitude) ** 2)
    across = (normal + height) * np.cos(latitude)
    z = (normal * (1 - ECCENTRICITY2) + height) * np.sin(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), z], axis=-1)


def geodetic(position: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitude, latitude (deg) and height above the ellipsoid (m) of Earth-fixed positions [..., 3].

    Bowring's formula (1976, Survey Review 23), iterated twice: micrometres below a height of 10,000 km.
    """
    x, y, z = np.moveaxis(np.asarray(position, float), -1, 0)
    across = np.hypot(x, y)
    semi_minor = SEMI_MAJOR * (1 - FLATTENING)
    second = ECCENTRICITY2 / (1 - ECCENTRICITY2)
    reduced = np.arctan2(z * SEMI_MAJOR, across * semi_minor)
    for _ in range(2):
        latitude = np.arctan2(
            z + second * semi_minor * np.sin(reduced) ** 3, across - ECCENTRICITY2 * SEMI_MAJOR * np.cos(reduced) ** 3
        )
        reduced = np.arctan2((1 - FLATTENING) * np.sin(latitude), np.cos(latitude))
    normal = SEMI_MAJOR / np.sqrt(1 - ECCENTRICITY2 * np.sin(latitude) ** 2)
    height = across * np.cos(latitude) + z * np.sin(latitude) - normal * (1 - ECCENTRICITY2 * np.sin(latitude) ** 2)
    return np.degrees(np.arctan2(y, x)), np.degrees(latitude), height


def zero_doppler(orbit: Orbit, position: np.ndarray, guess: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """When each point lies across the line of flight, and how far the satellite is then.

    Args:
        orbit: of the take.
        position: Earth-fixed, m [point, 3]; NaN for a point that is not to be computed.
        guess: azimuth time to begin with, s, one for all or [point].

    Returns:
        Azimuth time, s [point], and slant range, m [point]; NaN where the iteration does not end.
    """
    position = np.ascontiguousarray(position, dtype=np.float64)
    guesses = np.broadcast_to(np.asarray(guess, dtype=np.float64), position.shape[:1])
    return _zero_doppler(
        orbit.positions, orbit.velocities, orbit.middle, orbit.scale, position, np.ascontiguousarray(guesses)
    )


@numba.njit(cache=True, nogil=True)
def at_place(coefficients, place):
    """Three polynomials [degree, 3] and their derivatives at ``place`` (Horner's scheme); for compiled loops."""
    x = y = z = dx = dy = dz = 0.0
    for degree in range(coefficients.shape[0] - 1, -1, -1):
        dx, dy, dz = dx * place + x, dy * place + y, dz * place + z
        x = x * place + coefficients[degree, 0]
        y = y * place + coefficients[degree, 1]
        z = z * place + coefficients[degree, 2]
    return x, y, z, dx, dy, dz


@numba.njit(cache=True, nogil=True)
def closest_approach(positions, velocities, middle, scale, x, y, z, time):
    """Azimuth time (s) and slant range (m) of one point, from a guess of the time; for compiled loops.

    NaN where the iteration does not end.
    """
    for _ in range(ITERATIONS):
        place = (time - middle) / scale
        px, py, pz, _, _, _ = at_place(positions, place)
        vx, vy, vz, ax, ay, az = at_place(velocities, place)
        dx, dy, dz = x - px, y - py, z - pz
        doppler = vx * dx + vy * dy + vz * dz
        slope = (ax * dx + ay * dy + az * dz) / scale - (vx * vx + vy * vy + vz * vz)
        step = doppler / slope
        time -= step
        if abs(step) < TIME_TOLERANCE:
            return time, np.sqrt(dx * dx + dy * dy + dz * dz)
    return np.nan, np.nan


@numba.njit(cache=True, nogil=True)
def _zero_doppler(positions, velocities, middle, scale, points, guess):
    time, distance = np.empty(len(points)), np.empty(len(points))
    for place in range(len(points)):
        x, y, z = points[place, 0], points[place, 1], points[place, 2]
        time[place], distance[place] = closest_approach(positions, velocities, middle, scale, x, y, z, guess[place])
    return time, distance


def nearest_record(ground_range: GroundRange, time: np.ndarray) -> np.ndarray:
    """Index of the polynomial that is nearest to azimuth times [...]; not interpolated, which would err by a pixel."""
    middles = (ground_range.time[1:] + ground_range.time[:-1]) / 2
    return np.searchsorted(middles, time)


def to_ground_range(ground_range: GroundRange, time: np.ndarray, slant_range: np.ndarray) -> np.ndarray:
    """Ground range, m from the first sample, of slant ranges (m) at azimuth times (s), each [...]."""
    record = nearest_record(ground_range, time)
    return _polynomial(ground_range.to_ground, record, slant_range - ground_range.slant_origin[record])


def to_slant_range(ground_range: GroundRange, time: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Slant range, m, of ground ranges (m from the first sample) at azimuth times (s), each [...]."""
    record = nearest_record(ground_range, time)
    return _polynomial(ground_range.to_slant, record, ground - ground_range.ground_origin[record])


def _polynomial(coefficients: np.ndarray, record: np.ndarray, place: np.ndarray) -> np.ndarray:
    value = np.zeros(np.shape(place))
    for degree in range(coefficients.shape[1] - 1, -1, -1):
        value = value * place + coefficients[record, degree]
    return value


def image_position(
    annotation: Annotation, orbit: Orbit, position: np.ndarray, guess: np.ndarray | float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where Earth-fixed points [point, 3] are in the image.

    Returns:
        Line and sample (counted from 0 at the centre of the first, broken), azimuth time (s) and slant range (m),
        each [point].
    """
    middle = (annotation.start + annotation.stop) / 2
    time, slant_range = zero_doppler(orbit, position, middle if guess is None else guess)
    sample = to_ground_range(annotation.ground_range, time, slant_range) / annotation.sample_spacing
    return annotation.line_of(time, slant_range), sample, time, slant_range


def incidence_angle(orbit: Orbit, position: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Angle between line of sight and ellipsoid's normal at points [point, 3] seen at times [point], degrees.

    Annotations give the angle to the line from the Earth's centre instead, some 0.03 deg less.
    """
    longitude, latitude, _ = geodetic(position)
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    up = np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )
    sight = orbit.position(time) - position
    cosine = (sight * up).sum(-1) / np.linalg.norm(sight, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def ground_point(
    annotation: Annotation, orbit: Orbit, line: np.ndarray, sample: np.ndarray, height: np.ndarray | float
) -> np.ndarray:
    """The Earth-fixed point, m [point, 3], at a height above the ellipsoid that stands at a line and sample.

    The point lies across the line of flight, at the sample's slant range, to the right of the satellite (Sentinel-1
    looks right), on the ellipsoid raised by ``height``; found by Newton's iteration in the plane across the line of
    flight.

    Raises:
        RasterError: no such point, as for a height above the satellite.
    """
    line, sample, height = np.broadcast_arrays(*(np.asarray(value, float) for value in (line, sample, height)))
    slant = np.full(line.shape, annotation.reference_range)
    for _ in range(2):  # the polynomial hangs on the time, the time by microseconds on the range
        time = annotation.time_of(line, slant)
        slant = to_slant_range(annotation.ground_range, time, sample * annotation.sample_spacing)
    place, velocity = orbit.position(time), orbit.velocity(time)
    along = velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)
    down = -place / np.linalg.norm(place, axis=-1, keepdims=True)
    down -= (down * along).sum(-1, keepdims=True) * along
    down /= np.linalg.norm(down, axis=-1, keepdims=True)
    right = np.cross(down, along)
    look = np.full(line.shape, np.radians(35.0))
    for _ in range(ITERATIONS):
        sight = np.cos(look)[..., None] * down + np.sin(look)[..., None] * right
        point = place + slant[..., None] * sight
        longitude, latitude, reached = geodetic(point)
        longitude, latitude = np.radians(longitude), np.radians(latitude)
        up = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
        )
        turned = slant[..., None] * (np.cos(look)[..., None] * right - np.sin(look)[..., None] * down)
        step = (reached - height) / (turned * up).sum(-1)
        look -= step
        if np.all(np.abs(step) * slant < 1e-6):
            break
    else:
        raise RasterError(
            "no ground point at a line and sample", where=annotation.where, expected="heights near the ground"
        )
    return point
