"""What a product's annotation says of one image: its size and timing, the orbit, the ground range polynomials, and the
geolocation points that ESA computed itself.

The processor corrects azimuth times for the way of the pulse to the ground and back at one range only. Elsewhere a
line shows what lies across the line of flight half the difference of the two-way times later (Schubert et al. 2017,
Remote Sensing 9(12)); the geolocation points of all versions of the processor follow this to 0.001 line, and tell the
range of reference.

An image is put on the ground by the polynomials from ground range to slant range: with them the geolocation points of
all versions come back exactly. Those annotated for the way back are an approximation of their inverse, good to 0.01
samples, but in IPF 2.36, where their degree is 4, only to 4. So they are not used: the inverse is fitted here.

IPF 2.36 gives state vectors from 2 s before the first line, one a second, and rounds their times to a millisecond: up
to 3.8 m along the path. The first line's time is exact, and gives them back.

Sentinel-1 Product Specification, S1-RS-MDA-52-7441. Times are seconds since the midnight (UTC) before the first line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loam.errors import RasterError
from loam.sentinel1.orbit import StateVectors
from loam.sentinel1.safe import Xml, seconds

LIGHT = 299792458.0  # m s-1
BEFORE = 2.0  # s from the first state vector of IPF 2.36 to the first line
ROUNDING = 0.51e-3  # s, of its times
INVERSE = 1e-3  # samples that the polynomials to the ground may be off
DEGREES = range(5, 17)  # of these polynomials, until one is good enough
BEYOND = 0.02  # share of the swath that they hold beyond its sides


@dataclass(frozen=True)
class GroundRange:
    """Polynomials between slant range and ground range, one a record.

    Args:
        time: azimuth time of each record, s [record].
        slant_origin: slant range at which the polynomial to the ground is developed, m [record].
        to_ground: coefficients of (slant range - slant_origin), lowest degree first [record, degree]; gives m. Fitted
            as the inverse of ``to_slant``.
        ground_origin: ground range at which the polynomial to slant range is developed, m [record].
        to_slant: coefficients of (ground range - ground_origin), lowest degree first [record, degree]; gives m.
    """

    time: np.ndarray
    slant_origin: np.ndarray
    to_ground: np.ndarray
    ground_origin: np.ndarray
    to_slant: np.ndarray


@dataclass(frozen=True)
class GeolocationPoints:
    """ESA's own solution at some 210 points: all [point]; degrees, metres, seconds."""

    line: np.ndarray
    sample: np.ndarray
    time: np.ndarray
    slant_range: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    height: np.ndarray
    incidence: np.ndarray


@dataclass(frozen=True)
class Annotation:
    """One image of a product.

    Args:
        where: the file, for messages.
        mission, mode, polarisation, data_take: as annotated (``S1B``, ``IW``, ``VV``, 235923).
        epoch: the midnight before the first line, UTC; times are seconds since.
        start, stop: time of the first and last line, s.
        lines, samples: the image's size.
        line_interval: s between lines.
        sample_spacing: m of ground range between samples.
        line_spacing: m between lines.
        slant_origin: slant range of the first sample, m.
        orbit: annotated state vectors.
        ground_range: polynomials.
        points: geolocation points.
        orbit_pass: ``ascending`` or ``descending``.
        reference_range: slant range, m, at which a line's time is the zero-Doppler time of what it shows.
    """

    where: str
    mission: str
    mode: str
    polarisation: str
    data_take: int
    epoch: np.datetime64
    start: float
    stop: float
    lines: int
    samples: int
    line_interval: float
    sample_spacing: float
    line_spacing: float
    slant_origin: float
    orbit: StateVectors
    ground_range: GroundRange
    points: GeolocationPoints
    orbit_pass: str
    reference_range: float

    def line_of(self, time: np.ndarray, slant_range: np.ndarray) -> np.ndarray:
        """Line, counted from 0 and broken, that shows what lies across the line of flight at azimuth times (s)."""
        return (time - (slant_range - self.reference_range) / LIGHT - self.start) / self.line_interval

    def time_of(self, line: np.ndarray, slant_range: np.ndarray) -> np.ndarray:
        """Zero-Doppler time, s, of what lines show at slant ranges (m)."""
        return self.start + np.asarray(line) * self.line_interval + (slant_range - self.reference_range) / LIGHT


def read_annotation(xml: Xml) -> Annotation:
    """The annotation of one image.

    Raises:
        RasterError: something that must be there is not, or the image is not in ground range.
    """
    header, image = xml.find("adsHeader"), xml.find("imageAnnotation/imageInformation")
    product = xml.find("generalAnnotation/productInformation")
    if header.text("productType") != "GRD" or product.text("projection") != "Ground Range":
        raise RasterError(
            f"is {header.text('productType')}, {product.text('projection')}",
            where=xml.where,
            expected="GRD, ground range",
        )
    first = image.time("productFirstLineUtcTime")
    epoch = first.astype("datetime64[D]").astype("datetime64[ns]")
    start, interval = float(seconds(first, epoch)), image.number("azimuthTimeInterval")
    points = _points(xml, epoch)
    return Annotation(
        where=xml.where,
        mission=header.text("missionId"),
        mode=header.text("mode"),
        polarisation=header.text("polarisation"),
        data_take=header.count("missionDataTakeId"),
        epoch=epoch,
        start=start,
        stop=float(seconds(image.time("productLastLineUtcTime"), epoch)),
        lines=image.count("numberOfLines"),
        samples=image.count("numberOfSamples"),
        line_interval=interval,
        sample_spacing=image.number("rangePixelSpacing"),
        line_spacing=image.number("azimuthPixelSpacing"),
        slant_origin=image.number("slantRangeTime") * LIGHT / 2,
        orbit=_orbit(xml, epoch, start),
        ground_range=_ground_range(xml, epoch, image.count("numberOfSamples"), image.number("rangePixelSpacing")),
        points=points,
        orbit_pass=product.text("pass").lower(),
        reference_range=float(np.median(points.slant_range - LIGHT * (points.time - start - points.line * interval))),
    )


def _orbit(xml: Xml, epoch: np.datetime64, start: float) -> StateVectors:
    vectors = list(xml.all("generalAnnotation/orbitList/orbit"))
    if len(vectors) < 4:
        raise RasterError(f"holds {len(vectors)} orbit state vectors", where=xml.where, expected="four or more")
    if any(vector.text("frame") != "Earth Fixed" for vector in vectors):
        raise RasterError("orbit state vectors in another frame", where=xml.where, expected="Earth Fixed")
    times = np.array([float(seconds(vector.time("time"), epoch)) for vector in vectors])
    if (np.diff(times) <= 0).any():
        raise RasterError("orbit state vectors are not in order of time", where=xml.where)
    return StateVectors(
        epoch,
        _unrounded(times, start),
        np.array([[vector.number(f"position/{axis}") for axis in "xyz"] for vector in vectors]),
        np.array([[vector.number(f"velocity/{axis}") for axis in "xyz"] for vector in vectors]),
        "annotated",
    )


def _unrounded(times: np.ndarray, start: float) -> np.ndarray:
    """Times of state vectors as they were before they were rounded to a millisecond, if that is how they were made."""
    gap = start - BEFORE - times[0]
    every_second = np.abs(np.diff(times) - 1.0).max() < 1e-6
    return times + gap if every_second and abs(gap) < ROUNDING else times


def _ground_range(xml: Xml, epoch: np.datetime64, samples: int, spacing: float) -> GroundRange:
    records = list(xml.all("coordinateConversion/coordinateConversionList/coordinateConversion"))
    if not records:
        raise RasterError("has no ground range polynomials", where=xml.where)
    times = np.array([float(seconds(record.time("azimuthTime"), epoch)) for record in records])
    if (np.diff(times) <= 0).any():
        raise RasterError("ground range polynomials are not in order of time", where=xml.where)
    slant_origin = np.array([record.number("sr0") for record in records])
    ground_origin = np.array([record.number("gr0") for record in records])
    to_slant = [record.array("grsrCoefficients") for record in records]
    to_ground = [
        _inverse(polynomial, ground, slant, samples, spacing, xml.where)
        for polynomial, ground, slant in zip(to_slant, ground_origin, slant_origin, strict=True)
    ]
    return GroundRange(times, slant_origin, _stacked(to_ground), ground_origin, _stacked(to_slant))


def _inverse(
    to_slant: np.ndarray, ground_origin: float, slant_origin: float, samples: int, spacing: float, where: str
) -> np.ndarray:
    """Coefficients of the polynomial that undoes ``to_slant`` over the swath."""
    width = samples * spacing
    ground = width / 2 * (1 + (1 + 2 * BEYOND) * np.cos(np.linspace(0, np.pi, 128)))
    slant = np.polynomial.polynomial.polyval(ground - ground_origin, to_slant) - slant_origin
    if (np.diff(slant) >= 0).any():  # the places run from far to near
        raise RasterError("a ground range polynomial does not increase over the swath", where=where)
    scale = np.abs(slant).max()
    for degree in DEGREES:
        fitted = np.polynomial.polynomial.polyfit(slant / scale, ground, degree)
        misfit = np.abs(np.polynomial.polynomial.polyval(slant / scale, fitted) - ground).max()
        if misfit < INVERSE * spacing:
            return fitted / scale ** np.arange(degree + 1.0)
    raise RasterError(f"a ground range polynomial cannot be undone to better than {misfit:.2g} m", where=where)


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    """Polynomials of unlike degree as one array; the coefficients that lack are 0."""
    stacked = np.zeros((len(rows), max(len(row) for row in rows)))
    for place, row in enumerate(rows):
        stacked[place, : len(row)] = row
    return stacked


def _points(xml: Xml, epoch: np.datetime64) -> GeolocationPoints:
    points = list(xml.all("geolocationGrid/geolocationGridPointList/geolocationGridPoint"))
    if not points:
        raise RasterError("has no geolocation points", where=xml.where)
    names = ("line", "pixel", "latitude", "longitude", "height", "incidenceAngle", "slantRangeTime")
    values = np.array([[point.number(name) for name in names] for point in points]).reshape(len(points), len(names)).T
    line, sample, latitude, longitude, height, incidence, delay = values
    times = np.array([float(seconds(point.time("azimuthTime"), epoch)) for point in points])
    return GeolocationPoints(line, sample, times, delay * LIGHT / 2, latitude, longitude, height, incidence)
