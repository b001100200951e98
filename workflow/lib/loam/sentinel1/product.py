"""A Sentinel-1 ground range product: its polarisations with their annotation, tables and measurement.

IW, EW and stripmap of Sentinel-1A to D, IPF 2.36 on. A polarisation that the product does not hold is simply not there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loam.acquire.scenes.satellites import relative_orbit
from loam.errors import RasterError, naming
from loam.sentinel1.annotation import Annotation, read_annotation
from loam.sentinel1.calibration_tables import CalibrationTable, NoiseTable, read_calibration, read_noise
from loam.sentinel1.measurement import open_measurement
from loam.sentinel1.safe import MANIFEST, Safe, open_safe, seconds

log = logging.getLogger("loam")

_FILE = r"{folder}{prefix}s1[a-d]-(?:iw|ew|s[1-6])\d?-grd-(?P<polarisation>[hv]{{2}})-.*\.{ending}"
AZIMUTH_NOISE_SINCE = (2, 90)  # IPF
SCANNING = ("IW", "EW")  # modes whose noise has blocks along azimuth; stripmap has none
NAMED_WITHIN = 2.0  # s between the time in the name and the first line


@dataclass(frozen=True)
class Channel:
    """One polarisation of a product.

    Args:
        polarisation: ``vv``, ``vh``, ``hh`` or ``hv``.
        annotation: size, timing, orbit, geometry.
        calibration: None where the product lacks the table.
        noise: likewise.
        measurement: the image, as GDAL opens it; None where the product lacks it.
    """

    polarisation: str
    annotation: Annotation
    calibration: CalibrationTable | None
    noise: NoiseTable | None
    measurement: str | None


@dataclass(frozen=True)
class Product:
    """A product.

    Args:
        safe: its files.
        mission: ``S1A`` to ``S1D``.
        mode: ``IW``, ``EW``, ``S1`` to ``S6``.
        processor: version of ESA's processor (IPF), as (2, 36).
        absolute_orbit, relative_orbit: numbers.
        channels: by polarisation.
    """

    safe: Safe
    mission: str
    mode: str
    processor: tuple[int, int]
    absolute_orbit: int
    relative_orbit: int
    channels: dict[str, Channel]

    @property
    def name(self) -> str:
        """The product's name, without ``.SAFE``."""
        return self.safe.name

    @property
    def start(self) -> np.datetime64:
        """Time of the first line, UTC."""
        annotation = next(iter(self.channels.values())).annotation
        return annotation.epoch + np.timedelta64(round(annotation.start * 1e9), "ns")

    def channel(self, polarisation: str) -> Channel:
        """The channel of a polarisation.

        Raises:
            RasterError: the product does not hold it.
        """
        if polarisation not in self.channels:
            raise RasterError(
                f"has no polarisation {polarisation}", where=self.safe.path, expected=" or ".join(sorted(self.channels))
            )
        return self.channels[polarisation]


def open_product(path: str | Path) -> Product:
    """Read a product's metadata; the measurement is not touched beyond its header.

    Raises:
        RasterError: a file is missing, cannot be read, is of another product, or has another size than annotated.
    """
    safe = open_safe(path)
    annotations = _by_polarisation(safe, "annotation/", "", "xml")
    if not annotations:
        raise RasterError(
            "holds no annotation of a ground range product", where=safe.path, expected="annotation/s1?-*-grd-*.xml"
        )
    tables = {
        kind: _by_polarisation(safe, "annotation/calibration/", f"{kind}-", "xml") for kind in ("calibration", "noise")
    }
    images = _by_polarisation(safe, "measurement/", "", "tiff?")
    channels = {}
    for polarisation, file in annotations.items():
        annotation = read_annotation(safe.xml(file))
        calibration = (
            read_calibration(safe.xml(tables["calibration"][polarisation]), annotation.epoch)
            if polarisation in tables["calibration"] else None
        )  # fmt: skip
        noise = (
            read_noise(safe.xml(tables["noise"][polarisation]), annotation.epoch)
            if polarisation in tables["noise"]
            else None
        )
        _check_name(safe, annotation)
        for table in (calibration, noise):
            if table and (table.mission, table.data_take, table.polarisation) != (
                annotation.mission, annotation.data_take, annotation.polarisation,
            ):  # fmt: skip
                raise RasterError(
                    f"belongs to another product ({table.mission}, data take {table.data_take}, {table.polarisation})",
                    where=table.where,
                    expected=f"{annotation.mission}, data take {annotation.data_take}, {annotation.polarisation}",
                )
        image = safe.raster_path(images[polarisation]) if polarisation in images else None
        if image:
            with open_measurement(image, annotation):
                pass  # its size is as annotated, its end is there
        channels[polarisation] = Channel(polarisation, annotation, calibration, noise, image)
    first = next(iter(channels.values())).annotation
    for channel in channels.values():
        _check_same_take(channel.annotation, first)
    processor, absolute, relative = _manifest(safe, annotations, first)
    for channel in channels.values():
        if channel.noise and not channel.noise.blocks and processor >= AZIMUTH_NOISE_SINCE and first.mode in SCANNING:
            log.warning(
                "%s: lacks the noise along azimuth that IPF %d.%02d gives; the noise in range alone is taken off",
                channel.noise.where, *processor,
            )  # fmt: skip
    log.info(
        "%s: %s %s, IPF %d.%02d, orbit %d (relative %d), %s, %s", safe.name, first.mission, first.mode, *processor,
        absolute, relative, first.orbit_pass, ", ".join(sorted(channels)),
    )  # fmt: skip
    return Product(safe, first.mission, first.mode, processor, absolute, relative, channels)


def check_listed(safe: Safe, polarisations: Sequence[str]) -> None:
    """Annotations and tables of ``polarisations`` that the manifest lists must be there: none is to be lost unseen.

    Raises:
        RasterError: one is not.
    """
    pattern = "|".join(
        _FILE.format(folder=folder, prefix=prefix, ending="xml").replace(
            "(?P<polarisation>[hv]{2})", f"(?:{'|'.join(polarisations)})"
        )
        for folder, prefix in (("annotation/", ""), ("annotation/calibration/", "(?:calibration|noise)-"))
    )
    missing = [name for name in safe.listed if re.fullmatch(pattern, name) and name not in safe.files]
    if missing:
        raise RasterError(
            f"lacks {', '.join(missing)}, which its manifest lists", where=safe.path, expected="a whole product",
            fix="fetch the product again",
        )  # fmt: skip


def _by_polarisation(safe: Safe, folder: str, prefix: str, ending: str) -> dict[str, str]:
    pattern = _FILE.format(folder=folder, prefix=prefix, ending=ending)
    return {re.fullmatch(pattern, file)["polarisation"]: file for file in safe.matching(pattern)}


def _check_name(safe: Safe, annotation: Annotation) -> None:
    match = re.match(r"(S1[A-D])_(\w\w)_GRD\w_.{4}_(\d{8}T\d{6})", safe.name)
    if match is None:
        return  # a folder may have been renamed
    day, clock = match[3].split("T")
    named = np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}", "ns")
    if match[1] != annotation.mission or abs(float(seconds(named, annotation.epoch)) - annotation.start) > NAMED_WITHIN:
        start = annotation.epoch + np.timedelta64(int(annotation.start), "s")
        raise RasterError(
            f"annotation is of {annotation.mission} at {str(start)[:19]}", where=annotation.where,
            expected=f"{match[1]} at {str(named)[:19]}", fix="fetch the product again",
        )  # fmt: skip


def _check_same_take(annotation: Annotation, first: Annotation) -> None:
    own, others = ((item.mission, item.data_take, round(item.start)) for item in (annotation, first))
    if own != others:
        raise RasterError(
            f"is of another take than {first.where} ({annotation.mission}, data take {annotation.data_take})",
            where=annotation.where, expected=f"{first.mission}, data take {first.data_take}",
            fix="fetch the product again",
        )  # fmt: skip


def _manifest(safe: Safe, annotations: dict[str, str], first: Annotation) -> tuple[tuple[int, int], int, int]:
    """Processor version, absolute and relative orbit."""
    header = safe.xml(next(iter(annotations.values()))).find("adsHeader")
    absolute = header.count("absoluteOrbitNumber")
    with naming(RasterError, f"is of no satellite known ({first.mission})", where=first.where):
        relative = relative_orbit(first.mission, absolute)  # counts where the manifest does not say it
    if MANIFEST not in safe.files:
        raise RasterError(
            f"holds no {MANIFEST}", where=safe.path, expected="a whole product", fix="fetch the product again"
        )
    manifest = safe.xml(MANIFEST)
    version = None
    for element in manifest.element.iter():
        name = element.tag.rsplit("}", 1)[-1]
        if name == "software" and element.get("name") == "Sentinel-1 IPF":
            version = tuple(int(part) for part in re.findall(r"\d{1,9}", element.get("version", ""))[:2])
        elif name == "relativeOrbitNumber" and element.get("type") == "start":
            with naming(RasterError, "relativeOrbitNumber is no number", where=manifest.where):
                relative = int(element.text or relative)
    if version is None or len(version) != 2:
        raise RasterError(
            "does not say the version of the processor", where=manifest.where, expected="software 'Sentinel-1 IPF'"
        )
    return version, absolute, relative
