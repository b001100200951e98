"""Small Sentinel-1 products, made in place: a SAFE folder or zip that is right in every number.

    write_product(folder)                                    # IW, VV and VH, IPF 3.31, 300 lines of 400 samples
    write_product(folder, Take(processor="002.70", noise="vectors"), zipped=True)
    write_product(folder, Take(polarisations=("vv",), lines=2000), amplitude=lambda name, shape: array)
    write_product(folder, amplitude=None)                    # without measurements, as a template for the simulator
    write_product(folder, change={"noise-.*-vv-": lambda text: text.replace("a", "b")})   # spoil a file

The satellite flies a circle over the turning Earth (``state``, exact), the ground is the ellipsoid at ``Take.height``,
ground range is measured along it, and the geolocation points are solved from that by other means than the library's:
rays from the satellite, cut with the ellipsoid. Tables are linear in line and sample (``gain``, ``range_noise``), so
that what lies between their nodes is known exactly. Noise has three forms (``Take.noise``): "blocks" (from IPF 2.90
on), "vectors" (before; each vector has pixels of its own), "stripmap" (new, without blocks) or "" (no noise file).
``reference_range`` is the processor's: elsewhere a line shows what was abeam (slant range - it) / c later.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

LIGHT = 299792458.0
SEMI_MAJOR, SEMI_MINOR = 6378137.0, 6378137.0 * (1 - 1 / 298.257223563)
RADIUS, INCLINATION, REVOLUTION = 7_071_000.0, np.radians(98.18), 5924.6  # m, rad, s
EARTH = 7.292115e-5  # rad s-1
Vector = tuple[float, Sequence[float], Sequence[float]]  # line, pixels, values
Block = tuple[str, int, int, int, int, Sequence[float], Sequence[float]]  # swath, lines, samples, nodes, values


@dataclass(frozen=True)
class Take:
    """What a product is to be."""

    mission: str = "S1A"
    mode: str = "IW"
    polarisations: tuple[str, ...] = ("vv", "vh")
    processor: str = "003.31"
    start: str = "2021-08-09T17:39:53.153776"
    lines: int = 300
    samples: int = 400
    line_interval: float = 1.5e-3
    spacing: float = 10.0
    near_look: float = 27.2  # degrees from the nadir
    height: float = 0.0
    reference_range: float = 880_000.0
    absolute_orbit: int = 39156
    relative_orbit: int = 84
    data_take: int = 0x49F13
    noise: str = "blocks"
    vectors_from: float = -64.153776  # s from the first line to the first state vector
    vector_step: float = 10.0
    vectors: int = 16

    @property
    def first_line(self) -> np.datetime64:
        return np.datetime64(self.start, "ns")

    def stamp(self, seconds: float) -> str:
        """A time, s from the first line, as products write it."""
        return str(self.first_line + np.timedelta64(round(seconds * 1e9), "ns"))[:26]

    @property
    def name(self) -> str:
        begin, end = (re.sub("[-:]", "", self.stamp(at)[:19]) for at in (0.0, self.lines * self.line_interval))
        kind = "SDV" if len(self.polarisations) > 1 else "SSV"
        orbit = f"{self.absolute_orbit:06d}_{self.data_take:06X}"
        return f"{self.mission}_{self.mode}_GRDH_1{kind}_{begin}_{end}_{orbit}_6FF8"

    def file(self, polarisation: str, ending: str = "xml") -> str:
        number = self.polarisations.index(polarisation) + 1
        name = self.name.lower().split("_")
        return f"{name[0]}-{name[1]}-grd-{polarisation}-{name[4]}-{name[5]}-{name[6]}-{name[7]}-{number:03d}.{ending}"


def state(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Earth-fixed position (m) and velocity (m s-1) of the satellite, [..., 3], s from the first line."""
    time = np.asarray(time, float)[..., None]
    turn = 2 * np.pi / REVOLUTION
    angle = np.radians(136.0) + turn * time  # from the ascending node: 44 degrees north, southwards
    cosine, sine = np.cos(angle), np.sin(angle)
    here = RADIUS * np.concatenate([cosine, sine * np.cos(INCLINATION), sine * np.sin(INCLINATION)], axis=-1)
    going = RADIUS * turn * np.concatenate([-sine, cosine * np.cos(INCLINATION), cosine * np.sin(INCLINATION)], axis=-1)
    theta = -2.4 + EARTH * time[..., 0]
    x, y = here[..., 0], here[..., 1]
    position = np.stack(
        [x * np.cos(theta) + y * np.sin(theta), -x * np.sin(theta) + y * np.cos(theta), here[..., 2]], axis=-1
    )
    u, v = going[..., 0], going[..., 1]
    turned = np.stack(
        [u * np.cos(theta) + v * np.sin(theta), -u * np.sin(theta) + v * np.cos(theta), going[..., 2]], axis=-1
    )
    spin = np.stack([EARTH * position[..., 1], -EARTH * position[..., 0], np.zeros_like(x)], axis=-1)
    return position, turned + spin


def abeam(take: Take, time: float, look: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ground points [look, 3] straight to the right of the satellite at a look angle (rad), and their distance, m.

    The ground is an ellipsoid with both axes longer by the height, which is the surface of that height to a millimetre
    for the heights of a test.
    """
    place, velocity = state(time)
    along = velocity / np.linalg.norm(velocity)
    down = -place / np.linalg.norm(place)
    down -= (down @ along) * along
    down /= np.linalg.norm(down)
    sight = np.cos(look)[:, None] * down + np.sin(look)[:, None] * np.cross(down, along)
    axes = np.array([SEMI_MAJOR, SEMI_MAJOR, SEMI_MINOR]) + take.height
    start, step = place / axes, sight / axes
    a, b, c = (step**2).sum(-1), step @ start, start @ start - 1
    distance = (-b - np.sqrt(b**2 - a * c)) / a
    return place + distance[:, None] * sight, distance


@cache
def near_range(take: Take) -> float:
    """Slant range of the first sample, m."""
    return float(abeam(take, 0.0, np.radians([take.near_look]))[1][0])


@cache
def ground_polynomials(take: Take, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients slant -> ground and ground -> slant of the swath as seen at a time."""
    look = np.radians(np.linspace(take.near_look - 0.5, take.near_look + 17, 6000))
    points, slant = abeam(take, time, look)
    ground = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    ground -= np.interp(near_range(take), slant, ground)
    width = take.samples * take.spacing
    part = (ground > -0.1 * width) & (ground < 1.1 * width)
    slant = slant[part] - near_range(take)
    return _fitted(slant, ground[part], 8), _fitted(ground[part], slant, 8) + np.eye(9)[0] * near_range(take)


def _fitted(x: np.ndarray, y: np.ndarray, degree: int) -> np.ndarray:
    scale = np.abs(x).max()
    coefficients = np.polynomial.polynomial.polyfit(x / scale, y, degree) / scale ** np.arange(degree + 1.0)
    coefficients[0] -= np.polynomial.polynomial.polyval(0.0, coefficients)  # the first sample is at ground range 0
    return coefficients


def record_times(take: Take) -> np.ndarray:
    """Times of the ground range polynomials, s from the first line."""
    return np.arange(-1.909, take.lines * take.line_interval + 1.0, 1.0)


@cache
def points(take: Take) -> dict[str, np.ndarray]:
    """The geolocation points: name of the XML's element -> values; ``azimuthTime`` in s from the first line."""
    line, pixel = np.meshgrid(np.linspace(0, take.lines - 1, 5).round(), np.linspace(0, take.samples - 1, 7).round())
    line, pixel = line.ravel(), pixel.ravel()
    times = record_times(take)
    found = {
        name: np.empty(len(line))
        for name in ("azimuthTime", "slantRangeTime", "latitude", "longitude", "incidenceAngle")
    }
    for place in range(len(line)):
        at = line[place] * take.line_interval
        for _ in range(3):  # the polynomial hangs on the time, the time on the range
            record = times[np.argmin(np.abs(times - at))]
            slant = np.polynomial.polynomial.polyval(pixel[place] * take.spacing, ground_polynomials(take, record)[1])
            at = line[place] * take.line_interval + (slant - take.reference_range) / LIGHT
        low, high = np.radians(take.near_look - 5), np.radians(take.near_look + 20)
        for _ in range(60):  # bisection: the distance grows with the look angle
            middle = (low + high) / 2
            low, high = (middle, high) if abeam(take, at, np.array([middle]))[1][0] < slant else (low, middle)
        (point,), _ = abeam(take, at, np.array([low]))
        sight = state(at)[0] - point
        found["azimuthTime"][place], found["slantRangeTime"][place] = at, 2 * slant / LIGHT
        found["longitude"][place] = np.degrees(np.arctan2(point[1], point[0]))
        found["latitude"][place] = _latitude(point, take.height)
        cosine = sight @ point / np.linalg.norm(sight) / np.linalg.norm(point)
        found["incidenceAngle"][place] = np.degrees(np.arccos(cosine))
    return found | {"line": line, "pixel": pixel, "height": np.full(len(line), take.height)}


def _latitude(point: np.ndarray, height: float) -> float:
    """Geodetic latitude of a point of known height, by fixed-point iteration."""
    across = np.hypot(point[0], point[1])
    squared = 1 - (SEMI_MINOR / SEMI_MAJOR) ** 2
    latitude = np.arctan2(point[2], across)
    for _ in range(30):
        normal = SEMI_MAJOR / np.sqrt(1 - squared * np.sin(latitude) ** 2)
        latitude = np.arctan2(point[2], across * (1 - squared * normal / (normal + height)))
    return float(np.degrees(latitude))


def gain(line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """A of sigma0."""
    return 660.0 - 0.02 * np.asarray(pixel) + 0.01 * np.asarray(line)


def range_noise(line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    """Noise of the range vectors, DN^2."""
    return 1600.0 - 0.5 * np.asarray(pixel) + 0.25 * np.asarray(line)


def azimuth_noise(line: np.ndarray, swath: int) -> np.ndarray:
    """Factor of the blocks along azimuth, in the swath 0 or 1."""
    return 1.0 + 0.1 * swath + 2e-4 * np.asarray(line)


def _numbers(tag: str, values: Sequence[float], whole: bool = False) -> str:
    text = " ".join(f"{value:.0f}" if whole else f"{value:.9e}" for value in values)
    return f'<{tag} count="{len(values)}">{text}</{tag}>'


def _axes(name: str, vector: np.ndarray) -> str:
    text = "".join(f"<{axis}>{value:.15e}</{axis}>" for axis, value in zip("xyz", vector, strict=True))
    return f"<{name}>{text}</{name}>"


def header(take: Take, polarisation: str) -> str:
    return (
        f"<adsHeader><missionId>{take.mission}</missionId><productType>GRD</productType>"
        f"<polarisation>{polarisation.upper()}</polarisation><mode>{take.mode}</mode>"
        f"<absoluteOrbitNumber>{take.absolute_orbit}</absoluteOrbitNumber>"
        f"<missionDataTakeId>{take.data_take}</missionDataTakeId></adsHeader>"
    )


def annotation_xml(take: Take, polarisation: str) -> str:
    times = take.vectors_from + take.vector_step * np.arange(take.vectors)
    orbit = "".join(
        f"<orbit><time>{take.stamp(at)}</time><frame>Earth Fixed</frame>"
        + "".join(_axes(name, vector) for name, vector in zip(("position", "velocity"), state(at), strict=True))
        + "</orbit>"
        for at in times
    )  # fmt: skip
    near = near_range(take)
    records = ""
    for at in record_times(take):
        to_ground, to_slant = ground_polynomials(take, at)
        records += (
            f"<coordinateConversion><azimuthTime>{take.stamp(at)}</azimuthTime><sr0>{near:.15e}</sr0>"
            f'<srgrCoefficients count="9">{" ".join(f"{value:.15e}" for value in to_ground)}</srgrCoefficients>'
            f'<gr0>0.0</gr0><grsrCoefficients count="9">{" ".join(f"{value:.15e}" for value in to_slant)}'
            "</grsrCoefficients></coordinateConversion>"
        )
    grid = points(take)
    geolocation = ""
    for place in range(len(grid["line"])):
        geolocation += "<geolocationGridPoint>"
        for name, values in grid.items():
            value = take.stamp(values[place]) if name == "azimuthTime" else f"{values[place]:.15e}"
            geolocation += f"<{name}>{value}</{name}>"
        geolocation += "</geolocationGridPoint>"
    return (
        f"<product>{header(take, polarisation)}<generalAnnotation><productInformation><pass>Descending</pass>"
        f"<projection>Ground Range</projection></productInformation><orbitList>{orbit}</orbitList></generalAnnotation>"
        f"<imageAnnotation><imageInformation><productFirstLineUtcTime>{take.stamp(0)}</productFirstLineUtcTime>"
        f"<productLastLineUtcTime>{take.stamp((take.lines - 1) * take.line_interval)}</productLastLineUtcTime>"
        f"<slantRangeTime>{2 * near / LIGHT:.15e}</slantRangeTime>"
        f"<rangePixelSpacing>{take.spacing}</rangePixelSpacing><azimuthPixelSpacing>{take.spacing}</azimuthPixelSpacing>"
        f"<azimuthTimeInterval>{take.line_interval:.15e}</azimuthTimeInterval>"
        f"<numberOfSamples>{take.samples}</numberOfSamples><numberOfLines>{take.lines}</numberOfLines>"
        f"</imageInformation></imageAnnotation>"
        f"<coordinateConversion><coordinateConversionList>{records}</coordinateConversionList></coordinateConversion>"
        f"<geolocationGrid><geolocationGridPointList>{geolocation}</geolocationGridPointList></geolocationGrid></product>"
    )


def calibration_xml(take: Take, polarisation: str, vectors: Sequence[Vector] | None = None) -> str:
    """Vectors every 100 lines to beyond the last one, or the given ones (values of sigma0)."""
    if vectors is None:
        pixel = _nodes(take, 40)
        vectors = [(line, pixel, gain(line, pixel)) for line in range(0, take.lines + 100, 100)]
    text = "".join(
        f"<calibrationVector><azimuthTime>{take.stamp(line * take.line_interval)}</azimuthTime><line>{line:.0f}</line>"
        + _numbers("pixel", pixel, whole=True) + _numbers("sigmaNought", values)
        + _numbers("betaNought", np.full(len(values), 474.0)) + _numbers("gamma", np.asarray(values) * 0.9)
        + "</calibrationVector>"
        for line, pixel, values in vectors
    )  # fmt: skip
    return (
        f"<calibration>{header(take, polarisation)}<calibrationVectorList>{text}</calibrationVectorList></calibration>"
    )


def noise_xml(
    take: Take, polarisation: str, vectors: Sequence[Vector] | None = None, blocks: Sequence[Block] | None = None
) -> str:
    """The form that ``take.noise`` names, or the given vectors and blocks.

    As in real products, the last two nodes of a vector are zero, and the vectors of the old form have unlike pixels.
    """
    old = take.noise == "vectors"
    if vectors is None:
        vectors = []
        for place, line in enumerate(range(0, take.lines + 100, 100)):
            pixel = _nodes(take, 40 + 3 * place if old else 40)
            values = range_noise(line, pixel)
            values[-2:] = 0
            vectors.append((line, pixel, values))
    if blocks is None:
        half, lines = take.samples // 2, np.arange(0, take.lines, 10.0)
        blocks = [] if take.noise != "blocks" else [
            ("IW1", 0, take.lines - 1, 0, half - 1, lines, azimuth_noise(lines, 0)),
            ("IW2", 0, take.lines - 1, half, take.samples - 1, lines, azimuth_noise(lines, 1)),
        ]  # fmt: skip
    outer, inner, values_tag = (
        ("noiseVectorList", "noiseVector", "noiseLut") if old
        else ("noiseRangeVectorList", "noiseRangeVector", "noiseRangeLut")
    )  # fmt: skip
    text = "".join(
        f"<{inner}><azimuthTime>{take.stamp(line * take.line_interval)}</azimuthTime><line>{line:.0f}</line>"
        f"{_numbers('pixel', pixel, whole=True)}{_numbers(values_tag, values)}</{inner}>"
        for line, pixel, values in vectors
    )
    names = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
    azimuth = "".join(
        f"<noiseAzimuthVector><swath>{swath}</swath>"
        + "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, bounds, strict=True))
        + f"{_numbers('line', line, whole=True)}{_numbers('noiseAzimuthLut', value)}</noiseAzimuthVector>"
        for swath, *bounds, line, value in blocks
    )
    tail = "" if old else f"<noiseAzimuthVectorList>{azimuth}</noiseAzimuthVectorList>"
    return f"<noise>{header(take, polarisation)}<{outer}>{text}</{outer}>{tail}</noise>"


def _nodes(take: Take, step: int) -> np.ndarray:
    """Samples of a vector's nodes: every so many, and the last one."""
    nodes = np.arange(0, take.samples, step)
    return nodes if nodes[-1] == take.samples - 1 else np.append(nodes, take.samples - 1)


def manifest_xml(take: Take) -> str:
    safe = "http://www.esa.int/safe/sentinel-1.0"
    return (
        f'<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:safe="{safe}"><metadataSection><safe:processing>'
        f'<safe:facility><safe:software name="Sentinel-1 IPF" version="{take.processor}"/></safe:facility>'
        f'</safe:processing><safe:orbitReference><safe:relativeOrbitNumber type="start">{take.relative_orbit}'
        "</safe:relativeOrbitNumber></safe:orbitReference></metadataSection></xfdu:XFDU>"
    )


def plain_amplitude(polarisation: str, shape: tuple[int, int]) -> np.ndarray:
    """DN of one-look speckle around 100 (VV) or 60."""
    draws = np.random.default_rng(len(polarisation) + sum(map(ord, polarisation))).exponential(1.0, shape)
    return np.clip(np.sqrt(draws) * (100 if polarisation == "vv" else 60), 1, 65535).astype(np.uint16)


def write_product(
    folder: Path,
    take: Take | None = None,
    *,
    zipped: bool = False,
    amplitude: Callable[[str, tuple[int, int]], np.ndarray] | None = plain_amplitude,
    change: Mapping[str, Callable[[str], str]] | None = None,
) -> Path:
    """Write a product into ``folder``.

    Args:
        take: what it is to be; the default one if not given.
        zipped: as a zip, not a SAFE folder.
        amplitude: DN by polarisation and (lines, samples); None for a product without measurements.
        change: what to do to the text of files whose path inside the product a pattern finds; an empty text leaves the
            file out.

    Returns:
        The SAFE folder or the zip.
    """
    take = take or Take()
    safe = Path(folder) / f"{take.name}.SAFE"
    texts = {"manifest.safe": manifest_xml(take)}
    for polarisation in take.polarisations:
        file = take.file(polarisation)
        texts[f"annotation/{file}"] = annotation_xml(take, polarisation)
        texts[f"annotation/calibration/calibration-{file}"] = calibration_xml(take, polarisation)
        if take.noise:
            texts[f"annotation/calibration/noise-{file}"] = noise_xml(take, polarisation)
    for name, text in texts.items():
        for pattern, alter in (change or {}).items():
            text = alter(text) if re.search(pattern, name) else text
        if text:
            (safe / name).parent.mkdir(parents=True, exist_ok=True)
            (safe / name).write_text(text, encoding="utf-8")
    if amplitude is not None:
        (safe / "measurement").mkdir()
        for polarisation in take.polarisations:
            values = amplitude(polarisation, (take.lines, take.samples))
            write_measurement(safe / "measurement" / take.file(polarisation, "tiff"), values)
    return zip_product(safe) if zipped else safe


def write_measurement(path: Path, amplitude: np.ndarray) -> None:
    """A GeoTIFF of amplitudes without a grid, by strips of a few lines, as products hold it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", height=amplitude.shape[0], width=amplitude.shape[1], count=1,
            dtype=amplitude.dtype, blockysize=8,
        ) as output:  # fmt: skip
            output.write(amplitude, 1)


def zip_product(safe: Path) -> Path:
    """A zip of a SAFE folder, beside it, in the folder's place in the archive that downloads have."""
    path = safe.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(safe.rglob("*")):
            archive.write(item, f"{safe.name}/{item.relative_to(safe).as_posix()}")
    return path


def orbit_file_xml(
    times: Sequence[np.datetime64],
    position: np.ndarray,
    velocity: np.ndarray,
    *,
    mission: str = "Sentinel-1A",
    kind: str = "AUX_POEORB",
    frame: str = "EARTH_FIXED",
) -> str:
    """An orbit file (EOF) of the given state vectors: times [vector] UTC, m and m s-1 [vector, 3]."""
    vectors = ""
    for at, here, going in zip(times, position, velocity, strict=True):
        vectors += f"<OSV><UTC>UTC={str(np.datetime64(at, 'us'))}</UTC>"
        for axis, value, speed in zip("XYZ", here, going, strict=True):
            vectors += f'<{axis} unit="m">{value:.6f}</{axis}><V{axis} unit="m/s">{speed:.6f}</V{axis}>'
        vectors += "</OSV>"
    return (
        f"<Earth_Explorer_File><Earth_Explorer_Header><Fixed_Header><Mission>{mission}</Mission>"
        f"<File_Type>{kind}</File_Type></Fixed_Header><Variable_Header><Ref_Frame>{frame}</Ref_Frame>"
        f'</Variable_Header></Earth_Explorer_Header><Data_Block><List_of_OSVs count="{len(times)}">{vectors}'
        "</List_of_OSVs></Data_Block></Earth_Explorer_File>"
    )
