"""The images of a synthetic Sentinel-1 product: what each line and sample would hold of a landscape.

Each pixel of the image finds its place on the terrain: the one at its slant range, across the line of flight, where the
ground is as high as the place asks for (found by iteration, nearest to that of the sample before; where the terrain
folds over, one of the places is taken). There it reads the landscape's sigma0, and holds

    DN^2 = (A^2 sigma0 + noise) speckle,

speckle of unit mean, gamma-distributed with as many looks as wanted: signal and noise add up before detection, so that
one draw stands for both. The geometry is computed from the orbit's formula and shares nothing with the chain that reads
the product, so that an error in one shows against the other.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numba
import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from loam.raster.grid import crs_of, project
from loam.sandbox.radar.frame import LIGHT, Frame
from loam.sandbox.radar.radar_annotation import POLARISATIONS, Name, noise_power, sigma0_scale
from loam.sandbox.radar.radar_orbit import geodetic, ground_point

BLOCK = 512  # lines at a time
NODE_METRES = 500.0  # of slant range between solved places
NODE_LINES = 64
ITERATIONS = 40
ENOUGH = 0.02  # m of height


def write_images(
    frame: Frame, name: Name, safe: Path, geobox: GeoBox, elevation: np.ndarray, sigma0: Mapping[str, np.ndarray],
    *, looks: float, seed: int,
) -> None:  # fmt: skip
    """Write the measurements of all polarisations into a SAFE folder.

    Args:
        frame: of the image.
        name: of the product.
        safe: the SAFE folder.
        geobox: pixels of the landscape.
        elevation: above the ellipsoid, m [row, column], bilinear between centres; without gaps.
        sigma0: by polarisation, linear [row, column], of the whole pixel; without gaps.
        looks: of the speckle; infinite for none.
        seed: of all draws.
    """
    (safe / "measurement").mkdir(exist_ok=True)
    elevation = np.ascontiguousarray(elevation, np.float64)
    truth = np.stack([np.asarray(sigma0[polarisation], np.float64) for polarisation in POLARISATIONS])
    heights = float(elevation.min()), float(elevation.max())
    angle = frame.incidence((frame.lines - 1) / 2)
    slants = np.stack([frame.slant_range(record.time, np.arange(frame.samples)) for record in frame.records])
    times = np.array([record.time for record in frame.records])
    gain = sigma0_scale(frame, angle) ** 2
    outputs = [_open(safe / "measurement" / f"{name.file(each)}.tiff", frame) for each in POLARISATIONS]
    try:
        for begin in range(0, frame.lines, BLOCK):
            count = min(BLOCK, frame.lines - begin)
            nodes, nearest = _nodes(frame, geobox, begin, count, slants.min(), slants.max(), heights)
            row, column = _places(
                nodes, nearest, begin, count, slants, (times[1:] + times[:-1]) / 2,
                (frame.start, frame.interval, frame.reference), (sum(heights) / 2, _scale(heights)), elevation,
            )  # fmt: skip
            for place, (polarisation, output) in enumerate(zip(POLARISATIONS, outputs, strict=True)):
                random = np.random.default_rng([seed, place, begin])
                power = truth[place][row, column] * gain
                power += noise_power(frame, polarisation, angle, np.arange(begin, begin + count))
                if np.isfinite(looks):
                    power *= random.standard_gamma(looks, power.shape, np.float32) / np.float32(looks)
                amplitude = np.clip(np.rint(np.sqrt(power)), 1, 65535).astype(np.uint16)
                output.write(amplitude, 1, window=Window(0, begin, frame.samples, count))
    finally:
        for output in outputs:
            output.close()


def _open(path: Path, frame: Frame) -> rasterio.io.DatasetWriter:
    """A measurement with the image's corners as ground control points, on the ellipsoid."""
    line, sample = (axis.ravel() for axis in np.meshgrid([0, frame.lines - 1], [0, frame.samples - 1], indexing="ij"))
    longitude, latitude, _ = geodetic(frame.places(line, sample, 0.0)[2])
    corners = [
        GroundControlPoint(row + 0.5, column + 0.5, x, y, 0.0)
        for row, column, x, y in zip(line, sample, longitude, latitude, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(
            path, "w", driver="GTiff", height=frame.lines, width=frame.samples, count=1, dtype="uint16", gcps=corners,
            crs="EPSG:4326",
        )  # fmt: skip


def _scale(heights: tuple[float, float]) -> float:
    return max((heights[1] - heights[0]) / 2, 50.0)


def _nodes(
    frame: Frame, geobox: GeoBox, begin: int, count: int, near: float, far: float, heights: tuple[float, float]
) -> tuple[np.ndarray, tuple[float, float]]:
    """Rows and columns of the landscape at nodes, quadratic in height: [quantity x degree, node line, node range].

    Beside them the slant range of the first node and the step between (m).
    """
    line = np.arange(begin, begin + count + NODE_LINES, NODE_LINES, dtype=float)
    slant = np.linspace(near, far, int(np.ceil((far - near) / NODE_METRES)) + 1)
    lines, slants = (axis.ravel() for axis in np.meshgrid(line, slant, indexing="ij"))
    time = frame.start + lines * frame.interval + (slants - frame.reference) / LIGHT
    found = []
    for level in (-1.0, 0.0, 1.0):
        place = ground_point(frame.orbit, time, slants, sum(heights) / 2 + level * _scale(heights))
        longitude, latitude, _ = geodetic(place)
        column, row = ~geobox.transform @ project(longitude, latitude, "EPSG:4326", crs_of(geobox))
        found.append(np.stack([row, column]).reshape(2, len(line), len(slant)))
    below, here, above = found
    nodes = np.stack([here, (above - below) / 2, (above + below) / 2 - here], axis=1).reshape(6, len(line), len(slant))
    return np.ascontiguousarray(nodes), (float(slant[0]), float(slant[1] - slant[0]))


@numba.njit(cache=True, nogil=True)
def _places(nodes, nearest, begin, count, slants, breaks, timing, levels, elevation):
    """Row and column of the landscape's pixel that each pixel of a block shows, both int32 [line, sample]."""
    samples = slants.shape[1]
    rows, columns = elevation.shape
    first, step = nearest
    start, interval, reference = timing
    middle, scale = levels
    found_row, found_column = np.empty((count, samples), np.int32), np.empty((count, samples), np.int32)
    own = np.empty((6, nodes.shape[2]))
    for line in range(count):
        top = line // NODE_LINES
        v = line / NODE_LINES - top
        for quantity in range(6):
            for node in range(nodes.shape[2]):
                upper = nodes[quantity, top, node]
                own[quantity, node] = upper + (nodes[quantity, top + 1, node] - upper) * v
        base = start + (begin + line) * interval
        record, level = 0, 0.0
        for sample in range(samples):
            slant = slants[record, sample]
            while record < len(breaks) and base + (slant - reference) / LIGHT >= breaks[record]:
                record += 1
                slant = slants[record, sample]
            at = (slant - first) / step
            left = min(max(int(at), 0), nodes.shape[2] - 2)
            u = at - left
            r0 = own[0, left] + (own[0, left + 1] - own[0, left]) * u
            r1 = own[1, left] + (own[1, left + 1] - own[1, left]) * u
            r2 = own[2, left] + (own[2, left + 1] - own[2, left]) * u
            c0 = own[3, left] + (own[3, left + 1] - own[3, left]) * u
            c1 = own[4, left] + (own[4, left + 1] - own[4, left]) * u
            c2 = own[5, left] + (own[5, left + 1] - own[5, left]) * u
            row = column = 0.0
            for _ in range(ITERATIONS):
                row, column = r0 + level * (r1 + level * r2), c0 + level * (c1 + level * c2)
                y, x = min(max(row - 0.5, 0.0), rows - 1.0), min(max(column - 0.5, 0.0), columns - 1.0)
                i, j = min(int(y), max(rows - 2, 0)), min(int(x), max(columns - 2, 0))
                below, beside = min(i + 1, rows - 1), min(j + 1, columns - 1)
                upper = elevation[i, j] + (elevation[i, beside] - elevation[i, j]) * (x - j)
                lower = elevation[below, j] + (elevation[below, beside] - elevation[below, j]) * (x - j)
                change = (upper + (lower - upper) * (y - i) - middle) / scale - level
                level += change
                if abs(change) * scale < ENOUGH:
                    break
            found_row[line, sample] = min(max(int(np.floor(row)), 0), rows - 1)
            found_column[line, sample] = min(max(int(np.floor(column)), 0), columns - 1)
    return found_row, found_column
