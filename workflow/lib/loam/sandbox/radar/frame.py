"""The frame of a synthetic radar image: which lines and samples show the region, and how they lie on the ground.

As in real products (Sentinel-1 Product Specification, S1-RS-MDA-52-7441): lines are 10 m apart along the track at even
times, samples 10 m apart on the ellipsoid across it; a polynomial every second tells the slant range of a ground range
and back; a line holds, at each range, what lay across the line of flight half the pulse's travel later or earlier than
at the range of reference. The image is as large as the region asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from loam.raster.grid import crs_of, project
from loam.sandbox.radar.radar_orbit import Orbit, Pass, earth_fixed, geodetic, ground_point, utc, zero_doppler

LIGHT = 299792458.0  # m s-1
SPACING = 10.0  # m, of lines and samples
MARGIN = 40  # lines and samples around the region
DEGREE = 8  # of the polynomials between slant and ground range
NODES = 200  # slant ranges that they are fitted to
BESIDE = 1.5  # s that their records go on before and after the image
GRID_LINES, GRID_SAMPLES = 10, 21  # geolocation points
Height = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Record:
    """Polynomials between ranges at a time (s): coefficients, lowest degree first."""

    time: float
    to_ground: np.ndarray
    to_slant: np.ndarray


@dataclass(frozen=True)
class Frame:
    """An image; times are seconds since ``loam.sandbox.radar.radar_orbit.EPOCH``.

    Args:
        orbit: the satellite's.
        seen: the pass.
        start: time of the first line, s, a whole number of microseconds.
        interval: s between lines.
        lines, samples: the size.
        near: slant range of the first sample, m.
        reference: slant range at which a line's time is that of zero Doppler, m.
        records: polynomials.
    """

    orbit: Orbit
    seen: Pass
    start: float
    interval: float
    lines: int
    samples: int
    near: float
    reference: float
    records: tuple[Record, ...]

    @property
    def stop(self) -> float:
        """Time of the last line, s."""
        return self.start + (self.lines - 1) * self.interval

    def slant_range(self, time: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """Slant ranges, m [...], of samples at times (s) [...]: by the record nearest in time."""
        times = np.array([record.time for record in self.records])
        nearest = np.abs(np.asarray(time)[..., None] - times).argmin(axis=-1)
        table = np.stack([record.to_slant for record in self.records])[nearest]
        return _polynomial(table, np.asarray(sample) * SPACING)

    def places(self, line: np.ndarray, sample: np.ndarray, height: np.ndarray | float) -> tuple[np.ndarray, ...]:
        """Zero-Doppler time (s), slant range (m), Earth-fixed place (m) of image points at heights (m) [point]."""
        slant = np.full(np.shape(line), self.reference)
        for _ in range(2):
            time = self.start + line * self.interval + (slant - self.reference) / LIGHT
            slant = self.slant_range(time, sample)
        return time, slant, ground_point(self.orbit, time, slant, height)

    def incidence(self, line: float) -> np.ndarray:
        """Incidence angle on the ellipsoid, degrees, of every sample of a line."""
        node = np.linspace(0, self.samples - 1, 33)
        time, slant, place = self.places(np.full(node.shape, float(line)), node, 0.0)
        return np.interp(np.arange(self.samples), node, angle_at(self.orbit.position(time), place))

    def points(self, crs: object, height: Height) -> dict[str, np.ndarray]:
        """Geolocation points: line, sample, time, slant_range, longitude, latitude, height, incidence, elevation."""
        line, sample = (
            axis.ravel() for axis in np.meshgrid(
                np.unique(np.rint(np.linspace(0, self.lines - 1, GRID_LINES))),
                np.unique(np.rint(np.linspace(0, self.samples - 1, GRID_SAMPLES))), indexing="ij",
            )
        )  # fmt: skip
        level = np.zeros(line.shape)
        for _ in range(15):
            time, slant, place = self.places(line, sample, level)
            longitude, latitude, _ = geodetic(place)
            level = height(*project(longitude, latitude, "EPSG:4326", crs))
        satellite = self.orbit.position(time)
        time, slant, place = self.places(line, sample, level)
        longitude, latitude, _ = geodetic(place)
        return {
            "line": line, "sample": sample, "time": time, "slant_range": slant, "longitude": longitude,
            "latitude": latitude, "height": level, "incidence": angle_at(satellite, place),
            "elevation": 180.0 - angle_at(place, satellite),
        }  # fmt: skip


def angle_at(other: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Angle, degrees [...], at places between the line from the Earth's centre and that to others, both [..., 3]."""
    sight = other - place
    cosine = (sight * place).sum(-1) / np.linalg.norm(sight, axis=-1) / np.linalg.norm(place, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def frame_over(orbit: Orbit, seen: Pass, geobox: GeoBox, heights: tuple[float, float]) -> Frame:
    """The image of a pass that shows a region and a margin around.

    Args:
        orbit: the satellite's.
        seen: a pass over the region's centre.
        geobox: the region.
        heights: its lowest and highest height above the ellipsoid, m.
    """
    longitude, latitude = edge_of(geobox)
    middle = zero_doppler(orbit, earth_fixed(longitude, latitude, 0.0).mean(axis=0, keepdims=True), seen.time)
    low, high = (
        zero_doppler(orbit, earth_fixed(longitude, latitude, height), middle[0][0]) for height in sorted(heights)
    )
    time, slant = np.concatenate([low[0], high[0]]), np.concatenate([low[1], high[1]])
    reference = float(np.round(slant.mean(), -3))
    near = float(slant.min()) - MARGIN * SPACING
    interval = SPACING / _ground_speed(orbit, seen.time, float(middle[1][0]))
    at = time - (slant - reference) / LIGHT
    start = float(np.floor((at.min() - MARGIN * interval) * 1e3) / 1e3)
    lines = int(np.ceil((at.max() - start) / interval)) + MARGIN
    times = np.arange(start - BESIDE, start + lines * interval + BESIDE + 1.0, 1.0)
    far = float(slant.max()) + 3 * MARGIN * SPACING
    records = tuple(_record(orbit, float(record), near, far) for record in times)
    width = max(float(np.polynomial.polynomial.polyval(slant.max() - near, record.to_ground)) for record in records)
    samples = int(np.ceil(width / SPACING)) + MARGIN
    return Frame(orbit, seen, start, interval, lines, samples, near, reference, records)


def edge_of(geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of places along the edge of a region [place]."""
    rows, columns = geobox.shape
    share = np.linspace(0, 1, 9)
    column = np.concatenate([share, share, np.zeros(9), np.ones(9)]) * columns
    row = np.concatenate([np.zeros(9), np.ones(9), share, share]) * rows
    return project(*(geobox.transform @ (column, row)), crs_of(geobox), "EPSG:4326")


def iso(time: float) -> str:
    """A time (s), rounded to a microsecond, as ``2020-01-05T19:19:25.105465``."""
    return str((utc(time) + np.timedelta64(500, "ns")).astype("datetime64[us]"))


def _ground_speed(orbit: Orbit, time: float, slant_range: float) -> float:
    """How fast the point that is seen at a slant range moves over the ground, m s-1."""
    times = np.array([time - 0.5, time + 0.5])
    before, after = ground_point(orbit, times, np.full(2, slant_range), 0.0)
    return float(np.linalg.norm(after - before))


def _record(orbit: Orbit, time: float, near: float, far: float) -> Record:
    slant = near + (far - near) * (1 - np.cos(np.linspace(0, np.pi, NODES))) / 2
    place = ground_point(orbit, np.full(NODES, time), slant, 0.0)
    steps = np.linalg.norm(np.diff(place, axis=0), axis=-1)
    ground = np.concatenate([[0.0], np.cumsum(steps)])
    return Record(time, _fitted(slant - near, ground), _fitted(ground, slant))


def _fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    scale = x.max()
    return np.polynomial.polynomial.polyfit(x / scale, y, DEGREE) / scale ** np.arange(DEGREE + 1.0)


def _polynomial(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    value = np.zeros(np.shape(x))
    for degree in range(coefficients.shape[-1] - 1, -1, -1):
        value = value * x + coefficients[..., degree]
    return value
