"""A synthetic Sentinel-1 product: its name, its metadata and its zip.

``write_metadata`` makes all but the images (``loam.sandbox.radar.radar_image``), ``pack`` the zip: the same bytes from
the same files.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox
from scipy.ndimage import map_coordinates

from loam.io.atomic import atomic_path
from loam.sandbox.radar.frame import Frame, Height
from loam.sandbox.radar.radar_annotation import (
    POLARISATIONS,
    Name,
    annotation_xml,
    calibration_xml,
    noise_xml,
    to_bytes,
)
from loam.sandbox.radar.radar_orbit import MISSION, geodetic, utc
from loam.sandbox.radar.safe_manifest import manifest_xml

ZIP_DATE = (2014, 4, 3, 0, 0, 0)
ZIP_LEVEL = 1


def name_of(frame: Frame, identity: str) -> Name:
    """The name of a frame's product; ``identity`` tells what its frame follows from (region, first take)."""
    start, stop = (str(utc(time).astype("datetime64[s]")).replace("-", "").replace(":", "") for time in
                   (frame.start, frame.stop))  # fmt: skip
    orbit = frame.orbit.number(frame.seen.time)
    take = orbit * 8 + 1
    begin = f"{MISSION}_IW_GRDH_1SDV_{start}_{stop}_{orbit:06d}_{take:06X}"
    unique = zlib.crc32(f"{begin} {identity}".encode()) & 0xFFFF
    return Name(f"{begin}_{unique:04X}", orbit, frame.orbit.relative(frame.seen.time), take)


def write_metadata(frame: Frame, name: Name, folder: Path, crs: object, height: Height) -> Path:
    """Write the SAFE folder of a product into ``folder``, without measurements; the SAFE folder.

    Args:
        frame: of the image.
        name: of the product.
        folder: where the SAFE folder goes.
        crs: of the landscape.
        height: above the ellipsoid, m, at x and y [point] of that CRS.
    """
    safe = folder / f"{name.product}.SAFE"
    points, angle = frame.points(crs, height), frame.incidence((frame.lines - 1) / 2)
    files = {}
    for polarisation in POLARISATIONS:
        file = name.file(polarisation)
        tables = "annotation/calibration"
        files[f"annotation/{file}.xml"] = to_bytes(annotation_xml(frame, name, polarisation, points))
        files[f"{tables}/calibration-{file}.xml"] = to_bytes(calibration_xml(frame, name, polarisation, angle))
        files[f"{tables}/noise-{file}.xml"] = to_bytes(noise_xml(frame, name, polarisation, angle))
    files["manifest.safe"] = to_bytes(manifest_xml(frame, name, footprint(frame), files))
    for path, content in files.items():
        (safe / path).parent.mkdir(parents=True, exist_ok=True)
        (safe / path).write_bytes(content)
    return safe


def footprint(frame: Frame) -> list[tuple[float, float]]:
    """Corners of the image on the ellipsoid, (longitude, latitude) in degrees: first line near, far, last far, near."""
    line = np.array([0.0, 0.0, frame.lines - 1.0, frame.lines - 1.0])
    sample = np.array([0.0, frame.samples - 1.0, frame.samples - 1.0, 0.0])
    longitude, latitude, _ = geodetic(frame.places(line, sample, 0.0)[2])
    return [(float(x), float(y)) for x, y in zip(longitude, latitude, strict=True)]


def height_of(elevation: np.ndarray, geobox: GeoBox) -> Height:
    """Heights (m [row, column], without gaps) as a function of x and y [point]: bilinear; held beyond the edge."""

    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        column, row = ~geobox.transform @ (np.asarray(x, float), np.asarray(y, float))
        return map_coordinates(np.asarray(elevation, float), [row - 0.5, column - 0.5], order=1, mode="nearest")

    return height


def pack(safe: Path, path: Path) -> None:
    """Zip a SAFE folder to ``path``: files in order of name, all of one date."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(item for item in safe.rglob("*") if item.is_file()):
            entry = zipfile.ZipInfo(f"{safe.name}/{file.relative_to(safe).as_posix()}", ZIP_DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes(), compresslevel=ZIP_LEVEL)
