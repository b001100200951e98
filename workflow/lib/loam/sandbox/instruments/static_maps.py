"""Maps of soil, terrain and land cover as they are published: at the resolution of the real ones, and wrong.

A published map has pixels of its own (soils 90 m, elevation 30 m, land cover 50 m) that lie askew to the run's. Each
holds the truth at its centre with an error that is partly smooth, as that of a soil map is, and partly its own; land
cover is wrong in whole patches. On the run's grid a pixel is the area-weighted mean of the published pixels that it
overlaps, or the class that has most of it. Elevation is also published as the relief that Sentinel-1 is corrected with:
the surface that the radar sees, linear between the centres of the world's pixels and going on level beyond its edge,
with the same errors; the sea is 0 m high in it, as in published elevation models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import reproject
from scipy import sparse
from scipy.ndimage import map_coordinates

from loam.errors import ConfigError
from loam.raster.grid import crs_of
from loam.sandbox.land.cover_map import LANDCOVER
from loam.sandbox.lattice import key_of, lattice_field, lattice_uniform
from loam.sandbox.world import World
from loam.sandbox.world_settings import PIXEL


@dataclass(frozen=True)
class Error:
    """How a published map differs from the truth.

    Args:
        smooth, own: standard deviations of the smooth error and of a pixel's own; of the logarithm where ``relative``.
        length: m within which the smooth error is alike.
        limits: of what is published.
        relative: whether the error multiplies.
    """

    smooth: float
    own: float
    length: float
    limits: tuple[float, float]
    relative: bool = False


SIZES = {"soil": 90.0, "terrain": 30.0, "landcover": 50.0}  # m
ERRORS = {
    "elevation": Error(1.0, 1.5, 3000.0, (-500.0, 9000.0)),
    "clay": Error(3.5, 1.5, 4000.0, (0.0, 100.0)),
    "awc": Error(1.5, 0.7, 4000.0, (0.0, 100.0)),
    "soc": Error(0.20, 0.08, 4000.0, (0.0, 100.0), relative=True),
    "bulk_density": Error(0.05, 0.03, 4000.0, (0.02, 2.65)),
}
WRONG_SHARE, PATCH = 0.06, 240.0  # share of land cover that is wrong, and the side of a patch, m
SEA_LEVEL = 0.0  # m
AROUND = 3  # published pixels that a cubic needs
SEA, LAKE = 0, 6  # no class, and the class of inland water
APART = 65_536  # between places in the random fields, so that they have nothing in common


def published(world: World, name: str, kind: str, geobox: GeoBox) -> np.ndarray:
    """A published map on the pixels of ``geobox``.

    Args:
        world: the target domain.
        name: ``elevation``, ``clay``, ``awc``, ``soc``, ``bulk_density`` or ``landcover``.
        kind: of the dataset, which gives the resolution: ``soil``, ``terrain`` or ``landcover``.
        geobox: north-up, in the world's CRS.

    Returns:
        [band, row, column]: float32 with NaN where nothing is published; codes of land cover as uint8, 0 for none.

    Raises:
        ConfigError: ``geobox`` is in another CRS.
    """
    if crs_of(geobox) != crs_of(world.geobox):
        raise ConfigError(
            "the sandbox makes maps in its own CRS", where="config key 'mapping.grid.crs'",
            expected=str(world.geobox.crs),
        )  # fmt: skip
    size = SIZES[kind]
    rows, down = _shares(geobox, world.geobox, size, axis=0)
    cols, across = _shares(geobox, world.geobox, size, axis=1)
    native = _native(world, name, size, *np.meshgrid(rows, cols, indexing="ij"))
    if name == "landcover":
        share = np.stack([down @ (native == code).astype(float) @ across.T for code in range(SEA, LAKE + 1)])
        return share.argmax(axis=0).astype(np.uint8)[None]
    bands = []
    for band in native:
        known = np.isfinite(band)
        area = down @ known.astype(float) @ across.T
        total = down @ np.where(known, band, 0.0) @ across.T
        bands.append(np.divide(total, area, out=np.full(area.shape, np.nan), where=area > 1e-9))
    return np.stack(bands).astype(np.float32)


def published_relief(world: World, geobox: GeoBox) -> np.ndarray:
    """The published elevation on the pixels of ``geobox``, by cubics between its own: m, float32 [row, column].

    Args:
        world: the target domain.
        geobox: north-up, in the world's CRS; it may go on beyond the world's edge.
    """
    own, whole, size = geobox.transform, world.geobox.transform, SIZES["terrain"]
    top, left = (whole.f - own.f) / size, (own.c - whole.c) / size
    rows, cols = (
        np.arange(int(np.floor(begin)) - AROUND, int(np.ceil(begin + step / size * count)) + AROUND)
        for begin, step, count in zip((top, left), (-own.e, own.a), geobox.shape, strict=True)
    )
    place = np.meshgrid(rows, cols, indexing="ij")
    truth = _surface(world.relief.elevation, *((axis + 0.5) * size / PIXEL for axis in (rows, cols)))
    wrong = _wrong(world.settings.seed, "elevation", truth[None], *place, size)[0]
    native = np.where(truth == SEA_LEVEL, SEA_LEVEL, wrong).astype(np.float32)
    values, crs = np.empty(geobox.shape, np.float32), geobox.crs.to_wkt()
    corner = Affine(size, 0, whole.c + cols[0] * size, 0, -size, whole.f - rows[0] * size)
    reproject(
        native, values, src_transform=corner, src_crs=crs, dst_transform=own, dst_crs=crs, resampling=Resampling.cubic
    )
    return values


def published_at(seed: int, name: str, truth: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What is published at places of their own, far from each other.

    Args:
        seed: of the world.
        name: as in ``published``.
        truth: [band, place]; of land cover [place].
        places: a number of each place, by which it has its own errors.
    """
    rows, cols = places.astype(np.int64) * APART, np.zeros_like(places, dtype=np.int64)
    if name == "landcover":
        return _patched(seed, truth, rows, cols)
    return _wrong(seed, name, truth, rows, cols, 1.0)


def _surface(elevation: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Heights, m [row, column], at broken rows and columns of pixels: bilinear, held beyond the edge; 0 in the sea."""
    places, part = [], []
    for axis, size in zip((rows, cols), elevation.shape, strict=True):
        held = np.clip(axis - 0.5, 0.0, size - 1.0)
        first = int(held[0])
        part.append(slice(first, int(held[-1]) + 2))
        places.append(held - first)
    near = np.nan_to_num(elevation[tuple(part)])
    return map_coordinates(near, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest", output=np.float64)


def _native(world: World, name: str, size: float, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """The published pixels ``rows``, ``cols`` [..., row, column], counted in ``size`` from the world's corner."""
    pixel_rows, pixel_cols = (np.floor((axis + 0.5) * size / PIXEL).astype(np.int64) for axis in (rows, cols))
    inside = (pixel_rows >= 0) & (pixel_rows < world.settings.rows)
    inside &= (pixel_cols >= 0) & (pixel_cols < world.settings.columns)
    seed, place = world.settings.seed, (pixel_rows, pixel_cols)
    if name == "elevation":
        inside_rows, inside_cols = (
            np.clip(axis, 0, size - 1) for axis, size in zip(place, world.relief.shape, strict=True)
        )
        truth = world.relief.elevation[inside_rows, inside_cols]
    else:
        static = world.static_at(*place)
        truth = static[name] if name != "landcover" else np.where(static["water"] == 1, LAKE, static[name])
    if name == "landcover":
        side = PATCH / size
        patches = np.floor(rows / side).astype(np.int64), np.floor(cols / side).astype(np.int64)
        return np.where(inside, _patched(seed, truth, *patches), SEA)
    truth = np.where(inside, truth, np.nan)
    return _wrong(seed, name, truth if truth.ndim == 3 else truth[None], rows, cols, size)


def _wrong(seed: int, name: str, truth: np.ndarray, rows: np.ndarray, cols: np.ndarray, size: float) -> np.ndarray:
    """``truth`` [band, ...] with the errors of a map whose pixels are ``rows``, ``cols`` of ``size`` m."""
    error = ERRORS[name]
    key = key_of(seed, f"map {name}")
    whole = error.smooth * lattice_field(key, rows, cols, error.length / size)
    out = np.empty(truth.shape)
    for band, values in enumerate(truth):
        own = error.own * lattice_field(key_of(seed, f"map {name} {band}"), rows, cols, 0.5)
        out[band] = values * np.exp(whole + own) if error.relative else values + whole + own
    return np.clip(out, *error.limits)


def _patched(seed: int, truth: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Codes ``truth`` with another in the place of some, patch by patch."""
    codes = np.array(list(LANDCOVER.values()))
    wrong = lattice_uniform(key_of(seed, "map landcover wrong"), rows, cols) < WRONG_SHARE
    other = codes[(lattice_uniform(key_of(seed, "map landcover class"), rows, cols) * len(codes)).astype(int)]
    return np.where(wrong & (truth > SEA) & (truth < LAKE), other, truth).astype(np.uint8)


def _shares(geobox: GeoBox, world: GeoBox, size: float, axis: int) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Along an axis: the published pixels that are overlapped, and each pixel's share in them [pixel, published]."""
    own, whole = geobox.transform, world.transform
    step = abs(own.e) if axis == 0 else own.a
    begin = whole.f - own.f if axis == 0 else own.c - whole.c
    edges = (begin + step * np.arange(geobox.shape[axis] + 1)) / size
    first = int(np.floor(edges[0] + 1e-9))
    numbers = np.arange(first, max(int(np.ceil(edges[-1] - 1e-9)), first + 1))
    left, right = edges[:-1, None], edges[1:, None]
    share = np.clip(np.minimum(right, numbers + 1) - np.maximum(left, numbers), 0.0, None) / (right - left)
    return numbers, sparse.csr_matrix(np.where(share > 1e-9, share, 0.0))
