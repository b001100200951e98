"""A product made from a known landscape: what the chain is tested on, and how the sandbox gets its radar images.

The geometry is a real product's: its annotation, orbit, calibration and noise tables are copied. Each pixel of the
image finds its place on the terrain (by the same Range-Doppler equations, turned round), reads the landscape's sigma0
there, and becomes DN^2 = A^2 sigma0 speckle + noise speckle, with gamma-distributed speckle of the wanted number of
looks. Where terrain folds over (layover) one of the places is taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import numba
import numpy as np
import pyproj
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from loam.raster.grid import project
from loam.sentinel1.annotation import Annotation
from loam.sentinel1.calibration import calibration_of
from loam.sentinel1.geometry import geodetic, ground_point, nearest_record
from loam.sentinel1.orbit import fit_orbit
from loam.sentinel1.product import Channel, open_product
from loam.sentinel1.safe import MANIFEST, Safe

NODE = 16  # lines and samples between exactly solved places
BLOCK = 256  # lines a time
ITERATIONS = 12
Surface = Callable[[np.ndarray, np.ndarray], np.ndarray]


def simulate_product(
    template: str | Path,
    folder: str | Path,
    *,
    crs: str,
    height: Surface,
    sigma0: Mapping[str, Surface],
    heights: tuple[float, float],
    looks: float,
    seed: int,
    window: tuple[int, int, int, int] | None = None,
    thermal_noise: bool = True,
) -> Path:
    """Write a product into ``folder``, with the template's name and metadata and simulated measurements.

    Polarisations of the template that ``sigma0`` does not name are left out.

    Args:
        template: a product whose polarisations ``sigma0`` names.
        folder: where the SAFE folder goes.
        crs: of the landscape.
        height: heights above the ellipsoid, m, at x, y of that CRS [point].
        sigma0: by polarisation, linear, at x, y [point].
        heights: lowest and highest height, m.
        looks: of the speckle; infinite for none.
        seed: of all draws.
        window: first line, lines, first sample, samples that are made; the rest is zero. The whole image if not given.
        thermal_noise: add the noise that the tables tell.

    Returns:
        The SAFE folder.
    """
    product = open_product(template)
    target = Path(folder) / f"{product.name}.SAFE"
    copy_metadata(product.safe, target, sigma0)
    (target / "measurement").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for polarisation, surface in sigma0.items():
        channel = product.channel(polarisation)
        file = target / "measurement" / measurement_name(product.safe, polarisation)
        _write_measurement(channel, file, crs, height, surface, heights, looks, random, window, thermal_noise)
    return target


def _write_measurement(
    channel: Channel, file: Path, crs: str, height: Surface, sigma0: Surface, heights: tuple[float, float],
    looks: float, random: np.random.Generator, window: tuple[int, int, int, int] | None, thermal_noise: bool,
) -> None:  # fmt: skip
    annotation = channel.annotation
    orbit = fit_orbit(annotation.orbit, annotation.start, annotation.stop)
    calibration = calibration_of(channel, thermal_noise=thermal_noise)
    first_line, lines, first_sample, samples = window or (0, annotation.lines, 0, annotation.samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        output = rasterio.open(
            file, "w", driver="GTiff", height=annotation.lines, width=annotation.samples, count=1, dtype="uint16",
            SPARSE_OK=True,
        )  # fmt: skip
    with output:
        for begin, count, single in _blocks(annotation, first_line, lines):
            x, y = _places(single, orbit, crs, begin, count, first_sample, samples, heights, height)
            truth = sigma0(x.ravel(), y.ravel()).reshape(x.shape)
            line, sample = np.mgrid[begin : begin + count, first_sample : first_sample + samples]
            gain = calibration.scale.at(line, sample).astype(np.float64) ** 2
            power = truth * gain * _speckle(random, looks, x.shape)
            if calibration.noise is not None:
                power += np.nan_to_num(calibration.noise.at(line, sample)) * _speckle(random, looks, x.shape)
            amplitude = np.clip(_rounded(np.sqrt(power), random), 1, 65535).astype(np.uint16)
            output.write(amplitude, 1, window=Window(first_sample, begin, samples, count))


def _blocks(annotation: Annotation, first_line: int, lines: int) -> Iterator[tuple[int, int, Annotation]]:
    """First line and number of lines of blocks of one ground range polynomial each, and the annotation with only that.

    Samples jump from one polynomial to the next, which interpolation across would smear.
    """
    table = annotation.ground_range
    line = np.arange(first_line, first_line + lines)
    record = nearest_record(table, annotation.time_of(line, annotation.reference_range))
    begin = 0
    while begin < lines:
        own = record[begin]
        count = min(int(np.searchsorted(record, own, side="right")) - begin, BLOCK)
        only = {field.name: getattr(table, field.name)[own : own + 1] for field in fields(table)}
        yield first_line + begin, count, replace(annotation, ground_range=replace(table, **only))
        begin += count


def _rounded(amplitude: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Whole numbers whose squares keep the mean power: rounded up or down by chance."""
    low = np.floor(amplitude)
    share = (amplitude**2 - low**2) / (2 * low + 1)
    return low + (random.random(amplitude.shape) < share)


def _speckle(random: np.random.Generator, looks: float, shape: tuple[int, ...]) -> np.ndarray | float:
    return random.gamma(looks, 1 / looks, shape) if np.isfinite(looks) else 1.0


def _places(
    annotation, orbit, crs, first_line, lines, first_sample, samples, heights, height
):  # fmt: skip
    """X and y on the terrain of a block of image pixels, each [line, sample]."""
    rows = np.arange(0, lines + NODE, NODE, dtype=float)
    columns = np.arange(0, samples + NODE, NODE, dtype=float)
    row, column = np.meshgrid(rows, columns, indexing="ij")
    middle, scale = (heights[0] + heights[1]) / 2, max((heights[1] - heights[0]) / 2, 50.0)
    found = []
    for t in (-1.0, 0.0, 1.0):
        point = ground_point(
            annotation, orbit, first_line + row.ravel(), first_sample + column.ravel(), middle + t * scale
        )
        longitude, latitude, _ = geodetic(point)
        found.append(np.stack(project(longitude, latitude, pyproj.CRS("EPSG:4326"), crs)).reshape(2, *row.shape))
    below, here, above = found
    values = np.stack([here, (above - below) / 2, (above + below) / 2 - here], axis=1)
    level = np.zeros((lines, samples))
    x, y = _at(values, level, NODE)
    for _ in range(ITERATIONS):
        before = level
        level = (height(x.ravel(), y.ravel()).reshape(x.shape) - middle) / scale
        level = np.clip(level, -1.5, 1.5)
        x, y = _at(values, level, NODE)
        if np.abs(level - before).max() * scale < 0.05:
            break
    return x, y


@numba.njit(cache=True, nogil=True)
def _at(values, level, node):
    lines, samples = level.shape
    x, y = np.empty((lines, samples)), np.empty((lines, samples))
    for line in range(lines):
        top = line // node
        v = line / node - top
        for sample in range(samples):
            left = sample // node
            u = sample / node - left
            t = level[line, sample]
            for quantity in range(2):
                result, power = 0.0, 1.0
                for degree in range(3):
                    part = values[quantity, degree]
                    upper = part[top, left] + (part[top, left + 1] - part[top, left]) * u
                    lower = part[top + 1, left] + (part[top + 1, left + 1] - part[top + 1, left]) * u
                    result += (upper + (lower - upper) * v) * power
                    power *= t
                if quantity == 0:
                    x[line, sample] = result
                else:
                    y[line, sample] = result
    return x, y


def copy_metadata(safe: Safe, target: Path, polarisations: Collection[str]) -> None:
    """The manifest, and what the annotation holds of some polarisations."""
    kept = safe.matching(rf"annotation/(.*/)?[^/]*-grd-({'|'.join(polarisations)})-[^/]*\.xml")
    for file in (MANIFEST, *kept):
        place = target / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_manifest_of(safe, kept) if file == MANIFEST else safe.text(file))


def measurement_name(safe: Safe, polarisation: str) -> str:
    """The file name of a polarisation's measurement."""
    return Path(safe.matching(rf"annotation/s1[a-d]-\w+-grd-{polarisation}-[^/]*\.xml")[0]).with_suffix(".tiff").name


def _manifest_of(safe: Safe, kept: Sequence[str]) -> bytes:
    """The manifest without the annotations that are left out."""
    root = safe.xml(MANIFEST).element
    for section in root.iter("dataObjectSection"):
        for held in list(section):
            location = held.find("byteStream/fileLocation")
            path = "" if location is None else location.get("href", "").removeprefix("./")
            if path.startswith("annotation/") and path not in kept:
                section.remove(held)
    return ElementTree.tostring(root)
