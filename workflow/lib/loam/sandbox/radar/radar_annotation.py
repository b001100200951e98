"""The XML files of a synthetic Sentinel-1 product: annotation, calibration and noise of an IW GRDH take.

Layout and what each element means are the product specification's (S1-RS-MDA-52-7441, IPF 3.71); every value follows
from the synthetic orbit and the region. Elements that tell of the instrument's health and of the processor's own
workings, which nobody who reads backscatter reads, are left out. Calibration is as in real products: a constant for
beta0, by the incidence angle from it for sigma0 and gamma0. Noise is in the form of IPF 2.90 on: vectors in range, high
at the sides of the three sub-swaths, times blocks in azimuth, one a sub-swath, that rise and fall with the bursts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from loam.sandbox.radar.frame import LIGHT, SPACING, Frame, iso
from loam.sandbox.radar.radar_orbit import MISSION

POLARISATIONS = ("vv", "vh")
BETA = 474.0  # A of beta0
NODE_SAMPLES, NODE_LINES = 40, 667  # between nodes of the calibration and noise vectors
SUBSWATHS = {"IW1": (29.0, 36.6), "IW2": (36.6, 41.8), "IW3": (41.8, 47.0)}  # degrees of incidence
LEAST_NOISE = {"vv": -28.0, "vh": -28.5}  # dB of sigma0, amid a sub-swath
NOISE_RISE, BURST, SCALLOPING = 5.0, 2.76, 0.12  # dB towards a sub-swath's sides; s; share
VECTOR_STEP, VECTORS_BESIDE = 10.0, 70.0  # s
DIRECTION = {"ascending": "Ascending", "descending": "Descending"}


@dataclass(frozen=True)
class Name:
    """What a product is called, and its numbers."""

    product: str
    orbit: int
    relative_orbit: int
    data_take: int

    def file(self, polarisation: str) -> str:
        """Name of a polarisation's files, without ending."""
        start, stop = self.product.split("_")[4:6]
        image = POLARISATIONS.index(polarisation) + 1
        return (
            f"{MISSION}-iw-grd-{polarisation}-{start}-{stop}-{self.orbit:06d}-{self.data_take:06x}-{image:03d}".lower()
        )


def annotation_xml(
    frame: Frame, name: Name, polarisation: str, points: Mapping[str, np.ndarray]
) -> ElementTree.Element:
    """Size, timing, orbit and geometry of one image; ``points`` are ``Frame.points``."""
    root = _document("product", frame, name, polarisation)
    product = _under(root, "generalAnnotation")
    _texts(product, "productInformation", {
        "pass": DIRECTION[frame.seen.direction], "timelinessCategory": "NRT-3h",
        "platformHeading": _number(_heading(frame, points)), "projection": "Ground Range",
        "rangeSamplingRate": _number(6.434523812571428e07), "radarFrequency": _number(5.405000454334350e09),
        "azimuthSteeringRate": _number(1.590368784),
    })  # fmt: skip
    first = np.floor((frame.start - VECTORS_BESIDE) / VECTOR_STEP) * VECTOR_STEP
    times = np.arange(first, frame.stop + VECTORS_BESIDE + VECTOR_STEP, VECTOR_STEP)
    vectors = _list(product, "orbitList", len(times))
    for time in times:
        vector = _texts(vectors, "orbit", {"time": iso(time), "frame": "Earth Fixed"})
        for kind, values in (("position", frame.orbit.position(time)), ("velocity", frame.orbit.velocity(time))):
            _texts(vector, kind, {axis: _number(value) for axis, value in zip("xyz", values, strict=True)})
    terrain = _list(product, "terrainHeightList", 1)
    _texts(terrain, "terrainHeight", {"azimuthTime": iso(frame.start), "value": _number(points["height"].mean())})
    image = _under(root, "imageAnnotation")
    _texts(image, "imageInformation", {
        "productFirstLineUtcTime": iso(frame.start), "productLastLineUtcTime": iso(frame.stop),
        "ascendingNodeTime": iso(frame.orbit.node_time(frame.seen.time)), "anchorTime": iso(frame.start),
        "productComposition": "Individual", "sliceNumber": "0",
        "slantRangeTime": _number(2 * frame.near / LIGHT), "pixelValue": "Detected",
        "outputPixels": "16 bit Unsigned Integer", "rangePixelSpacing": _number(SPACING),
        "azimuthPixelSpacing": _number(SPACING), "azimuthTimeInterval": _number(frame.interval),
        "azimuthFrequency": _number(1 / frame.interval), "numberOfSamples": str(frame.samples),
        "numberOfLines": str(frame.lines), "zeroDopMinusAcqTime": _number(0.0),
        "incidenceAngleMidSwath": _number(np.median(points["incidence"])),
    })  # fmt: skip
    _texts(image, "processingInformation", {
        "antennaElevationPatternApplied": "true", "rangeSpreadingLossCompensationApplied": "true",
        "srgrConversionApplied": "true", "detectionPerformed": "true", "thermalNoiseCorrectionPerformed": "false",
        "referenceRange": _number(800000.0), "ellipsoidName": "WGS84", "ellipsoidSemiMajorAxis": _number(6378137.0),
        "ellipsoidSemiMinorAxis": _number(6356752.314245), "bistaticDelayCorrectionApplied": "true",
        "orbitSource": "Synthetic",
    })  # fmt: skip
    grid = _list(_under(root, "geolocationGrid"), "geolocationGridPointList", len(points["line"]))
    for place in range(len(points["line"])):
        at = {key: values[place] for key, values in points.items()}
        _texts(grid, "geolocationGridPoint", {
            "azimuthTime": iso(at["time"]), "slantRangeTime": _number(2 * at["slant_range"] / LIGHT),
            "line": str(int(at["line"])), "pixel": str(int(at["sample"])), "latitude": _number(at["latitude"]),
            "longitude": _number(at["longitude"]), "height": _number(at["height"]),
            "incidenceAngle": _number(at["incidence"]), "elevationAngle": _number(at["elevation"]),
        })  # fmt: skip
    records = _list(_under(root, "coordinateConversion"), "coordinateConversionList", len(frame.records))
    for record in frame.records:
        conversion = _texts(records, "coordinateConversion", {
            "azimuthTime": iso(record.time), "slantRangeTime": _number(2 * frame.near / LIGHT),
            "sr0": _number(frame.near),
        })  # fmt: skip
        _array(conversion, "srgrCoefficients", record.to_ground, "{:.15e}")
        _texts(conversion, "gr0", {}).text = _number(0.0)
        _array(conversion, "grsrCoefficients", record.to_slant, "{:.15e}")
    return root


def calibration_xml(frame: Frame, name: Name, polarisation: str, angle: np.ndarray) -> ElementTree.Element:
    """Calibration vectors of one image; ``angle`` is the incidence angle of each sample, degrees."""
    root = _document("calibration", frame, name, polarisation)
    _texts(root, "calibrationInformation", {"absoluteCalibrationConstant": _number(1.0)})
    lines, pixels = _nodes(frame)
    vectors = _list(root, "calibrationVectorList", len(lines))
    tilt = np.radians(angle[pixels])
    for line in lines:
        vector = _vector(vectors, "calibrationVector", frame, line, pixels)
        _array(vector, "sigmaNought", BETA / np.sqrt(np.sin(tilt)), "{:.6e}")
        _array(vector, "betaNought", np.full(len(pixels), BETA), "{:.6e}")
        _array(vector, "gamma", BETA / np.sqrt(np.tan(tilt)), "{:.6e}")
        _array(vector, "dn", np.full(len(pixels), BETA), "{:.6e}")
    return root


def noise_xml(frame: Frame, name: Name, polarisation: str, angle: np.ndarray) -> ElementTree.Element:
    """Noise of one image; ``angle`` is the incidence angle of each sample, degrees."""
    root = _document("noise", frame, name, polarisation)
    lines, pixels = _nodes(frame)
    vectors = _list(root, "noiseRangeVectorList", len(lines))
    noise, blocks = _range_noise(polarisation, angle)
    for line in lines:
        vector = _vector(vectors, "noiseRangeVector", frame, line, pixels)
        _array(vector, "noiseRangeLut", noise[pixels], "{:.6e}")
    along = _list(root, "noiseAzimuthVectorList", len(blocks))
    nodes = _azimuth_nodes(frame)
    for place, (swath, first, last) in enumerate(blocks):
        block = _texts(along, "noiseAzimuthVector", {
            "swath": swath, "firstAzimuthLine": "0", "firstRangeSample": str(first),
            "lastAzimuthLine": str(frame.lines - 1), "lastRangeSample": str(last),
        })  # fmt: skip
        _array(block, "line", nodes, "{:d}")
        _array(block, "noiseAzimuthLut", _azimuth_noise(frame, place, nodes), "{:.6e}")
    return root


def sigma0_scale(frame: Frame, angle: np.ndarray) -> np.ndarray:
    """A of sigma0 of every sample, as the calibration vectors have it between their nodes."""
    _, pixels = _nodes(frame)
    return np.interp(np.arange(frame.samples), pixels, BETA / np.sqrt(np.sin(np.radians(angle[pixels]))))


def noise_power(frame: Frame, polarisation: str, angle: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The noise in DN^2, [line, sample], of lines, as the noise vectors have it between their nodes."""
    _, pixels = _nodes(frame)
    noise, blocks = _range_noise(polarisation, angle)
    across = np.interp(np.arange(frame.samples), pixels, noise[pixels])
    nodes = _azimuth_nodes(frame)
    power = np.empty((len(lines), frame.samples))
    for place, (_, first, last) in enumerate(blocks):
        along = np.interp(lines, nodes, _azimuth_noise(frame, place, nodes))
        power[:, first : last + 1] = along[:, None] * across[first : last + 1]
    return power


def _range_noise(polarisation: str, angle: np.ndarray) -> tuple[np.ndarray, list[tuple[str, int, int]]]:
    """Noise in DN^2 of every sample, and the sub-swaths with their first and last sample."""
    level = np.full(len(angle), LEAST_NOISE[polarisation])
    sides = np.searchsorted(angle, [SUBSWATHS["IW2"][0], SUBSWATHS["IW3"][0]])
    blocks = []
    for swath, inside in zip(SUBSWATHS, np.split(np.arange(len(angle)), sides), strict=True):
        if len(inside):
            low, high = SUBSWATHS[swath]
            from_middle = (angle[inside] - (low + high) / 2) / (high - low) * 2
            level[inside] += NOISE_RISE * np.minimum(from_middle**2, 1.5)
            blocks.append((swath, int(inside[0]), int(inside[-1])))
    return 10 ** (level / 10) * BETA**2 / np.sin(np.radians(angle)), blocks


def _azimuth_nodes(frame: Frame) -> np.ndarray:
    return np.unique(np.append(np.arange(0, frame.lines, 10), frame.lines - 1))


def _azimuth_noise(frame: Frame, place: int, lines: np.ndarray) -> np.ndarray:
    """The factor along azimuth of a sub-swath, which falls and rises with each burst."""
    turn = (lines * frame.interval / BURST + place / 3) % 1.0
    return 1 + SCALLOPING * (2 * turn - 1) ** 2


def _nodes(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Lines, on beyond the last one as in real products, and samples of the vectors' nodes."""
    lines = np.arange(0, frame.lines + NODE_LINES, NODE_LINES)
    return lines, np.unique(np.append(np.arange(0, frame.samples, NODE_SAMPLES), frame.samples - 1))


def _heading(frame: Frame, points: Mapping[str, np.ndarray]) -> float:
    """Way of flight, degrees from north, from how lines run over the ground."""
    first, last = (points["sample"] == 0).nonzero()[0][[0, -1]]
    east = (points["longitude"][last] - points["longitude"][first]) * np.cos(np.radians(points["latitude"][first]))
    return float(np.degrees(np.arctan2(east, points["latitude"][last] - points["latitude"][first])))


def _document(tag: str, frame: Frame, name: Name, polarisation: str) -> ElementTree.Element:
    root = ElementTree.Element(tag)
    _texts(root, "adsHeader", {
        "missionId": MISSION, "productType": "GRD", "polarisation": polarisation.upper(), "mode": "IW", "swath": "IW",
        "startTime": iso(frame.start), "stopTime": iso(frame.stop), "absoluteOrbitNumber": str(name.orbit),
        "missionDataTakeId": str(name.data_take), "imageNumber": f"{POLARISATIONS.index(polarisation) + 1:03d}",
    })  # fmt: skip
    return root


def _vector(parent: ElementTree.Element, tag: str, frame: Frame, line: int, pixels: np.ndarray) -> ElementTree.Element:
    time = frame.start + line * frame.interval
    vector = _texts(parent, tag, {"azimuthTime": iso(time), "line": str(int(line))})
    _array(vector, "pixel", pixels, "{:d}")
    return vector


def _under(parent: ElementTree.Element, tag: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag)


def _texts(parent: ElementTree.Element, tag: str, texts: Mapping[str, str]) -> ElementTree.Element:
    element = _under(parent, tag)
    for key, text in texts.items():
        _under(element, key).text = text
    return element


def _list(parent: ElementTree.Element, tag: str, count: int) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {"count": str(count)})


def _array(parent: ElementTree.Element, tag: str, values: np.ndarray, form: str) -> None:
    element = ElementTree.SubElement(parent, tag, {"count": str(len(values))})
    element.text = " ".join(map(form.format, values.tolist()))


def _number(value: float) -> str:
    return f"{float(value):.15e}"


def to_bytes(tree: ElementTree.Element) -> bytes:
    """The file of a document."""
    ElementTree.indent(tree)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(tree) + b"\n"
